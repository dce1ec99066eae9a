"""Publishes to an S3 server, kills the program at many moments, and reads the result with boto3, pyarrow and DuckDB."""

from __future__ import annotations

import hashlib
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import boto3
import duckdb
import pyarrow.parquet
from botocore.config import Config
from checks import Checks, Ended, binary_from_arguments, environment, run
from pyarrow import fs
from tables import read_parquet

KEY_ID, KEY = "AKIAFORTILAKE", "hunter2/hunter2+hunter2"
BUCKET = "lake"
KILLS = 16
# A page of the simulator and its accounts make files of several parts.
SCENARIO = """
page_size = 500

[organization]
ous = 20
accounts = 40
products = 4000
"""
# A crawl that is 250 times larger needs little more: parts of 5 MiB, and row groups of 16 MiB.
MOST_MEMORY = 150 << 20
# Runs a program and prints the peak of its memory. A process of its own, because the peak of a child includes the size
# of its parent at the fork, and this one has loaded large libraries.
MEASURE = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
print(os.waitstatus_to_exitcode(status), usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024))
"""


class Server:
    """A server in another process that speaks S3's protocol and keeps everything in memory."""

    def __init__(self) -> None:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            self.port = listener.getsockname()[1]
        program = Path(sys.executable).with_name("moto_server")
        words = [str(program), "-H", "127.0.0.1", "-p", str(self.port)]
        self.process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.url = f"http://127.0.0.1:{self.port}"
        self.client = boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=KEY_ID,
            aws_secret_access_key=KEY,
            config=Config(proxies={}, retries={"max_attempts": 20}),
        )
        self.client.create_bucket(Bucket=BUCKET)
        self.variables = {
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": KEY,
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.url,
        }

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()

    def names(self, prefix: str) -> list[str]:
        """The names of all objects below a prefix, relative to it."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix + "/")
        found = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        return [name.removeprefix(prefix + "/") for name in found]

    def get(self, name: str) -> bytes:
        return self.client.get_object(Bucket=BUCKET, Key=name)["Body"].read()

    def uploads(self) -> list[str]:
        """The names of unfinished uploads."""
        found = self.client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])
        return [upload["Key"] for upload in found]

    def manifest(self, prefix: str) -> dict[str, Any] | None:
        """The manifest that the pointer names, after comparing its files with it."""
        if "_fortilake/latest.json" not in self.names(prefix):
            return None
        latest = json.loads(self.get(f"{prefix}/_fortilake/latest.json"))
        manifest = json.loads(self.get(f"{prefix}/{latest['manifest']}"))
        for table in manifest["tables"]:
            for file in table["files"]:
                content = self.get(f"{prefix}/{file['path']}")
                assert len(content) == file["bytes"], f"{file['path']}: {len(content)} bytes"
                assert hashlib.sha256(content).hexdigest() == file["sha256"], file["path"]
        return manifest

    def strays(self, prefix: str) -> list[str]:
        """The tables' files that no manifest lists."""
        names = self.names(prefix)
        manifests = [name for name in names if name.startswith("_fortilake/snapshots/")]
        listed = {
            file["path"]
            for name in manifests
            for table in json.loads(self.get(f"{prefix}/{name}"))["tables"]
            for file in table["files"]
        }
        # What a killed probe left is deleted an hour later, because it may belong to a living process.
        expected = ("_fortilake/claims/", "_fortilake/snapshots/", "_fortilake/latest.json", "_fortilake/probes/")
        return [name for name in names if name not in listed and not name.startswith(expected)]


