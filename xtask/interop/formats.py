"""Reads Delta tables and DuckLake catalogs with delta-rs, Polars and DuckDB, and compares with the Parquet files.

The catalogs are in SQLite and, if it is installed, in PostgreSQL.
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb
import polars
from checks import Checks, binary_from_arguments, environment, run
from deltalake import DeltaTable
from duckdb_extensions import import_extension
from postgres import Server, installed
from tables import drop_column

# The table and column that the first snapshot lacks.
TABLE, ADDED = "products", "description"
OPERATORS = ("<", "<=", "=", ">=", ">", "<>")
KILLS = 10


class Catalog:
    """A DuckLake catalog in a SQLite file or, with a server, in a database of its own."""

    def __init__(self, folder: Path, name: str, server: Server | None) -> None:
        self.server, self.database = server, name.replace("-", "_")
        self.file = folder / f"{name}.sqlite"
        if server is not None:
            server.query(f"CREATE DATABASE {self.database}")

    def option(self) -> str:
        """The value of the option `catalog`."""
        return str(self.file) if self.server is None else self.server.url_of(self.database)

    def exists(self) -> bool:
        if self.server is None:
            return self.file.exists() and self.file.stat().st_size > 0
        return self.server.query("SELECT to_regclass('ducklake_snapshot') IS NOT NULL", self.database) == ["t"]

    def copy(self) -> Catalog:
        """A copy, made while no program is connected."""
        copied = Catalog.__new__(Catalog)
        copied.server, copied.database, copied.file = self.server, "copy_of_lake", self.file.with_name("copy.sqlite")
        if self.server is None:
            shutil.copyfile(self.file, copied.file)
        else:
            self.server.query(f"CREATE DATABASE {copied.database} TEMPLATE {self.database}")
        return copied

    def attach(self, options: str = "READ_ONLY") -> duckdb.DuckDBPyConnection:
        """DuckDB with the catalog as `lake`."""
        if self.server is None:
            scanner, where = "sqlite_scanner", f"sqlite:{self.file}"
        else:
            scanner = "postgres_scanner"
            where = f"postgres:dbname={self.database} host=127.0.0.1 port={self.server.port} user=postgres"
        db = connect(scanner, "ducklake")
        db.sql(f"ATTACH 'ducklake:{where}' AS lake" + (f" ({options})" if options else ""))
        return db


class Place:
    """A place with four snapshots: the first is older than the catalogs, and lacks a column."""

    def __init__(self, binary: Path, folder: Path, server: Server | None) -> None:
        self.binary, self.folder, self.server = binary, folder, server
        self.path = folder / "lake"
        self.catalog = Catalog(folder, "lake", server)
        self.ducklake = f"ducklake:{self.catalog.option()}?data={self.path}"
        # For the names of the checks.
        self.kind = "SQLite" if server is None else "PostgreSQL"

    def crawl(self, sink: str) -> None:
        run(self.binary, ["crawl", "--simulate", "--sink", sink], self.folder, {}).expect(0)

    def manifests(self) -> list[dict[str, Any]]:
        """The manifests, oldest first."""
        paths = sorted((self.path / "_fortilake/snapshots").glob("*.json"))
        return [json.loads(path.read_text("utf-8")) for path in paths]

    def files(self, manifest: dict[str, Any], table: str) -> list[str]:
        """The files of a table in a snapshot; none if the snapshot lacks the table."""
        tables = [found for found in manifest["tables"] if found["name"] == table]
        return [str(self.path / file["path"]) for found in tables for file in found["files"]]

    def fill(self) -> None:
        """Publishes the snapshots."""
        self.crawl(f"parquet:{self.path}")
        (manifest,) = self.manifests()
        drop_column(self.path, manifest, TABLE, ADDED)
        for sink in (f"delta:{self.path}", self.ducklake, f"delta:{self.path}"):
            self.crawl(sink)
        self.crawl(self.ducklake)


def connect(*extensions: str) -> duckdb.DuckDBPyConnection:
    """DuckDB with extensions from packages; none is downloaded."""
    db = duckdb.connect(config={"autoinstall_known_extensions": False})
    db.sql("SET TimeZone = 'UTC'")
    for extension in extensions:
        import_extension(extension, con=db)
        db.sql(f"LOAD {extension}")
    return db


def same(db: duckdb.DuckDBPyConnection, what: str, found: str, files: list[str]) -> None:
    """Asserts that a relation has exactly the rows of files. A column that the files lack must be null."""
    wanted = f"read_parquet({files}, hive_partitioning = false)"
    have = [row[0] for row in db.sql(f"DESCRIBE SELECT * FROM {wanted}").fetchall()]
    seen = [row[0] for row in db.sql(f"DESCRIBE SELECT * FROM {found}").fetchall()]
    assert set(have) <= set(seen), f"{what}: the columns {set(have) - set(seen)} are missing"
    names = ", ".join(f'"{name}"' for name in have)
    left, right = f"SELECT {names} FROM {found}", f"SELECT {names} FROM {wanted}"
    for one, other in ((left, right), (right, left)):
        rows = db.sql(f"({one}) EXCEPT ALL ({other}) LIMIT 1").fetchall()
        assert not rows, f"{what}: {rows}"
    for name in set(seen) - set(have):
        count = db.sql(f'SELECT count("{name}") FROM {found}').fetchone()
        assert count == (0,), f"{what}: `{name}` is not null"


def same_filters(db: duckdb.DuckDBPyConnection, what: str, found: str, files: list[str]) -> None:
    """Asserts that filters at the bounds of every column find the same rows, so that no statistics are wrong."""
    wanted = f"read_parquet({files}, hive_partitioning = false)"
    for name, *_ in db.sql(f"DESCRIBE SELECT * FROM {wanted}").fetchall():
        aggregates = f'SELECT min("{name}"), max("{name}"), count("{name}"), count(*) FILTER ("{name}" IS NULL) FROM '
        bounds = db.sql(aggregates + wanted).fetchone()
        assert bounds == db.sql(aggregates + found).fetchone(), f"{what}: {name}"
        for bound in {value for value in bounds[:2] if value is not None}:
            counts = ", ".join(f'count(*) FILTER ("{name}" {operator} $1)' for operator in OPERATORS)
            wheres = [f'SELECT count(*) FROM {found} WHERE "{name}" {operator} $1' for operator in OPERATORS]
            expected = list(db.execute(f"SELECT {counts} FROM {wanted}", [bound]).fetchone())
            seen = [db.execute(where, [bound]).fetchone()[0] for where in wheres]
            assert seen == expected, f"{what}: {name}, {bound}: {seen}, expected {expected}"


def tables(manifest: dict[str, Any]) -> list[str]:
    return [table["name"] for table in manifest["tables"]]


def check_delta(checks: Checks, place: Place) -> None:
    """Reads all versions of all tables with three readers."""
    db = connect("delta")
    manifests = place.manifests()[:-1]
    with checks.check("the versions of all Delta tables are the snapshots, and the record names them"):
        for table in tables(manifests[0]):
            history = sorted(DeltaTable(place.path / table).history(), key=lambda entry: entry["version"])
            names = [entry["fortilakeSnapshot"] for entry in history]
            assert names == [manifest["snapshot"] for manifest in manifests], f"{table}: {names}"
        record = json.loads((place.path / "_fortilake/catalogs/delta.json").read_text("utf-8"))
        assert record["snapshot"] == manifests[-1]["snapshot"]
        assert record["tables"] == {table: len(manifests) - 1 for table in tables(manifests[0])}, record
    for version, manifest in enumerate(manifests):
        with checks.check(f"delta-rs, Polars and DuckDB read version {version} of every Delta table"):
            for table in tables(manifest):
                files, path = place.files(manifest, table), str(place.path / table)
                rust = DeltaTable(path, version=version)
                assert len(rust.file_uris()) == len(files)
                by_rust = rust.to_pyarrow_dataset().to_table()
                by_polars = polars.scan_delta(path, version=version).collect().to_arrow()
                db.register("by_rust", by_rust)
                db.register("by_polars", by_polars)
                readers = ("by_rust", "by_polars", f"delta_scan('{path}', version = {version})")
                for reader in readers:
                    same(db, f"{table}, version {version}, {reader}", reader, files)
    with checks.check("an added column is absent in the old version, and there in the newest"):
        path = place.path / TABLE
        first, last = (DeltaTable(path, version=version).schema().to_arrow() for version in (0, 1))
        assert ADDED not in first.names and ADDED in last.names
        assert last.names[-1] == ADDED, "a new column belongs at the end"
    with checks.check("filters on Delta tables are right at the bounds of every column"):
        for table in tables(manifests[-1]):
            same_filters(db, table, f"delta_scan('{place.path / table}')", place.files(manifests[-1], table))
    with checks.check("VACUUM deletes nothing"):
        for table in tables(manifests[-1]):
            for full in (False, True):
                listed = DeltaTable(place.path / table).vacuum(dry_run=True, full=full)
                assert not listed, f"{table}: {listed}"
    with checks.check("after OPTIMIZE by delta-rs, the next snapshot replaces the table"):
        other = Place(place.binary, place.folder / "optimized", None)
        other.folder.mkdir()
        for _ in range(2):
            other.crawl(f"delta:{other.path}")
        table = DeltaTable(other.path / "accounts")
        table.delete("account_id % 2 = 0")
        assert table.version() == 2
        other.crawl(f"delta:{other.path}")
        manifest = other.manifests()[-1]
        same(db, "accounts", f"delta_scan('{other.path / 'accounts'}')", other.files(manifest, "accounts"))
        assert DeltaTable(other.path / "accounts").version() == 3


def check_ducklake(checks: Checks, place: Place) -> None:
    """Reads all versions of the catalog, also joined."""
    db = place.catalog.attach()
    manifests = place.manifests()
    versions = db.sql("SELECT snapshot_id, commit_message FROM ducklake_snapshots('lake') ORDER BY 1").fetchall()
    with checks.check(f"{place.kind}: the versions of the DuckLake catalog are the snapshots"):
        assert versions[1:] == list(enumerate((found["snapshot"] for found in manifests), 1)), versions
    for version, manifest in enumerate(manifests, 1):
        with checks.check(f"{place.kind}: DuckDB reads version {version} of every table of the DuckLake catalog"):
            for table in tables(manifest):
                found = f"lake.{table} AT (VERSION => {version})"
                same(db, f"{table}, version {version}", found, place.files(manifest, table))
    with checks.check(f"{place.kind}: two tables are joined in one version"):
        for version, manifest in enumerate(manifests, 1):
            at = f"AT (VERSION => {version})"
            joined = f"lake.products p {at} JOIN lake.entitlements e {at} USING (account_id, serial_number)"
            count = db.sql(f"SELECT count(*), count(DISTINCT p._crawl_id || e._crawl_id) FROM {joined}").fetchone()
            rows = next(table["rows"] for table in manifest["tables"] if table["name"] == "entitlements")
            assert count == (rows, 1), f"version {version}: {count}, expected {rows} rows"
    with checks.check(f"{place.kind}: an added column is absent in the old version, and there in the newest"):
        columns = [
            {row[0] for row in db.sql(f"DESCRIBE SELECT * FROM lake.{TABLE} AT (VERSION => {version})").fetchall()}
            for version in (1, 2)
        ]
        assert columns[1] - columns[0] == {ADDED}, columns
        assert db.sql(f"SELECT count({ADDED}) > 0 FROM lake.{TABLE}").fetchone() == (True,)
    with checks.check(f"{place.kind}: filters are right at the bounds of every column, in every version"):
        for version, manifest in enumerate(manifests, 1):
            for table in tables(manifest):
                found = f"lake.{table} AT (VERSION => {version})"
                same_filters(db, f"{table}, version {version}", found, place.files(manifest, table))
    db.close()
    with checks.check(f"{place.kind}: DuckLake's cleanup deletes none of the files"):
        before = sorted(place.path.rglob("*.parquet"))
        writer = place.catalog.copy().attach("")
        writer.sql("CALL ducklake_expire_snapshots('lake', versions => [1, 2])")
        writer.sql("CALL ducklake_cleanup_old_files('lake', cleanup_all => true)")
        writer.sql("CALL ducklake_delete_orphaned_files('lake', cleanup_all => true)")
        left = [row[0] for row in writer.sql("SELECT snapshot_id FROM ducklake_snapshots('lake')").fetchall()]
        assert 1 not in left and 2 not in left, left
        assert sorted(place.path.rglob("*.parquet")) == before


def check_readers(checks: Checks, place: Place) -> None:
    """Reads the catalog in a loop while crawls are published, from another process than the program's."""
    query = """
        SELECT (SELECT min(_crawl_id) FROM lake.products), (SELECT max(_crawl_id) FROM lake.products),
            (SELECT min(_crawl_id) FROM lake.accounts), (SELECT max(_crawl_id) FROM lake.accounts)
    """
    with checks.check(f"{place.kind}: a reader that joins tables in a loop never mixes snapshots of the catalog"):
        db = place.catalog.attach()
        seen: list[str] = []
        reads = 0
        for _ in range(3):
            words = [str(place.binary), "crawl", "--simulate", "--sink", place.ducklake]
            publisher = subprocess.Popen(
                words,
                cwd=place.folder,
                env=environment(place.folder, {}),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            while publisher.poll() is None:
                ids = set(db.sql(query).fetchone())
                assert len(ids) == 1, f"mixed: {ids}"
                seen += [name for name in ids if name not in seen]
                reads += 1
            assert publisher.returncode == 0
        (last,) = set(db.sql(query).fetchone())
        assert len({*seen, last}) > 2, f"{reads} reads saw {len(seen)} snapshots"


def check_kills(checks: Checks, place: Place) -> None:
    """Kills the program while it publishes, and publishes again."""
    moments = random.Random(1)

    def words(name: str, catalog: Catalog) -> list[str]:
        sinks = [f"delta:{name}", f"ducklake:{catalog.option()}?data={name}-files"]
        return ["replay", "latest", *(word for sink in sinks for word in ("--sink", sink))]

    with checks.check(f"{place.kind}: a kill at any moment shows readers nothing or everything"):
        # Only a crawl with a state can be published again.
        crawl = ["crawl", "--simulate", "--state", str(place.folder / "state"), "--sink", "parquet:first"]
        run(place.binary, crawl, place.folder, {}).expect(0)
        started = time.monotonic()
        whole = words("whole", Catalog(place.folder, "whole", place.server))
        run(place.binary, whole, place.folder, {}).expect(0)
        length = time.monotonic() - started
        killed = 0
        for number in range(KILLS):
            name = f"kill-{number}"
            catalog = Catalog(place.folder, name, place.server)
            process = subprocess.Popen(
                [str(place.binary), *words(name, catalog)],
                cwd=place.folder,
                env=environment(place.folder, {}),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            time.sleep(length * moments.uniform(0.3, 1.0))
            process.kill()
            killed += process.wait() != 0
            path = place.folder / name
            for log in path.glob("*/_delta_log"):
                if any(log.glob("*.json")):
                    assert DeltaTable(log.parent).version() == 0, log
            if catalog.exists():
                db = catalog.attach()
                assert len(db.sql("SELECT * FROM ducklake_snapshots('lake')").fetchall()) in (0, 2)
            run(place.binary, words(name, catalog), place.folder, {}).expect(0)
            (manifest,) = (path / "_fortilake/snapshots").glob("*.json")
            newest = json.loads(manifest.read_text("utf-8"))
            for table in newest["tables"]:
                assert DeltaTable(path / table["name"]).count() == table["rows"], table["name"]
            db = catalog.attach()
            for table in newest["tables"]:
                count = db.sql(f"SELECT count(*) FROM lake.{table['name']}").fetchone()
                assert count == (table["rows"],), table["name"]
        assert killed > 0, f"only {killed} of {KILLS} processes were killed in time"


def check_shared(checks: Checks, place: Place) -> None:
    """Publishes to a catalog that DuckDB has created and that it writes to."""
    with checks.check(f"{place.kind}: a catalog that DuckDB created has its own tables and ours"):
        catalog = Catalog(place.folder, "shared", place.server)
        path, own = place.folder / "shared", place.folder / "own"
        manifests = path / "_fortilake/snapshots"
        for number in range(2):
            writer = catalog.attach(f"DATA_PATH '{own}/'")
            writer.sql("CREATE TABLE IF NOT EXISTS lake.notes (note VARCHAR)")
            writer.sql(f"INSERT INTO lake.notes SELECT 'note ' || i || ' of {number}' FROM range(100) AS r (i)")
            if number > 0:
                # The next snapshot replaces this.
                writer.sql("DELETE FROM lake.accounts WHERE account_id % 2 = 0")
            writer.close()
            place.crawl(f"ducklake:{catalog.option()}?data={path}")
            reader = catalog.attach()
            assert reader.sql("SELECT count(*) FROM lake.notes").fetchone() == (100 * (number + 1),)
            newest = json.loads(max(manifests.glob("*.json")).read_text("utf-8"))
            for table in newest["tables"]:
                files = [str(path / file["path"]) for file in table["files"]]
                same(reader, table["name"], f"lake.{table['name']}", files)
            reader.close()


def check_place(checks: Checks, place: Place) -> None:
    """Runs all checks with catalogs in one of the databases."""
    place.fill()
    if place.server is None:
        check_delta(checks, place)
    for check in (check_ducklake, check_readers, check_kills, check_shared):
        check(checks, place)


def main() -> None:
    """Runs all checks."""
    binary, checks = binary_from_arguments(), Checks()
    with tempfile.TemporaryDirectory() as folder:
        check_place(checks, Place(binary, Path(folder).resolve(), None))
    # `cargo xtask interop` says so if it is not installed.
    if installed():
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as data:
            server = Server(Path(data))
            try:
                check_place(checks, Place(binary, Path(folder).resolve(), server))
            finally:
                server.stop()
    checks.finish()


if __name__ == "__main__":
    main()
