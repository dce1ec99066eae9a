"""Publishes to object stores, kills the program at many moments, and reads the result with the stores' own clients,
pyarrow and DuckDB."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow.parquet
from checks import Checks, Ended, binary_from_arguments, environment, run
from stores import BUCKET, S3, SECRET, Azure, Gcs, Store
from tables import read_parquet

KILLS = 12
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


def crawl_words(*sinks: str) -> list[str]:
    return ["crawl", "--simulate", *(word for sink in sinks for word in ("--sink", sink))]


def check_formats(checks: Checks, binary: Path, place: Path, store: Store) -> None:
    """Publishes in all formats, and compares with files in a folder."""
    with checks.check(f"{store.scheme}: the tables in the bucket are those in a folder"):
        formats = ("parquet", "csv", "ndjson")
        sinks = ["parquet:out", *(store.sink(name, name) for name in formats)]
        run(binary, crawl_words(*sinks), place, store.variables).expect(0)
        for prefix in formats:
            manifest = store.manifest(prefix)
            assert manifest is not None, f"nothing is published at {prefix}"
            rows = {table["name"]: table["rows"] for table in manifest["tables"]}
            for name, count in rows.items():
                assert count == read_parquet(place / "out", name).num_rows, f"{prefix}: {name} has {count} rows"
            assert not store.strays(prefix), store.strays(prefix)
        for table in store.manifest("parquet")["tables"]:
            (file,) = table["files"]
            (path,) = (place / "out" / table["name"]).glob("*/*.parquet")
            found = pyarrow.parquet.read_table(pyarrow.BufferReader(store.get(f"parquet/{file['path']}")))
            wanted = pyarrow.parquet.ParquetFile(path).read()
            assert found.equals(wanted), f"{table['name']} has other values"
    with checks.check(f"{store.scheme}: pyarrow and DuckDB read the tables as docs/lake.md says"):
        manifest = store.manifest("parquet")
        counts = {table["name"]: table["rows"] for table in manifest["tables"]}
        filesystem = store.filesystem()
        for table in manifest["tables"] if filesystem else []:
            names = [f"{BUCKET}/parquet/{file['path']}" for file in table["files"]]
            read = pyarrow.parquet.read_table(names, filesystem=filesystem, partitioning=None)
            assert read.num_rows == table["rows"], f"{table['name']}: {read.num_rows} rows"
        # DuckDB's extensions for object stores are not in the package, so it reads a copy.
        copy = place / "copy"
        for name in store.names("parquet"):
            file = copy / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(store.get(f"parquet/{name}"))
        page = (Path(__file__).parents[2] / "docs/lake.md").read_text("utf-8")
        query = page.split("```sql\n")[1].split("```")[0]
        query = query.split(";", 1)[1].replace("s3://lake/fortinet", str(copy))
        found = duckdb.connect().sql(query).fetchall()
        assert found == [(counts["products"],)], found


def configuration(place: Path, store: Store, prefix: str) -> str:
    """The path of a configuration whose sink publishes below a prefix."""
    config = place / f"{prefix}.toml"
    options = "".join(f'{name} = "{value}"\n' for name, value in store.options.items())
    source = '[[source]]\nname = "acme"\ntype = "forticloud"\nusername = { env = "USER" }\npassword = { env = "PASSWORD" }\n'
    sink = f'[[sink]]\ntype = "parquet"\npath = "{store.url(prefix)}"\n{options}'
    config.write_text(source + sink, "utf-8")
    return str(config)


def check_snapshots(checks: Checks, binary: Path, place: Path, store: Store) -> None:
    """Lists, verifies and prunes snapshots of a bucket."""
    config = configuration(place, store, "parquet")

    def snapshots(*words: str) -> Ended:
        return run(binary, ["snapshots", "--config", config, *words], place, store.variables)

    with checks.check(f"{store.scheme}: snapshots are listed, verified and pruned"):
        run(binary, crawl_words(store.sink("parquet", "parquet")), place, store.variables).expect(0)
        lines = snapshots("list").expect(0).stdout.splitlines()
        assert len(lines) == 2 and lines[1].endswith("complete, latest"), lines
        verified = snapshots("verify").expect(0).stdout
        assert verified.count("ok, 10 files") == 2, verified
        pruned = snapshots("prune", "--last", "1").expect(0).stdout
        assert pruned == f"deleted {lines[0].split()[0]}\n", pruned
        assert len(snapshots("list").expect(0).stdout.splitlines()) == 1
        assert not store.strays("parquet"), store.strays("parquet")
    with checks.check(f"{store.scheme}: a damaged file is found"):
        name = next(name for name in store.names("parquet") if name.startswith("accounts/"))
        store.put(f"parquet/{name}", b"PAR1")
        ended = snapshots("verify").expect(1)
        assert f"{name}: the file has 4 bytes" in ended.stdout, ended.stdout


def check_history(checks: Checks, binary: Path, place: Path, store: Store) -> None:
    """Compares the snapshots of a bucket, and the same snapshots in a folder."""
    for day in ("0", "3"):
        crawl = [*crawl_words("parquet:history", store.sink("parquet", "history")), "--day", day]
        run(binary, crawl, place, store.variables).expect(0)
    config = configuration(place, store, "history")

    def same(*words: str) -> str:
        local = run(binary, [*words, "--place", "history"], place, {}).expect(0)
        remote = run(binary, [*words, "--config", config], place, store.variables).expect(0)
        assert remote.stdout == local.stdout, f"{words}:\n{remote.stdout[:500]}\nand not\n{local.stdout[:500]}"
        return local.stdout

    with checks.check(f"{store.scheme}: changes are those between the same snapshots in a folder"):
        lines = same("changes", "--format", "ndjson").splitlines()
        assert len(lines) > 5, lines
        same("changes")
    with checks.check(f"{store.scheme}: renewals, the report and the history of a device are those of a folder"):
        assert same("renewals", "--as-of", "2025-11-05", "--format", "json") != "[]\n"
        assert same("report", "-o", "-").startswith("<!DOCTYPE html>")
        serial = json.loads(lines[0])["serial_number"]
        assert serial in same("history", serial, "--format", "ndjson")
    with checks.check(f"{store.scheme}: a damaged file is an error, and not a change"):
        name = next(name for name in store.names("history") if name.startswith("products/"))
        content = bytearray(store.get(f"history/{name}"))
        content[10] ^= 1
        store.put(f"history/{name}", bytes(content))
        ended = run(binary, ["changes", "--config", config], place, store.variables).expect(2)
        assert f"{name}`" in ended.stderr and "its SHA-256 is" in ended.stderr, ended.stderr
    with checks.check(f"{store.scheme}: a place without a snapshot is named"):
        words = ["changes", "--config", configuration(place, store, "nothing")]
        ended = run(binary, words, place, store.variables).expect(2)
        assert f"no Parquet snapshot is published at `{store.url('nothing')}`" in ended.stderr, ended.stderr


def check_refusals(checks: Checks, binary: Path, place: Path, store: Store) -> None:
    """Wrong settings are one clear error, and nothing secret is printed."""
    for name, sink, variables, wanted in store.refusals():
        with checks.check(f"{store.scheme}: {name} is one clear error before the first call"):
            started = time.monotonic()
            ended = run(binary, [*crawl_words(sink), "-vvv"], place, variables)
            ended.expect(2, 1)
            assert wanted in ended.stderr, ended.stderr
            assert SECRET not in ended.stderr + ended.stdout, "a secret was printed"
            assert "products/list" not in ended.stderr, "a call was made"
            assert time.monotonic() - started < 30, "it took too long"
    with checks.check(f"{store.scheme}: layout `latest` is refused"):
        ended = run(binary, crawl_words(f"csv:{store.url('x')}"), place, store.variables).expect(2)
        assert "set option `layout` to `snapshots`" in ended.stderr, ended.stderr


def check_google(checks: Checks, binary: Path, place: Path, store: Store) -> None:
    """What only a server of our own can do: refuse fast writes, and lose responses."""
    if not isinstance(store, Gcs):
        return
    with checks.check("gs: a refused second write within a second is tried again"):
        store.server.is_strict = True
        run(binary, crawl_words(store.sink("parquet", "strict")), place, store.variables).expect(0)
        store.server.is_strict = False
        assert store.manifest("strict") is not None
    with checks.check("gs: a lost response is no failure, or the next run repairs it"):
        store.server.lost = 0.2
        for number in range(8):
            prefix = f"lost-{number}"
            ended = run(binary, crawl_words(store.sink("csv", prefix)), place, store.variables).expect(0, 1, 2)
            store.manifest(prefix)
            if ended.code != 0:
                assert "traceback" not in ended.stderr, ended.stderr
        store.server.lost = 0.0
        for number in range(8):
            prefix = f"lost-{number}"
            run(binary, crawl_words(store.sink("csv", prefix)), place, store.variables).expect(0)
            assert store.manifest(prefix) is not None, f"{prefix}: nothing is published"


def replay(store: Store, prefix: str) -> list[str]:
    """The arguments that publish the newest crawl below a prefix."""
    return ["replay", "latest", "--sink", store.sink("csv", prefix)]


def measure(words: list[str], place: Path, variables: dict[str, str]) -> tuple[int, int]:
    """The exit code of a program, and the peak of its memory in bytes."""
    command = [sys.executable, "-I", "-S", "-c", MEASURE, *words]
    printed = subprocess.run(command, cwd=place, env=environment(place, variables), capture_output=True, check=True)
    code, peak = printed.stdout.split()
    return int(code), int(peak)


def check_kills(checks: Checks, binary: Path, place: Path, store: Store) -> None:
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
    variables = {**store.variables, **dict(pairs)}
    try:
        with checks.check(f"{store.scheme}: a crawl with files of many parts is published, in little memory"):
            crawl = [str(binary), "crawl", "--sink", store.sink("csv", "first")]
            code, peak = measure(crawl, place, variables)
            assert code == 0, f"exit code {code}"
            assert peak < MOST_MEMORY, f"{peak >> 20} MiB"
            manifest = store.manifest("first")
            assert manifest is not None
            sizes = [file["bytes"] for table in manifest["tables"] for file in table["files"]]
            assert max(sizes) > 5 << 20, f"no file has several parts: {sizes}"
            assert not store.uploads() and not store.strays("first")
            assert SECRET.encode() not in b"".join(store.get(f"first/{name}") for name in store.names("first"))
    finally:
        simulator.terminate()
        simulator.wait()
    with checks.check(f"{store.scheme}: a kill at any moment shows readers nothing or everything, and leaves no upload"):
        lengths = []
        for number in range(2):
            started = time.monotonic()
            run(binary, replay(store, f"whole-{number}"), place, variables).expect(0)
            lengths.append(time.monotonic() - started)
        length = min(lengths)
        moments = random.Random(1)
        killed = leftovers = 0
        for number in range(3 * KILLS):
            # On a busy machine, runs differ so much in length that more kills may be needed.
            if number >= KILLS and (leftovers or not store.lists_uploads):
                break
            prefix = f"kill-{number}"
            process = subprocess.Popen(
                [str(binary), *replay(store, prefix)],
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
            store.manifest(prefix)
            leftovers += bool(store.uploads())
            run(binary, replay(store, prefix), place, variables).expect(0)
            manifest = store.manifest(prefix)
            assert manifest is not None, f"{prefix}: nothing is published"
            assert not store.uploads(), f"{prefix}, killed at {moment:.2f}: {store.uploads()}"
            assert not store.strays(prefix), f"{prefix}, killed at {moment:.2f}: {store.strays(prefix)}"
        assert killed > KILLS / 3, f"only {killed} of {KILLS} processes were killed in time"
        assert leftovers or not store.lists_uploads, "no kill left an upload, so nothing was tested"
    if not store.lists_uploads:
        return
    with checks.check(f"{store.scheme}: an upload without a recorded id is discarded, and uploads of other crawls are kept"):
        name = store.manifest("whole-0")["snapshot"]
        lost = f"lost + found/products/snapshot={name}/part-0123456789ab.csv"
        others = [lost.replace(name, "20200101T000000Z"), lost.replace("found", "found2")]
        for key in (lost, *others):
            store.start_upload(key)
        run(binary, replay(store, "lost + found"), place, variables).expect(0)
        assert sorted(store.uploads()) == sorted(others), store.uploads()


def main() -> None:
    """Runs all checks against each store."""
    binary, checks = binary_from_arguments(), Checks()
    openers: list[Callable[[Path], Store]] = [lambda _: S3(), Gcs]
    # The path of Azurite's program, which is not a Python package.
    azurite = os.environ.get("AZURITE")
    if azurite:
        openers.append(lambda _: Azure(azurite))
    for opener in openers:
        with tempfile.TemporaryDirectory() as folder:
            store = opener(Path(folder))
            try:
                for check in (check_formats, check_snapshots, check_history, check_refusals, check_google, check_kills):
                    check(checks, binary, Path(folder), store)
            finally:
                store.stop()
    checks.finish()


if __name__ == "__main__":
    main()
