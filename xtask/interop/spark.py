"""Runs our Spark job on a cluster with two executors, and compares its results with SQL in DuckDB.

Spark also reads every table of every format. This needs Java 17 or newer.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import duckdb
import pyspark
from checks import Checks, binary_from_arguments, environment, run
from pyspark.sql import DataFrame, SparkSession
from tables import drop_column

ROOT = Path(__file__).parents[2]
JOB = ROOT / "examples/spark/inventory_history.py"
SPARK_HOME = Path(pyspark.__file__).parent
# Two executors with a core and 1 GiB each, which is the least that an executor can have.
CLUSTER = "local-cluster[2,1,1024]"
# In a short job, the time goes into compiling and not into the work. No result may depend on the time zones.
JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Duser.timezone=Asia/Kathmandu"
SETTINGS = {
    "spark.driver.extraJavaOptions": JAVA,
    "spark.executor.extraJavaOptions": JAVA,
    "spark.log.level": "ERROR",
    "spark.sql.session.timeZone": "America/Los_Angeles",
    "spark.sql.shuffle.partitions": "4",
    "spark.ui.enabled": "false",
}
# Three Java processes take a minute on two idle cores, and a job that takes this long has hung.
TIMEOUT_SECONDS = 900
# The last snapshot is like the second, so that devices come back, and their old values, too.
DAYS = (0, 12, 30, 12)
QUIRKS = '[quirks]\nhostile_text = true\nduplicate_rows = true\ndates = "fraction"\n'
FAULT = '[[fault]]\npath = "products/list"\naccount = 710101\naction = { kind = "refuse" }\n'
# The column that the first snapshot lacks.
ADDED = "description"
KEY = "_source, account_id, serial_number"
SPARK_TYPES = {
    "string": "string",
    "int64": "bigint",
    "bool": "boolean",
    "timestamp[us]": "timestamp_ntz",
    "timestamp[us, tz=UTC]": "timestamp",
}


class Lake:
    """A place with four complete snapshots and a partial one between them; the newest as CSV and NDJSON, too."""

    def __init__(self, binary: Path, folder: Path) -> None:
        self.binary, self.folder, self.path = binary, folder, folder / "a lake"
        self.states = 0
        for day in DAYS[:2]:
            self.publish(day)
        self.publish(20, FAULT)
        self.publish(DAYS[2])
        self.publish(DAYS[3], sinks=("csv:csv?layout=snapshots&formula_prefix=false", "ndjson:ndjson?layout=snapshots"))
        drop_column(self.path, self.manifests()[0], "products", ADDED)

    def publish(self, day: int, fault: str = "", sinks: tuple[str, ...] = ()) -> None:
        """Publishes what a simulator serves after some days."""
        scenario = self.folder / "scenario.toml"
        scenario.write_text(f"day = {day}\n{QUIRKS}{fault}", "utf-8")
        simulator = subprocess.Popen(
            [str(self.binary), "simulate", "--listen", "127.0.0.1:0", "--scenario", str(scenario)],
            env=environment(self.folder, {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
        )
        assert simulator.stdout is not None
        try:
            variables = dict(simulator.stdout.readline().strip().split("=", 1) for _ in range(4))
            # In one state, the calls of all crawls would count together and soon reach the limit of a minute.
            self.states += 1
            variables["FORTILAKE_STATE"] = str(self.folder / f"state-{self.states}")
            words = [word for sink in (f"parquet:{self.path}", *sinks) for word in ("--sink", sink)]
            run(self.binary, ["crawl", *words], self.folder, variables).expect(3 if fault else 0)
        finally:
            simulator.terminate()
            simulator.wait()

    def manifests(self, path: Path | None = None) -> list[dict[str, Any]]:
        """The manifests of the complete snapshots, oldest first."""
        paths = sorted(((path or self.path) / "_fortilake/snapshots").glob("*.json"))
        manifests = [json.loads(path.read_text("utf-8")) for path in paths]
        return [manifest for manifest in manifests if manifest["outcome"]["complete"]]

    def names(self) -> list[str]:
        """The names of the complete snapshots, oldest first."""
        return [manifest["snapshot"] for manifest in self.manifests()]

    def file(self, manifest: dict[str, Any], name: str) -> Path:
        """The only file of a table in a snapshot."""
        (file,) = (file for table in manifest["tables"] if table["name"] == name for file in table["files"])
        return self.path / file["path"]


def submit(arguments: list[str], folder: Path, settings: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Runs the job as its users do, with `spark-submit`."""
    confs = [word for name, value in (SETTINGS | settings).items() for word in ("--conf", f"{name}={value}")]
    variables = {"SPARK_HOME": str(SPARK_HOME), "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    if "JAVA_HOME" in os.environ:
        variables["JAVA_HOME"] = os.environ["JAVA_HOME"]
    try:
        return subprocess.run(
            [str(SPARK_HOME / "bin/spark-submit"), "--master", CLUSTER, *confs, str(JOB), *arguments],
            cwd=folder,
            env=environment(folder, variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=TIMEOUT_SECONDS,
        )
    finally:
        # The workers write their logs and copies of libraries next to Spark's own files.
        shutil.rmtree(SPARK_HOME / "work", ignore_errors=True)


def rows_by_executor(log: Path) -> Counter[str]:
    """How many rows each executor has read, from files or from other executors."""
    rows: Counter[str] = Counter()
    for line in log.read_text("utf-8").splitlines():
        event = json.loads(line)
        if event["Event"] == "SparkListenerTaskEnd":
            metrics = event["Task Metrics"]
            read = metrics["Input Metrics"]["Records Read"] + metrics["Shuffle Read Metrics"]["Total Records Read"]
            rows[event["Task Info"]["Executor ID"]] += read
    return rows


def parquet(files: Path) -> str:
    """Parquet files in a query. The names of folders add no columns."""
    return f"read_parquet('{files}', hive_partitioning = false)"


def connect(lake: Lake) -> duckdb.DuckDBPyConnection:
    """DuckDB with the table `products` of all complete snapshots, and `terms` of the newest."""
    db = duckdb.connect()
    db.sql("SET TimeZone = 'UTC'")
    manifests = lake.manifests()
    files = [parquet(lake.file(manifest, "products")) for manifest in manifests]
    parts = [f"SELECT {position} AS position, * FROM {file}" for position, file in enumerate(files)]
    db.sql(f"CREATE TABLE products AS {' UNION ALL BY NAME '.join(parts)}")
    db.sql(f"CREATE TABLE terms AS FROM {parquet(lake.file(manifests[-1], 'contract_terms'))}")
    db.sql("CREATE TABLE names (position INTEGER, name VARCHAR)")
    db.executemany("INSERT INTO names VALUES (?, ?)", list(enumerate(lake.names())))
    return db


def same(db: duckdb.DuckDBPyConnection, what: str, found: str, wanted: str) -> int:
    """Asserts that two queries have the same columns, in any order, and the same rows. Returns how many."""
    columns = sorted(db.sql(wanted).columns)
    assert sorted(db.sql(found).columns) == columns, f"{what}: {db.sql(found).columns}, not {columns}"
    names = ", ".join(f'"{name}"' for name in columns)
    sides = {"found": f"SELECT {names} FROM ({found})", "wanted": f"SELECT {names} FROM ({wanted})"}
    for only, other in (("found", "wanted"), ("wanted", "found")):
        # As text, because a time with a time zone needs another package in Python.
        query = f"SELECT COLUMNS(*)::VARCHAR FROM ({sides[only]} EXCEPT ALL {sides[other]}) LIMIT 3"
        rows = db.sql(query).fetchall()
        assert not rows, f"{what}: only {only}: {rows}"
    return count(db, wanted)


def count(db: duckdb.DuckDBPyConnection, query: str) -> int:
    """How many rows a query has."""
    ((rows,),) = db.sql(f"SELECT count(*) FROM ({query})").fetchall()
    return rows


def check_history(db: duckdb.DuckDBPyConnection, lake: Lake, found: str) -> None:
    """Finds the versions by comparing each snapshot with the next one."""
    db.sql(f"CREATE TABLE continued AS SELECT {KEY}, position FROM products LIMIT 0")
    manifests = lake.manifests()
    columns = []
    for manifest in manifests:
        (table,) = (table for table in manifest["tables"] if table["name"] == "products")
        columns.append([column["name"] for column in table["columns"]])
    values = [name for name in columns[-1] if not name.startswith("_") and name not in KEY.split(", ")]
    for position in range(1, len(manifests)):
        names = [KEY, *(name for name in values if name in columns[position - 1])]
        rows = f"SELECT {', '.join(names)} FROM products WHERE position"
        both = f"{rows} = {position - 1} INTERSECT {rows} = {position}"
        db.sql(f"INSERT INTO continued SELECT {KEY}, {position} FROM ({both})")
    all_rows = f"SELECT {KEY}, position FROM products"
    starts = f"{all_rows} EXCEPT FROM continued"
    ends = f"{all_rows} EXCEPT SELECT * REPLACE (position - 1 AS position) FROM continued"
    versions = f"""
        SELECT {KEY}, s.position AS first, min(e.position) AS last FROM ({starts}) s JOIN ({ends}) e USING ({KEY})
        WHERE e.position >= s.position GROUP BY ALL
    """
    wanted = f"""
        SELECT {KEY}, row_number() OVER (PARTITION BY {KEY} ORDER BY first) AS version, {", ".join(values)},
            valid_from.name AS valid_from, valid_to.name AS valid_to
        FROM ({versions}) v JOIN products p USING ({KEY})
        JOIN names valid_from ON valid_from.position = first LEFT JOIN names valid_to ON valid_to.position = last + 1
        WHERE p.position = last
    """
    assert same(db, "products_history", found, wanted) > 698
    # Otherwise, the simulated days would not test everything.
    for case in ("version > 2", f"{ADDED} IS NULL", f"valid_to = '{lake.names()[1]}'", "valid_to IS NULL"):
        assert count(db, f"FROM ({found}) WHERE {case}") > 3, f"no version with {case}"
    gone = f"SELECT {KEY} FROM ({found}) GROUP BY ALL HAVING max(valid_to) IS NOT NULL AND count(*) > count(valid_to)"
    again = f"SELECT {KEY} FROM products GROUP BY ALL HAVING max(position) - min(position) >= count(*)"
    assert count(db, f"FROM ({gone}) JOIN ({again}) USING ({KEY})") > 3, "no product came back"


def check_terms(db: duckdb.DuckDBPyConnection, found: str) -> None:
    """Counts the terms of the newest snapshot by month."""
    wanted = f"""
        SELECT strptime(strftime(end_date, '%Y-%m'), '%Y-%m')::DATE AS month, count(*) AS terms,
            count(DISTINCT ({KEY})) AS devices
        FROM terms WHERE end_date IS NOT NULL AND ({KEY}) NOT IN (
            SELECT ({KEY}) FROM products WHERE is_decommissioned AND position = {len(DAYS) - 1}
        ) GROUP BY month
    """
    assert same(db, "terms_by_month", found, wanted) > 100
    decommissioned = "FROM terms JOIN products USING (serial_number) WHERE is_decommissioned"
    assert count(db, decommissioned) > 0, "no device with terms is decommissioned"


def check_moves(db: duckdb.DuckDBPyConnection, lake: Lake, found: str) -> None:
    """Compares with a join of consecutive snapshots, and with `fortilake changes`."""
    wanted = """
        SELECT name AS snapshot, new._source, new.serial_number, new.product_model,
            old.account_id AS from_account_id, new.account_id AS to_account_id
        FROM products old JOIN products new ON new._source = old._source AND new.serial_number = old.serial_number
            AND new.account_id <> old.account_id AND new.position = old.position + 1
        JOIN names ON names.position = new.position
    """
    assert same(db, "moved_devices", found, wanted) > 10
    names = lake.names()
    listed = set()
    for old, new in zip(names, names[1:]):
        words = ["changes", "--place", str(lake.path), "--from", old, "--to", new, "--table", "products"]
        ended = run(lake.binary, [*words, "--format", "ndjson"], lake.folder, {}).expect(0)
        for row in map(json.loads, filter(None, ended.stdout.split("\n"))):
            if row["_change_type"] == "moved":
                before = json.loads(row["_previous"])["account_id"]
                listed.add((new, row["serial_number"], before, row["account_id"]))
    rows = db.sql(f"SELECT snapshot, serial_number, from_account_id, to_account_id FROM ({found})").fetchall()
    assert set(rows) == listed, f"`fortilake changes` differs: {set(rows) ^ listed}"


def check_job(checks: Checks, lake: Lake) -> None:
    """Runs the job on two executors, and compares everything it writes."""
    manifest = lake.manifests()[-1]
    file = lake.file(manifest, "products")
    # What a crash can leave behind: files that no manifest lists.
    shutil.copy(file, file.with_name("part-crashed.parquet"))
    crashed = file.parent.with_name("snapshot=20990101T000000Z")
    crashed.mkdir()
    shutil.copy(file, crashed)
    events = lake.folder / "events"
    events.mkdir()
    log = {
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": events.as_uri(),
        "spark.eventLog.compress": "false",
        "spark.eventLog.rolling.enabled": "false",
        # Otherwise, the first executor could do all the work before the second has started.
        "spark.scheduler.minRegisteredResourcesRatio": "1",
        "spark.scheduler.maxRegisteredResourcesWaitingTime": "120s",
    }
    with checks.check("the Spark job runs on two executors, and both read rows"):
        ended = submit([str(lake.path), str(lake.folder / "results")], lake.folder, log)
        assert ended.returncode == 0, ended.stderr[-3000:]
        first, *_, last = lake.names()
        assert ended.stdout.startswith(f"snapshots: {len(DAYS)}, from {first} to {last}\n"), ended.stdout
        (found,) = events.iterdir()
        rows = rows_by_executor(found)
        assert len(rows) == 2 and min(rows.values()) > 300, f"rows by executor: {dict(rows)}"
    db = connect(lake)
    for name, compare in (
        ("products_history", lambda found: check_history(db, lake, found)),
        ("terms_by_month", lambda found: check_terms(db, found)),
        ("moved_devices", lambda found: check_moves(db, lake, found)),
    ):
        with checks.check(f"`{name}` of the Spark job equals that of DuckDB"):
            compare(f"FROM {parquet(lake.folder / 'results' / name / '*.parquet')}")


def check_tables(checks: Checks, lake: Lake, spark: SparkSession) -> None:
    """Reads the newest snapshot in three formats, in the documented way."""
    manifest = lake.manifests()[-1]
    names = [table["name"] for table in manifest["tables"]]
    db = duckdb.connect()
    db.sql("SET TimeZone = 'UTC'")

    def compare(name: str, frame: DataFrame, text: str = "{}") -> None:
        """Asserts that Spark has the rows of the Parquet file; `text` is what becomes of a text in it."""
        path = lake.folder / "copy"
        frame.coalesce(1).write.mode("overwrite").parquet(str(path))
        texts = [f'{text} AS "{column}"'.format(f'"{column}"') for column, kind in frame.dtypes if kind == "string"]
        wanted = f"SELECT * REPLACE ({', '.join(texts)}) FROM {parquet(lake.file(manifest, name))}"
        rows = same(db, name, f"FROM {parquet(path / '*.parquet')}", wanted)
        (table,) = (table for table in manifest["tables"] if table["name"] == name)
        assert rows == table["rows"], f"{name}: {rows} rows"

    frames: dict[str, DataFrame] = {}
    with checks.check("Spark reads the newest snapshot as docs/lake.md says"):
        page = (ROOT / "docs/lake.md").read_text("utf-8")
        (code,) = (block for block in page.split("```python\n") if block.startswith('place = "s3a://'))
        known: dict[str, Any] = {"spark": spark}
        exec(code.split("```")[0].replace("s3a://lake/fortinet", str(lake.path)), known)
        frames = {name: spark.read.parquet(*known["files"][name]) for name in names}
        assert sorted(known["files"]) == sorted(names)
        for name, frame in frames.items():
            compare(name, frame)
            (table,) = (table for table in manifest["tables"] if table["name"] == name)
            types = {column["name"]: SPARK_TYPES[column["type"]] for column in table["columns"]}
            assert dict(frame.dtypes) == types, f"{name}: {frame.dtypes}"
    with checks.check("Spark reads the same values from NDJSON files"):
        for table in lake.manifests(lake.folder / "ndjson")[-1]["tables"]:
            path = lake.folder / "ndjson" / table["files"][0]["path"]
            compare(table["name"], spark.read.schema(frames[table["name"]].schema).json(str(path)))
    with checks.check("Spark reads the same values from CSV files as docs/sinks/built-in.md says, but for CRLF"):
        page = (ROOT / "docs/sinks/built-in.md").read_text("utf-8")
        (code,) = (block.split("```")[0] for block in page.split("```python\n") if block.startswith("products = spark"))
        for table in lake.manifests(lake.folder / "csv")[-1]["tables"]:
            name = table["name"]
            path = lake.folder / "csv" / table["files"][0]["path"]
            known = {"spark": spark, "schema": frames[name].schema}
            exec(code.replace("out/products.csv", str(path)), known)
            compare(name, known["products"], text="replace({}, chr(13) || chr(10), chr(10))")
    with checks.check("Spark runs the statements of `tables --dialect spark`, and reads the tables"):
        words = ["tables", "--format", "sql", "--dialect", "spark", "--place", str(lake.path)]
        statements = run(lake.binary, words, lake.folder, {}).expect(0).stdout.split(";\n")
        for statement in filter(str.strip, statements):
            spark.sql(statement)
        for name in names:
            table = spark.table(name).where(f"snapshot = '{manifest['snapshot']}'").drop("snapshot")
            compare(name, table)
        first = spark.table("products").where(f"snapshot = '{lake.names()[0]}'")
        assert first.count() == 698 and first.where(f"{ADDED} IS NOT NULL").count() == 0


def job() -> ModuleType:
    """The module of the job."""
    spec = importlib.util.spec_from_file_location(JOB.stem, JOB)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def check_refusals(checks: Checks, lake: Lake, spark: SparkSession) -> None:
    """A place that the job cannot read is one clear error."""
    unfinished = lake.folder / "unfinished"
    shutil.copytree(lake.path, unfinished)
    (unfinished / "_fortilake/latest.json").unlink()
    partial, newer = lake.folder / "partial", lake.folder / "newer"
    for path in (partial, newer):
        (path / "_fortilake").mkdir(parents=True)
        shutil.copy(lake.path / "_fortilake/latest.json", path / "_fortilake")
        shutil.copytree(lake.path / "_fortilake/snapshots", path / "_fortilake/snapshots")
    for manifest in lake.manifests(partial):
        (partial / f"_fortilake/snapshots/{manifest['snapshot']}.json").unlink()
    manifest = lake.manifests(newer)[-1] | {"format_version": 3}
    (newer / f"_fortilake/snapshots/{manifest['snapshot']}.json").write_text(json.dumps(manifest), "utf-8")
    for name, place, wanted in (
        ("a folder that does not exist", lake.folder / "nothing", "no snapshot is published at"),
        ("a folder of a table", lake.path / "products", "no snapshot is published at"),
        ("a place without a pointer", unfinished, "no snapshot is published at"),
        ("a place with partial snapshots only", partial, "is complete; the member `outcome`"),
        ("a newer format", newer, "has format version 3"),
        ("a place of CSV files", lake.folder / "csv", "have no Parquet files of the table `products`"),
    ):
        with checks.check(f"the Spark job refuses {name}"):
            try:
                module = job()
                opened = module.Place(spark, str(place))
                opened.table("products", opened.manifests)
            except SystemExit as error:
                assert wanted in str(error) and str(place) in str(error), error
            else:
                raise AssertionError("it was accepted")


def main() -> None:
    """Runs all checks."""
    binary, checks = binary_from_arguments(), Checks()
    # For the Java processes of this one.
    os.environ |= {"SPARK_HOME": str(SPARK_HOME), "SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable}
    with tempfile.TemporaryDirectory() as name:
        lake = Lake(binary, Path(name).resolve())
        builder = SparkSession.builder.master("local[2]").config(map=SETTINGS)
        spark = builder.config("spark.sql.warehouse.dir", str(lake.folder / "warehouse")).getOrCreate()
        check_tables(checks, lake, spark)
        check_refusals(checks, lake, spark)
        spark.stop()
        check_job(checks, lake)
    checks.finish()


if __name__ == "__main__":
    main()
