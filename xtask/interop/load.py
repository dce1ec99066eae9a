"""Loads a crawl with the statements that `fortilake tables` writes, and reads it as documented."""

from __future__ import annotations

import json
import re
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pyarrow.parquet
import yaml

from checks import Checks, binary_from_arguments, run
from tables import manifest

DOCS = Path(__file__).parents[2] / "docs"
RECIPE = "### The renewals of the next 90 days, from the tables alone"


class Crawl:
    """A place with two snapshots as Parquet files, and the newer one as a workbook."""

    def __init__(self, place: Path, binary: Path) -> None:
        self.place, self.binary, self.out = place, binary, place / "out"
        sinks = ["--sink", "parquet:out", "--sink", "xlsx:inventory.xlsx?join=company"]
        for _ in range(2):
            run(binary, ["crawl", "--simulate", "--fresh", *sinks], place, {}).expect(0)
        self.tables: list[dict[str, Any]] = manifest(self.out)["tables"]

    def fortilake(self, *arguments: str) -> str:
        """Runs a command, and returns its output."""
        return run(self.binary, list(arguments), self.place, {}).expect(0).stdout

    def check_duckdb(self) -> None:
        """Creates and loads all tables in DuckDB, twice."""
        arguments = ["--format", "sql", "--dialect", "duckdb", "--place", str(self.out)]
        sql = self.fortilake("tables", *arguments)
        database = duckdb.connect()
        for _ in range(2):
            database.execute(sql)
        newest = manifest(self.out)["snapshot"]
        for table in self.tables:
            rows = database.execute(f'SELECT count(*), any_value(snapshot) FROM "{table["name"]}"').fetchone()
            wanted = (table["rows"], newest if table["rows"] else None)
            assert rows == wanted, f"`{table['name']}`: {rows}, not {wanted}"
        comments = database.execute("SELECT count(*) FROM duckdb_columns() WHERE comment <> ''").fetchone()
        assert comments and comments[0] > 100, f"{comments} columns have a description"

    def check_dbt(self) -> None:
        """Parses the sources of dbt, and runs their tests as dbt does."""
        arguments = ["--format", "dbt", "--dialect", "duckdb", "--place", str(self.out)]
        sources = yaml.safe_load(self.fortilake("tables", *arguments))
        tables = sources["sources"][0]["tables"]
        assert [table["name"] for table in tables] != [], sources
        assert {table["name"] for table in tables} == {table["name"] for table in self.tables}
        for table in tables:
            files = table["meta"]["external_location"]
            (test,) = table["data_tests"]
            key = test["unique"]["column_name"]
            again = duckdb.sql(f"SELECT {key} FROM {files} GROUP BY {key} HAVING count(*) > 1").fetchall()
            assert again == [], f"`{table['name']}`: {key} is not unique: {again[:3]}"
            for column in table["columns"]:
                if "not_null" in column.get("data_tests", []):
                    nulls = duckdb.sql(f'SELECT count(*) FROM {files} WHERE "{column["name"]}" IS NULL')
                    assert nulls.fetchall() == [(0,)], f"`{table['name']}.{column['name']}` has nulls"
        for dialect in ["postgres", "spark"]:
            text = self.fortilake("tables", "--format", "dbt", "--dialect", dialect)
            assert yaml.safe_load(text)["version"] == 2, text

    def check_workbook(self) -> None:
        """Compares the workbook with the Parquet files, cell by cell."""
        workbook = openpyxl.load_workbook(self.place / "inventory.xlsx")
        assert workbook.sheetnames == [table["name"] for table in self.tables], workbook.sheetnames
        companies = {
            row["account_id"]: row["company"] for row in read_newest(self.out, "accounts")
        }
        for sheet in workbook:
            rows = read_newest(self.out, sheet.title)
            header, *cells = sheet.iter_rows()
            names = [cell.value for cell in header]
            assert len(cells) == len(rows), f"`{sheet.title}`: {len(cells)} rows, not {len(rows)}"
            assert sheet.freeze_panes == "A2" and sheet.auto_filter.ref, f"`{sheet.title}` has no filter"
            for line, row in zip(cells, rows, strict=True):
                if sheet.title != "accounts" and "company" in names and "company" not in row:
                    row["company"] = companies.get(row["account_id"])
                for name, cell in zip(names, line, strict=True):
                    assert cell.data_type != "f", f"{sheet.title}!{cell.coordinate} is a formula"
                    wanted, found = row[name], cell.value
                    assert found == as_cell(wanted), f"{sheet.title}!{cell.coordinate}: {found!r}, not {wanted!r}"

    def check_recipe(self) -> None:
        """Runs the query of the documentation, and compares it with `fortilake renewals`."""
        text = (DOCS / "history.md").read_text("utf-8").split(RECIPE)[1]
        sql = re.findall(r"```sql\n(.*?)```", text, re.DOTALL)[0].replace("'out/", f"'{self.out}/")
        ends = duckdb.sql(sql)
        columns = ends.columns
        found = [dict(zip(columns, row, strict=True)) for row in ends.fetchall()]
        listed = json.loads(self.fortilake("renewals", "--within", "90d", "--format", "json"))
        wanted = [{name: row[name] for name in columns} for row in listed if row["status"] == "ending"]
        assert len(wanted) > 10, f"only {len(wanted)} lines end"
        for row in found:
            row["end_date"] = row["end_date"].isoformat()
        assert found == wanted, f"{len(found)} rows, not {len(wanted)}: {found[:2]}, not {wanted[:2]}"


def read_newest(out: Path, table: str) -> list[dict[str, Any]]:
    """Returns the rows of a table of the newest snapshot."""
    (file,) = next(found["files"] for found in manifest(out)["tables"] if found["name"] == table)
    return pyarrow.parquet.ParquetFile(out / file["path"]).read().to_pylist()


def as_cell(value: Any) -> Any:
    """What a workbook has for a value."""
    match value:
        case "":
            return None
        case datetime() if value.tzinfo:
            text = value.isoformat(timespec="microseconds" if value.microsecond else "seconds")
            return text.replace("+00:00", "Z")
        case _:
            return value


def main() -> None:
    """Runs all checks."""
    binary, checks = binary_from_arguments(), Checks()
    with tempfile.TemporaryDirectory() as place:
        crawl = Crawl(Path(place), binary)
        for name, check in [
            ("DuckDB runs the statements of `tables --dialect duckdb`", crawl.check_duckdb),
            ("the sources for dbt are valid, and their tests pass", crawl.check_dbt),
            ("the workbook has the rows of the Parquet files", crawl.check_workbook),
            ("the recipe finds what `fortilake renewals` finds", crawl.check_recipe),
        ]:
            with checks.check(name):
                check()
    checks.finish()


if __name__ == "__main__":
    main()
