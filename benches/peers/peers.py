#!/usr/bin/env python3
"""dbferry and its peers on the same data, on the same servers, in turns; prints the Markdown table of the README.

Everything is kept below --work: the peers of PyPI, the data, and every measurement. A run that was interrupted goes on where it
stopped; a contestant that fails or takes too long is told in its line, and the others go on.
"""

import argparse
import atexit
import json
import os
import re
import signal
import subprocess
import sys
import time

# The folder belongs to the sources.
sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import measure  # noqa: E402
from rows import ROWS, Rows  # noqa: E402
from servers import MySql, Postgres, other_root  # noqa: E402
from tools import Tools  # noqa: E402


class PgTools:
    """The clients of one version of PostgreSQL, here or in the other root."""

    def __init__(self, major, root, directory):
        self.major, self.root = major, root
        self.directory = os.path.join(root, "tmp", f"dbferry-peers{directory}-clients") if root else directory
        os.makedirs(self.directory, exist_ok=True)

    def command(self, program, *words):
        path = f"/usr/lib/postgresql/{self.major}/bin/{program}"
        return (["chroot", self.root] if self.root else []) + [path, *words]

    def outside(self, name):
        return os.path.join(self.directory, f"{name}-{self.major}")

    def inside(self, path):
        return "/" + os.path.relpath(path, self.root) if self.root else path

    def bring(self, path):
        """A path that the clients see: hard links cost nothing where a copy would."""
        if not self.root:
            return path
        target = os.path.join(self.directory, os.path.basename(path))
        if not os.path.exists(target):
            subprocess.run(["cp", "-rl", path, target], check=False)
            if not os.path.exists(os.path.join(target, "toc.dat")):
                subprocess.run(["cp", "-r", path, os.path.dirname(target)], check=True)
        return self.inside(target)


class World:
    """The data of one scale: servers, files, tools."""

    def __init__(self, options):
        self.options, self.jobs, self.dbferry = options, options.jobs, os.path.abspath(options.dbferry)
        work = os.path.abspath(options.work)
        self.directory = os.path.join(work, f"scale-{options.scale}")
        os.makedirs(self.directory, exist_ok=True)
        self.tools = Tools(work, options.install)
        self.sqlite = os.path.join(self.directory, "tpch.db")
        self.servers = {}
        if not os.path.exists(self.sqlite):
            self.generate(f"sqlite:{self.sqlite}.part")
            os.rename(self.sqlite + ".part", self.sqlite)
        self.lines = int(measure.check(["sqlite3", "-readonly", self.sqlite, "SELECT count(*) FROM lineitem"]))

    def generate(self, url):
        print(f"generating tpch:{self.options.scale} into {url}", file=sys.stderr)
        if url.startswith("sqlite:") and os.path.exists(url[7:]):
            os.remove(url[7:])
        measure.check([self.dbferry, "bench", url, "--generate", f"tpch:{self.options.scale}", "--repeats", "0", "--quiet",
                       "--progress", "none"], timeout=4 * 3600)

    def server(self, name):
        """A server with the data in its database `tpch`, started when it is needed first."""
        if name not in self.servers:
            data = os.path.join(self.directory, name)
            if name == "mysql" and not other_root():
                raise RuntimeError("MySQL is not here: DBFERRY_TEST_SERVER_ROOT names no directory")
            root = other_root() if name == "mysql" else None
            server = Postgres(data) if name == "postgres" else MySql(data, root)
            self.servers[name] = server
            server.start()
            if not server.exists("tpch"):
                # Under another name until it is whole is no way that all servers have; so a failure drops it.
                server.recreate("tpch")
                try:
                    self.generate(server.url("tpch"))
                except BaseException:
                    server.drop("tpch")
                    raise
            server.settle("tpch")
        return self.servers[name]

    def stop(self, name=None):
        for known in [name] if name else list(self.servers):
            server = self.servers.pop(known, None)
            if server:
                server.stop()

    def url(self, source):
        return f"sqlite:{self.sqlite}" if source == "sqlite" else self.server(source).url("tpch")

    def pg_tools(self):
        found = []
        for root in (None, other_root()) if other_root() else (None,):
            folder = os.path.join(root or "/", "usr/lib/postgresql")
            majors = os.listdir(folder) if os.path.isdir(folder) else []
            found += [PgTools(int(major), root, self.directory) for major in majors
                      if os.path.exists(os.path.join(folder, major, "bin/pg_dump"))]
        return sorted(found, key=lambda pg: pg.major)

    @staticmethod
    def script(name):
        return os.path.join(HERE, name)


class Results:
    """Every measurement, in a file of JSON lines."""

    def __init__(self, path, fresh):
        self.path, self.lines = path, []
        if fresh and os.path.exists(path):
            os.remove(path)
        if os.path.exists(path):
            self.lines = [json.loads(line) for line in open(path) if line.endswith("}\n")]

    def of(self, row, who):
        return [line for line in self.lines if line["row"] == row and line["who"] == who]

    def add(self, line):
        self.lines.append(line)
        with open(self.path, "a") as file:
            file.write(json.dumps(line) + "\n")


