"""The history of an inventory, computed with Spark from the snapshots that fortilake published.

    spark-submit inventory_history.py PLACE OUTPUT

PLACE is what the sink `parquet` or `delta` publishes to: a folder such as `out`, or a URL as Spark writes it, such as
`s3a://lake/fortinet`. OUTPUT is a folder or URL for three results, which are written as Parquet files and replaced by
the next run:

    products_history    each version of each product, from which snapshot to which
    terms_by_month      how many contract terms end in which month, in the newest snapshot
    moved_devices       devices that are in another account than one snapshot before

Only complete snapshots are read, because a row that is missing from a partial one may still exist.
"""

import argparse
import json
import sys

from py4j.protocol import Py4JJavaError
from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

# The newest version of the snapshot format that this job knows.
FORMAT_VERSION = 2
# A product is identified by its source, too, because two sources may list the same account.
PRODUCT = ["_source", "account_id", "serial_number"]


class Place:
    """A place, and the manifests of its snapshots that can be compared, oldest first."""

    def __init__(self, spark: SparkSession, path: str) -> None:
        self.spark = spark
        self.path = path.rstrip("/")
        (pointer,) = self.read_json("latest.json")
        manifests = sorted(self.read_json("snapshots"), key=lambda manifest: manifest["snapshot"])
        # The pointer moves last, so a newer snapshot is still being published.
        manifests = [manifest for manifest in manifests if manifest["snapshot"] <= pointer["snapshot"]]
        complete = [manifest for manifest in manifests if manifest["outcome"]["complete"]]
        if not complete:
            sys.exit(
                f"no snapshot at `{self.path}` is complete; the member `outcome` of their manifests lists what failed, "
                "and `fortilake crawl` reads everything again"
            )
        newest = comparable_with(complete[-1])
        self.manifests = [manifest for manifest in complete if comparable_with(manifest) == newest]
        self.skipped = [manifest["snapshot"] for manifest in manifests if manifest not in self.manifests]

    def read_json(self, name: str) -> list[dict]:
        """The content of a file, or of all files in a folder, in `_fortilake`."""
        path = f"{self.path}/_fortilake/{name}"
        try:
            rows = self.spark.read.text(path, wholetext=True, pathGlobFilter="*.json").collect()
        except AnalysisException as error:
            if error.getCondition() != "PATH_NOT_FOUND":
                raise
            sys.exit(
                f"no snapshot is published at `{self.path}`: there is no `{path}`; "
                "name the folder or URL of a sink `parquet` with the layout `snapshots`"
            )
        contents = [json.loads(row.value) for row in rows]
        for content in contents:
            if content["format_version"] > FORMAT_VERSION:
                sys.exit(f"`{path}` has format version {content['format_version']}; get a newer version of this job")
        return contents

    def table(self, name: str, manifests: list[dict]) -> DataFrame:
        """The rows of a table in some snapshots, with a column `snapshot`.

        A column that some of the snapshots lack is null in their rows.
        """
        tables = [table for manifest in manifests for table in manifest["tables"] if table["name"] == name]
        kind = {"format": "parquet", "layout": "snapshots"}
        files = [file["path"] for table in tables for file in table["files"] if kind.items() <= file.items()]
        if not files:
            sys.exit(
                f"the snapshots at `{self.path}` have no Parquet files of the table `{name}`; "
                "publish it to a sink `parquet`, and name the folder or URL of that sink"
            )
        # Only files that a manifest lists are read. The base path makes Spark take the column `snapshot` from the
        # names of their folders.
        reader = self.spark.read.options(mergeSchema=True, basePath=f"{self.path}/{name}")
        return reader.parquet(*(f"{self.path}/{path}" for path in files))

    def snapshots(self, table: str) -> DataFrame:
        """The snapshots with their positions, and with the columns of a table that they share with the one before."""
        names = [manifest["snapshot"] for manifest in self.manifests]
        columns = [columns_of(manifest, table) for manifest in self.manifests]
        shared = [set(), *(before & after for before, after in zip(columns, columns[1:]))]
        rows = zip(names, range(len(names)), [*names[1:], None], map(sorted, shared))
        schema = "snapshot string, position int, next_snapshot string, shared array<string>"
        return F.broadcast(self.spark.createDataFrame(list(rows), schema))


def comparable_with(manifest: dict) -> tuple:
    """What must be equal in two manifests whose rows are compared.

    A crawl of some accounts or models says nothing about the others. With another version of the schema, columns are
    gone or have another type.
    """
    return manifest["schema_version"], manifest["outcome"].get("selection")


def columns_of(manifest: dict, name: str) -> set[str]:
    """The columns of a table in a snapshot."""
    return {column["name"] for table in manifest["tables"] if table["name"] == name for column in table["columns"]}


