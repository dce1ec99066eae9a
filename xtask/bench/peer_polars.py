"""Polars: its own JSON reader with a schema, then explode and unnest, in groups of 1,000 pages."""

import polars as pl

import shape

PAGES = 1000

time = pl.String
ENTITLEMENT = pl.Struct({
    "type": pl.Int64, "typeDesc": pl.String, "level": pl.Int64, "levelDesc": pl.String,
    "startDate": time, "endDate": time,
})
TERM = pl.Struct({"supportType": pl.String, "startDate": time, "endDate": time})
CONTRACT = pl.Struct({"contractNumber": pl.String, "sku": pl.String, "terms": pl.List(TERM)})
PRODUCT = pl.Struct({
    "serialNumber": pl.String, "accountId": pl.Int64, "productModel": pl.String,
    "description": pl.String, "registrationDate": time, "status": pl.String,
    "isDecommissioned": pl.Boolean, "productModelEoR": time, "productModelEoS": time,
    "folderId": pl.Int64, "folderPath": pl.String, "entitlements": pl.List(ENTITLEMENT),
    "contracts": pl.List(CONTRACT),
})
SCHEMA = {"assets": pl.List(PRODUCT)}


def times(frame, *names):
    return frame.with_columns(
        pl.col(name).str.to_datetime("%Y-%m-%dT%H:%M:%S", strict=False) for name in names
    )


def tables(pages):
    """The four tables of some pages."""
    frames = [pl.read_json(path, schema=SCHEMA) for path in pages]
    products = pl.concat(frames).explode("assets").unnest("assets")
    products = products.filter(pl.col("serialNumber").is_not_null())
    serial = pl.col("serialNumber")
    entitlements = (
        products.select(serial, "entitlements").explode("entitlements")
        .drop_nulls("entitlements").unnest("entitlements")
    )
    contracts = (
        products.select(serial, "contracts").explode("contracts")
        .drop_nulls("contracts").unnest("contracts")
    )
    terms = (
        contracts.select(serial, "contractNumber", "terms").explode("terms")
        .drop_nulls("terms").unnest("terms")
    )
    return {
        "products": times(
            products.drop("entitlements", "contracts"),
            "registrationDate", "productModelEoR", "productModelEoS",
        ),
        "entitlements": times(entitlements, "startDate", "endDate"),
        "product_contracts": contracts.drop("terms"),
        "contract_terms": times(terms, "startDate", "endDate"),
    }


pages, out = shape.arguments()
counts = dict.fromkeys(shape.TABLES, 0)
for begin in range(0, len(pages), PAGES):
    for table, frame in tables(pages[begin : begin + PAGES]).items():
        (out / table).mkdir(exist_ok=True)
        frame.write_parquet(out / table / f"{begin:07}.parquet", compression="zstd", compression_level=1)
        counts[table] += frame.height
shape.report(counts)