def measure_row(row, contestants, results, options):
    """Runs everybody in turns, as often as is still to do, and prints the lines of the table."""
    for number in range(options.rounds):
        for who in contestants:
            done = results.of(row, who.name)
            # One failure is enough: it would take its time in every round.
            if len(done) > number or any(line["error"] for line in done):
                continue
            print(f"{time.strftime('%H:%M:%S')} {row}: {who.name}, round {number + 1}", file=sys.stderr)
            try:
                who.before()
                cost = measure.run(who.commands(), options.timeout, who.environment)
                if not cost.error:
                    who.proof()
            except Exception as error:  # noqa: BLE001: whatever it is, the others go on
                cost = measure.Cost(error=str(error)[:400])
            written = measure.size(who.output) if who.output and os.path.exists(who.output) else None
            results.add({"row": row, "who": who.name, "seconds": cost.seconds, "peak": cost.peak_bytes,
                         "output": written, "error": cost.error})
            if cost.error:
                print(f"  failed: {cost.error}", file=sys.stderr)
    for output in {who.output for who in contestants if who.output}:
        subprocess.run(["rm", "-rf", output], check=False)


def table(results):
    """Everything that was measured, as Markdown."""
    lines = ["| what | how | seconds: median (min-max) | of the floor | peak MiB | output MB |", "|---|---|---|---|---|---|"]
    for row in (row for row in ROWS if any(line["row"] == row for line in results.lines)):
        floor = None
        names = dict.fromkeys(line["who"] for line in results.lines if line["row"] == row)
        for who in sorted(names, key=lambda name: (not name.startswith("floor"), name != "dbferry")):
            runs = results.of(row, who)
            good = sorted((line for line in runs if not line["error"]), key=lambda line: line["seconds"])
            title = ROWS[row]
            if not good:
                reason = re.sub(r"[|\n]", " ", runs[0]["error"])[:90]
                lines.append(f"| {title} | {who} | failed: {reason} | | | |")
                continue
            middle = good[len(good) // 2]
            floor = middle["seconds"] if floor is None and who.startswith("floor") else floor
            ratio = f"{middle['seconds'] / floor:.2f}" if floor else ""
            output = f"{middle['output'] / 1e6:.0f}" if middle["output"] else ""
            name = f"**{who}**" if who == "dbferry" else who
            peak = f"{max(line['peak'] for line in good) / 2**20:.0f}"
            spread = f"{middle['seconds']:.2f} ({good[0]['seconds']:.2f}-{good[-1]['seconds']:.2f})"
            lines.append(f"| {title} | {name} | {spread} | {ratio} | {peak} | {output} |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", default="1", help="the scale of TPC-H; 1 is 8.66 million rows (default: 1)")
    parser.add_argument("--only", default="", help="rows or their beginnings, with commas between: dump,restore-sqlite")
    parser.add_argument("--rounds", type=int, default=3, help="how often everybody runs (default: 3)")
    parser.add_argument("--jobs", type=int, default=2, help="threads of dbferry (default: 2, as the peers have)")
    parser.add_argument("--timeout", type=int, default=900, help="seconds that one command may take (default: 900)")
    parser.add_argument("--dbferry", default=os.path.join(HERE, "../../target/release/dbferry"), help="the program to measure")
    # Servers that root starts run as other users, who do not get into root's home.
    cache = "/var/cache" if os.geteuid() == 0 else os.path.expanduser("~/.cache")
    parser.add_argument("--work", default=f"{cache}/dbferry-peers", help=f"where everything is kept (default: {cache}/dbferry-peers)")
    parser.add_argument("--install", action="store_true", help="also install what is missing from apt")
    parser.add_argument("--fresh", action="store_true", help="forget the measurements of this scale")
    parser.add_argument("--table", action="store_true", help="only print the table of what was measured")
    options = parser.parse_args()
    if not re.fullmatch(r"\d+(\.\d+)?", options.scale):
        parser.error("a scale is a number such as 0.01 or 1")

    os.makedirs(os.path.join(options.work, f"scale-{options.scale}"), exist_ok=True)
    results = Results(os.path.join(options.work, f"scale-{options.scale}", "results.jsonl"), options.fresh)
    if options.table:
        print(table(results), end="")
        return
    if not os.path.exists(options.dbferry):
        parser.error(f"{options.dbferry} is not there: cargo build --release")
    world = World(options)
    atexit.register(world.stop)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    wanted = [word for word in options.only.split(",") if word]
    rows = Rows(world)
    for row in ROWS:
        if wanted and not any(row.startswith(word) for word in wanted):
            continue
        try:
            measure_row(row, rows.contestants(row), results, options)
        except Exception as error:  # noqa: BLE001: one server that does not start is no reason to stop
            print(f"{row}: {error}", file=sys.stderr)
        # The servers take turns too: one that idles still has its memory and its threads.
        world.stop("mariadb")
        world.stop("mysql")
        print(table(results), flush=True)


if __name__ == "__main__":
    main()
