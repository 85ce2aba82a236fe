"""The rows of the table: what is measured, and who takes part."""

import os
import shutil
from dataclasses import dataclass
from typing import Callable, Optional

from measure import check

TABLES = ["region", "nation", "supplier", "part", "partsupp", "customer", "orders", "lineitem"]
SMALL = [table for table in TABLES if table != "lineitem"]

# Every row and what it is called, in the order of the table.
ROWS = {
    "dump-postgres": "dump PostgreSQL",
    "dump-mariadb": "dump MariaDB",
    "dump-mysql": "dump MySQL",
    "dump-sqlite": "dump SQLite",
    "restore-postgres": "restore PostgreSQL, keys and foreign keys",
    "restore-mariadb": "restore MariaDB, keys and foreign keys",
    "restore-mysql": "restore MySQL, keys and foreign keys",
    "restore-sqlite": "restore SQLite",
    "copy-sqlite-postgres": "copy SQLite to PostgreSQL",
    "copy-mariadb-postgres": "copy MariaDB to PostgreSQL",
}


@dataclass
class Contestant:
    """One way to do what a row is about."""

    name: str
    # The commands that are measured, all at once.
    commands: Callable[[], list]
    # What is done before each run, outside of the time.
    before: Callable[[], None] = lambda: None
    # What says whether it worked: raises otherwise.
    proof: Callable[[], None] = lambda: None
    # What was written, for its size; taken away before each run.
    output: Optional[str] = None
    environment: Optional[dict] = None