def check_formats(checks: Checks, binary: Path, place: Path, server: Server) -> None:
    """Publishes in all formats, and compares with files in a folder."""
    with checks.check("the tables in the bucket are those in a folder"):
        sinks = ["parquet:out", f"parquet:s3://{BUCKET}/parquet", f"csv:s3://{BUCKET}/csv?layout=snapshots"]
        sinks.append(f"ndjson:s3://{BUCKET}/ndjson?layout=snapshots")
        flags = [word for sink in sinks for word in ("--sink", sink)]
        run(binary, ["crawl", "--simulate", *flags], place, server.variables).expect(0)
        for prefix in ("parquet", "csv", "ndjson"):
            manifest = server.manifest(prefix)
            assert manifest is not None, f"nothing is published at {prefix}"
            rows = {table["name"]: table["rows"] for table in manifest["tables"]}
            for name, count in rows.items():
                assert count == read_parquet(place / "out", name).num_rows, f"{prefix}: {name} has {count} rows"
            assert not server.strays(prefix), server.strays(prefix)
    with checks.check("pyarrow and DuckDB read the tables through the pointer, as docs/lake.md says"):
        manifest = server.manifest("parquet")
        counts = {table["name"]: table["rows"] for table in manifest["tables"]}
        s3 = fs.S3FileSystem(
            access_key=KEY_ID, secret_key=KEY, region="us-east-1", endpoint_override=server.url, proxy_options=None
        )
        for table in manifest["tables"]:
            names = [f"{BUCKET}/parquet/{file['path']}" for file in table["files"]]
            read = pyarrow.parquet.read_table(names, filesystem=s3, partitioning=None)
            assert read.num_rows == table["rows"], f"{table['name']}: {read.num_rows} rows"
        # DuckDB's extension for S3 is not in the package, so it reads a copy.
        copy = place / "copy"
        for name in server.names("parquet"):
            file = copy / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(server.get(f"parquet/{name}"))
        page = (Path(__file__).parents[2] / "docs/lake.md").read_text("utf-8")
        query = page.split("```sql\n")[1].split("```")[0]
        query = query.split(";", 1)[1].replace("s3://lake/fortinet", str(copy))
        found = duckdb.connect().sql(query).fetchall()
        assert found == [(counts["products"],)], found


def check_snapshots(checks: Checks, binary: Path, place: Path, server: Server) -> None:
    """Lists, verifies and prunes snapshots of a bucket."""
    url = f"s3://{BUCKET}/parquet"

    def snapshots(*words: str) -> Ended:
        return run(binary, ["snapshots", *words, "--place", url], place, server.variables)

    with checks.check("snapshots are listed, verified and pruned"):
        sink = ["--sink", f"parquet:{url}"]
        run(binary, ["crawl", "--simulate", *sink], place, server.variables).expect(0)
        lines = snapshots("list").expect(0).stdout.splitlines()
        assert len(lines) == 2 and lines[1].endswith("complete, latest"), lines
        verified = snapshots("verify").expect(0).stdout
        assert verified.count("ok, 10 files") == 2, verified
        pruned = snapshots("prune", "--last", "1").expect(0).stdout
        assert pruned == f"deleted {lines[0].split()[0]}\n", pruned
        assert len(snapshots("list").expect(0).stdout.splitlines()) == 1
        assert not server.strays("parquet"), server.strays("parquet")
    with checks.check("a damaged file is found"):
        name = next(name for name in server.names("parquet") if name.startswith("accounts/"))
        server.client.put_object(Bucket=BUCKET, Key=f"parquet/{name}", Body=b"PAR1")
        ended = snapshots("verify").expect(1)
        assert f"{name}: the file has 4 bytes" in ended.stdout, ended.stdout


