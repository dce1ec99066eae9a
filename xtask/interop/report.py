"""Compares the HTML report with SQL over the published Parquet files, and opens it in a browser if there is one."""

from __future__ import annotations

import datetime
import json
import shutil
import subprocess
import tempfile
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import duckdb

from checks import Checks, binary_from_arguments, run

# Within a year of this day, coverage of many simulated devices ends.
AS_OF = datetime.date(2025, 11, 5)
BROWSERS = ["chromium", "chromium-browser", "google-chrome", "chrome"]


class Report(HTMLParser):
    """The tables, the cards and the chart of a report."""

    def __init__(self, text: str) -> None:
        super().__init__()
        # Each table has the heading above it, and its rows, the head included.
        self.tables: list[tuple[str, list[list[str]]]] = []
        self.cards: dict[str, int] = {}
        self.bars: dict[str, int] = {}
        self._stack: list[tuple[str, str]] = []
        self._heading = ""
        self._text = ""
        self._number = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self.tables.append((self._heading, []))
        elif tag == "tr":
            self.tables[-1][1].append([])
        if tag in {"h2", "td", "th", "b", "span", "text"}:
            self._text = ""
        self._stack.append((tag, dict(attributes).get("class") or ""))

    def handle_data(self, data: str) -> None:
        self._text += data

    def handle_endtag(self, tag: str) -> None:
        kind = ""
        while self._stack:
            name, kind = self._stack.pop()
            if name == tag:
                break
        if tag == "h2":
            self._heading = self._text
        elif tag in {"td", "th"}:
            self.tables[-1][1][-1].append(self._text.strip())
        elif tag == "b":
            self._number = int(self._text)
        elif tag == "span":
            self.cards[self._text] = self._number
        elif tag == "text" and kind == "number":
            self._number = int(self._text)
        elif tag == "text" and kind == "name":
            # The number of a bar comes before its name; a bar without a number is empty.
            self.bars[self._text] = self._number
        if tag != "text" or kind == "name":
            self._number = self._number if tag == "b" else 0

    def table(self, heading: str, number: int = 0) -> list[list[str]]:
        """The rows of a table below a heading, without the head."""
        found = [rows for name, rows in self.tables if name == heading]
        return found[number][1:]


class Snapshot:
    """A published snapshot, as DuckDB reads it."""

    def __init__(self, place: Path, name: str) -> None:
        self.name = name
        self.database = duckdb.connect()
        for folder in place.glob("*/"):
            files = folder / f"snapshot={name}" / "*.parquet"
            if not folder.name.startswith("_"):
                self.database.execute(f"CREATE VIEW {folder.name} AS SELECT * FROM read_parquet('{files}')")
        # A device counts once, in the account that lists it. The later end of a kind of support counts.
        self.database.execute(
            f"""
            CREATE VIEW devices AS SELECT *, coalesce(nullif(company, ''), 'account ' || account_id) AS customer
            FROM products LEFT JOIN (SELECT account_id, company FROM accounts) USING (account_id);
            CREATE VIEW lines AS
            SELECT account_id, serial_number, support, customer, max(last_day) AS last_day
            FROM (
                SELECT account_id, serial_number, type_desc AS support, end_date::DATE AS last_day FROM entitlements
                UNION ALL
                SELECT account_id, serial_number, support_type, end_date::DATE FROM contract_terms
            ) JOIN devices USING (account_id, serial_number)
            WHERE NOT is_decommissioned
            GROUP BY ALL;
            CREATE VIEW ending AS SELECT * FROM lines
            WHERE last_day BETWEEN DATE '{AS_OF}' AND DATE '{AS_OF}' + 365;
            CREATE VIEW lapsed AS SELECT * FROM lines
            WHERE last_day < DATE '{AS_OF}' AND last_day >= DATE '{AS_OF}' - 365
            """
        )

    def rows(self, query: str) -> list[list[str]]:
        """The result of a query, as text; empty for null."""
        found = self.database.execute(query).fetchall()
        return [["" if cell is None else str(cell) for cell in row] for row in found]

    def number(self, query: str) -> int:
        """The result of a query with one number."""
        return int(self.database.execute(query).fetchall()[0][0])


