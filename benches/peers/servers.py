"""Private servers for the comparison, with durability off for all: what is compared are the clients.

They listen on 127.0.0.1, keep their data below the working directory, and end with this program.
"""

import glob
import os
import shutil
import socket
import subprocess
import time

from measure import check

ROOT_VARIABLE = "DBFERRY_TEST_SERVER_ROOT"


def other_root():
    """Another installed system with newer servers and clients, if there is one."""
    root = os.environ.get(ROOT_VARIABLE, "")
    return root if root and os.path.isdir(root) else None


def free_port():
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def as_user(user, words):
    """A command as the user whom a server runs as: servers refuse root."""
    if os.geteuid() != 0:
        return words
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *words]


class Server:
    """A server process with its data directory."""

    user = ""

    def __init__(self, name, data, root=None):
        self.name, self.root, self.port, self.process = name, root, free_port(), None
        # A server in another root sees its own part of the file system only.
        self.outside = os.path.join(root, "tmp", f"dbferry-peers{data}") if root else data
        self.inside = "/" + os.path.relpath(self.outside, root) if root else data

    def command(self, words, user=None):
        words = as_user(user, words) if user else words
        return ["chroot", self.root, *words] if self.root else words

    def prepare_directory(self):
        os.makedirs(self.outside, exist_ok=True)
        os.chmod(self.outside, 0o700)
        if os.geteuid() == 0:
            check(self.command(["chown", "-R", self.user, self.inside]))

    def launch(self, words):
        with open(self.outside + ".log", "ab") as log:
            self.process = subprocess.Popen(
                self.command(words, self.user), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", start_new_session=True
            )
        deadline = time.monotonic() + 90
        while True:
            try:
                self.ready()
                return
            except RuntimeError as error:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{self.name} does not start, see {self.outside}.log: {error}") from None
                time.sleep(0.2)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(120)
            except subprocess.TimeoutExpired:
                self.process.kill()