def check_refusals(checks: Checks, binary: Path, place: Path, server: Server) -> None:
    """Wrong settings are one clear error, and nothing secret is printed."""
    good = server.variables
    cases = [
        ("a missing bucket", "s3://nothing/x", good, "the bucket does not exist"),
        ("a wrong endpoint", "s3://lake/x", {**good, "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "Connection refused"),
        ("a missing region", "s3://lake/x", {k: good[k] for k in list(good)[:2]}, "set option `region`"),
        ("half of a key", "s3://lake/x", {**good, "AWS_SECRET_ACCESS_KEY": ""}, "set option `secret_access_key`"),
        ("plain HTTP", "s3://lake/x", {**good, "AWS_ENDPOINT_URL": "http://10.1.2.3"}, "allow_http"),
        ("another scheme", "gs://lake/x", good, "`gs://` is not supported"),
        ("a password in the URL", f"s3://{KEY_ID}:{KEY}@lake/x", good, "credentials, a host or a query"),
    ]
    for name, url, variables, wanted in cases:
        with checks.check(f"{name} is one clear error before the first call"):
            started = time.monotonic()
            ended = run(binary, ["crawl", "--simulate", "-vvv", "--sink", f"parquet:{url}"], place, variables)
            ended.expect(2, 1)
            assert wanted in ended.stderr, ended.stderr
            assert KEY not in ended.stderr + ended.stdout, "a secret was printed"
            assert "products/list" not in ended.stderr, "a call was made"
            assert time.monotonic() - started < 15, "it took too long"
    with checks.check("layout `latest` is refused"):
        ended = run(binary, ["crawl", "--simulate", "--sink", "csv:s3://lake/x"], place, good).expect(2)
        assert "set option `layout` to `snapshots`" in ended.stderr, ended.stderr


def replay(prefix: str) -> list[str]:
    """The arguments that publish the newest crawl below a prefix."""
    return ["replay", "latest", "--sink", f"csv:s3://{BUCKET}/{prefix}?layout=snapshots"]


def measure(words: list[str], place: Path, variables: dict[str, str]) -> tuple[int, int]:
    """The exit code of a program, and the peak of its memory in bytes."""
    command = [sys.executable, "-I", "-S", "-c", MEASURE, *words]
    printed = subprocess.run(command, cwd=place, env=environment(place, variables), capture_output=True, check=True)
    code, peak = printed.stdout.split()
    return int(code), int(peak)


def check_kills(checks: Checks, binary: Path, place: Path, server: Server) -> None:
    """Kills the program while it publishes files of many parts, and publishes again."""
    scenario = place / "scenario.toml"
    scenario.write_text(SCENARIO, "utf-8")
    simulator = subprocess.Popen(
        [str(binary), "simulate", "--listen", "127.0.0.1:0", "--scenario", str(scenario)],
        env=environment(place, {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
    )
    assert simulator.stdout is not None
    pairs = [simulator.stdout.readline().strip().split("=", 1) for _ in range(4)]
    variables = {**server.variables, **dict(pairs)}
    try:
        with checks.check("a crawl with files of many parts is published, in little memory"):
            crawl = [str(binary), "crawl", "--sink", f"csv:s3://{BUCKET}/first?layout=snapshots"]
            code, peak = measure(crawl, place, variables)
            assert code == 0, f"exit code {code}"
            assert peak < MOST_MEMORY, f"{peak >> 20} MiB"
            manifest = server.manifest("first")
            assert manifest is not None
            sizes = [file["bytes"] for table in manifest["tables"] for file in table["files"]]
            assert max(sizes) > 5 << 20, f"no file has several parts: {sizes}"
            assert not server.uploads() and not server.strays("first")
            assert KEY.encode() not in b"".join(server.get(f"first/{name}") for name in server.names("first"))
    finally:
        simulator.terminate()
        simulator.wait()
    with checks.check("a kill at any moment shows readers nothing or everything, and leaves no upload"):
        lengths = []
        for number in range(2):
            started = time.monotonic()
            run(binary, replay(f"whole-{number}"), place, variables).expect(0)
            lengths.append(time.monotonic() - started)
        length = min(lengths)
        moments = random.Random(1)
        killed = leftovers = 0
        for number in range(KILLS):
            prefix = f"kill-{number}"
            process = subprocess.Popen(
                [str(binary), *replay(prefix)],
                cwd=place,
                env=environment(place, variables),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            # Half of the moments are near the end, where the files are completed and the pointer moves.
            moment = moments.uniform(0.1, 0.95) if number % 2 else moments.uniform(0.75, 0.98)
            time.sleep(length * moment)
            process.kill()
            killed += process.wait() != 0
            server.manifest(prefix)
            leftovers += bool(server.uploads())
            run(binary, replay(prefix), place, variables).expect(0)
            manifest = server.manifest(prefix)
            assert manifest is not None, f"{prefix}: nothing is published"
            assert not server.uploads(), f"{prefix}, killed at {moment:.2f}: {server.uploads()}"
            assert not server.strays(prefix), f"{prefix}, killed at {moment:.2f}: {server.strays(prefix)}"
        assert killed > KILLS / 3, f"only {killed} of {KILLS} processes were killed in time"
        assert leftovers, "no kill left an upload, so nothing was tested"
    with checks.check("an upload whose id nobody recorded is discarded, and those of other crawls are not"):
        name = server.manifest("whole-0")["snapshot"]
        lost = f"lost + found/products/snapshot={name}/part-0123456789ab.csv"
        others = [lost.replace(name, "20200101T000000Z"), lost.replace("found", "found2")]
        for key in (lost, *others):
            server.client.create_multipart_upload(Bucket=BUCKET, Key=key)
        run(binary, replay("lost + found"), place, variables).expect(0)
        assert sorted(server.uploads()) == sorted(others), server.uploads()


def main() -> None:
    """Runs all checks."""
    binary, checks = binary_from_arguments(), Checks()
    # Neither boto3 nor the server may find the settings of the developer.
    os.environ.update({"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull})
    with tempfile.TemporaryDirectory() as folder:
        server = Server()
        try:
            for check in (check_formats, check_snapshots, check_refusals, check_kills):
                check(checks, binary, Path(folder), server)
        finally:
            server.stop()
    checks.finish()


if __name__ == "__main__":
    main()
