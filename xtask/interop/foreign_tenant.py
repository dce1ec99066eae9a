"""An invented tenant: the answers of the foreign server, and the rows that must result from them.

Each field is put down once with both of its sides: as the API may spell it, and as the tables must
hold it.
The spelling varies from row to row with a seeded generator, so that a run can be repeated.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

ROOT = 5000001
# Unit, its parent, its name; the tree is four deep, and one branch has no accounts.
UNITS = [
    (ROOT, None, "Hexagon Werke"),
    (5000010, ROOT, "Nord"),
    (5000011, 5000010, "Nord / Küste"),
    (5000012, 5000011, "Nord / Küste / \"Hafen\", alt"),
    (5000020, ROOT, "=Süd()"),
    (5000030, ROOT, "Leer"),
]
# Account, its unit, registered products, pending products.
ACCOUNTS = [
    (8101, ROOT, 1, 0),
    (8102, 5000010, 7, 1),
    (8103, 5000011, 3, 0),
    (8104, 5000012, 0, 0),
    (8105, 5000020, 8, 0),
    (8106, 5000020, 2, 1),
]
# The list of this unit names an account of the unit below it, too.
ALSO_LISTED = {5000010: [8103]}
EMPTY_ACCOUNT = 8104
LARGE_ACCOUNT = 8105
# Text that careless software damages. Only trailing spaces may be removed.
HARD_TEXTS = [
    "",
    None,
    "plain",
    "two\nlines, one \"quote\"",
    "windows\r\nend\r\n",
    "=HYPERLINK(\"http://x.example\")",
    "+1 555 0100",
    "-5",
    "@cmd",
    "  leading blanks stay",
    "東京 第二 \U0001f98a",
    "nul \u0000 inside",
    "tab at the end\t",
    "'quoted already",
    "x" * 70_000,
]
MODELS = ["FortiGate 60F", "FortiSwitch 148F-FPOE", "FortiWiFi-61F", "FortiAP 231F", "FortiManager VM"]
PREFIXES = ["FGT60FTK", "S148FFTF", "FWF61FTK", "FP231FTF", "FMG-VMTM"]


@dataclass
class Row:
    """A row in both forms: as the API sends it, and as the table must contain it."""

    wire: dict[str, Any] = field(default_factory=dict)
    truth: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)


class Speech:
    """Writes values as one variant of the server does."""

    def __init__(self, seed: str, quirky: bool) -> None:
        self.random = random.Random(seed)
        self.quirky = quirky

    def _now_and_then(self) -> bool:
        return self.quirky and self.random.random() < 0.4

    def text(self, row: Row, name: str, column: str, value: str | None) -> None:
        """A text, sometimes padded."""
        padded = value.ljust(40) if value and self._now_and_then() else value
        self._put(row, name, column, padded, value)

    def integer(self, row: Row, name: str, column: str, value: int | None) -> None:
        """An integer, sometimes in quotes."""
        self._put(row, name, column, self.number(value), value)

    def number(self, value: int | None) -> int | str | None:
        """An integer that is in no table, sometimes in quotes."""
        return str(value) if value is not None and self._now_and_then() else value

    def boolean(self, row: Row, name: str, column: str, value: bool) -> None:
        """A boolean."""
        self._put(row, name, column, value, value)

    def stamp(self, row: Row, name: str, column: str, value: datetime | None) -> None:
        """A date in one of the observed forms. An offset must be kept separately from the time."""
        if value is None:
            absent = "0001-01-01T00:00:00" if self._now_and_then() else None
            return self._put(row, name, column, absent, None)
        if not self.quirky:
            return self._put(row, name, column, value.isoformat(), value)
        separator, fraction, offset = self.random.choice(
            [("T", "", ""), (" ", "", ""), ("T", ".123456", ""), ("T", ".5", "Z")]
            + [("T", "", "Z"), ("T", "", "-08:00"), ("T", "", "-8:00"), (" ", "", "+0530")]
        )
        said = value.strftime(f"%Y-%m-%d{separator}%H:%M:%S") + fraction + offset
        micros = int(fraction[1:].ljust(6, "0")) if fraction else 0
        if offset:
            row.extra[name] = offset
        return self._put(row, name, column, said, value + timedelta(microseconds=micros))

    def unknown(self, row: Row, name: str, value: Any) -> None:
        """An undescribed field, which must be in `_extra` unchanged."""
        if self._now_and_then():
            row.wire[name] = value
            row.extra[name] = value

    def rows(self, row: Row, name: str, items: list[Any]) -> None:
        """A list inside a row. An empty one may be null or missing."""
        if not items and self.quirky:
            choice = self.random.choice(["list", "null", "absent"])
            if choice == "absent":
                return
            row.wire[name] = [] if choice == "list" else None
        else:
            row.wire[name] = items

    def _put(self, row: Row, name: str, column: str, wire: Any, truth: Any) -> None:
        row.truth[column] = truth
        if wire is None and self._now_and_then():
            return
        row.wire[name] = wire


class Tenant:
    """The whole tenant as one variant presents it, and the tables that must result."""

    def __init__(self, speech: Speech, parent_key: str, root_listed: bool, owner_said: bool) -> None:
        self.speech = speech
        self.owner_said = owner_said
        self.tables: dict[str, list[Row]] = {name: [] for name in TABLES}
        # Table, key, column and value of each value that does not fit its column.
        self.misfits: list[tuple[str, dict[str, Any], str, str]] = []
        self.units = [
            self._unit(unit, parent, name, parent_key)
            for unit, parent, name in UNITS
            if root_listed or unit != ROOT
        ]
        self.accounts = {account: self._account(account, unit) for account, unit, _, _ in ACCOUNTS}
        # The products of each account by status, as the API sends them.
        self.products: dict[tuple[int, str], list[dict[str, Any]]] = {}
        for account, _, registered, pending in ACCOUNTS:
            self._products(account, registered, pending)

    def _unit(self, unit: int, parent: int | None, name: str, parent_key: str) -> dict[str, Any]:
        row = Row()
        self.speech.integer(row, "id", "ou_id", unit)
        self.speech.text(row, "name", "name", name)
        self.speech.text(row, "desc", "description", "" if unit % 2 else f"All of {name}")
        # 0 and null both mean "no parent".
        spelled = 0 if parent is None and parent_key == "parentID" else parent
        row.wire[parent_key] = spelled
        row.truth["parent_ou_id"] = parent
        row.truth["org_id"] = ROOT
        self.speech.unknown(row, "depthHint", {"levels": [1, 2.5, None]})
        self.tables["org_units"].append(row)
        return row.wire

    def _account(self, account: int, unit: int) -> dict[str, Any]:
        row = Row()
        self.speech.integer(row, "id", "account_id", account)
        self.speech.integer(row, "parentId", "ou_id", unit)
        self.speech.text(row, "email", "email", f"it@{account}.example")
        self.speech.text(row, "firstName", "first_name", "" if account % 2 else "Zoë")
        self.speech.text(row, "lastName", "last_name", None if account % 3 else "O'Neil")
        self.speech.text(row, "company", "company", f"Hexagon {account}, Ltd.")
        self.speech.integer(row, "countryId", "country_id", None if account == 8102 else 276)
        self.speech.unknown(row, "tier", "gold")
        self.tables["accounts"].append(row)
        return row.wire

    def _products(self, account: int, registered: int, pending: int) -> None:
        made = [self._product(account, index, "Registered") for index in range(registered)]
        waiting = [self._product(account, registered + index, "Pending") for index in range(pending)]
        if account == 8106:
            # The same serial number in both lists is one product. The list that is read first counts,
            # and the other value of the status is an issue.
            waiting.append({**made[0], "status": "Pending"})
            key = {"account_id": account, "serial_number": made[0]["serialNumber"].strip()}
            self.misfits.append(("products", key, "status", "Pending"))
        self.products[account, "Registered"] = made
        self.products[account, "Pending"] = waiting

    def _product(self, account: int, index: int, status: str) -> dict[str, Any]:
        speech, row = self.speech, Row()
        kind = index % len(MODELS)
        # One serial number is in two accounts, like a product that is being transferred.
        owner = LARGE_ACCOUNT if index == 0 and account == 8106 else account
        serial = f"{PREFIXES[kind]}24{owner}{index:03}"
        row.wire["serialNumber"] = serial
        row.truth.update(account_id=account, serial_number=serial)
        if self.owner_said:
            row.wire["accountId"] = speech.number(account)
        registered = datetime(2023, 1, 9, 0, 37, 25) + timedelta(days=index, hours=account % 24)
        hard = HARD_TEXTS[(account * 5 + index) % len(HARD_TEXTS)] if speech.quirky else "Edge"
        speech.text(row, "productModel", "product_model", MODELS[kind])
        self._put_hard(row, hard)
        speech.stamp(row, "registrationDate", "registration_date", registered)
        speech.boolean(row, "isDecommissioned", "is_decommissioned", index % 4 == 3)
        speech.text(row, "status", "status", status)
        speech.integer(row, "folderId", "folder_id", 0 if index % 2 else 880121)
        speech.text(row, "folderPath", "folder_path", "/My Assets" if index % 2 else "/My Assets/A b")
        speech.stamp(row, "productModelEoR", "product_model_eor", registered if index % 3 else None)
        speech.stamp(row, "productModelEoS", "product_model_eos", None)
        speech.unknown(row, "trialTypes", ["a", "b"])
        speech.unknown(row, "xCluster", {"nodes": [1, {"deep": "ä"}], "ratio": 2.5})
        if speech.quirky:
            self._spoil(row, account, index)
        self._nested(row, index)
        self.tables["products"].append(row)
        return row.wire

    def _put_hard(self, row: Row, value: str | None) -> None:
        """A description without padding, which would hide its purpose."""
        row.wire["description"] = value
        row.truth["description"] = value

    def _spoil(self, row: Row, account: int, index: int) -> None:
        """Values that do not fit their columns, and a secret that must not appear anywhere."""
        row.wire["cloudKey"] = SECRET
        if account != LARGE_ACCOUNT or index >= len(SPOILED):
            return
        name, column, value = SPOILED[index]
        row.wire[name] = value
        row.truth[column] = None
        row.extra.pop(name, None)
        key = {"account_id": account, "serial_number": row.truth["serial_number"]}
        self.misfits.append(("products", key, column, value))

    def _nested(self, product: Row, index: int) -> None:
        speech = self.speech
        speech.rows(product, "entitlements", self._entitlements(product, "entitlements", index % 4))
        # Described, but never observed with content.
        count = 1 if index == 5 else 0
        supports = self._entitlements(product, "warranty_supports", count)
        speech.rows(product, "warrantySupports", supports)
        speech.rows(product, "contracts", [self._contract(product, n) for n in range(index % 3)])
        groups = [self._group(product, n) for n in range(index % 3)]
        if index % 5 == 2 and speech.quirky:
            # One client declares the list as plain names.
            groups = [group["assetGroup"] for group in groups]
            for row in self.tables["asset_groups"][len(self.tables["asset_groups"]) - len(groups):]:
                row.truth["asset_group_id"] = None
                row.extra.clear()
        speech.rows(product, "assetGroups", groups)

    def _child(self, table: str, parent: Row, **positions: int) -> Row:
        inherited = {name: parent.truth[name] for name in ("account_id", "serial_number")}
        row = Row(truth={**inherited, **positions})
        self.tables[table].append(row)
        return row

    def _entitlements(self, product: Row, table: str, count: int) -> list[dict[str, Any]]:
        return [self._entitlement(self._child(table, product, _index=n), n) for n in range(count)]

    def _entitlement(self, row: Row, position: int) -> dict[str, Any]:
        speech, begin = self.speech, datetime(2023, 3, 14)
        speech.integer(row, "level", "level", 20)
        speech.text(row, "levelDesc", "level_desc", "Premium")
        speech.integer(row, "type", "type", 11 + position)
        speech.text(row, "typeDesc", "type_desc", "Enhanced Support")
        speech.stamp(row, "startDate", "start_date", begin)
        speech.stamp(row, "endDate", "end_date", None if position == 2 else begin + timedelta(days=1095))
        speech.integer(row, "units", "units", 4 if position == 1 else None)
        speech.unknown(row, "seatKind", "named")
        return row.wire

    def _contract(self, product: Row, position: int) -> dict[str, Any]:
        speech, row = self.speech, self._child("product_contracts", product, _index=position)
        speech.text(row, "contractNumber", "contract_number", f"4821AB10{position:04}")
        speech.text(row, "sku", "sku", "FC-10-0060F-950-02-36")
        speech.unknown(row, "poNumber", 17)
        terms = [self._term(product, position, n) for n in range(2 - position)]
        speech.rows(row, "terms", terms)
        return row.wire

    def _term(self, product: Row, contract: int, position: int) -> dict[str, Any]:
        row = self._child("contract_terms", product, contract_index=contract, _index=position)
        begin = datetime(2024, 1, 18, 3, 6, 54)
        self.speech.stamp(row, "startDate", "start_date", begin)
        self.speech.stamp(row, "endDate", "end_date", begin + timedelta(days=365))
        self.speech.text(row, "supportType", "support_type", "Telephone Support")
        return row.wire

    def _group(self, product: Row, position: int) -> dict[str, Any]:
        row = self._child("asset_groups", product, _index=position)
        self.speech.integer(row, "assetGroupId", "asset_group_id", 41277 + position)
        row.wire["assetGroup"] = row.truth["asset_group"] = f"Group {position}"
        return row.wire


# Fields of the large account's first products whose values do not fit their columns.
SPOILED = [
    ("folderId", "folder_id", "many"),
    ("registrationDate", "registration_date", "next spring"),
    ("isDecommissioned", "is_decommissioned", "perhaps"),
    ("productModelEoS", "product_model_eos", "2023-02-30T00:00:00"),
]
SECRET = "K3Y-OF-THE-CLOUD"
# The tables that the three lists fill, with their key columns.
TABLES = {
    "org_units": ["ou_id"],
    "accounts": ["account_id"],
    "products": ["account_id", "serial_number"],
    "entitlements": ["account_id", "serial_number", "_index"],
    "warranty_supports": ["account_id", "serial_number", "_index"],
    "product_contracts": ["account_id", "serial_number", "_index"],
    "contract_terms": ["account_id", "serial_number", "contract_index", "_index"],
    "asset_groups": ["account_id", "serial_number", "_index"],
}
