"""Runs fortilake on five machines that share an API user by a state in PostgreSQL.

A machine is a network namespace with a host name and a link to a bridge. At the other end of the bridge are a
PostgreSQL server and a server that counts the calls and passes them to the simulator.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyarrow as pa

from checks import TIMEOUT_SECONDS, Checks, binary_from_arguments, environment, run
from clients import Simulated, simulate
from postgres import Server
from tables import manifest, read_parquet

# Set in the process that has a network namespace of its own, with the bridge.
INSIDE = "FORTILAKE_MACHINES"
NETWORK = "10.97.0"
BRIDGE = f"{NETWORK}.1"
MACHINES = 5
KEY = "000102030405060708090a0b0c0d0e0f" * 2
# How far the clocks of two machines are off. The others are right.
OFF = {2: timedelta(minutes=10), 3: timedelta(minutes=-10)}
# How many calls a takeover may repeat: those in flight.
REPEATED = 8
# So small that five crawls do not fit: the most calls within each number of seconds.
WINDOWS = {1: 10, 4: 24}
ORGANIZATION = "[organization]\nous = 2\naccounts = 10\nproducts = 60\n"
CALLS = ", ".join(f'{{ max = {most}, per = "{seconds}s" }}' for seconds, most in WINDOWS.items())
ERRORS = 'max = 10, per = "1h"'
LIMITED = f"{ORGANIZATION}[quota]\ncalls = [{CALLS}]\nerrors = {{ {ERRORS} }}\n"
# Served slowly enough to stop a process between two calls.
SLOW = f'latency = "40ms"\npage_size = 4\n{ORGANIZATION}'
QUOTA = f"[source.quota]\ncalls = [{CALLS}]\nerrors = {{ {ERRORS}, reserve = 2 }}\n"
NO_QUOTA = '[source.quota]\ncalls = [{ max = 1000000, per = "1m" }]\nerrors = { max = 1000000, per = "1h" }\n'
# Columns that differ between two crawls of the same data.
META = ("_crawl_id", "_observed_at", "observed_at")
# Headers that a server between two others writes itself.
HOP_BY_HOP = ("connection", "content-length", "date", "host", "server", "transfer-encoding")


@dataclass
class Call:
    """A request as the server saw it. The status is 0 until there is an answer."""

    arrived: float
    path: str
    body: bytes
    status: int = 0

    def is_sign_in(self) -> bool:
        return "oauth" in self.path


class CountingServer(ThreadingHTTPServer):
    """Notes when each call arrives, and passes it to the simulator."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, simulator: str, certificate: Path) -> None:
        super().__init__((BRIDGE, 0), Handler)
        self.simulator = simulator.removeprefix("http://")
        self.calls: list[Call] = []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        # Otherwise a machine that is stopped in the middle of a handshake would block all others.
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"https://{BRIDGE}:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *_: object) -> None:
        """A machine that is stopped or killed breaks its connections, which is no error here."""

    def keeps_limits(self) -> bool:
        """Whether no window had more calls than its limit allows."""
        found = {seconds: self.most(seconds) for seconds in WINDOWS}
        print(f"      {len(self.calls)} calls; the most within each number of seconds: {found}, allowed: {WINDOWS}")
        return all(found[seconds] <= most for seconds, most in WINDOWS.items())

    def most(self, seconds: float) -> int:
        """The most calls that arrived within any window of this length."""
        times = sorted(call.arrived for call in self.calls)
        first, most = 0, 0
        for last, arrived in enumerate(times):
            while arrived - times[first] >= seconds:
                first += 1
            most = max(most, last - first + 1)
        return most

    def repeated(self) -> int:
        """How many calls repeat an earlier one."""
        asked = Counter((call.path, call.body) for call in self.calls if not call.is_sign_in())
        return sum(count - 1 for count in asked.values())


