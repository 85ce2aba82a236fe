"""Opens every Parquet file of an archive with DuckDB and pyarrow, and compares what they see with what SQLite says.

    check.py ARCHIVE DATABASE

ARCHIVE is a directory that dbferry wrote, DATABASE the SQLite file that it was made of. Every column is compared value by
value, and then by the figures that each reader computes by itself and may take from the file's statistics: how many values
there are, the sum of numbers, the smallest and largest value, the length of texts and bytes. Each exception is looked up in
the database, at its row. Exit code 0 when both readers agree with SQLite in everything, 1 when one does not.

What it is not: a test of the archive's own rules. It uses the manifest only as a table of contents, and no code of dbferry.
"""

import json
import math
import sqlite3
import struct
import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

# How one leaf of a column is measured; a column of type dynamic has one leaf for each storage class.
LEAVES = {
    "bool": [(None, "truth")],
    "int": [(None, "whole")],
    "float": [(None, "float")],
    "decimal": [(None, "decimal")],
    "numeric": [(None, "digits")],
    "text": [(None, "text")],
    "bytes": [(None, "bytes")],
    "date": [(None, "date")],
    "timestamp": [(None, "timestamp")],
    "uuid": [(None, "uuid")],
    "dynamic": [("integer", "whole"), ("real", "float"), ("text", "text"), ("bytes", "bytes")],
}


class Differences(list):
    """What the readers and SQLite disagree about."""

    def compare(self, place, reader, seen, expected):
        if seen != expected:
            self.append(f"{place}: {reader} says {seen!r}, SQLite says {expected!r}")

    def compare_values(self, place, reader, seen, expected):
        """Names the first row that differs, since a column is too much to show."""
        self.compare(f"rows of {place}", reader, len(seen), len(expected))
        for row, (one, other) in enumerate(zip(seen, expected)):
            if bits(one) != bits(other):
                self.compare(f"{place}, row {row}", reader, bits(one), bits(other))
                return


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def bits(value):
    """A float by its bits, so that minus zero is not zero; anything else as it is."""
    return struct.pack(">d", value).hex() if isinstance(value, float) else value


# What SQLite says.


def source_rows(database, collection):
    """The rows as (storage class, value) cells, in the order of the table's own tree, which is that of the archive."""
    cells = []
    for column in collection["columns"]:
        name = quoted(column["name"])
        cells.append(f"typeof({name}), {name}")
    table = quoted(collection["name"]["name"])
    # Without an index that could give another order.
    query = f"SELECT {', '.join(cells)} FROM {table} NOT INDEXED"
    return [list(zip((kind.decode() for kind in row[::2]), row[1::2])) for row in database.execute(query)]


def civil_days(text):
    """Days since 1970-01-01 of a YYYY-MM-DD text, also for the year 0, which Python's own dates do not have."""
    year, month, day = (int(part) for part in text.split("-"))
    year -= month <= 2
    era = year // 400
    year_of_era = year - era * 400
    day_of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719468


def micros(text):
    """Microseconds since 1970-01-01 00:00:00 of a timestamp as SQLite keeps it."""
    clock, _, fraction = text[11:].partition(".")
    hours, minutes, seconds = (int(part) for part in clock.split(":"))
    seconds += civil_days(text[:10]) * 86400 + hours * 3600 + minutes * 60
    return seconds * 1_000_000 + int(fraction.ljust(6, "0") or 0)


def expected_value(cell, kind, leaf):
    """A cell as the value that the readers' answers are compared with; None for null."""
    storage, value = cell
    if storage == "null" or (leaf is not None and storage != {"bytes": "blob"}.get(leaf, leaf)):
        return None
    match kind:
        case "truth":
            return bool(value)
        case "date":
            return civil_days(value.decode())
        case "timestamp":
            return micros(value.decode())
        case "uuid":
            return value if storage == "blob" else bytes.fromhex(value.decode().replace("-", ""))
        case "decimal" | "digits":
            return Decimal(repr(value))
    return value


def summary(values, kind):
    """What is compared of a column: how many, and the figures that its kind has."""
    if kind == "truth":
        return {"count": len(values), "true": sum(values)}
    figures = {"count": len(values)}
    if values:
        figures |= {"min": min(values), "max": max(values)}
    if kind in ("whole", "decimal", "digits"):
        figures["sum"] = sum(values)
    if kind == "float":
        figures["sum"] = rounded(total(values))
    if kind in ("text", "bytes"):
        figures["length"] = sum(len(value) for value in values)
    return figures