def crawl(binary: Path, directory: Path, day: int) -> str:
    """Publishes the simulated organization of a day, and returns the name of the snapshot."""
    arguments = ["crawl", "--simulate", "--day", str(day), "--summary", "-"]
    return str(json.loads(run(binary, arguments, directory, {}).expect(0).stdout)["snapshot"])


def same(found: Any, expected: Any) -> None:
    assert found == expected, f"the report has\n{found}\nand SQL has\n{expected}"


def compare(checks: Checks, report: Report, old: Snapshot, new: Snapshot) -> None:
    """Compares every total of the report with a query."""
    with checks.check("cards are those of SQL"):
        in_use = new.number("SELECT count(*) FROM products WHERE NOT is_decommissioned")
        expected = {
            "devices in use": in_use,
            "decommissioned": new.number("SELECT count(*) FROM products") - in_use,
            "models": new.number("SELECT count(DISTINCT product_model) FROM products WHERE NOT is_decommissioned"),
            "customers with devices": new.number(
                "SELECT count(DISTINCT customer) FROM devices WHERE NOT is_decommissioned"
            ),
        }
        same(report.cards, expected)
    with checks.check("models are those of SQL"):
        found = [[row[0], row[1], row[3], row[4]] for row in report.table("Fleet")]
        expected_rows = new.rows(
            """
            SELECT product_model, count(*), max(product_model_eor)::DATE, max(product_model_eos)::DATE
            FROM products WHERE NOT is_decommissioned GROUP BY ALL ORDER BY count(*) DESC, product_model LIMIT 50
            """
        )
        same(found, expected_rows)
    with checks.check("renewals by month are those of SQL"):
        counted = new.rows(
            """
            SELECT strftime(last_day, '%-m/%y'), count(DISTINCT (account_id, serial_number))
            FROM ending GROUP BY ALL
            """
        )
        months = {f"{month.split('/')[0].zfill(2)}/{month.split('/')[1]}": int(count) for month, count in counted}
        same({name: count for name, count in report.bars.items() if count}, months)
        assert sum(months.values()) > 10, "the comparison needs something that ends"
    with checks.check("customers are those of SQL"):
        expected_rows = new.rows(
            """
            SELECT customer, devices, coalesce(ending, 0), coalesce(lapsed, 0), first_end
            FROM (SELECT customer, count(*) AS devices FROM devices WHERE NOT is_decommissioned GROUP BY ALL)
            LEFT JOIN (
                SELECT customer, count(DISTINCT (account_id, serial_number)) AS ending, min(last_day) AS first_end
                FROM ending GROUP BY ALL
            ) USING (customer)
            LEFT JOIN (
                SELECT customer, count(DISTINCT (account_id, serial_number)) AS lapsed FROM lapsed GROUP BY ALL
            ) USING (customer)
            ORDER BY devices DESC, customer LIMIT 50
            """
        )
        same(report.table("Customers"), expected_rows)
    for heading, view in [("Ending next", "ending"), ("Lapsed within the last year", "lapsed")]:
        with checks.check(f"the list below “{heading}” is that of SQL"):
            found = sorted([row[0], row[2]] for row in report.table(heading))
            expected_rows = new.rows(
                f"""
                SELECT last_day, serial_number FROM (SELECT DISTINCT last_day, account_id, serial_number FROM {view})
                ORDER BY abs(last_day - DATE '{AS_OF}'), last_day LIMIT 100
                """
            )
            # At the end of the list, several devices can have the same day, so only the days are compared there.
            same([row[0] for row in found], sorted(row[0] for row in expected_rows))
            everything = new.rows(f"SELECT DISTINCT last_day, serial_number FROM {view}")
            assert all(row in everything for row in found), "a device is not in the result of SQL"
    with checks.check("models whose support ends are those of SQL"):
        expected_rows = new.rows(
            f"""
            SELECT max(product_model_eos)::DATE AS eos, product_model, count(*)
            FROM products WHERE NOT is_decommissioned GROUP BY product_model
            HAVING eos <= DATE '{AS_OF}' + INTERVAL 1 YEAR ORDER BY eos, product_model
            """
        )
        same([row[:3] for row in report.table("End of support within 12 months")], expected_rows)
    with checks.check("changes of products are those of SQL"):
        before, after = (snapshot.rows("SELECT serial_number, account_id FROM products") for snapshot in (old, new))
        there, now = dict(map(tuple, before)), dict(map(tuple, after))
        changed = next(row for row in report.table("Changes") if row[0] == "products")
        same(int(changed[1]), len(now.keys() - there.keys()))
        same(int(changed[3]), len(there.keys() - now.keys()))
        same(int(changed[4]), sum(there[serial] != account for serial, account in now.items() if serial in there))
        columns = "serial_number, account_id, product_model, description, registration_date, is_decommissioned, status"
        rows = [
            {row[0]: row[1:] for row in snapshot.rows(f"SELECT {columns} FROM products")} for snapshot in (old, new)
        ]
        both = [serial for serial in now if serial in there and there[serial] == now[serial]]
        same(int(changed[2]), sum(rows[0][serial] != rows[1][serial] for serial in both))
    with checks.check("tables have the rows that SQL counts"):
        tables = report.table("Tables")
        assert len(tables) > 8
        for table, count in tables:
            same(int(count), new.number(f"SELECT count(*) FROM {table}"))


