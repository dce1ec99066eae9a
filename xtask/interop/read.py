"""Reads the result of a crawl of the embedded simulator with four published readers."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import duckdb
import pandas
import polars
import pyarrow as pa
import pyarrow.dataset

from checks import Checks, binary_from_arguments, run
from tables import by_key, check_csv, check_files, manifest, read_parquet

# The default organization; every reader must see all of it.
ROWS = {"org_units": 17, "accounts": 17, "products": 698}
FIREWALLS = 133
# The types of the manifest, as each reader calls them.
DUCKDB_TYPES = {
    "string": "VARCHAR",
    "int64": "BIGINT",
    "bool": "BOOLEAN",
    "timestamp[us]": "TIMESTAMP",
    "timestamp[us, tz=UTC]": "TIMESTAMP WITH TIME ZONE",
}
POLARS_TYPES = {
    "string": polars.String(),
    "int64": polars.Int64(),
    "bool": polars.Boolean(),
    "timestamp[us]": polars.Datetime("us"),
    "timestamp[us, tz=UTC]": polars.Datetime("us", "UTC"),
}
# Expected types by column name, to find columns that are text by accident.
NOT_TEXT = [
    ("_date", "timestamp[us]"),
    ("_eor", "timestamp[us]"),
    ("_eos", "timestamp[us]"),
    ("_observed_at", "timestamp[us, tz=UTC]"),
    ("_id", "int64"),
    ("_index", "int64"),
]
INTEGERS = {"level", "type", "units", "pages", "rows"}
# Child table, parent table, and the columns that join them.
JOINS = [
    ("entitlements", "products", "account_id, serial_number", "account_id, serial_number"),
    ("product_contracts", "products", "account_id, serial_number", "account_id, serial_number"),
    ("asset_groups", "products", "account_id, serial_number", "account_id, serial_number"),
    (
        "contract_terms",
        "product_contracts",
        "account_id, serial_number, contract_index",
        "account_id, serial_number, _index",
    ),
    ("products", "accounts", "account_id", "account_id"),
    ("accounts", "org_units", "ou_id", "ou_id"),
]


def expected_type(column: str) -> str:
    """Returns the expected type for a column name."""
    if column == "_crawl_id":
        return "string"
    if column.startswith("is_"):
        return "bool"
    if column in INTEGERS:
        return "int64"
    return next((kind for end, kind in NOT_TEXT if column.endswith(end)), "string")


class Snapshot:
    """The published tables according to the manifest."""

    def __init__(self, place: Path, binary: Path) -> None:
        self.place, self.binary = place, binary
        self.parquet, self.csv = place / "out", place / "csv"
        self.tables: list[dict[str, Any]] = manifest(self.parquet)["tables"]

    def glob(self, table: str) -> str:
        """Returns the glob pattern that a reader would use."""
        return str(self.parquet / table / "**" / "*.parquet")

    def types(self, table: dict[str, Any]) -> dict[str, str]:
        """Returns the types of the columns according to the manifest."""
        return {column["name"]: column["type"] for column in table["columns"]}

    def check_manifest(self) -> None:
        """Checks the row counts and the types of the columns."""
        rows = {table["name"]: table["rows"] for table in self.tables}
        assert rows | ROWS == rows, f"rows: {rows}"
        for table in self.tables:
            for column, kind in self.types(table).items():
                wanted = expected_type(column)
                assert kind == wanted, f"{table['name']}.{column} is {kind}, not {wanted}"
        outcome = manifest(self.parquet)["outcome"]
        totals = {total["table"]: total["rows"] for total in outcome["tables"]}
        assert totals == rows and outcome["complete"], f"outcome: {outcome}"
        assert manifest(self.csv)["tables"] != [], "the manifest of the CSV files lists no table"
        csv_rows = {table["name"]: table["rows"] for table in manifest(self.csv)["tables"]}
        assert csv_rows == rows, f"CSV: {csv_rows}, Parquet: {rows}"

    def check_described(self) -> None:
        """Checks that `fortilake tables` describes the published tables."""
        for table in self.tables:
            ended = run(self.binary, ["tables", table["name"], "--format", "json"], self.place, {})
            described = json.loads(ended.expect(0).stdout)
            described = described[0] if isinstance(described, list) else described
            columns = {column["name"]: column["type"] for column in described["columns"]}
            assert columns == self.types(table), f"{table['name']}: {columns}"

    def check_pyarrow(self) -> None:
        """Checks rows, types and keys against the manifest."""
        for table in self.tables:
            content = read_parquet(self.parquet, table["name"])
            assert content.num_rows == table["rows"], f"{table['name']}: {content.num_rows} rows"
            types = {field.name: str(field.type) for field in content.schema}
            assert types == self.types(table), f"{table['name']}: {types}"
            by_key(content.to_pylist(), ["_source", *table["key"]])
            content.validate(full=True)

    def check_pyarrow_dataset(self) -> None:
        """Reads the folder of a table as a partitioned dataset."""
        for table in self.tables:
            dataset = pa.dataset.dataset(self.parquet / table["name"], partitioning="hive")
            assert dataset.count_rows() == table["rows"], f"{table['name']}"
            assert "snapshot" in dataset.schema.names, f"{table['name']}: {dataset.schema.names}"

    def check_duckdb(self) -> None:
        """Checks rows and types with a glob, and some typical queries."""
        with duckdb.connect() as database:
            self.views(database)
            for table in self.tables:
                name, types = table["name"], self.types(table)
                [(count,)] = database.sql(f"FROM {name} SELECT count(*)").fetchall()
                assert count == table["rows"], f"{name}: {count} rows"
                described = {row[0]: row[1] for row in database.sql(f"DESCRIBE {name}").fetchall()}
                wanted = {column: DUCKDB_TYPES[kind] for column, kind in types.items()}
                assert described == wanted, f"{name}: {described}"
            is_firewall = r"regexp_matches(product_model, '^Forti(Gate|WiFi)\b')"
            query = f"FROM products SELECT count(*) WHERE {is_firewall}"
            [(firewalls,)] = database.sql(query).fetchall()
            assert firewalls == FIREWALLS, f"{firewalls} FortiGate and FortiWiFi"

    def check_joins(self) -> None:
        """Checks that every child has its parent, and most parents have a child."""
        with duckdb.connect() as database:
            self.views(database)
            for child, parent, here, there in JOINS:
                on = " AND ".join(
                    f"c.{left} = p.{right}"
                    for left, right in zip(here.split(", "), there.split(", "), strict=True)
                )
                query = f"FROM {child} c ANTI JOIN {parent} p ON {on} SELECT count(*)"
                [(orphans,)] = database.sql(query).fetchall()
                assert orphans == 0, f"{orphans} rows of {child} have no row in {parent}"
                counts = f"count(*), (FROM {child} SELECT count(*))"
                query = f"FROM {child} c JOIN {parent} p ON {on} SELECT {counts}"
                [(joined, rows)] = database.sql(query).fetchall()
                assert joined == rows > 0, f"{child}: {rows} rows, {joined} joined to {parent}"
            query = "FROM entitlements SELECT count(*), count(start_date), min(end_date) < max(end_date)"
            [(rows, dated, spread)] = database.sql(query).fetchall()
            assert dated > rows / 2 and spread, f"{dated} of {rows} entitlements have a date"

    def views(self, database: duckdb.DuckDBPyConnection) -> None:
        """Creates one view per table."""
        for table in self.tables:
            name = table["name"]
            source = f"read_parquet('{self.glob(name)}', hive_partitioning = false)"
            database.execute(f"CREATE VIEW {name} AS FROM {source}")

    def check_polars(self) -> None:
        """Checks rows and types with a glob, lazily."""
        for table in self.tables:
            frame = polars.scan_parquet(self.glob(table["name"]), hive_partitioning=False)
            wanted = {column: POLARS_TYPES[kind] for column, kind in self.types(table).items()}
            assert dict(frame.collect_schema()) == wanted, f"{table['name']}: {frame.collect_schema()}"
            assert frame.collect().height == table["rows"], f"{table['name']}"

    def check_pandas(self) -> None:
        """Checks rows and types, with the types of Arrow and of pandas."""
        for table in self.tables:
            folder, types = self.parquet / table["name"], self.types(table)
            frame = pandas.read_parquet(folder, dtype_backend="pyarrow")
            assert len(frame) == table["rows"], f"{table['name']}: {len(frame)} rows"
            for column, kind in types.items():
                found = str(frame[column].dtype.pyarrow_dtype)
                assert found == kind, f"{table['name']}.{column}: {found}"
            plain = pandas.read_parquet(folder)
            for column, kind in types.items():
                found, is_time = plain[column].dtype, kind.startswith("timestamp")
                same = pandas.api.types.is_datetime64_any_dtype(found) == is_time
                assert same, f"{table['name']}.{column}: {found}"

    def check_agreement(self) -> None:
        """Checks that all four readers see the same values."""
        for table in self.tables:
            name = table["name"]
            content = read_parquet(self.parquet, name)
            source = f"read_parquet('{self.glob(name)}', hive_partitioning = false)"
            frame = pandas.read_parquet(self.parquet / name, dtype_backend="pyarrow")
            others = {
                "DuckDB": duckdb.sql(f"FROM {source}").to_arrow_table(),
                "Polars": polars.read_parquet(self.glob(name), hive_partitioning=False).to_arrow(),
                # The partition column comes from the folder name, not from the files.
                "pandas": pa.Table.from_pandas(frame[content.column_names]),
            }
            for reader, other in others.items():
                for column in content.column_names:
                    # Readers differ in text types and in the names of time zones.
                    values = other[column].cast(content[column].type).to_pylist()
                    same = values == content[column].to_pylist()
                    assert same, f"{reader} reads other values in {name}.{column}"

    def check_csv(self) -> None:
        """Checks every cell of the CSV files, and that DuckDB's type detection finds all rows."""
        for table in self.tables:
            name = table["name"]
            check_csv(self.csv / f"{name}.csv", read_parquet(self.parquet, name))
            source = f"read_csv('{self.csv / name}.csv', header = true, all_varchar = true)"
            [(count,)] = duckdb.sql(f"FROM {source} SELECT count(*)").fetchall()
            assert count == table["rows"], f"DuckDB finds {count} rows in {name}.csv"

    def check_files(self) -> None:
        """Checks digests and sizes, and that there are no other files."""
        check_files(self.parquet)
        check_files(self.csv)


def main() -> None:
    """Runs all checks."""
    checks, binary = Checks(), binary_from_arguments()
    with tempfile.TemporaryDirectory(prefix="fortilake-interop-") as directory:
        place = Path(directory)
        snapshot = None
        with checks.check("crawl --simulate: exit 0"):
            arguments = ["crawl", "--simulate", "--sink", "parquet:out", "--sink", "csv:csv"]
            run(binary, arguments, place, {}).expect(0)
            snapshot = Snapshot(place, binary)
        if snapshot is not None:
            for name in [name for name in dir(snapshot) if name.startswith("check_")]:
                with checks.check(f"read: {name.removeprefix('check_')}"):
                    getattr(snapshot, name)()
    checks.finish()


if __name__ == "__main__":
    main()
