"""How the foreign server sends answers: framing, envelopes, and faults."""

from __future__ import annotations

import gzip
import json
import zlib
from http.server import BaseHTTPRequestHandler
from typing import Any

HTML = b"<!DOCTYPE html><html><body><h1>We will be back soon [</h1></body></html>"
GIGABYTE = 1 << 30


class Connection(BaseHTTPRequestHandler):
    """One connection of a `foreign_server.Server`."""

    server: Any
    # Head and body are two writes; the second must not wait until the first is acknowledged.
    disable_nagle_algorithm = True

    def setup(self) -> None:
        # These are class attributes of the base class; here they depend on the variant.
        self.protocol_version = "HTTP/1.1" if self.server.variant.keep_alive else "HTTP/1.0"
        super().setup()

    def log_message(self, format: str, *args: Any) -> None:
        """Logs nothing: the checks print what matters."""

    def read_body(self) -> bytes:
        """Reads the whole body in either framing. Otherwise the next request would start inside it."""
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def answer(self, status: int, content: Any, headers: dict[str, str] | None = None) -> None:
        """Sends JSON in the form of the variant."""
        variant = self.server.variant
        # ASCII escapes in some variants, raw UTF-8 in others: both are JSON.
        body = json.dumps(content, ensure_ascii=variant.page_base == 0).encode()
        headers = {"Content-Type": "application/json; charset=utf-8", **(headers or {})}
        if variant.gzip and "gzip" in self.headers.get("Accept-Encoding", ""):
            body = gzip.compress(body)
            headers["Content-Encoding"] = "gzip"
        chunked = variant.chunked and variant.keep_alive
        headers |= {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": str(len(body))}
        self.begin(status, headers)
        if not chunked:
            self.wfile.write(body)
            return
        for start in range(0, len(body), 97):
            piece = body[start : start + 97]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def begin(self, status: int, headers: dict[str, str]) -> None:
        """Sends the head."""
        if status >= 400:
            with self.server.lock:
                self.server.errors += 1
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def envelope(
        self, status: int, message: str, payload: dict[str, Any], error: Any = None
    ) -> dict[str, Any]:
        """Returns the members of every answer, including the caller's token."""
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.server.variant.specified and status == 0 and error is None:
            # The specification's form of success; recorded answers have null and a sentence.
            message, error = "", ""
        base = {"build": "1.0.0", "error": error, "message": message, "status": status}
        return {**base, "token": token, "version": "3.0", **payload}

    def succeed(self, payload: dict[str, Any]) -> None:
        """Sends an answer with content."""
        self.answer(200, self.envelope(0, "Request processed successfully", payload))

    def refuse(self, code: int, text: str, payload: str) -> None:
        """Sends a failure: HTTP 400, with the details in the body."""
        error = {"errorCode": code, "message": text}
        self.answer(400, self.envelope(-1, "Invalid incoming request.", {payload: None}, error))

    def say_nothing(self, payload: str, pages: dict[str, int]) -> None:
        """Sends an empty result in the form of the variant."""
        match self.server.variant.empty:
            case "301":
                error = {"errorCode": 301, "message": "No product found"}
                none = {name: 0 for name in pages}
                self.answer(200, self.envelope(0, "No product found", {payload: None, **none}, error))
            case "1008":
                self.answer(200, self.envelope(1008, "No records", {payload: None}))
            case "list":
                self.succeed({payload: [], **pages})
            case _:
                self.succeed({payload: None, **pages})

    def in_trouble(self, place: str) -> bool:
        """Answers with the variant's fault, if it affects this call. Returns whether it did."""
        variant = self.server.variant
        if not place or variant.trouble_at != place:
            return False
        with self.server.lock:
            self.server.uses["trouble"] += 1
            if self.server.uses["trouble"] > variant.trouble_times:
                return False
        match variant.trouble:
            case "html":
                self.begin(200, {"Content-Type": "text/html", "Content-Length": str(len(HTML))})
                self.wfile.write(HTML)
            case "gigabyte":
                self.begin(200, {"Content-Type": "application/json", "Content-Length": str(GIGABYTE)})
                self.stream(b"[" * (1 << 20))
            case "endless":
                self.begin(200, {"Content-Type": "application/json", "Transfer-Encoding": "chunked"})
                self.stream(b"100000\r\n" + b"[" * (1 << 20) + b"\r\n")
            case "bomb":
                head = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
                bomb = gigabyte_in_gzip()
                self.begin(200, {**head, "Content-Length": str(len(bomb))})
                self.wfile.write(bomb)
            case "unavailable":
                self.begin(503, {"Content-Type": "text/html", "Content-Length": str(len(HTML))})
                self.wfile.write(HTML)
            case "throttled":
                self.begin(429, {"Retry-After": "1", "Content-Length": "0"})
            case "cut":
                self.begin(200, {"Content-Type": "application/json", "Content-Length": "4096"})
                self.wfile.write(b'{"status": 0, "assets": [{"serialNumber": "FG')
                self.close_connection = True
            case "reset":
                self.close_connection = True
            case "elsewhere":
                self.begin(307, {"Location": self.server.elsewhere + self.path, "Content-Length": "0"})
            case unknown:
                raise ValueError(unknown)
        return True

    def stream(self, block: bytes) -> None:
        """Sends a gigabyte, unless the client closes the connection."""
        self.close_connection = True
        for _ in range(GIGABYTE >> 20):
            self.wfile.write(block)


def gigabyte_in_gzip() -> bytes:
    """Returns a gigabyte of `[`, compressed to a megabyte."""
    press = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = b"[" * (1 << 20)
    return b"".join(press.compress(block) for _ in range(GIGABYTE >> 20)) + press.flush()
