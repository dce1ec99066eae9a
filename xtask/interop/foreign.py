"""Crawls an independently written server, and compares the tables with the data of that server."""

from __future__ import annotations

import json
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from checks import Checks, Ended, binary_from_arguments, run
from foreign_server import PASSWORD, Server
from foreign_tenant import ACCOUNTS, EMPTY_ACCOUNT, LARGE_ACCOUNT, ROOT, SECRET, TABLES, UNITS
from foreign_variants import VARIANTS, Variant
from tables import by_key, check_csv, check_files, check_rows, is_published, manifest, read_parquet

# A process that reads a gigabyte into memory needs far more than this; others need far less.
MOST_MEMORY = 300 << 20
# The real service blocks the user at the tenth error in an hour.
MOST_ERRORS = 10
# Variants in which an account cannot be read.
PARTIAL = [name for name in VARIANTS if name.startswith(("refused", "moved-always"))]


@contextmanager
def workplace() -> Iterator[Path]:
    """A folder without `.env` for the files of a run."""
    with tempfile.TemporaryDirectory(prefix="fortilake-interop-") as directory:
        yield Path(directory)


def crawl(binary: Path, place: Path, variables: dict[str, str], *more: str) -> Ended:
    """Crawls into `out` and `csv`."""
    sinks = ["--sink", "parquet:out", "--sink", "csv:csv"]
    arguments = ["crawl", *sinks, "--summary", "summary.json", *more]
    return run(binary, arguments, place, variables)


class Crawled:
    """A server that was crawled, and the resulting tables."""

    def __init__(self, name: str, server: Server, place: Path, began: datetime) -> None:
        self.name, self.server, self.place, self.began = name, server, place, began
        self.variant = server.variant
        # The accounts that must have failed, and their rows.
        self.failed = {LARGE_ACCOUNT} if name in PARTIAL else set()
        names = [table["name"] for table in manifest(place / "out")["tables"]]
        self.tables = {table: read_parquet(place / "out", table) for table in names}
        self.rows = {table: content.to_pylist() for table, content in self.tables.items()}

    def check_truth(self) -> None:
        """Compares every table of the API with the data of the server, row by row."""
        for table, key in TABLES.items():
            wanted = [
                {**row.truth, "_extra": row.extra or None}
                for row in self.server.tenant.tables[table]
                if row.truth.get("account_id") not in self.failed or table == "accounts"
            ]
            if self.variant.local and table in ("org_units", "accounts"):
                wanted = []
            if not self.variant.root_listed and table == "org_units":
                wanted = [row for row in wanted if row["ou_id"] != ROOT]
            found = by_key(parsed(self.rows[table]), key)
            check_rows(table, found, by_key(wanted, key))

    def check_marks(self) -> None:
        """Checks the columns that say where a row comes from."""
        crawls, now = set(), datetime.now(timezone.utc)
        for table, rows in self.rows.items():
            for row in rows:
                assert row["_source"] == "forticloud", f"{table}: {row}"
                assert self.began <= row["_observed_at"] <= now, f"{table}: {row}"
                crawls.add(row["_crawl_id"])
        assert len(crawls) == 1, f"crawls: {crawls}"

    def check_issues(self) -> None:
        """Checks that there is one row for each value that does not fit its column."""
        wanted = [
            (table, json.dumps(key), column, value)
            for table, key, column, value in self.server.tenant.misfits
            if key["account_id"] not in self.failed
        ]
        found = [
            (row["table_name"], json.dumps(json.loads(row["key"])), row["column_name"], row["value"])
            for row in self.rows["issues"]
        ]
        assert sorted(found) == sorted(wanted), f"found {found}, not {wanted}"
        assert all(row["reason"] for row in self.rows["issues"]), "an issue without a reason"

    def check_coverage(self) -> None:
        """Checks that there is one row for each scope, with its result."""
        found = by_key(self.rows["coverage"], ["endpoint", "account_id", "ou_id"])
        products = {key[1]: row for key, row in found.items() if key[0] == "products/list"}
        if self.variant.local:
            assert list(products) == [None], f"scopes: {list(products)}"
            return
        units = {key[2] for key in found if key[0] == "accounts/list"}
        assert units == {unit for unit, _, _ in UNITS}, f"units: {units}"
        assert ("units/list", None, None) in found, f"scopes: {list(found)}"
        assert products.keys() == {account[0] for account in ACCOUNTS}, f"accounts: {list(products)}"
        for account, row in products.items():
            count = sum(one["account_id"] == account for one in self.rows["products"])
            assert row["rows"] == count, f"{row} has {count} rows"
        for key, row in found.items():
            is_failed = key[0] == "products/list" and key[1] in self.failed
            assert row["outcome"] == ("failed" if is_failed else "complete"), f"{row}"
            assert bool(row["error"]) == is_failed, f"{row}"

    def check_files(self) -> None:
        """Compares both folders with their manifests, and the CSV with the Parquet files."""
        check_files(self.place / "out")
        check_files(self.place / "csv")
        for table, content in self.tables.items():
            check_csv(self.place / "csv" / f"{table}.csv", content)

    def check_summary(self) -> None:
        """Checks the summary of the run."""
        said = json.loads((self.place / "summary.json").read_text("utf-8"))
        rows = {table: len(rows) for table, rows in self.rows.items()}
        assert said["tables"] == rows, f"{said['tables']}, not {rows}"
        assert said["complete"] == (not self.failed) and said["published"], f"{said}"
        assert said["drift"]["misfits"] == len(self.rows["issues"]), f"{said['drift']}"
        # One product is in both lists, and one account is listed by two units.
        duplicates = 1 if self.variant.local else 2
        found = said["drift"]["duplicates"]
        # Without the wildcard, searches by date and by prefix find the same products.
        assert found == duplicates or (not self.variant.wildcard and found > duplicates), f"{said['drift']}"
        # A member outside of rows counts once; the unknown fields of the quirks are in many rows.
        assert (said["drift"]["unknown_fields"] > 1) == self.variant.quirky, f"{said['drift']}"
        text = json.dumps(said["failed"])
        assert all(str(account) in text for account in self.failed), f"{said['failed']}"

    def check_secrets(self) -> None:
        """Checks that no row contains a secret."""
        secrets = [SECRET, PASSWORD, *self.server.tokens]
        for table, rows in self.rows.items():
            text = repr(rows)
            assert not any(secret in text for secret in secrets), f"a secret is in `{table}`"

    def check_manners(self) -> None:
        """Checks the server's log: ten errors and a thousand calls an hour are allowed."""
        faults = self.server.faults
        if not self.variant.page_fields:
            # Without a total, requesting one more page is the only way to find the end of a list.
            faults = [fault for fault in faults if not fault.startswith("page 2 of 1")]
        assert not faults, f"unexpected calls: {faults}"
        # Two accounts show that `%` is refused.
        most = 2 if self.variant.wildcard_refused else MOST_ERRORS - 1
        assert self.server.errors <= most, f"the crawl caused {self.server.errors} errors"
        again = {call: count for call, count in self.server.calls.items() if count > 1}
        repeats = self.variant.moved[1] or self.variant.token_calls or self.variant.trouble
        assert repeats or not again, f"repeated calls: {again}"
        calls = self.server.calls.total()
        # The number of concurrent connections varies, but one per call is too many.
        kept = self.server.connections < calls
        assert kept or not self.variant.keep_alive, f"{self.server.connections} for {calls} calls"
        if self.variant.wildcard and not self.variant.local:
            asked = [json.loads(body) for call, body in self.server.calls if call == "products/list"]
            needless = [
                body for body in asked
                if body["serialNumber"] != "%" and body["accountId"] != EMPTY_ACCOUNT
            ]
            # The first answer with products proves that the wildcard works.
            assert not needless, f"needless calls: {needless}"