def total(values):
    """The sum of floats; nothing where it has no meaning, so that the order of adding does not matter."""
    if not all(math.isfinite(value) and abs(value) < 1e300 for value in values):
        return None
    return math.fsum(values)


def rounded(value):
    """To 9 digits: readers add in an order of their own."""
    return None if value is None else float(f"{value:.9e}") if abs(value) > 1e-9 else 0.0


# What DuckDB says.


class DuckColumn:
    """One leaf of one column of one file."""

    # How a value is asked for, and how the answer becomes what it is compared with.
    ASKED = {
        "date": "(v - DATE '1970-01-01')",
        "timestamp": "epoch_us(v)",
        "digits": "CAST(v AS DECIMAL(38,18))",
    }
    ANSWERED = {"uuid": lambda uuid: uuid.bytes, "bytes": bytes, "text": str.encode}

    def __init__(self, connection, path, width, position, leaf, kind):
        self.connection, self.path, self.kind = connection, str(path), kind
        names = ", ".join(f"c{number}" for number in range(width))
        column = f"c{position}" + (f".{quoted(leaf)}" if leaf else "")
        # By position: names that differ in case only are one name for DuckDB.
        self.table = f"(SELECT {column} AS v FROM read_parquet(?) AS t({names}))"
        self.value = self.ASKED.get(kind, "v")

    def ask(self, expressions):
        query = f"SELECT {expressions} FROM {self.table} WHERE v IS NOT NULL"
        return self.connection.execute(query, [self.path]).fetchone()

    def answered(self, value):
        return None if value is None else self.ANSWERED.get(self.kind, lambda plain: plain)(value)

    def values(self):
        rows = self.connection.execute(f"SELECT {self.value} FROM {self.table}", [self.path]).fetchall()
        return [self.answered(row[0]) for row in rows]

    def figures(self):
        if self.kind == "truth":
            count, true = self.ask("count(v), count(*) FILTER (v)")
            return {"count": count, "true": true}
        count, least, most = self.ask(f"count({self.value}), min({self.value}), max({self.value})")
        figures = {"count": count}
        if count:
            figures |= {"min": self.answered(least), "max": self.answered(most)}
        if self.kind in ("whole", "decimal", "digits"):
            figures["sum"] = self.ask(f"coalesce(sum({self.value}), 0)")[0]
        if self.kind == "float":
            finite = self.ask("coalesce(bool_and(isfinite(v) AND abs(v) < 1e300), true)")[0]
            figures["sum"] = rounded(self.ask("coalesce(fsum(v), 0)")[0]) if finite else None
        if self.kind in ("text", "bytes"):
            length = "strlen" if self.kind == "text" else "octet_length"
            figures["length"] = self.ask(f"coalesce(sum({length}(v)), 0)")[0]
        return figures


# What pyarrow says.


class ArrowColumn:
    """One leaf of one column of a table in memory."""

    def __init__(self, column, leaf, kind):
        column = column.combine_chunks()
        if leaf:
            column = pc.struct_field(column, leaf)
        if isinstance(column, pa.ExtensionArray):
            column = column.storage
        if kind == "digits":
            texts = column.to_pylist()
            column = pa.array([text and Decimal(text) for text in texts], pa.decimal256(76, 38))
        target = {"date": pa.int32(), "timestamp": pa.int64(), "text": pa.binary(), "uuid": pa.binary()}.get(kind)
        self.kind, self.column = kind, column.cast(target) if target else column

    def values(self):
        return self.column.to_pylist()

    def figures(self):
        column, kind = self.column.drop_null(), self.kind
        if kind == "truth":
            return {"count": len(column), "true": pc.sum(column).as_py() or 0}
        figures = {"count": len(column)}
        if len(column):
            least_and_most = pc.min_max(column)
            figures |= {"min": least_and_most["min"].as_py(), "max": least_and_most["max"].as_py()}
        if kind == "whole":
            # Its sum of 64-bit numbers wraps around.
            figures["sum"] = int(pc.sum(column.cast(pa.decimal256(39, 0))).as_py() or 0)
        elif kind in ("decimal", "digits"):
            figures["sum"] = pc.sum(column).as_py() or 0
        elif kind == "float":
            finite = pc.all(pc.and_(pc.is_finite(column), pc.less(pc.abs(column), 1e300)))
            figures["sum"] = rounded(pc.sum(column).as_py() or 0.0) if finite.as_py() is not False else None
        elif kind in ("text", "bytes"):
            figures["length"] = pc.sum(pc.binary_length(column)).as_py() or 0
        return figures


# The comparison.


