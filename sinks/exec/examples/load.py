#!/usr/bin/env python3
"""Keeps each table as a Parquet file: fortilake crawl --sink exec:./load.py

Needs pyarrow. The folder is $OUT, or the one that it is started in.
"""
import os, sys
import pyarrow as pa
import pyarrow.parquet as pq

table = os.environ["FORTILAKE_TABLE"]
rows = pa.ipc.open_stream(sys.stdin.buffer).read_all()
path = os.path.join(os.environ.get("OUT", "."), table + ".parquet")
pq.write_table(rows, path + ".part")
os.replace(path + ".part", path)  # Readers see the old table or the new one.
