"""json and pyarrow: rows in lists, written as row groups of 100,000 rows."""

import json

import pyarrow as pa
import pyarrow.parquet as pq

import shape

ROWS = 100_000

text, integer, time = pa.string(), pa.int64(), pa.timestamp("us")
TYPES = {
    "accountId": integer, "folderId": integer, "type": integer, "level": integer,
    "isDecommissioned": pa.bool_(), "registrationDate": time, "startDate": time, "endDate": time,
    "productModelEoR": time, "productModelEoS": time,
}
columns = {
    "products": shape.PRODUCT,
    "entitlements": ["serialNumber", *shape.ENTITLEMENT],
    "product_contracts": ["serialNumber", *shape.CONTRACT],
    "contract_terms": ["serialNumber", "contractNumber", *shape.TERM],
}
pages, out = shape.arguments()
schemas = {
    table: pa.schema([(name, TYPES.get(name, text)) for name in names])
    for table, names in columns.items()
}
# Dates are text in JSON, and pyarrow makes no timestamps of text while it builds columns.
read = {
    table: pa.schema([(field.name, text if field.type == time else field.type) for field in schema])
    for table, schema in schemas.items()
}
writers = {
    table: pq.ParquetWriter(out / f"{table}.parquet", schema, compression="zstd")
    for table, schema in schemas.items()
}
waiting = {table: [] for table in shape.TABLES}
counts = dict.fromkeys(shape.TABLES, 0)


def write(table):
    rows = waiting[table]
    counts[table] += len(rows)
    writers[table].write_table(pa.Table.from_pylist(rows, schema=read[table]).cast(schemas[table]))
    rows.clear()


for path in pages:
    with open(path, encoding="utf-8") as page:
        for table, row in shape.rows_of(json.load(page)):
            waiting[table].append(row)
            if len(waiting[table]) == ROWS:
                write(table)
for table, writer in writers.items():
    write(table)
    writer.close()
shape.report(counts)
