"""Compares `fortilake decode` with what a user would write instead, on the same pages in one run.

Usage: compare.py FORTILAKE PAGES PRODUCTS RUNS OUT

PAGES is a folder of responses of `products/list`. All programs are run in turn, each in a process of
its own, so that other load on the machine affects all of them. Every program must find the same
number of rows. A table of medians is appended to OUT.
"""

import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import shape

HERE = pathlib.Path(__file__).parent

# A program that is this much slower than ours in the first run is not run again.
SLOW = 30

fortilake, pages, products, runs, out = sys.argv[1:]
pages, runs, out = pathlib.Path(pages), int(runs), pathlib.Path(out)
folder = pathlib.Path(tempfile.mkdtemp())


def ours(sink):
    return [fortilake, "decode", "products/list", str(pages), "--sink", sink]


def peer(name):
    return [sys.executable, str(HERE / f"peer_{name}.py"), str(pages), str(folder / "out")]


PARQUET = {
    "fortilake decode, parquet": ours(f"parquet:{folder}/out"),
    "Polars": peer("polars"),
    "DuckDB": peer("duckdb"),
    "json + pyarrow": peer("pyarrow"),
    "dlt, parquet": peer("dlt"),
}
CSV = {
    "fortilake decode, csv": ours(f"csv:{folder}/out"),
    "json + csv.DictWriter": peer("csv"),
}


def rows_of(name, output):
    """The rows of each table, as the program counted them."""
    if not name.startswith("fortilake"):
        return json.loads(output)
    words = [line.split() for line in output.splitlines()]
    found = {line[0]: int(line[1]) for line in words if len(line) == 2 and line[0] in shape.TABLES}
    return {table: found[table] for table in shape.TABLES}


def measure(name, command):
    """Runs a program once: wall and CPU seconds, peak memory in MB, bytes written in MB."""
    shutil.rmtree(folder / "out", ignore_errors=True)
    with tempfile.TemporaryFile("w+") as output:
        began = time.monotonic()
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - began
        output.seek(0)
        text = output.read()
    if status != 0:
        sys.exit(f"{name} failed:\n{text[-2000:]}")
    written = sum(file.stat().st_size for file in (folder / "out").rglob("*") if file.is_file())
    figures = {
        "wall": wall,
        "cpu": usage.ru_utime + usage.ru_stime,
        "peak": usage.ru_maxrss / 1000,
        "written": written / 1e6,
    }
    return figures, rows_of(name, text.splitlines()[-1] if "fortilake" not in name else text)


def compare(programs):
    """The medians of each program, and the rows that they all found."""
    results, expected, slow = {}, None, set()
    for _ in range(runs):
        for name, command in programs.items():
            if name in slow:
                continue
            figures, rows = measure(name, command)
            expected = expected or rows
            if rows != expected:
                sys.exit(f"{name} found {rows} instead of {expected}")
            results.setdefault(name, []).append(figures)
            first = next(iter(results.values()))[0]
            if figures["wall"] > SLOW * first["wall"]:
                slow.add(name)
    medians = {
        name: {key: statistics.median(run[key] for run in all_runs) for key in all_runs[0]}
        | {"runs": len(all_runs)}
        for name, all_runs in results.items()
    }
    return medians, expected


def table(medians, rows, bytes_in):
    first = next(iter(medians.values()))
    total = sum(rows.values())
    yield "| program | wall s | ratio | CPU s | ratio | peak MB | rows/s | MB/s in | MB out | runs |"
    yield "| --- | --: | --: | --: | --: | --: | --: | --: | --: | --: |"
    for name, found in medians.items():
        yield (
            f"| {name} | {found['wall']:.2f} | {found['wall'] / first['wall']:.1f} "
            f"| {found['cpu']:.2f} | {found['cpu'] / first['cpu']:.1f} | {found['peak']:.0f} "
            f"| {total / found['wall']:,.0f} | {bytes_in / 1e6 / found['wall']:.0f} "
            f"| {found['written']:.1f} | {found['runs']} |"
        )


bytes_in = sum(page.stat().st_size for page in pages.iterdir())
lines = []
for programs in (PARQUET, CSV):
    medians, rows = compare(programs)
    lines += [*table(medians, rows, bytes_in), ""]
counts = ", ".join(f"{count:,} {name}" for name, count in rows.items())
heading = f"## {int(products):,} products\n\n{bytes_in / 1e6:.0f} MB of JSON; every program found {counts}.\n"
with open(out, "a") as file:
    print(heading, *lines, sep="\n", file=file)
print(heading, *lines, sep="\n")
shutil.rmtree(folder)