def products_history(products: DataFrame, snapshots: DataFrame) -> DataFrame:
    """The versions of each product.

    A version is valid from its first snapshot until the snapshot `valid_to`, which no longer has it. `valid_to` is null
    if the newest snapshot has it. A product that disappears and comes back has a version before and one after.
    """
    values = [name for name in products.columns if name not in ("snapshot", *PRODUCT) and not name.startswith("_")]
    product = Window.partitionBy(*PRODUCT).orderBy("position")
    # If a snapshot has a column that the one before lacks, no product has changed because of it.
    changes = [F.array_contains("shared", name) & ~F.col(name).eqNullSafe(F.lag(name).over(product)) for name in values]
    is_continued = F.lag("position").over(product).eqNullSafe(F.col("position") - 1)
    is_new = F.greatest(~is_continued, *changes)
    versions = products.join(snapshots, "snapshot").withColumn("is_new", is_new.cast("int"))
    versions = versions.withColumn("version", F.sum("is_new").over(product))
    return versions.groupBy(*PRODUCT, "version").agg(
        # All values of a version are equal, but for columns that were added meanwhile; they are known at its end.
        *(F.max_by(name, "position").alias(name) for name in values),
        F.min("snapshot").alias("valid_from"),
        F.max_by("next_snapshot", "position").alias("valid_to"),
    )


def terms_by_month(terms: DataFrame, products: DataFrame) -> DataFrame:
    """How many terms end in each month, and of how many devices. Decommissioned devices are left out."""
    ending = terms.where("end_date IS NOT NULL")
    ending = ending.join(products.where("is_decommissioned"), PRODUCT, "left_anti")
    # The API's times have no time zone. As a date, they do not depend on that of the Spark session.
    month = F.trunc(F.to_date("end_date"), "month").alias("month")
    counts = F.count("*").alias("terms"), F.count_distinct(F.struct(*PRODUCT)).alias("devices")
    return ending.groupBy(month).agg(*counts)


def moved_devices(products: DataFrame, snapshots: DataFrame) -> DataFrame:
    """The devices that left one account and arrived in another one between two consecutive snapshots."""
    product = Window.partitionBy(*PRODUCT).orderBy("position")
    rows = products.join(snapshots, "snapshot").select(
        "*", F.lag("position").over(product).alias("before"), F.lead("position").over(product).alias("after")
    )
    arrived = rows.where("before IS NULL OR before < position - 1")
    left = rows.where("after IS NULL OR after > position + 1")
    left_account, next_position = F.col("account_id").alias("from_account_id"), F.expr("position + 1 AS position")
    left = left.select("_source", "serial_number", left_account, next_position)
    moved = arrived.join(left, ["_source", "serial_number", "position"])
    to_account = F.col("account_id").alias("to_account_id")
    return moved.select("snapshot", "_source", "serial_number", "product_model", "from_account_id", to_account)


def main() -> None:
    parser = argparse.ArgumentParser(description="Computes the history of an inventory from published snapshots.")
    parser.add_argument("place", help="folder or URL that the sink `parquet` publishes to")
    parser.add_argument("output", help="folder or URL for the results")
    arguments = parser.parse_args()
    if f"{arguments.output}/".startswith(f"{arguments.place.rstrip('/')}/"):
        sys.exit("OUTPUT is in PLACE, where only fortilake writes; choose another folder")
    spark = SparkSession.builder.appName("fortilake inventory history").getOrCreate()
    # The names of snapshots are text, even if they look like something else.
    spark.conf.set("spark.sql.sources.partitionColumnTypeInference.enabled", "false")
    place = Place(spark, arguments.place)
    first, last = (place.manifests[end]["snapshot"] for end in (0, -1))
    print(f"snapshots: {len(place.manifests)}, from {first} to {last}")
    print(f"left out, because they are partial or differ in what they cover: {', '.join(place.skipped) or 'none'}")
    products = place.table("products", place.manifests)
    snapshots = place.snapshots("products")
    newest = place.manifests[-1:]
    terms = terms_by_month(place.table("contract_terms", newest), place.table("products", newest))
    results = {
        "products_history": products_history(products, snapshots).orderBy("serial_number", "valid_from", "account_id"),
        "terms_by_month": terms.orderBy("month"),
        "moved_devices": moved_devices(products, snapshots).orderBy("snapshot", "serial_number"),
    }
    for name, result in results.items():
        path = f"{arguments.output}/{name}"
        try:
            result.write.mode("overwrite").parquet(path)
        except Py4JJavaError as error:
            sys.exit(f"cannot write `{path}`: {error.java_exception}")
        print(f"{name}: {spark.read.parquet(path).count()} rows")
    spark.stop()


if __name__ == "__main__":
    main()
