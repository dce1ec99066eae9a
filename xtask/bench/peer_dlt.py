"""dlt: a resource that yields products, nested tables made by dlt, Parquet in a folder."""

import json
import os
import tempfile

import shape

pages, out = shape.arguments()
os.environ |= {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "ERROR",
    "DLT_DATA_DIR": tempfile.mkdtemp(),
}

import dlt  # noqa: E402  (it reads the environment while it is imported)


@dlt.resource(name="products", max_table_nesting=3)
def products():
    for path in pages:
        with open(path, encoding="utf-8") as page:
            yield json.load(page).get("assets") or []


pipeline = dlt.pipeline(
    "products",
    pipelines_dir=tempfile.mkdtemp(),
    destination=dlt.destinations.filesystem(bucket_url=f"file://{out.resolve()}"),
    dataset_name="fortinet",
)
pipeline.run(products(), loader_file_format="parquet")
rows = pipeline.last_trace.last_normalize_info.row_counts
shape.report({
    "products": rows["products"],
    "entitlements": rows["products__entitlements"],
    "product_contracts": rows["products__contracts"],
    "contract_terms": rows["products__contracts__terms"],
})