def parsed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns the rows with `_extra` parsed, so that its formatting does not matter."""
    return [{**row, "_extra": row["_extra"] and json.loads(row["_extra"])} for row in rows]


def check_variant(checks: Checks, binary: Path, name: str, variant: Variant) -> None:
    """Crawls one variant and runs all checks on the result."""
    with workplace() as place, Server(name, variant) as server:
        began = datetime.now(timezone.utc)
        ended = crawl(binary, place, server.environment())
        crawled = None
        with checks.check(f"{name}: ends with {3 if name in PARTIAL else 0}"):
            ended.expect(3 if name in PARTIAL else 0)
            crawled = Crawled(name, server, place, began)
        if crawled is None:
            return
        for part in ("truth", "marks", "issues", "coverage", "files", "summary", "secrets", "manners"):
            with checks.check(f"{name}: {part}"):
                getattr(crawled, f"check_{part}")()
        if variant.redirect:
            with checks.check(f"{name}: the redirect was followed, or not needed"):
                assert len(server.tokens) == 3, f"{len(server.tokens)} tokens"
                print(f"      {server.redirected} redirects")


def check_refusal(ended: Ended, place: Path, *codes: int) -> None:
    """Checks that a run fails with one clear error, writes nothing, and stays within its memory."""
    ended.expect(*codes)
    errors = [line for line in ended.stderr.splitlines() if line.startswith("error:")]
    assert len(errors) == 1 and len(errors[0]) > len("error: "), f"stderr:\n{ended.stderr}"
    assert "panicked" not in ended.stderr, ended.stderr
    assert PASSWORD not in ended.stderr + ended.stdout, "the password is shown"
    for folder in ("out", "csv"):
        assert not is_published(place / folder), f"files: {list((place / folder).rglob('*'))}"
    assert ended.peak_bytes < MOST_MEMORY, f"{ended.peak_bytes >> 20} MiB of memory"


def check_trouble(checks: Checks, binary: Path) -> None:
    """Tests a server that gives invalid answers."""
    for trouble in ("html", "gigabyte", "endless", "bomb"):
        for where in ("token", "organization"):
            variant = Variant(trouble=trouble, trouble_at=where)
            with checks.check(f"{trouble} at {where}: refused"), workplace() as place:
                with Server(trouble, variant) as server:
                    ended = crawl(binary, place, server.environment())
                    # A sign-in answer that is not from FortiCloud counts as a configuration error.
                    is_html = (trouble, where) == ("html", "token")
                    check_refusal(ended, place, 2 if is_html else 1)
        if trouble == "bomb":
            # Twenty of them take an unoptimized build half a minute; `endless` needs as much memory.
            continue
        with checks.check(f"{trouble} at products: never exit 0, never a row"), workplace() as place:
            with Server(trouble, Variant(trouble=trouble, trouble_at="products")) as server:
                ended = crawl(binary, place, server.environment()).expect(1, 3, 75)
                assert ended.peak_bytes < MOST_MEMORY, f"{ended.peak_bytes >> 20} MiB of memory"
                published = is_published(place / "out")
                assert not published or not read_parquet(place / "out", "products").num_rows


def check_elsewhere(checks: Checks, binary: Path) -> None:
    """Tests redirects to another host or port, which must receive neither the password nor the token."""
    for host in ("127.0.0.1", "localhost"):
        for where in ("token", "organization"):
            with checks.check(f"redirect of {where} to another {host}: refused"), workplace() as place:
                with Server("target", Variant()) as target:
                    elsewhere = f"http://{host}:{target.server_port}"
                    variant = Variant(trouble="elsewhere", trouble_at=where)
                    with Server("elsewhere", variant, elsewhere) as server:
                        ended = crawl(binary, place, server.environment())
                    assert not target.connections, f"{target.connections} connections were made"
                    check_refusal(ended, place, 1, 2)
                    text = ended.stderr.lower()
                    assert "redirect" in text, f"stderr says nothing of a redirect:\n{ended.stderr}"
    with checks.check("redirect to the same port under another name: refused"), workplace() as place:
        with Server("alias", Variant(trouble="elsewhere", trouble_at="organization")) as server:
            server.elsewhere = f"http://localhost:{server.server_port}"
            check_refusal(crawl(binary, place, server.environment()), place, 1, 2)


def check_login(checks: Checks, binary: Path) -> None:
    """Tests wrong credentials and an unreachable host."""
    for variable in ("FORTICLOUD_PASSWORD", "FORTICLOUD_USERNAME"):
        with checks.check(f"wrong {variable}: exit 2"), workplace() as place:
            with Server("login", Variant()) as server:
                variables = {**server.environment(), variable: "wrong"}
                check_refusal(crawl(binary, place, variables), place, 2)
                # Failed sign-ins may lock the user out, so there must be at most one per API.
                assert server.connections <= 3, f"{server.connections} connections"
    with checks.check("missing FORTICLOUD_PASSWORD: exit 2"), workplace() as place:
        with Server("login", Variant()) as server:
            variables = server.environment()
            del variables["FORTICLOUD_PASSWORD"]
            check_refusal(crawl(binary, place, variables), place, 2)
    with checks.check("closed port: exit 1"), workplace() as place:
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        server = Server("closed", Variant())
        server.server_close()
        variables = {
            name: value.replace(str(server.server_port), str(port))
            for name, value in server.environment().items()
        }
        check_refusal(crawl(binary, place, variables), place, 1)


def check_complete(checks: Checks, binary: Path) -> None:
    """Tests that a partial crawl publishes nothing with `--require-complete`."""
    variant = replace(VARIANTS["refused-account"], quirky=True)
    with checks.check("refused account with --require-complete: exit 4, nothing published"):
        with workplace() as place, Server("refused", variant) as server:
            ended = crawl(binary, place, server.environment(), "--require-complete").expect(4)
            for folder in ("out", "csv"):
                assert not is_published(place / folder), f"files: {list((place / folder).rglob('*'))}"
            assert str(LARGE_ACCOUNT) in ended.stderr, f"stderr names no account:\n{ended.stderr}"


def main() -> None:
    """Runs all checks."""
    checks, binary = Checks(), binary_from_arguments()
    for name, variant in VARIANTS.items():
        check_variant(checks, binary, name, variant)
    check_complete(checks, binary)
    check_login(checks, binary)
    check_elsewhere(checks, binary)
    check_trouble(checks, binary)
    checks.finish()


if __name__ == "__main__":
    main()
