"""Parquet files as other programs write them today, and whether a database holds what they hold.

    foreign.py write DIR         writes tables with DuckDB, pandas, Polars and pyarrow
    foreign.py check DIR FILE    compares them with the SQLite file that dbferry restored them into

Every value is compared as pyarrow reads it. Exit code 1 when one differs.
"""

import datetime as dt
import os
import sqlite3
import sys
from decimal import Decimal

import duckdb
import pandas
import polars
import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq

ROWS = 5000


def write(folder):
    os.makedirs(folder)
    db = duckdb.connect()
    db.execute(f"""
        COPY (SELECT i AS id, (i % 100)::UTINYINT AS small, (i * 1.25)::DECIMAL(12,2) AS amount, i::HUGEINT AS huge,
                     DATE '2000-01-01' + (i % 9000)::INTEGER AS day, TIMESTAMP '2026-01-01' + to_seconds(i) AS at,
                     CASE WHEN i % 7 <> 0 THEN 'é' || i END AS word, uuid() AS key, (i % 2 = 0) AS flag,
                     encode('b' || i) AS bytes, i / 3 AS real, (i % 3)::VARCHAR::ENUM ('0', '1', '2') AS kind
              FROM range({ROWS}) t(i)) TO '{folder}/duckdb.parquet' (ROW_GROUP_SIZE 2048)""")
    db.execute(f"COPY (SELECT i AS id, 'n' || i AS name FROM range({ROWS}) t(i)) TO '{folder}/threads' (FORMAT parquet, PER_THREAD_OUTPUT)")
    frame = pandas.DataFrame({
        "id": range(ROWS),
        "word": [None if i % 5 == 0 else f"w{i % 40}" for i in range(ROWS)],
        "kind": pandas.Categorical([f"k{i % 3}" for i in range(ROWS)]),
        "at": pandas.date_range("2026-01-01", periods=ROWS, freq="min"),
        "real": [i / 7 for i in range(ROWS)],
    })
    frame.to_parquet(f"{folder}/pandas.parquet", index=False)
    polars.DataFrame({
        "id": range(ROWS),
        "word": [None if i % 5 == 0 else f"w{i % 40}" for i in range(ROWS)],
        "day": [dt.date(2026, 1, 1) + dt.timedelta(days=i) for i in range(ROWS)],
        "nothing": [None] * ROWS,
    }).with_columns(polars.col("word").cast(polars.Categorical).alias("kind")).write_parquet(f"{folder}/polars.parquet")
    table = pa.table({"id": pa.array(range(ROWS)), "amount": pa.array([Decimal(i) / 100 for i in range(ROWS)], pa.decimal128(20, 2))})
    pads.write_dataset(table, f"{folder}/pyarrow", format="parquet", max_rows_per_file=1000, max_rows_per_group=1000)


def as_sqlite(value, kind):
    """The value as dbferry writes it into a table that it makes."""
    if value is None:
        return None
    if pa.types.is_decimal(kind):
        return str(value)
    if pa.types.is_timestamp(kind):
        return value.strftime("%Y-%m-%d %H:%M:%S.%f")
    if pa.types.is_date(kind):
        return value.isoformat()
    if pa.types.is_boolean(kind):
        return int(value)
    return str(value) if value.__class__.__name__ == "UUID" else value


def check(folder, database):
    connection = sqlite3.connect(database)
    wrong = 0
    names = {name.removesuffix(".parquet") for name in os.listdir(folder)}
    for name in sorted(names):
        path = os.path.join(folder, name)
        table = pq.read_table(path if os.path.isdir(path) else f"{path}.parquet")
        kinds = [field.type for field in table.schema]
        expected = {row[0]: tuple(map(as_sqlite, row, kinds)) for row in zip(*(column.to_pylist() for column in table.columns))}
        found = {row[0]: row for row in connection.execute(f'SELECT * FROM "{name}"')}
        for key in expected.keys() | found.keys():
            if expected.get(key) != found.get(key):
                wrong += 1
                if wrong <= 10:
                    print(f"{name} {key}: {expected.get(key)} in the files, {found.get(key)} in the database", file=sys.stderr)
        if len(expected) != ROWS:
            sys.exit(f"{name} has {len(expected)} rows")
    print(f"{len(names)} foreign tables, {ROWS} rows each: {wrong} rows differ")
    return wrong


if __name__ == "__main__":
    if sys.argv[1] == "write":
        write(sys.argv[2])
    else:
        sys.exit(min(check(sys.argv[2], sys.argv[3]), 1))
