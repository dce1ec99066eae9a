"""Reads published tables, and reports how two versions differ."""

from __future__ import annotations

import csv
import hashlib
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

# Values that the CSV sink prefixes with `'`, from OWASP's list for "CSV injection".
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
MOST_SHOWN = 5


def manifest(folder: Path) -> dict[str, Any]:
    """Returns the manifest of the newest snapshot."""
    own = folder / "_fortilake"
    if (own / "current").is_symlink():
        name = (own / "current").readlink().name.split("-")[0]
        return json.loads((own / f"versions/{name}.json").read_text("utf-8"))
    latest = json.loads((own / "latest.json").read_text("utf-8"))
    return json.loads((folder / latest["manifest"]).read_text("utf-8"))


def is_published(folder: Path) -> bool:
    """Returns whether a reader would see a snapshot in the folder."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    inner = [path for path in files if "_fortilake" in path.relative_to(folder).parts]
    visible = [path for path in files if path not in inner]
    # A claim on a name is not a snapshot.
    told = [path for path in inner if "claims" not in path.parts and path.suffix == ".json"]
    return bool(visible) or bool(told)


def read_parquet(folder: Path, table: str) -> pa.Table:
    """Returns all rows of a table of the only snapshot."""
    files = sorted(folder.glob(f"{table}/snapshot=*/part-*.parquet"))
    assert len(files) == 1, f"table `{table}` has the files {files}"
    return pyarrow.parquet.ParquetFile(files[0]).read()


def check_files(folder: Path) -> None:
    """Asserts that the files match the manifest, and that there are no others except links to them."""
    listed = set()
    for table in manifest(folder)["tables"]:
        for file in table["files"]:
            content = (folder / file["path"]).read_bytes()
            assert len(content) == file["bytes"], f"{file['path']} has {len(content)} bytes: {file}"
            digest = hashlib.sha256(content).hexdigest()
            assert digest == file["sha256"], f"{file['path']} has the digest {digest}: {file}"
            assert file["rows"] == table["rows"], f"{table['name']}: {table['rows']} and {file}"
            listed.add(folder / file["path"])
    found = {path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()}
    stray = {path for path in found - listed if "_fortilake" not in path.parts}
    assert not stray, f"files that the manifest does not name: {stray}"


def drop_column(folder: Path, manifest: dict[str, Any], table: str, column: str) -> None:
    """Takes a column out of a table of a snapshot, as if it had been published before the column was there."""
    (found,) = (each for each in manifest["tables"] if each["name"] == table)
    (file,) = found["files"]
    path = folder / file["path"]
    rows = pyarrow.parquet.ParquetFile(path).read()
    pyarrow.parquet.write_table(rows.drop_columns([column]), path)
    file["bytes"], file["sha256"] = path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest()
    found["columns"] = [each for each in found["columns"] if each["name"] != column]
    target = folder / f"_fortilake/snapshots/{manifest['snapshot']}.json"
    target.write_text(json.dumps(manifest), "utf-8")


def read_csv(file: Path) -> pa.Table:
    """Reads a CSV file as texts. An empty cell is null, `""` is an empty text."""
    with file.open("r", encoding="utf-8", newline="") as lines:
        names = next(csv.reader(lines))
    options = pyarrow.csv.ConvertOptions(
        column_types={name: pa.string() for name in names},
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )
    parse = pyarrow.csv.ParseOptions(newlines_in_values=True)
    return pyarrow.csv.read_csv(file, parse_options=parse, convert_options=options)


def check_csv(file: Path, table: pa.Table) -> None:
    """Asserts that a CSV file equals the table, cell by cell."""
    names, cells = table.column_names, read_csv(file)
    assert cells.column_names == names, f"{file.name}: {cells.column_names}, not {names}"
    assert cells.num_rows == table.num_rows, f"{file.name}: {cells.num_rows} rows, not {table.num_rows}"
    different = []
    for name in names:
        pairs = zip(cells[name].to_pylist(), table[name].to_pylist(), strict=True)
        for row, (cell, value) in enumerate(pairs):
            if not same_cell(cell, value):
                different.append(f"row {row}, {name}: {cell!r:.100} for {value!r:.100}")
    assert not different, f"{file.name}: {len(different)} cells, among them {different[:MOST_SHOWN]}"


def same_cell(cell: str | None, value: Any) -> bool:
    """Returns whether a CSV cell represents the value."""
    match value:
        case None:
            return cell is None
        case bool():
            return cell == ("true" if value else "false")
        case datetime():
            return cell is not None and datetime.fromisoformat(cell) == value
        case str():
            return cell == ("'" + value if value.startswith(FORMULA_STARTS) else value)
        case _:
            return cell == str(value)


def by_key(rows: list[dict[str, Any]], key: list[str]) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Returns the rows by their key, which must be unique."""
    keyed = {tuple(row[column] for column in key): row for row in rows}
    assert len(keyed) == len(rows), f"{len(rows)} rows have {len(keyed)} keys"
    return keyed


def check_rows(table: str, found: dict[tuple, dict], wanted: dict[tuple, dict]) -> None:
    """Asserts that both sides have the same rows. Only the wanted columns are compared."""
    missing, surplus = wanted.keys() - found.keys(), found.keys() - wanted.keys()
    assert not missing, f"{table}: {len(missing)} rows missing: {sorted(missing)[:MOST_SHOWN]}"
    assert not surplus, f"{table}: {len(surplus)} rows too many: {sorted(surplus)[:MOST_SHOWN]}"
    different = [
        f"{key}: {column} is {found[key].get(column)!r:.120}, not {value!r:.120}"
        for key, row in wanted.items()
        for column, value in row.items()
        if column not in found[key] or found[key][column] != value
    ]
    assert not different, f"{table}: {len(different)} values, among them {different[:MOST_SHOWN]}"
