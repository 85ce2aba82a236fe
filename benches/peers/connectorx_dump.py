"""ConnectorX reads every table into Arrow, pyarrow writes it as Parquet: connectorx_dump.py URL DIRECTORY TABLE..."""

import os
import sys

import connectorx
import pyarrow.parquet

url, directory, *tables = sys.argv[1:]
os.makedirs(directory)
KEYS = {"lineitem": "l_orderkey", "orders": "o_orderkey", "partsupp": "ps_partkey", "part": "p_partkey", "customer": "c_custkey"}
for table in tables:
    parts = {"partition_on": KEYS[table], "partition_num": 2} if table in KEYS else {}
    rows = connectorx.read_sql(url, f"SELECT * FROM {table}", return_type="arrow", **parts)
    pyarrow.parquet.write_table(rows, os.path.join(directory, f"{table}.parquet"), compression="zstd")
    del rows
