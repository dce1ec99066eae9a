"""json and csv.DictWriter of the standard library: one CSV file for each table."""

import contextlib
import csv
import json

import shape

pages, out = shape.arguments()
columns = {
    "products": shape.PRODUCT,
    "entitlements": ["serialNumber", *shape.ENTITLEMENT],
    "product_contracts": ["serialNumber", *shape.CONTRACT],
    "contract_terms": ["serialNumber", "contractNumber", *shape.TERM],
}
counts = dict.fromkeys(shape.TABLES, 0)
with contextlib.ExitStack() as files:
    writers = {}
    for table, names in columns.items():
        file = files.enter_context(open(out / f"{table}.csv", "w", newline=""))
        writers[table] = csv.DictWriter(file, names)
        writers[table].writeheader()
    for path in pages:
        with open(path, encoding="utf-8") as page:
            for table, row in shape.rows_of(json.load(page)):
                writers[table].writerow(row)
                counts[table] += 1
shape.report(counts)
