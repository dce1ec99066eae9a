#!/usr/bin/env python3
"""Collects all snapshots in a DuckDB database: fortilake crawl --sink exec:./load-duckdb.py

Requires duckdb and pyarrow. The database is $DATABASE, by default inventory.duckdb in the working directory.
If a crawl is delivered again, its rows are replaced. New columns are added to the tables.
"""
import os, sys
import duckdb
import pyarrow as pa

table = os.environ["FORTILAKE_TABLE"]
rows = pa.ipc.open_stream(sys.stdin.buffer).read_all()
database = duckdb.connect(os.environ.get("DATABASE", "inventory.duckdb"))
database.begin()
database.execute(f'CREATE TABLE IF NOT EXISTS "{table}" AS FROM rows LIMIT 0')
for name, kind, *_ in database.execute("DESCRIBE FROM rows").fetchall():
    database.execute(f'ALTER TABLE "{table}" ADD COLUMN IF NOT EXISTS "{name}" {kind}')
database.execute(f'DELETE FROM "{table}" WHERE _crawl_id = ?', [os.environ["FORTILAKE_CRAWL_ID"]])
database.execute(f'INSERT INTO "{table}" BY NAME FROM rows')
database.commit()
