"""DuckDB: read_json with types, unnest, and COPY to Parquet."""

import sys

import duckdb

import shape

_, out = shape.arguments()
connection = duckdb.connect()
connection.execute(
    """
    CREATE TABLE assets AS
    SELECT unnest(assets, max_depth := 2) FROM read_json(? || '/*.json', columns := {assets: '
        STRUCT(
            "serialNumber" VARCHAR, "accountId" BIGINT, "productModel" VARCHAR,
            "description" VARCHAR, "registrationDate" TIMESTAMP, "status" VARCHAR,
            "isDecommissioned" BOOLEAN, "productModelEoR" TIMESTAMP, "productModelEoS" TIMESTAMP,
            "folderId" BIGINT, "folderPath" VARCHAR,
            "entitlements" STRUCT("type" BIGINT, "typeDesc" VARCHAR, "level" BIGINT,
                "levelDesc" VARCHAR, "startDate" TIMESTAMP, "endDate" TIMESTAMP)[],
            "contracts" STRUCT("contractNumber" VARCHAR, "sku" VARCHAR, "terms" STRUCT(
                "supportType" VARCHAR, "startDate" TIMESTAMP, "endDate" TIMESTAMP)[])[]
        )[]
    '})
    """,
    [sys.argv[1]],
)
contracts = """
    SELECT "serialNumber", unnest(contracts, max_depth := 2) FROM assets
"""
queries = {
    "products": "SELECT * EXCLUDE (entitlements, contracts) FROM assets",
    "entitlements": 'SELECT "serialNumber", unnest(entitlements, max_depth := 2) FROM assets',
    "product_contracts": f"SELECT * EXCLUDE (terms) FROM ({contracts})",
    "contract_terms": f"""
        SELECT "serialNumber", "contractNumber", unnest(terms, max_depth := 2) FROM ({contracts})
    """,
}
counts = {}
for table, query in queries.items():
    copied = connection.execute(
        f"COPY ({query}) TO '{out / table}.parquet' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"
    )
    counts[table] = copied.fetchone()[0]
shape.report(counts)
