"""Checks what the sinks send with a webhook receiver, with programs for tables, and with a pipe."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb
import pyarrow.parquet

from checks import Checks, Ended, binary_from_arguments, environment, run
from clients import Simulated, simulate
from sinks_receiver import Receiver
from tables import check_csv, manifest, read_csv

REPOSITORY = Path(__file__).parents[2]
EXAMPLES = REPOSITORY / "sinks/exec/examples"
GUIDE = REPOSITORY / "docs/sinks/program.md"
# Secrets are 24 to 64 bytes in base64.
OLD, NEW, WRONG = (f"whsec_{letter * 44}" for letter in "ABC")
# The process is killed when the receiver has this many messages; the first time while it is reading.
KILLS = (1, 60, 120)
BATCH_ROWS = 400
# Large enough for several batches, and slow enough that the first is sent before all are read.
SLOW_SCENARIO = """
latency = "300ms"
page_size = 150
[organization]
products = 3000
"""
SOURCE = """
[[source]]
name = "forticloud"
type = "forticloud"
auth_url = "{auth_url}"
api_url = "{api_url}"
username = {{ env = "FORTICLOUD_USERNAME" }}
password = {{ env = "FORTICLOUD_PASSWORD" }}
"""
SINKS = """
[[sink]]
type = "csv"
path = "csv"
formula_prefix = false

