"""Crawls the embedded simulator into a PostgreSQL server, and reads the tables with psql."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

from checks import Checks, binary_from_arguments, run
from tables import manifest, read_csv, read_parquet

# Where Debian and others install programs that are not in `PATH`.
FOLDERS = ("/usr/lib/postgresql", "/usr/pgsql", "/opt/homebrew/opt/postgresql")
SUMMARY = """
SELECT concat_ws(' ', inserted, updated, deleted, complete) FROM fortinet.fortilake_snapshots
WHERE published_at IS NOT NULL ORDER BY name
"""


def installed() -> list[Path]:
    """Returns the folders with the programs of PostgreSQL, of the newest version last."""
    return sorted(path.parent for folder in FOLDERS for path in Path(folder).glob("**/bin/initdb"))


def programs() -> Path:
    """Returns the folder of the newest PostgreSQL that is installed."""
    found = installed()
    assert found, "PostgreSQL is not installed; on Debian, run `apt-get install postgresql`"
    return found[-1]


class Server:
    """A server in a temporary folder. It trusts whoever reaches its address."""

    def __init__(self, folder: Path, address: str = "127.0.0.1") -> None:
        self.bin, self.data, self.address = programs(), folder / "data", address
        with socket.socket() as listener:
            listener.bind((address, 0))
            self.port = listener.getsockname()[1]
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        self.command("initdb", "--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-sync")
        with (self.data / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all all {address}/24 trust\n")
        options = f"-h {address} -p {self.port} -c unix_socket_directories= -c fsync=off"
        log = str(folder / "log")
        self.command("pg_ctl", "start", "--wait", "--silent", "--options", options, "--log", log)
        self.url = self.url_of("postgres")

    def command(self, program: str, *arguments: str) -> None:
        """Runs a program of the server, as another user if this process is root."""
        # PostgreSQL refuses to run as root.
        user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        words = user if os.geteuid() == 0 else []
        words = [*words, str(self.bin / program), *arguments, "--pgdata", str(self.data)]
        subprocess.run(words, check=True, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def stop(self) -> None:
        self.command("pg_ctl", "stop", "--mode=immediate", "--silent")

    def url_of(self, database: str) -> str:
        return f"postgres://postgres@{self.address}:{self.port}/{database}"

    def query(self, sql: str, database: str = "postgres") -> list[str]:
        """Returns the first column of all rows."""
        words = [str(self.bin / "psql"), self.url_of(database), "-qAtX", "-c", "SET TimeZone = 'UTC'", "-c", sql]
        ended = subprocess.run(words, check=True, stdout=subprocess.PIPE, encoding="utf-8")
        return ended.stdout.splitlines()

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Returns all rows of a table without the sink's own column."""
        rows = self.query(f"SELECT row_to_json(t) FROM fortinet.{table} AS t")
        read = [json.loads(row) for row in rows]
        return [{name: value for name, value in row.items() if name != "_scope"} for row in read]


def comparable(row: dict[str, Any]) -> str:
    """A row as text that is equal for both sinks."""

    def cell(value: Any) -> Any:
        if isinstance(value, str) and value[4:5] == "-" and value[10:11] == "T":
            value = datetime.fromisoformat(value)
        return value.isoformat() if isinstance(value, datetime) else value

    return json.dumps({name: cell(value) for name, value in row.items()}, sort_keys=True)


def check_crawl(checks: Checks, binary: Path, place: Path, server: Server) -> None:
    """Crawls twice, and compares the tables with those of the sink `parquet`."""
    # A simulated crawl reads no environment variables.
    (place / "url").write_text(server.url, "utf-8")
    sink = ["--sink", "postgres:fortinet?url_file=url"]
    with checks.check("the tables in PostgreSQL are those in Parquet"):
        run(binary, ["crawl", "--simulate", "--sink", "parquet:out", *sink], place, {}).expect(0)
        tables = manifest(place / "out")["tables"]
        assert len(tables) > 5, tables
        for table in tables:
            name = table["name"]
            theirs = sorted(map(comparable, read_parquet(place / "out", name).to_pylist()))
            ours = sorted(map(comparable, server.rows(name)))
            assert len(ours) == table["rows"], f"`{name}` has {len(ours)} rows: {table}"
            for one, other in zip(ours, theirs, strict=True):
                assert one == other, f"`{name}`: {one} in PostgreSQL, {other} in Parquet"
    with checks.check("a second crawl of the same organization writes no row"):
        run(binary, ["crawl", "--simulate", "--fresh", *sink], place, {}).expect(0)
        first, second = server.query(SUMMARY)
        inserted = int(first.split()[0])
        assert inserted == sum(table["rows"] for table in tables), first
        assert second == "0 0 0 t", second
    with checks.check("columns have the descriptions of the API"):
        comments = server.query(
            "SELECT count(*) FROM pg_attribute WHERE attrelid = 'fortinet.products'::regclass "
            "AND attnum > 0 AND coalesce(col_description(attrelid, attnum), '') = ''"
        )
        assert comments == ["0"], f"{comments[0]} columns of `products` have no comment"


def check_sql(checks: Checks, binary: Path, place: Path, server: Server) -> None:
    """Loads CSV files with the statements of `fortilake tables`, twice."""
    with checks.check("psql runs the statements of `tables --dialect postgres`"):
        sink = "csv:sheets?formula_prefix=false"
        run(binary, ["crawl", "--simulate", "--fresh", "--sink", sink], place, {}).expect(0)
        arguments = ["tables", "--format", "sql", "--dialect", "postgres", "--place", "sheets"]
        sql = run(binary, arguments, place, {}).expect(0).stdout
        words = [str(server.bin / "psql"), server.url, "-qX", "-v", "ON_ERROR_STOP=1"]
        for _ in range(2):
            subprocess.run(words, input=sql, check=True, cwd=place, encoding="utf-8", stdout=subprocess.PIPE)
        for table in manifest(place / "sheets")["tables"]:
            rows = server.query(f'SELECT count(*) FROM "{table["name"]}"')
            assert rows == [str(table["rows"])], f"`{table['name']}` has {rows} rows: {table}"
        cells = read_csv(place / "sheets/products.csv")["description"].to_pylist()
        empty = server.query("SELECT count(*) FROM products WHERE description = ''")
        nulls = server.query("SELECT count(*) FROM products WHERE description IS NULL")
        assert empty == [str(cells.count(""))] and nulls == [str(cells.count(None))], f"{empty}, {nulls}"


def main() -> None:
    """Runs all checks."""
    binary, checks = binary_from_arguments(), Checks()
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as place:
        server = Server(Path(folder))
        try:
            check_crawl(checks, binary, Path(place), server)
            check_sql(checks, binary, Path(place), server)
        finally:
            server.stop()
    checks.finish()


if __name__ == "__main__":
    main()