def same_cell(exception, cell):
    """Whether an exception holds what SQLite has in that cell, bit for bit."""
    storage, value = cell
    match exception["class"]:
        case "integer":
            return storage == "integer" and exception["integer"] == value
        case "real":
            return storage == "real" and struct.pack(">d", exception["real"]) == struct.pack(">d", value)
        case "text":
            return storage == "text" and exception["text"].encode() == value
        case "text-bytes":
            return storage == "text" and exception["bytes"] == value
        case "bytes":
            return storage == "blob" and exception["bytes"] == value
    return False


def check_exceptions(connection, archive, entry, rows, found):
    """Looks every exception up in the database, and empties its cell there, as it is empty in the archive."""
    place = f"exceptions of {entry['collection']['name']['name']}"
    path = archive / entry["exceptions"]["file"]["path"]
    exceptions = pq.ParquetFile(path).read().to_pylist()
    found.compare(place, "pyarrow", len(exceptions), entry["exceptions"]["rows"])
    reasons = connection.execute("SELECT reason, count(*) FROM read_parquet(?) GROUP BY reason", [str(path)]).fetchall()
    found.compare(place, "DuckDB", dict(reasons), entry["exceptions"]["reasons"])
    found.compare(place, "pyarrow", dict(Counter(line["reason"] for line in exceptions)), dict(reasons))
    for exception in exceptions:
        row, column = exception["row"], exception["column_index"]
        name = entry["collection"]["columns"][column]["name"]
        found.compare(f"{place}, row {row}", "pyarrow", exception["column"], name)
        if not same_cell(exception, rows[row][column]):
            found.append(f"{place}, row {row}, column {name}: {exception!r} is not {rows[row][column]!r}")
        rows[row][column] = ("null", None)


def check_collection(connection, archive, database, entry, found):
    """Compares one collection; returns how many columns were compared."""
    collection = entry["collection"]
    table = collection["name"]["name"]
    path = archive / entry["file"]["path"]
    rows = source_rows(database, collection)
    found.compare(table, "the manifest", entry["rows"], len(rows))
    if "exceptions" in entry:
        check_exceptions(connection, archive, entry, rows, found)

    arrow = pq.ParquetFile(path).read()
    found.compare(table, "pyarrow", arrow.num_rows, len(rows))
    count = connection.execute("SELECT count(*) FROM read_parquet(?)", [str(path)]).fetchone()[0]
    found.compare(table, "DuckDB", count, len(rows))
    names = [column["name"] for column in collection["columns"]]
    found.compare(table, "pyarrow", arrow.column_names, names)

    for position, column in enumerate(collection["columns"]):
        cells = [row[position] for row in rows]
        for leaf, kind in LEAVES[column["logical"]["type"]]:
            place = f"{table}.{column['name']}" + (f".{leaf}" if leaf else "")
            values = [expected_value(cell, kind, leaf) for cell in cells]
            figures = summary([value for value in values if value is not None], kind)
            readers = {
                "DuckDB": DuckColumn(connection, path, len(names), position, leaf, kind),
                "pyarrow": ArrowColumn(arrow.column(position), leaf, kind),
            }
            for reader, column_seen in readers.items():
                found.compare_values(place, reader, column_seen.values(), values)
                found.compare(place, reader, column_seen.figures(), figures)
    return len(names)


def main(archive, source):
    archive = Path(archive)
    manifest = json.loads((archive / "manifest.json").read_text(encoding="utf-8"))["manifest"]
    database = sqlite3.connect(f"{Path(source).absolute().as_uri()}?mode=ro", uri=True)
    # Texts may be no UTF-8 and hold NUL.
    database.text_factory = bytes
    connection = duckdb.connect()
    found = Differences()
    files = rows = columns = exceptions = 0
    for entry in manifest["collections"]:
        if "file" not in entry:
            continue
        columns += check_collection(connection, archive, database, entry, found)
        rows += entry["rows"]
        files += 1
        if "exceptions" in entry:
            files += 1
            exceptions += entry["exceptions"]["rows"]
    there = {path.relative_to(archive).as_posix() for path in archive.glob("data/**/*.parquet")}
    found.compare("data/", "the archive", len(there), files)
    for difference in found:
        print(difference)
    print(
        f"{archive}: {files} files, {rows} rows, {columns} columns, {exceptions} exceptions; DuckDB {duckdb.__version__}, "
        f"pyarrow {pa.__version__}, SQLite {sqlite3.sqlite_version}: "
        + (f"{len(found)} differences" if found else "all agree")
    )
    if not files:
        print("nothing was compared")
    return 1 if found or not files else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2]))