class Rows:
    """All rows over the sources of one scale. `world` has the servers, the tools, and the directories."""

    def __init__(self, world):
        self.world = world
        self.out = os.path.join(world.directory, "out")
        self.inputs = os.path.join(world.directory, "inputs")
        os.makedirs(self.inputs, exist_ok=True)

    def contestants(self, row):
        """Who takes part in a row, the floor first."""
        what, _, which = row.partition("-")
        makers = {"dump": self.dump_of, "restore": self.restore_of, "copy": lambda which: self.copy(which.split("-")[0])}
        return makers[what](which)

    def dump_of(self, which):
        return {"postgres": self.dump_postgres, "sqlite": self.dump_sqlite}.get(which, lambda: self.dump_mysql(which))()

    def restore_of(self, which):
        return {"postgres": self.restore_postgres, "sqlite": self.restore_sqlite}.get(which, lambda: self.restore_mysql(which))()

    # What several rows need.

    def dbferry(self, *words):
        return [self.world.dbferry, *words, "--jobs", str(self.world.jobs), "--quiet", "--progress", "none"]

    def input(self, name, make):
        """Something that is made once: `make` gets the path, under which nothing is there."""
        path = os.path.join(self.inputs, name)
        if not os.path.exists(path):
            part = path + ".part"
            _remove(part)
            make(part)
            os.rename(part, path)
        return path

    def archive(self, source):
        """An archive of dbferry of that source."""
        return self.input(f"dbferry-{source}", lambda path: check(self.dbferry("dump", self.world.url(source), path)))

    def dump(self, name, command, output=None, **more):
        """A contestant that writes into a directory or file of its own."""
        output = output or self.out
        return Contestant(name, lambda: [command(output)], before=lambda: _remove(output), output=output, **more)

    def duckdb(self, kind, source):
        script, tools = self.world.script("duckdb_dump.py"), self.world.tools
        return self.dump("DuckDB", lambda out: [tools.python, script, tools.extensions, kind, source, out])

    def connectorx(self, url):
        script, tools = self.world.script("connectorx_dump.py"), self.world.tools
        return self.dump("ConnectorX", lambda out: [tools.python, script, url, out, *TABLES])

    # Dumps.

    def dump_postgres(self):
        server = self.world.server("postgres")

        def floor():
            sizes = {table: int(server.sql("tpch", f"SELECT pg_relation_size('{table}')")) for table in TABLES}
            # Both connections get half of the bytes; the large table is what is divided.
            half = sum(sizes.values()) / 2
            page = int(half / 8192) if sizes["lineitem"] > half else 0
            copy = "COPY (SELECT * FROM {}) TO STDOUT (FORMAT binary)".format
            first = copy(f"lineitem WHERE ctid < '({page},0)'")
            rest = [copy(f"lineitem WHERE ctid >= '({page},0)'"), *map(copy, SMALL)]
            return [server.psql("tpch", first), server.psql("tpch", *rest)]

        found = [
            Contestant("floor: binary COPY to /dev/null, 2 connections", floor),
            self.dump("dbferry", lambda out: self.dbferry("dump", server.url("tpch"), out)),
        ]
        for pg in self.world.pg_tools():
            newest = pg.major >= 16
            name = f"pg_dump {pg.major} -Fd -j2 " + ("zstd" if newest else "gzip")
            more = ["--compress=zstd"] if newest else []
            words = [f"--dbname={server.url('tpch')}", "-Fd", "-j2", *more]
            command = lambda out, pg=pg, words=words: pg.command("pg_dump", *words, "-f", pg.inside(out))
            found.append(self.dump(name, command, pg.outside("out")))
        found.append(self.duckdb("postgres", server.url("tpch")))
        found.append(self.connectorx(server.url("tpch").replace("postgres://", "postgresql://")))
        return found

    def dump_mysql(self, which):
        server = self.world.server(which)
        query = "; ".join(f"SELECT * FROM {table}" for table in TABLES)
        found = [
            Contestant("floor: mariadb --quick -N -B to /dev/null",
                       lambda: [server.client("tpch", "--quick", "-N", "-B", "-e", query)]),
            self.dump("dbferry", lambda out: self.dbferry("dump", server.url("tpch"), out)),
        ]
        if self.world.tools.has("mydumper"):
            version = check(["mydumper", "--version"]).split(",")[0].replace("mydumper ", "").strip()
            words = ["-h", "127.0.0.1", "-P", str(server.port), "-u", "bench", "-B", "tpch", "-t", "2", "-r", "500000"]
            newest = not version.startswith("0.")
            name = f"mydumper {version} -t2 " + ("zstd" if newest else "gzip")
            packed = ["--compress", "ZSTD"] if newest else ["-c"]
            found.append(self.dump(name, lambda out: ["mydumper", *words, *packed, "-o", out]))
        found.append(self.duckdb("mysql", f"host=127.0.0.1 port={server.port} user=bench database=tpch"))
        found.append(self.connectorx(server.url("tpch")))
        return found

    def dump_sqlite(self):
        path = self.world.sqlite
        return [
            Contestant("floor: C loop over all columns, 1 thread", lambda: [[self.world.tools.loop, "read", path]]),
            self.dump("dbferry", lambda out: self.dbferry("dump", f"sqlite:{path}", out)),
            self.duckdb("sqlite", path),
            Contestant("sqlite3 .dump to /dev/null", lambda: [["sqlite3", "-readonly", path, ".dump"]]),
        ]

    # Restores.

    def counted(self, count):
        """A proof by the number of rows of the large table."""
        def proof():
            found = count()
            if found != self.world.lines:
                raise RuntimeError(f"{found} rows of lineitem instead of {self.world.lines}")
        return proof

    def into_postgres(self, name, commands, prepare=None):
        server = self.world.server("postgres")

        def before():
            server.recreate("target")
            if prepare:
                prepare(server)
            server.sql("postgres", "CHECKPOINT")
        return Contestant(name, commands, before=before, proof=self.counted(lambda: server.count("target", "lineitem")))

    def floor_into_postgres(self):
        server = self.world.server("postgres")

        def export(path):
            os.makedirs(path)
            for table in TABLES:
                check(server.psql("tpch", f"\\copy {table} TO '{path}/{table}' (FORMAT binary)"))
        files = self.input("binary", export)

        def create(server):
            ddl = check(["pg_dump", f"--dbname={server.url('tpch')}", "--schema-only", "--section=pre-data"])
            check(server.psql("target") + ["-f", "-"], stdin=ddl.encode())
        copy = lambda table: f"\\copy {table} FROM '{files}/{table}' (FORMAT binary)"
        commands = lambda: [server.psql("target", copy("lineitem")), server.psql("target", *map(copy, SMALL))]
        return self.into_postgres("floor: binary COPY in, 2 connections, no keys", commands, create)

    def restore_postgres(self):
        server, archive = self.world.server("postgres"), self.archive("postgres")
        found = [
            self.floor_into_postgres(),
            self.into_postgres("dbferry", lambda: [self.dbferry("restore", archive, server.url("target"), "--yes")]),
        ]
        # A newer pg_restore sets what an older server does not know, and ends with an error.
        for pg in (pg for pg in self.world.pg_tools() if pg.major <= int(server.version)):
            words = [f"--dbname={server.url('tpch')}", "-Fd", "-j2"]
            def make(path, pg=pg, words=words):
                made = pg.outside("made")
                _remove(made)
                check(pg.command("pg_dump", *words, "-f", pg.inside(made)))
                shutil.move(made, path)
            source = self.input(f"pg_dump-{pg.major}", make)
            def commands(pg=pg, source=source):
                target = f"--dbname={server.url('target')}"
                return [pg.command("pg_restore", target, "-Fd", "-j2", "--no-owner", pg.bring(source))]
            found.append(self.into_postgres(f"pg_restore {pg.major} -Fd -j2", commands))
        return found

    def restore_mysql(self, which):
        server, archive = self.world.server(which), self.archive(which)
        proof = self.counted(lambda: server.count("target", "lineitem"))

        def export(path):
            os.makedirs(path)
            for table in TABLES:
                with open(os.path.join(path, table), "wb") as file:
                    check(server.client("tpch", "--quick", "-N", "-B", "-e", f"SELECT * FROM {table}"), stdout=file)
        files = self.input(f"tsv-{which}", export)

        def create():
            server.recreate("target")
            for table in TABLES:
                server.sql("target", f"CREATE TABLE {table} LIKE tpch.{table}")
                indexes = ("SELECT DISTINCT index_name FROM information_schema.statistics WHERE table_schema = 'target' "
                           f"AND table_name = '{table}' AND index_name <> 'PRIMARY'")
                for name in server.sql("target", indexes).split():
                    server.sql("target", f"ALTER TABLE {table} DROP INDEX `{name}`")
        load = "; ".join(f"LOAD DATA LOCAL INFILE '{files}/{table}' INTO TABLE {table}" for table in TABLES)
        found = [
            Contestant("floor: LOAD DATA of TSV, 1 connection, no foreign keys",
                       lambda: [server.client("target", "--local-infile=1", "-e", load)], before=create, proof=proof),
            Contestant("dbferry", lambda: [self.dbferry("restore", archive, server.url("target"), "--yes")],
                       before=lambda: server.recreate("target"), proof=proof),
        ]
        if self.world.tools.has("myloader"):
            version = check(["myloader", "--version"]).split(",")[0].replace("myloader ", "").strip()
            words = ["-h", "127.0.0.1", "-P", str(server.port), "-u", "bench"]
            dump = ["mydumper", *words, "-B", "tpch", "-t", "2", "-r", "500000", "-c", "-o"]
            source = self.input(f"mydumper-{which}", lambda path: check([*dump, path]))
            reload = ["myloader", *words, "-t", "2", "-d", source, "-B", "target"]
            found.append(Contestant(f"myloader {version} -t2", lambda: [reload],
                                    before=lambda: server.recreate("target"), proof=proof))
        return found

    def restore_sqlite(self):
        source, target = self.world.sqlite, os.path.join(self.world.directory, "target.db")
        archive = self.archive("sqlite")
        count = lambda: int(check(["sqlite3", target, "SELECT count(*) FROM lineitem"]))

        def export(path):
            os.makedirs(path)
            for table in TABLES:
                with open(os.path.join(path, table), "wb") as file:
                    check(["sqlite3", "-readonly", "-csv", source, f"SELECT * FROM {table}"], stdout=file)
        files = self.input("csv", export)
        def script(path):
            with open(path, "wb") as file:
                check(["sqlite3", "-readonly", source, ".dump"], stdout=file)
        dump = self.input("dump.sql", script)

        def fresh():
            for end in ("", "-journal", "-wal", "-shm"):
                _remove(target + end)

        def create():
            fresh()
            check(["sqlite3", target], stdin=check(["sqlite3", "-readonly", source, ".schema"]).encode())
        quick = ["PRAGMA journal_mode=OFF", "PRAGMA synchronous=OFF"]
        imports = [".mode csv", *(f".import {files}/{table} {table}" for table in TABLES)]
        def into(name, command, before):
            return Contestant(name, lambda: [command], before=before, proof=self.counted(count), output=target)
        return [
            into("floor: C loop of inserts, 1 transaction a table", [self.world.tools.loop, "copy", source, target], fresh),
            into("dbferry", self.dbferry("restore", archive, f"sqlite:{target}", "--yes"), fresh),
            into("sqlite3 .import of CSV", ["sqlite3", target, *quick, *imports], create),
            into("sqlite3 new.db < dump.sql", ["sqlite3", target, *quick, f".read {dump}"], fresh),
        ]

    # Copies.

    def copy(self, source):
        server, url = self.world.server("postgres"), self.world.url(source)
        found = [
            self.floor_into_postgres(),
            self.into_postgres("dbferry", lambda: [self.dbferry("copy", url, server.url("target"), "--yes", "--accept-lossy")]),
        ]
        if self.world.tools.has("pgloader"):
            peer = f"sqlite://{self.world.sqlite}" if source == "sqlite" else url
            target = server.url("target").replace("postgres://", "pgsql://")
            found.append(self.into_postgres("pgloader", lambda: [["pgloader", peer, target]]))
        return found


def _remove(path):
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.remove(path)
