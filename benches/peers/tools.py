"""The peers: which of them are here, and how those of PyPI get here."""

import glob
import os
import shutil
import sys

from measure import check

DUCKDB = "1.4.4"
EXTENSIONS = "1.4.4.20260205"
PACKAGES = [
    f"duckdb=={DUCKDB}", f"duckdb-ext-postgres=={EXTENSIONS}", f"duckdb-ext-mysql=={EXTENSIONS}",
    f"duckdb-ext-sqlite=={EXTENSIONS}", "connectorx==0.4.6", "pyarrow==26.0.1",
]
# What apt has of them on Debian and Ubuntu.
PROGRAMS = {
    "psql": "postgresql-client", "pg_dump": "postgresql-client", "pg_restore": "postgresql-client",
    "mariadb": "mariadb-client", "mydumper": "mydumper", "myloader": "mydumper", "pgloader": "pgloader",
    "sqlite3": "sqlite3", "gcc": "gcc",
}


class Tools:
    """Where the peers are."""

    def __init__(self, work, install):
        self.python = os.path.join(work, "venv", "bin", "python")
        if install and os.geteuid() == 0:
            missing = sorted({package for program, package in PROGRAMS.items() if not shutil.which(program)})
            if missing:
                check(["apt-get", "install", "-y", "--no-install-recommends", *missing])
        if not os.path.exists(self.python):
            check([sys.executable, "-m", "venv", os.path.join(work, "venv")])
        marker = os.path.join(work, "venv", "installed")
        wanted = "\n".join(PACKAGES)
        if not os.path.exists(marker) or open(marker).read() != wanted:
            check([self.python, "-m", "pip", "install", "-q", *PACKAGES])
            with open(marker, "w") as file:
                file.write(wanted)
        pattern = os.path.join(work, "venv/lib/python3*/site-packages/duckdb_ext/extensions", f"v{DUCKDB}", "*")
        self.extensions = next(iter(glob.glob(pattern)), "")
        self.loop = os.path.join(work, "sqlite_loop")
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sqlite_loop.c")
        if not os.path.exists(self.loop) or os.path.getmtime(self.loop) < os.path.getmtime(source):
            amalgamation = self._amalgamation()
            check(["gcc", "-O2", "-DSQLITE_THREADSAFE=0", "-I", amalgamation, "-o", self.loop, source,
                   os.path.join(amalgamation, "sqlite3.c"), "-lm", "-ldl", "-lpthread"])

    @staticmethod
    def _amalgamation():
        """The SQLite that dbferry is built with, so that both loops are of one version."""
        home = os.environ.get("CARGO_HOME", os.path.expanduser("~/.cargo"))
        found = sorted(glob.glob(os.path.join(home, "registry/src/*/libsqlite3-sys-*/sqlite3/sqlite3.c")))
        if not found:
            raise RuntimeError("the sources of SQLite are not there: build dbferry first")
        return os.path.dirname(found[-1])

    @staticmethod
    def has(program):
        """Whether a program is on the path."""
        return shutil.which(program) is not None