def browse(browser: str, file: Path, directory: Path) -> tuple[str, set[str]]:
    """Opens a page in a browser without a network. Returns its messages, and the URLs that the page requested."""
    log = directory / "net.json"
    options = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--host-resolver-rules=MAP * ~NOTFOUND",
        "--disable-background-networking",
        "--disable-component-update",
        f"--user-data-dir={directory / 'profile'}",
        "--enable-logging=stderr",
        f"--log-net-log={log}",
        "--dump-dom",
    ]
    ended = subprocess.run(
        [browser, *options, file.as_uri()], capture_output=True, text=True, timeout=120, check=True
    )
    assert "Fortinet inventory" in ended.stdout, ended.stdout[:200]
    messages = "\n".join(line for line in ended.stderr.splitlines() if "CONSOLE" in line)
    urls = set()
    for event in json.loads(log.read_text(encoding="utf-8"))["events"]:
        parameters = event.get("params", {})
        # A page in a file has the origin `null`. What the browser asks for by itself, such as updates, has none.
        if parameters.get("initiator", "not an origin") != "not an origin":
            urls.add(parameters.get("url", ""))
    return messages, {url for url in urls if not url.startswith("file:")}


def check_in_browser(checks: Checks, browser: str, file: Path, directory: Path) -> None:
    """Checks that the report is quiet. A page that is not quiet shows that the check would notice."""
    with checks.check("a browser makes no request for the report and logs no error"):
        same(browse(browser, file, directory), ("", set()))
    with checks.check("the same browser shows what a page requests and logs"):
        loud = directory / "loud.html"
        url = "https://example.com/pixel.png"
        loud.write_text(f'Fortinet inventory<img src="{url}"><script>console.error("bad")</script>', encoding="utf-8")
        messages, urls = browse(browser, loud, directory)
        assert "bad" in messages, messages
        same(urls, {url})


def main() -> None:
    binary = binary_from_arguments()
    checks = Checks()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        old = crawl(binary, directory, 0)
        new = crawl(binary, directory, 30)
        run(binary, ["report", "-o", "report.html", "--as-of", str(AS_OF)], directory, {}).expect(0)
        file = directory / "report.html"
        report = Report(file.read_text(encoding="utf-8"))
        compare(checks, report, Snapshot(directory / "out", old), Snapshot(directory / "out", new))
        browser = next(filter(None, map(shutil.which, BROWSERS)), None)
        if browser is None:
            print("no Chromium is installed, so the report is not opened in a browser", flush=True)
        else:
            check_in_browser(checks, browser, file, directory)
    checks.finish()


if __name__ == "__main__":
    main()
