"""A receiver that verifies every delivery with the `standardwebhooks` package, and fails on purpose.

One request in three fails: the receiver responds with 500 or 503, closes the connection, or responds too late.
It never fails the same message more often than the sender's `attempts` allow.
On SIGTERM or SIGINT, and for a GET of /report, it prints a JSON report:

    {"messages": {id: {"type": …, "table": …, "rows": n, "tries": n, "delivered": n}},
     "rows": {table: n}, "summary": {…} or null, "faults": [text, …]}

`faults` lists errors of the sender: a signature that does not verify, a repeated message with another body,
two messages with the same position, a message of a table that overtook an earlier one (unless --parallel),
a summary whose numbers of rows or messages differ from those received.
The exit status is 1 if there are any, and 0 otherwise.
`delivered` is the number of times that a message was answered with 200; at-least-once delivery allows more than one.

    python3 -m pip install standardwebhooks
    python3 standardwebhooks.py --secret whsec_… [--port N] [--seed N] [--late SECONDS] [--clean] [--parallel]

The first line of standard output is the port, the last line is the report.
Configure the sender with a `timeout` shorter than `--late`, a `backoff` of some milliseconds, and at least 5 `attempts`.
`--clean` turns the failures off. Bodies may be compressed with gzip.
"""

import argparse
import gzip
import json
import random
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# This file has the same name as the package, so its folder is removed from the import path.
sys.path = [entry for entry in sys.path if entry != sys.path[0]]
from standardwebhooks.webhooks import Webhook, WebhookVerificationError  # noqa: E402

MISDEEDS = ("500", "503", "close", "late")
MOST_MISDEEDS = 4


class Log:
    """Records the messages that arrived, and the faults found in them."""

    def __init__(self, in_order):
        self.in_order = in_order
        self.lock = threading.Lock()
        self.messages = {}
        self.bodies = {}
        self.places = {}
        self.last = {}
        self.summary = None
        self.faults = []

    def arrived(self, message_id, body):
        """Records an attempt and returns the number of earlier attempts of the message."""
        with self.lock:
            before = self.bodies.setdefault(message_id, body)
            if before != body:
                self.faults.append(f"{message_id} came again with another body")
            entry = self.messages.get(message_id)
            if entry is None:
                entry = self.describe(message_id, json.loads(body))
                self.messages[message_id] = entry
            entry["tries"] += 1
            return entry["tries"] - 1

    def describe(self, message_id, payload):
        data = payload["data"]
        rows = data.get("rows", [])
        if "table" in data:
            place = (data["crawl_id"], data["batch"], data["slice"])
            if self.places.setdefault(place, message_id) != message_id:
                self.faults.append(f"{message_id} has the place of {self.places[place]}")
        return {
            "type": payload["type"],
            "crawl": data["crawl_id"],
            "table": data.get("table"),
            "rows": len(rows),
            "tries": 0,
            "delivered": 0,
        }

    def delivered(self, message_id, body):
        with self.lock:
            entry = self.messages[message_id]
            entry["delivered"] += 1
            data = json.loads(body)["data"]
            if entry["type"] == "fortilake.summary":
                self.summary = data
                self.check_summary(data)
            elif entry["delivered"] == 1:
                place = data["slice"]
                if self.in_order and place < self.last.get(data["batch"], place):
                    self.faults.append(f"{message_id} was overtaken")
                self.last[data["batch"]] = place

    def check_summary(self, data):
        for table in data["tables"]:
            there = [
                entry
                for entry in self.messages.values()
                if entry["crawl"] == data["crawl_id"]
                and entry["table"] == table["table"]
                and entry["delivered"]
            ]
            rows = sum(entry["rows"] for entry in there)
            if (rows, len(there)) != (table["rows"], table["messages"]):
                self.faults.append(
                    f"{table['table']} has {rows} rows in {len(there)} messages, "
                    f"and the summary says {table['rows']} in {table['messages']}"
                )

    def wrong(self, text):
        with self.lock:
            self.faults.append(text)

    def report(self):
        with self.lock:
            rows = {}
            for entry in self.messages.values():
                if entry["table"] and entry["delivered"]:
                    rows[entry["table"]] = rows.get(entry["table"], 0) + entry["rows"]
            return {
                "messages": self.messages,
                "rows": rows,
                "summary": self.summary,
                "faults": self.faults,
            }


def handler(arguments, log):
    webhook = Webhook(arguments.secret)
    dice = random.Random(arguments.seed)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            text = json.dumps(log.report()).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            encoding = self.headers.get("content-encoding")
            if encoding == "gzip":
                body = gzip.decompress(body)
            elif encoding is not None:
                log.wrong(f"{self.headers.get('webhook-id')}: nobody here reads {encoding}")
                return self.answer(415)
            try:
                webhook.verify(body, dict(self.headers))
            except WebhookVerificationError as error:
                log.wrong(f"{self.headers.get('webhook-id')}: {error}")
                return self.answer(401)
            message_id = self.headers["webhook-id"]
            tries = log.arrived(message_id, body)
            with log.lock:
                misdeed = dice.choice(MISDEEDS) if dice.random() < 1 / 3 else None
            if arguments.clean or tries >= MOST_MISDEEDS:
                misdeed = None
            if misdeed == "close":
                self.close_connection = True
                return None
            if misdeed == "late":
                time.sleep(arguments.late)
                self.close_connection = True
                return None
            if misdeed == "503":
                return self.answer(503, ("retry-after", "0"))
            if misdeed == "500":
                return self.answer(500)
            # Recorded before the response, because the sender may send the next message right after it.
            log.delivered(message_id, body)
            return self.answer(200)

        def answer(self, status, *headers):
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_arguments):
            pass

    return Handler


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--secret", required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--late", type=float, default=1.0)
    parser.add_argument("--clean", action="store_true")
    parser.add_argument("--parallel", action="store_true")
    arguments = parser.parse_args()
    log = Log(in_order=not arguments.parallel)
    server = ThreadingHTTPServer(("127.0.0.1", arguments.port), handler(arguments, log))
    server.daemon_threads = True

    def stop(*_arguments):
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    print(server.server_port, flush=True)
    server.serve_forever()
    report = log.report()
    print(json.dumps(report))
    return 1 if report["faults"] else 0


if __name__ == "__main__":
    sys.exit(main())