class Postgres(Server):
    """PostgreSQL."""

    user = "postgres"

    def __init__(self, data, root=None):
        super().__init__("PostgreSQL", data, root)
        programs = sorted(glob.glob(os.path.join(root or "/", "usr/lib/postgresql/*/bin/postgres")))
        if not programs:
            raise RuntimeError("PostgreSQL is not installed")
        self.programs = os.path.dirname("/" + os.path.relpath(programs[-1], root or "/"))
        self.version = self.programs.split("/")[-2]

    def start(self):
        fresh = not os.path.exists(os.path.join(self.outside, "PG_VERSION"))
        self.prepare_directory()
        if fresh:
            check(self.command([f"{self.programs}/initdb", "-D", self.inside, "-U", "postgres", "-A", "trust", "-E", "UTF8",
                                "--locale=C.UTF-8"], self.user))
        settings = {
            "listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": "", "fsync": "off",
            "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "1GB", "max_wal_size": "8GB",
            "checkpoint_timeout": "30min", "autovacuum": "off",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        self.launch([f"{self.programs}/postgres", "-D", self.inside, *options])

    def ready(self):
        self.sql("postgres", "SELECT 1")

    def url(self, database):
        return f"postgres://postgres@127.0.0.1:{self.port}/{database}"

    def psql(self, database, *statements):
        words = ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", self.url(database)]
        return words + [word for statement in statements for word in ("-c", statement)]

    def sql(self, database, *statements):
        return check(self.psql(database, *statements)).strip()

    def recreate(self, database):
        self.sql("postgres", f"DROP DATABASE IF EXISTS {database} WITH (FORCE)", f"CREATE DATABASE {database}")

    def exists(self, database):
        return self.sql("postgres", f"SELECT count(*) FROM pg_database WHERE datname = '{database}'") == "1"

    def drop(self, database):
        self.sql("postgres", f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")

    def count(self, database, table):
        """The rows of a table in whatever schema it is."""
        where = f"relkind = 'r' AND relname = '{table}'"
        schema = self.sql(database, f"SELECT relnamespace::regnamespace FROM pg_class WHERE {where}")
        return int(self.sql(database, f"SELECT count(*) FROM {schema}.{table}"))

    def settle(self, database):
        """What a server in use has done long ago: hint bits, statistics, clean pages."""
        self.sql(database, "VACUUM ANALYZE")
        self.sql(database, "CHECKPOINT")


class MySql(Server):
    """MariaDB, or MySQL where there is another root that has it."""

    user = "mysql"

    def __init__(self, data, root=None):
        super().__init__("MySQL" if root else "MariaDB", data, root)
        program = "usr/sbin/mysqld" if root else "usr/sbin/mariadbd"
        if not os.path.exists(os.path.join(root or "/", program)):
            raise RuntimeError(f"{self.name} is not installed")
        self.program = "/" + program
        self.version = check(self.command([self.program, "--version"])).split("Ver ")[-1].split("-")[0].split(" ")[0]

    def start(self):
        fresh = not os.path.isdir(os.path.join(self.outside, "mysql"))
        self.prepare_directory()
        if fresh and self.root:
            new = ["--initialize-insecure", "--secure-file-priv=", f"--datadir={self.inside}"]
            check(self.command([self.program, "--no-defaults", *new], self.user))
        elif fresh:
            check(["mariadb-install-db", "--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db",
                   "--user=mysql", f"--datadir={self.inside}"])
        # Without a password there is nothing that a client without the newest login cannot do.
        with open(os.path.join(self.outside, "init.sql"), "w") as file:
            file.write("CREATE USER IF NOT EXISTS bench@'%' IDENTIFIED BY '';\n")
            file.write("GRANT ALL ON *.* TO bench@'%' WITH GRANT OPTION;\n")
        options = [
            "--bind-address=127.0.0.1", f"--port={self.port}", f"--socket=/tmp/dbferry-peers-{self.port}",
            f"--init-file={self.inside}/init.sql", "--innodb-buffer-pool-size=2G",
            "--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0", "--skip-log-bin", "--local-infile=1",
            "--max-allowed-packet=1G", "--pid-file=" + self.inside + "/pid", "--secure-file-priv=",
        ]
        options.append("--mysqlx=OFF" if self.root else "--innodb-log-file-size=1G")
        if self.root:
            options.append("--innodb-redo-log-capacity=1G")
        self.launch([self.program, "--no-defaults", f"--datadir={self.inside}", *options])

    def ready(self):
        self.sql(None, "SELECT 1")

    def url(self, database):
        return f"mysql://bench@127.0.0.1:{self.port}/{database}"

    def client(self, database, *options):
        words = ["mariadb", "--no-defaults", "-h", "127.0.0.1", "-P", str(self.port), "-u", "bench", *options]
        return words + ([database] if database else [])

    def sql(self, database, *statements):
        return check(self.client(database, "-N", "-B", "-e", "; ".join(statements))).strip()

    def recreate(self, database):
        self.sql(None, f"DROP DATABASE IF EXISTS {database}", f"CREATE DATABASE {database} CHARACTER SET utf8mb4")

    def exists(self, database):
        return self.sql(None, f"SELECT count(*) FROM information_schema.schemata WHERE schema_name = '{database}'") == "1"

    def drop(self, database):
        self.sql(None, f"DROP DATABASE IF EXISTS {database}")

    def count(self, database, table):
        return int(self.sql(database, f"SELECT count(*) FROM {table}"))

    def settle(self, database):
        """Statistics, so that every client gets the same plans, and pages in memory, so that none is the first."""
        tables = ", ".join(self.sql(database, "SHOW TABLES").split())
        self.sql(database, f"ANALYZE TABLE {tables}", f"CHECKSUM TABLE {tables}")


def remove(server):
    """Takes a stopped server's data away."""
    shutil.rmtree(server.outside, ignore_errors=True)