[[sink]]
type = "webhook"
url = "{url}"
secrets = [{{ env = "SECRET" }}, {{ env = "NEXT_SECRET" }}]
batch_rows = {batch_rows}
timeout = "500ms"
backoff = "5ms"
"""


def configure(place: Path, simulated: Simulated, sinks: str) -> dict[str, str]:
    """Writes a configuration file with these sinks. Returns the environment variables that it needs."""
    source = SOURCE.format(auth_url=simulated.auth_url, api_url=simulated.api_url)
    (place / "fortilake.toml").write_text(source + sinks, "utf-8")
    return {"FORTICLOUD_USERNAME": simulated.username, "FORTICLOUD_PASSWORD": simulated.password}


class Sender:
    """A folder with a configuration that crawls a simulator to a receiver."""

    def __init__(self, binary: Path, place: Path, simulated: Simulated, receiver: Receiver) -> None:
        self.binary, self.place = binary, place
        self.sign_in = configure(place, simulated, SINKS.format(url=receiver.url, batch_rows=BATCH_ROWS))

    def variables(self, secret: str, next_secret: str) -> dict[str, str]:
        """Returns the environment, which contains the secrets."""
        return {**self.sign_in, "SECRET": secret, "NEXT_SECRET": next_secret}

    def run(self, arguments: list[str], secret: str, next_secret: str) -> Ended:
        """Runs the command to its end."""
        return run(self.binary, arguments, self.place, self.variables(secret, next_secret))

    def run_and_kill(self, receiver: Receiver, messages: int) -> None:
        """Runs the crawl until the receiver has this many messages in total, then kills it."""
        with tempfile.TemporaryFile() as stderr:
            process = subprocess.Popen(
                [str(self.binary), "crawl"],
                cwd=self.place,
                env=environment(self.place, self.variables(OLD, NEW)),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
            )
            receiver.wait_for(messages)
            is_over = process.poll() is not None
            process.kill()
            process.wait()
            stderr.seek(0)
            said = stderr.read().decode("utf-8", "replace")
        assert not is_over, f"the crawl ended by itself before message {messages}:\n{said}"


def check_delivered(receiver: Receiver, csv: Path) -> str:
    """Asserts that the receiver has the rows of the CSV files and nothing else."""
    report = receiver.report()
    assert not report["faults"], f"faults: {report['faults'][:5]}"
    never = [one for one, entry in report["messages"].items() if not entry["delivered"]]
    assert not never, f"messages that were never accepted: {never[:5]}"
    payloads = receiver.payloads()
    # A crawl that had been read when its process was killed is published first. Then a new one starts.
    [newest] = set(read_csv(csv / "products.csv")["_crawl_id"].to_pylist())
    payloads = [payload for payload in payloads if payload["data"]["crawl_id"] == newest]
    rows = [payload["data"] for payload in payloads if payload["type"] == "fortilake.rows"]
    places = {(data["batch"], data["slice"]) for data in rows}
    assert len(places) == len(rows), f"{len(rows)} messages have {len(places)} places"
    assert all(0 < len(data["rows"]) <= BATCH_ROWS for data in rows), "a message with too few or too many rows"
    for table in manifest(csv)["tables"]:
        name = table["name"]
        sent = [row for data in rows if data["table"] == name for row in data["rows"]]
        check_same_rows(name, sent, csv)
    summary = report["summary"]
    assert summary is not None and summary["complete"] is True, f"summary: {summary}"
    assert len(payloads) == len(rows) + 1, f"{len(payloads)} messages, {len(rows)} of them with rows"
    tries = sum(entry["tries"] for entry in report["messages"].values())
    twice = sum(entry["delivered"] > 1 for entry in report["messages"].values())
    total = sum(len(data["rows"]) for data in rows)
    return f"{total} rows in {len(payloads)} messages, {tries} tries, {twice} messages taken again"


def check_same_rows(table: str, found: list[dict], csv: Path) -> None:
    """Asserts that rows in JSON are those of the CSV; messages of several scopes may overtake each other."""
    wanted = sorted(read_csv(csv / f"{table}.csv").to_pylist(), key=repr)
    assert len(found) == len(wanted), f"{table}: {len(found)} rows, not {len(wanted)}"
    rows = [{name: as_cell(value) for name, value in row.items()} for row in found]
    for number, (said, cells) in enumerate(zip(sorted(rows, key=repr), wanted, strict=True)):
        assert said == cells, f"{table}, row {number}: {said}, not {cells}"


def as_cell(value: object) -> str | None:
    """Converts a JSON value to its form in the CSV files."""
    return value if value is None or isinstance(value, str) else json.dumps(value)


def webhook_survives_kills(binary: Path, place: Path) -> str:
    """Tests a receiver that fails, closes connections and is slow, a killed sender, and a changed secret."""
    with simulate(binary, SLOW_SCENARIO) as simulated, Receiver(OLD) as receiver:
        sender = Sender(binary, place, simulated, receiver)
        for messages in KILLS:
            sender.run_and_kill(receiver, messages)
            # The sender signs with both secrets, so the receiver may change at any time.
            receiver.use(NEW)
            if messages == KILLS[0]:
                # One more call is not enough, so the process was killed while it was still reading.
                sender.run(["crawl", "--max-calls", "1"], OLD, NEW).expect(75)
        sender.run(["crawl"], OLD, NEW).expect(0)
        tries = receiver.report()["messages"].values()
        assert sum(entry["tries"] > 1 for entry in tries) > len(tries) / 5, "the receiver rejected too few messages"
        return f"killed {len(KILLS)} times; {check_delivered(receiver, place / 'csv')}"


def webhook_keeps_letters(binary: Path, place: Path) -> str:
    """Tests that messages refused for a wrong secret are kept, and sent again by `replay --dead-letters`."""
    with simulate(binary) as simulated, Receiver(NEW, clean=True) as receiver:
        sender = Sender(binary, place, simulated, receiver)
        ended = sender.run(["crawl"], WRONG, OLD).expect(1)
        assert "dead-letters" in ended.stderr, f"stderr:\n{ended.stderr}"
        letters = sorted((place / "dead-letters").rglob("*.json"))
        report = receiver.report()
        assert letters and not report["messages"], f"{len(letters)} letters, {len(report['messages'])} messages"
        unsigned = [fault for fault in report["faults"] if "No matching signature" not in fault]
        assert report["faults"] and not unsigned, f"faults: {unsigned[:5]}"
        for letter in letters:
            kept = json.loads(letter.read_text("utf-8"))
            # The summary comes after everything else, or not at all.
            cause = "rows of its crawl" if kept["id"].endswith("-summary") else "401"
            assert cause in kept["cause"], f"{letter.name}: {kept['cause']}"
            text = letter.read_text("utf-8") + ended.stderr
            assert not any(secret in text for secret in (OLD, WRONG)), f"{letter.name} contains a secret"
        receiver.forget()
        sender.run(["replay", "--dead-letters"], NEW, OLD).expect(0)
        left = sorted((place / "dead-letters").rglob("*.json"))
        assert not left, f"remaining dead letters: {left[:5]}"
        said = check_delivered(receiver, place / "csv")
        receiver.forget()
        sender.run(["replay", "--dead-letters"], NEW, OLD).expect(0)
        assert not receiver.report()["messages"], "dead letters were sent twice"
        return f"{len(letters)} letters; {said}"


def exec_runs_examples(binary: Path, place: Path) -> str:
    """Tests both example programs against the rows of the CSV files."""
    sinks = ["--sink", "csv:csv"]
    for example in ("load.py", "load-duckdb.py"):
        sinks += ["--sink", f"exec:{EXAMPLES / example}"]
    variables = {
        # The examples start with `/usr/bin/env python3`, which must find this Python.
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    }
    run(binary, ["crawl", "--simulate", "--state", "state", *sinks], place, variables).expect(0)
    counts = []
    with duckdb.connect(str(place / "inventory.duckdb"), read_only=True) as database:
        for table in manifest(place / "csv")["tables"]:
            file = place / "csv" / f"{table['name']}.csv"
            check_csv(file, pyarrow.parquet.read_table(place / f"{table['name']}.parquet"))
            check_csv(file, database.sql(f"FROM {table['name']}").to_arrow_table())
            counts.append(f"{table['name']} {table['rows']}")
    # A second delivery of the same crawl replaces the first.
    [crawl] = set(read_csv(place / "csv/products.csv")["_crawl_id"].to_pylist())
    again = ["--state", "state", "--sink", f"exec:{EXAMPLES / 'load-duckdb.py'}"]
    run(binary, ["replay", crawl, *again], place, variables).expect(0)
    with duckdb.connect(str(place / "inventory.duckdb"), read_only=True) as database:
        for table in manifest(place / "csv")["tables"]:
            [(count,)] = database.sql(f"FROM {table['name']} SELECT count(*)").fetchall()
            assert count == table["rows"], f"{table['name']}: {count} rows, not {table['rows']}"
    return ", ".join(counts)


def exec_follows_guide(binary: Path, place: Path) -> str:
    """Runs all commands of the guide, from an empty folder on."""
    guide = GUIDE.read_text("utf-8")
    program, by_shell, by_python, without = re.findall(r"```sh\n(.*?)```", guide, re.DOTALL)
    [configured] = re.findall(r"```toml\n(.*?)```", guide, re.DOTALL)
    (place / "bin").mkdir()
    (place / "bin/fortilake").symlink_to(binary)
    # The virtual environment of the guide is this one, with all packages installed.
    (place / "venv").symlink_to(sys.prefix)
    (place / "count.sh").write_text(program, "utf-8")
    (place / "load-duckdb.py").write_bytes((EXAMPLES / "load-duckdb.py").read_bytes())
    by_python = re.sub(r"^(python3 -m venv|pip install) .*$", "", by_python, flags=re.MULTILINE)
    path = os.pathsep.join([str(place / "bin"), os.environ["PATH"]])

    def shell(block: str) -> str:
        return run(Path("/bin/sh"), ["-e", "-c", block], place, {"PATH": path}).expect(0).stdout

    counted = [line.split() for line in shell(by_shell).splitlines()]
    rows = {line[0].rstrip(":"): int(line[1]) for line in counted}
    assert all(line[1] == line[3] for line in counted) and rows["products"] > 0, f"{counted}"
    shown = shell(by_python)
    assert "serial_number" in shown, f"stdout:\n{shown}"
    with simulate(binary) as simulated:
        variables = configure(place, simulated, configured)
        run(binary, ["crawl"], place, variables | {"PATH": path}).expect(0)
    with duckdb.connect(str(place / "inventory.duckdb"), read_only=True) as database:
        query = "FROM products SELECT count(*), count(DISTINCT _crawl_id)"
        assert database.sql(query).fetchall() == [(2 * rows["products"], 2)], "not two snapshots"
    # The last line is the outcome.
    [lines] = shell(without).splitlines()
    assert int(lines) == rows["products"] + 1, f"{lines} lines"
    return f"{len(rows)} tables, {sum(rows.values())} rows"


def ndjson_fills_pipe(binary: Path, place: Path) -> str:
    """Checks that standard output is only JSON lines: the rows of the CSV files, then the outcome."""
    sinks = ["--sink", "ndjson:-", "--sink", "csv:csv?formula_prefix=false"]
    tables: dict[str, list[dict]] = {}
    with subprocess.Popen(
        [str(binary), "crawl", "--simulate", *sinks],
        cwd=place,
        env=environment(place, {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        *lines, last = process.stdout
        for line in lines:
            row = json.loads(line)
            tables.setdefault(row.pop("_table"), []).append(row)
    assert process.returncode == 0, f"exit code {process.returncode}"
    assert json.loads(last)["_outcome"]["complete"] is True, f"{last!r}"
    counts = {name: len(rows) for name, rows in tables.items()}
    for table in manifest(place / "csv")["tables"]:
        check_same_rows(table["name"], tables.pop(table["name"], []), place / "csv")
    assert not tables, f"tables that the CSV does not have: {list(tables)}"
    return ", ".join(f"{name} {count}" for name, count in counts.items())


def main() -> None:
    """Runs all checks."""
    checks, binary = Checks(), binary_from_arguments()
    for ask in (
        webhook_survives_kills,
        webhook_keeps_letters,
        exec_runs_examples,
        exec_follows_guide,
        ndjson_fills_pipe,
    ):
        with tempfile.TemporaryDirectory(prefix="fortilake-interop-") as directory:
            with checks.check(ask.__name__.replace("_", " ")):
                print(f"      {ask(binary, Path(directory))}")
    checks.finish()


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)
    main()
