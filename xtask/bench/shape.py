"""What every peer makes of a page of `products/list`: four tables, with these columns.

Each peer gets a folder of pages and a folder for its tables, and prints the rows of each table as
JSON. It does what its users would do: it reads the pages with its own reader, keeps all scalar
members, and makes timestamps of dates if it can.
"""

import json
import pathlib
import sys

PRODUCT = [
    "serialNumber", "accountId", "productModel", "description", "registrationDate", "status",
    "isDecommissioned", "productModelEoR", "productModelEoS", "folderId", "folderPath",
]
ENTITLEMENT = ["type", "typeDesc", "level", "levelDesc", "startDate", "endDate"]
CONTRACT = ["contractNumber", "sku"]
TERM = ["supportType", "startDate", "endDate"]

TABLES = ["products", "entitlements", "product_contracts", "contract_terms"]


def arguments():
    """The pages in order, and the folder to write to."""
    pages, out = map(pathlib.Path, sys.argv[1:3])
    out.mkdir(parents=True, exist_ok=True)
    return sorted(pages.glob("*.json")), out


def report(rows):
    print(json.dumps(rows))


def rows_of(page):
    """Yields each row of a parsed page, as (table, row)."""
    for product in page.get("assets") or []:
        serial = {"serialNumber": product.get("serialNumber")}
        yield "products", {name: product.get(name) for name in PRODUCT}
        for entitlement in product.get("entitlements") or []:
            yield "entitlements", serial | {name: entitlement.get(name) for name in ENTITLEMENT}
        for contract in product.get("contracts") or []:
            yield "product_contracts", serial | {name: contract.get(name) for name in CONTRACT}
            number = {"contractNumber": contract.get("contractNumber")}
            for term in contract.get("terms") or []:
                yield "contract_terms", serial | number | {name: term.get(name) for name in TERM}