class Handler(BaseHTTPRequestHandler):
    """Passes one request to the simulator."""

    protocol_version = "HTTP/1.1"
    server: CountingServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        call = Call(time.monotonic(), self.path, body)
        self.server.calls.append(call)
        connection = http.client.HTTPConnection(self.server.simulator, timeout=TIMEOUT_SECONDS)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
        connection.request("POST", self.path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        call.status = answer.status
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Requests are noted, not printed."""


class Machine:
    """A network namespace with a host name, a clock and a folder."""

    def __init__(self, number: int, place: Path) -> None:
        self.name, self.place = f"machine-{number}", place / f"machine-{number}"
        self.place.mkdir()
        self.clock_is_off = OFF.get(number)
        # It keeps the namespaces until its standard input is closed.
        words = ["unshare", "--net", "--uts", "sh", "-c", f"hostname {self.name} && echo ready && exec cat"]
        self.holder = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.holder.stdout and self.holder.stdout.readline() == b"ready\n", f"{self.name} did not start"
        outer, holder = f"to{number}", str(self.holder.pid)
        command("ip", "link", "add", outer, "type", "veth", "peer", "name", "eth0", "netns", holder)
        command("ip", "link", "set", outer, "master", "bridge", "up")
        command(*self.inside(), "ip", "address", "add", f"{NETWORK}.{10 + number}/24", "dev", "eth0")
        for link in ("lo", "eth0"):
            command(*self.inside(), "ip", "link", "set", link, "up")

    def inside(self) -> list[str]:
        """The words before a command that runs it on this machine."""
        return ["nsenter", f"--target={self.holder.pid}", "--net", "--uts"]

    def start(self, binary: Path, arguments: list[str], variables: dict[str, str]) -> "Process":
        """Starts fortilake on this machine."""
        variables = {**environment(self.place, {}), **variables}
        if self.clock_is_off is not None:
            variables |= faked(self.clock_is_off)
        return Process([*self.inside(), str(binary), *arguments], self.place, variables)

    def stop(self) -> None:
        assert self.holder.stdin and self.holder.stdout
        self.holder.stdin.close()
        self.holder.wait()
        self.holder.stdout.close()


class Process:
    """A running fortilake."""

    def __init__(self, words: list[str], place: Path, variables: dict[str, str]) -> None:
        self.stderr = tempfile.TemporaryFile()
        # `nsenter` becomes the program, so signals reach it.
        self.process = subprocess.Popen(
            words, cwd=place, env=variables, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.stderr
        )

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def expect(self, code: int) -> str:
        """Waits for the end, asserts the exit code, and returns what was said."""
        try:
            found = self.process.wait(timeout=TIMEOUT_SECONDS)
        finally:
            self.process.kill()
        self.stderr.seek(0)
        said = self.stderr.read().decode("utf-8", "replace")
        assert found == code, f"exit code {found}, not {code}; stderr:\n{said}"
        return said


def command(*words: str) -> None:
    """Runs a command that must succeed."""
    subprocess.run(words, check=True)


def faked(off: timedelta) -> dict[str, str]:
    """The variables that set a process's clock ahead, or back."""
    library = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    seconds = f"{off.total_seconds():+.0f}"
    # A clock that is set does not change how long a process has to wait for something.
    return {"LD_PRELOAD": str(library), "FAKETIME": seconds, "FAKETIME_DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1"}


def certificate(place: Path) -> Path:
    """Creates a certificate for the bridge's address, in one file with its key."""
    file = place / "server.pem"
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=counting"]
    words += ["-addext", f"subjectAltName=IP:{BRIDGE}", "-keyout", str(file), "-out", str(place / "ca.pem")]
    # It must also be valid for a clock that is behind.
    variables = {**os.environ, **faked(timedelta(days=-1))}
    subprocess.run(words, check=True, env=variables, stderr=subprocess.DEVNULL)
    file.write_text(file.read_text() + (place / "ca.pem").read_text())
    return file


def configuration(url: str, quota: str) -> str:
    """The configuration of a crawl, from the same folder as the certificate of `certificate`."""
    return f"""
[[source]]
name = "acme"
type = "forticloud"
username = {{ env = "NAME" }}
password = {{ env = "PASSWORD" }}
auth_url = "{url}/api/v1/oauth/token/"
api_url = "{url}"
ca_cert = "../ca.pem"
{quota}
[[sink]]
type = "parquet"
path = "out"
"""


def wait_for(what: str, is_so: Callable[[], bool]) -> None:
    """Waits until something is so."""
    end = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < end, f"{what} did not happen"
        time.sleep(0.005)


class Cluster:
    """The machines, the database that they share, and how to crawl on them."""

    def __init__(self, binary: Path, place: Path, database: Server, machines: list[Machine]) -> None:
        self.binary, self.place, self.database, self.machines = binary, place, database, machines
        self.certificate = certificate(place)

    def prepare(self, simulated: Simulated, quota: str, state: dict[str, str]) -> CountingServer:
        """Sets up all machines for a simulator. Without a state in `state`, each machine has its own."""
        server = CountingServer(simulated.api_url, self.certificate)
        self.variables = {"NAME": simulated.username, "PASSWORD": simulated.password, **state}
        for machine in self.machines:
            shutil.rmtree(machine.place / "out", ignore_errors=True)
            (machine.place / "fortilake.toml").write_text(configuration(server.url, quota), "utf-8")
        return server

    def state(self, name: str, lease: str) -> dict[str, str]:
        """A state in a new database, which all machines share."""
        self.database.query(f"CREATE DATABASE {name}")
        url = f"{self.database.url_of(name)}?sslmode=disable&lease={lease}"
        return {"FORTILAKE_STATE": url, "FORTILAKE_STATE_KEY": KEY}

    def crawl_everywhere(self) -> None:
        """Crawls on all machines at once, from the beginning."""
        for crawl in [self.start(number, "--fresh") for number in range(1, MACHINES + 1)]:
            crawl.expect(0)

    def start(self, number: int, *arguments: str) -> Process:
        """Starts a crawl on a machine."""
        return self.machines[number - 1].start(self.binary, ["crawl", *arguments], self.variables)

    def check_tables(self, number: int, name: str, scenario: str) -> None:
        """Compares the tables of a machine with those of one process that crawls the scenario alone."""
        alone = self.place / name
        if not alone.exists():
            alone.mkdir()
            with simulate(self.binary, scenario) as simulated:
                text = configuration(simulated.api_url, NO_QUOTA).replace("ca_cert", "# ca_cert")
                (alone / "fortilake.toml").write_text(text, "utf-8")
                variables = {"NAME": simulated.username, "PASSWORD": simulated.password}
                run(self.binary, ["crawl"], alone, variables).expect(0)
        ours, theirs = self.machines[number - 1].place / "out", alone / "out"
        tables = manifest(theirs)["tables"]
        assert len(tables) > 5, tables
        assert [table["name"] for table in manifest(ours)["tables"]] == [table["name"] for table in tables]
        for table in (table["name"] for table in tables):
            one, other = (comparable(read_parquet(place, table)) for place in (ours, theirs))
            assert one == other, f"`{table}` of machine {number} differs"


def comparable(table: pa.Table) -> list[str]:
    """The rows as sorted texts, without the columns that differ in every crawl."""
    rows = table.select([name for name in table.column_names if name not in META]).to_pylist()
    return sorted(json.dumps(row, default=str) for row in rows)


def check_limits(checks: Checks, cluster: Cluster) -> None:
    """Crawls on all machines at once."""
    with simulate(cluster.binary, ORGANIZATION) as simulated:
        server = cluster.prepare(simulated, QUOTA, {})
        with checks.check("machines that do not share a state exceed the limits together"):
            cluster.crawl_everywhere()
            assert not server.keeps_limits()
    with simulate(cluster.binary, LIMITED) as simulated:
        server = cluster.prepare(simulated, QUOTA, cluster.state("limits", "1m"))
        with checks.check("five machines crawl at once, two of them with a clock that is off by ten minutes"):
            cluster.crawl_everywhere()
            assert len(cluster.database.query("SELECT id FROM fortilake.crawls", "limits")) == MACHINES
        with checks.check("no window is exceeded at the counting server"):
            assert server.keeps_limits()
            others = [call for call in server.calls if call.status != 200]
            assert not others, f"{len(others)} calls failed: {others[:3]}"
        with checks.check("the clocks were off, and the tables are those of one process"):
            for number in range(1, MACHINES + 1):
                cluster.check_tables(number, "alone", ORGANIZATION)
            began = [manifest(machine.place / "out")["crawl"]["started_at"] for machine in cluster.machines]
            times = [datetime.fromisoformat(time) for time in began]
            for number, off in OFF.items():
                assert abs(times[number - 1] - times[0] - off) < timedelta(minutes=5), f"{began}"


def check_takeover(checks: Checks, cluster: Cluster) -> None:
    """Stops a crawl, resumes it on another machine, and wakes up the first one."""
    with simulate(cluster.binary, SLOW) as simulated:
        server = cluster.prepare(simulated, NO_QUOTA, cluster.state("takeover", "10s"))
        with checks.check("a crawl whose machine is stopped is held until its lease has run out"):
            stopped = cluster.start(1)
            wait_for("the first half of the crawl", lambda: len(server.calls) > 20)
            stopped.send(signal.SIGSTOP)
            said = cluster.start(2).expect(75)
            assert "is in use by process" in said and "machine-1" in said, said
        with checks.check("another machine resumes it, and the stopped one cannot write when it wakes up"):
            alive = "SELECT id FROM fortilake.holders WHERE to_timestamp(lease_until / 1e6) >= clock_timestamp()"
            wait_for("the end of the lease", lambda: not cluster.database.query(alive, "takeover"))
            before = len(server.calls)
            resumed = cluster.start(2)
            wait_for("the resumed crawl", lambda: len(server.calls) > before + 3)
            stopped.send(signal.SIGCONT)
            said = stopped.expect(1)
            assert "another process has taken over" in said, said
            said = resumed.expect(0)
            assert "resuming crawl" in said, said
            assert not (cluster.machines[0].place / "out/_fortilake/latest.json").exists(), "it has published"
        with checks.check("only calls in flight are repeated, and the tables are those of one process"):
            print(f"      {len(server.calls)} calls, {server.repeated()} of them repeated")
            assert server.repeated() <= REPEATED, f"{server.repeated()} calls were repeated"
            cluster.check_tables(2, "slow", SLOW)


def main() -> None:
    """Runs all checks."""
    if INSIDE not in os.environ:
        # The bridge and everything else ends with this namespace.
        os.execvpe("unshare", ["unshare", "--net", sys.executable, *sys.argv], {**os.environ, INSIDE: "1"})
    binary, checks = binary_from_arguments(), Checks()
    command("ip", "link", "set", "lo", "up")
    command("ip", "link", "add", "bridge", "type", "bridge")
    command("ip", "address", "add", f"{BRIDGE}/24", "dev", "bridge")
    command("ip", "link", "set", "bridge", "up")
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as place:
        machines = [Machine(number, Path(place)) for number in range(1, MACHINES + 1)]
        database = Server(Path(folder), BRIDGE)
        try:
            cluster = Cluster(binary, Path(place), database, machines)
            check_limits(checks, cluster)
            check_takeover(checks, cluster)
        finally:
            database.stop()
            for machine in machines:
                machine.stop()
    checks.finish()


if __name__ == "__main__":
    main()
