"""DuckDB reads a whole database through its extension and writes Parquet: duckdb_dump.py EXTENSIONS TYPE SOURCE DIRECTORY."""

import os
import sys

import duckdb

extensions, kind, source, directory = sys.argv[1:]
scanner = {"postgres": "postgres_scanner", "mysql": "mysql_scanner", "sqlite": "sqlite_scanner"}[kind]
connection = duckdb.connect(config={"allow_unsigned_extensions": "true", "threads": 2})
connection.execute(f"LOAD '{os.path.join(extensions, scanner)}.duckdb_extension'")
connection.execute(f"ATTACH '{source}' AS source (TYPE {kind}, READ_ONLY)")
os.makedirs(directory)
rows = connection.execute("SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = 'source'").fetchall()
for schema, table in rows:
    if schema in ("public", "main", "tpch"):
        path = os.path.join(directory, f"{table}.parquet")
        connection.execute(f'COPY (SELECT * FROM source."{schema}"."{table}") TO \'{path}\' (FORMAT parquet, COMPRESSION zstd)')
