#!/usr/bin/env python3
"""Stores each table as a Parquet file: fortilake crawl --sink exec:./load.py

Requires pyarrow. The folder is $OUT, by default the working directory.
"""
import os, sys
import pyarrow as pa
import pyarrow.parquet as pq

table = os.environ["FORTILAKE_TABLE"]
rows = pa.ipc.open_stream(sys.stdin.buffer).read_all()
path = os.path.join(os.environ.get("OUT", "."), table + ".parquet")
pq.write_table(rows, path + ".part")
os.replace(path + ".part", path)  # Readers see the old table or the new one.
