"""A server that speaks the part of Google Cloud Storage's XML API that fortilake uses, and keeps everything in memory.

No published emulator has it: they overwrite objects in spite of conditions, or have only the JSON API.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import random
import re
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

SMALLEST_PART = 5 << 20
# Pages are small, so that lists have several.
PAGE = 100


class Refused(Exception):
    """A response that is an error."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class Account:
    """A service account with its key."""

    def __init__(self, email: str) -> None:
        self.email = email
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def json(self) -> str:
        """The key as Google's console gives it out."""
        pem = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        key = {"type": "service_account", "client_email": self.email, "private_key_id": "1", "private_key": pem.decode()}
        return json.dumps(key)


class Server(ThreadingHTTPServer):
    """One bucket. A `writer` may do everything, a `reader` only read."""

    daemon_threads = True

    def __init__(self, bucket: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.bucket = bucket
        self.writer, self.reader = Account("writer@lake"), Account("reader@lake")
        self.lock = threading.Lock()
        self.objects: dict[str, tuple[bytes, int, str, float]] = {}
        self.uploads: dict[str, tuple[str, dict[int, tuple[bytes, str]]]] = {}
        self.generations = itertools.count(1_700_000_000_000_000)
        # Whether to refuse a second write to an object within a second, as Google does.
        self.is_strict = False
        # The share of writes that are carried out without a response.
        self.lost = 0.0
        self.chance = random.Random(1)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def put(self, name: str, content: bytes, etag: str | None = None) -> tuple[int, str]:
        """Stores an object, and returns its generation and ETag."""
        generation = next(self.generations)
        etag = etag or f'"{hashlib.md5(content).hexdigest()}"'
        self.objects[name] = (content, generation, etag, time.time())
        return generation, etag

    def create_upload(self, name: str) -> str:
        """Starts an upload in parts."""
        upload = hashlib.sha256(str(next(self.generations)).encode()).hexdigest()
        self.uploads[upload] = (name, {})
        return upload


def decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Handler(BaseHTTPRequestHandler):
    """Answers one request after the other of a connection."""

    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, *_: Any) -> None:
        """Prints nothing."""

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except ConnectionError:
            self.close_connection = True

    def do_any(self) -> None:
        """Answers a request."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path, query = urlsplit(self.path).path, urlsplit(self.path).query
        self.query = {name: values[0] for name, values in parse_qs(query, keep_blank_values=True).items()}
        bucket, _, self.name = path.removeprefix("/").partition("/")
        self.name = unquote(self.name)
        is_write = self.command in ("PUT", "POST", "DELETE")
        try:
            self.authorize(is_write)
            if unquote(bucket) != self.server.bucket:
                raise Refused(404, "NoSuchBucket", "The specified bucket does not exist.")
            with self.server.lock:
                status, headers, content = self.answer(body)
                is_lost = is_write and self.server.chance.random() < self.server.lost
        except Refused as refused:
            text = f"<Error><Code>{refused.code}</Code><Message>{escape(refused.message)}</Message></Error>"
            status, headers, content, is_lost = refused.status, {}, text.encode(), False
        if is_lost:
            self.close_connection = True
            return
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if "Content-Length" not in headers:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_any

    def authorize(self, is_write: bool) -> None:
        """Checks the signature and the time of the token that a service account signed for itself."""
        wrong = Refused(401, "AuthenticationRequired", "Authentication required.")
        scheme, _, token = (self.headers.get("Authorization") or "").partition(" ")
        try:
            signed, _, signature = token.rpartition(".")
            claims = json.loads(decode(signed.split(".")[1]))
            accounts = {account.email: account for account in (self.server.writer, self.server.reader)}
            account = accounts[claims["iss"]]
            account.key.public_key().verify(decode(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        except (IndexError, KeyError, ValueError, InvalidSignature):
            raise wrong from None
        if scheme != "Bearer" or not claims["iat"] - 60 <= time.time() < claims["exp"]:
            raise wrong
        if is_write and account is self.server.reader:
            denied = f"{account.email} does not have storage.objects.create access"
            raise Refused(403, "AccessDenied", denied)

    def answer(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """The status, headers and content of a response."""
        if not self.name:
            return self.list_uploads() if "uploads" in self.query else self.list_objects()
        if "uploads" in self.query:
            upload = self.server.create_upload(self.name)
            text = f"<InitiateMultipartUploadResult><UploadId>{upload}</UploadId></InitiateMultipartUploadResult>"
            return 200, {}, text.encode()
        if "uploadId" in self.query:
            return self.upload(self.query["uploadId"], body)
        if self.command == "PUT":
            self.check_condition()
            return self.stored(*self.server.put(self.name, body))
        if self.name not in self.server.objects:
            raise Refused(404, "NoSuchKey", "The specified key does not exist.")
        if self.command == "DELETE":
            del self.server.objects[self.name]
            return 204, {}, b""
        return self.read()

    def stored(self, generation: int, etag: str) -> tuple[int, dict[str, str], bytes]:
        return 200, {"ETag": etag, "x-goog-generation": str(generation)}, b""

    def check_condition(self) -> None:
        _, generation, _, written = self.server.objects.get(self.name, (b"", 0, "", 0.0))
        if self.server.is_strict and time.time() - written < 1:
            raise Refused(429, "SlowDown", "The object exceeded the rate limit for object mutation operations.")
        wanted = self.headers.get("x-goog-if-generation-match")
        if wanted is not None and int(wanted) != generation:
            raise Refused(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold.")

    def read(self) -> tuple[int, dict[str, str], bytes]:
        content, generation, etag, written = self.server.objects[self.name]
        headers = {
            "ETag": etag,
            "x-goog-generation": str(generation),
            "Last-Modified": formatdate(written, usegmt=True),
            "Content-Length": str(len(content)),
        }
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range") or "")
        if not found:
            return 200, headers, content
        start, end = int(found[1]), min(int(found[2]), len(content) - 1)
        part = content[start : end + 1]
        headers |= {"Content-Length": str(len(part)), "Content-Range": f"bytes {start}-{end}/{len(content)}"}
        return 206, headers, part

    def upload(self, upload: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Takes a part of an upload, completes it, or discards it."""
        name, parts = self.server.uploads.get(upload, ("", {}))
        if name != self.name:
            raise Refused(404, "NoSuchUpload", "The requested upload was not found.")
        if self.command == "DELETE":
            del self.server.uploads[upload]
            return 204, {}, b""
        if self.command == "PUT":
            etag = f'"{hashlib.md5(body).hexdigest()}"'
            parts[int(self.query["partNumber"])] = (body, etag)
            return 200, {"ETag": etag}, b""
        wanted = [(int(part.findtext("PartNumber")), part.findtext("ETag")) for part in ElementTree.fromstring(body)]
        numbers = [number for number, _ in wanted]
        if numbers != sorted(set(numbers)) or any(parts.get(number, (b"", ""))[1] != etag for number, etag in wanted):
            raise Refused(400, "InvalidPart", "One or more of the specified parts could not be found.")
        contents = [parts[number][0] for number in numbers]
        if any(len(content) < SMALLEST_PART for content in contents[:-1]):
            raise Refused(400, "EntityTooSmall", "Your proposed upload is smaller than the minimum object size.")
        del self.server.uploads[upload]
        generation, etag = self.server.put(self.name, b"".join(contents), f'"{upload[:32]}"')
        text = f"<CompleteMultipartUploadResult><ETag>{escape(etag)}</ETag></CompleteMultipartUploadResult>"
        return 200, {"x-goog-generation": str(generation)}, text.encode()

    def list_objects(self) -> tuple[int, dict[str, str], bytes]:
        after = max(self.query.get("start-after", ""), self.query.get("continuation-token", ""))
        prefix = self.query.get("prefix", "")
        names = sorted(name for name in self.server.objects if name.startswith(prefix) and name > after)
        page, rest = names[:PAGE], names[PAGE:]
        entries = []
        for name in page:
            content, _, etag, written = self.server.objects[name]
            modified = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(written))
            entries.append(
                f"<Contents><Key>{escape(name)}</Key><Size>{len(content)}</Size><LastModified>{modified}</LastModified>"
                f"<ETag>{escape(etag)}</ETag></Contents>"
            )
        token = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if rest else ""
        text = f"<ListBucketResult>{''.join(entries)}{token}</ListBucketResult>"
        return 200, {}, text.encode()

    def list_uploads(self) -> tuple[int, dict[str, str], bytes]:
        after = (self.query.get("key-marker", ""), self.query.get("upload-id-marker", ""))
        prefix = self.query.get("prefix", "")
        found = sorted((name, upload) for upload, (name, _) in self.server.uploads.items() if name.startswith(prefix))
        found = [pair for pair in found if pair > after]
        page, rest = found[:PAGE], found[PAGE:]
        entries = "".join(f"<Upload><Key>{escape(name)}</Key><UploadId>{id}</UploadId></Upload>" for name, id in page)
        text = f"<IsTruncated>{str(bool(rest)).lower()}</IsTruncated>{entries}"
        if rest:
            name, upload = page[-1]
            text += f"<NextKeyMarker>{escape(name)}</NextKeyMarker><NextUploadIdMarker>{upload}</NextUploadIdMarker>"
        return 200, {}, f"<ListMultipartUploadsResult>{text}</ListMultipartUploadsResult>".encode()
