"""A server of the three FortiCloud APIs that only uses Python's standard library.

It shares no code with the workspace, so a mistake that the client and the simulator share shows here.
`python foreign_server.py VARIANT` serves until it is interrupted.
"""

from __future__ import annotations

import hashlib
import json
import sys
import threading
import urllib.parse
from collections import Counter
from http.server import ThreadingHTTPServer
from typing import Any

from foreign_tenant import ALSO_LISTED, LARGE_ACCOUNT, ROOT, Speech, Tenant
from foreign_variants import VARIANTS, Variant
from foreign_wire import Connection

USERNAME = "5E1F0000-FOREIGN-SERVER"
PASSWORD = "0123456789abcdef0123456789abcdef@Fx"
TOKEN_PATH = "/api/v1/oauth/token/"
CLIENT_OF = {"organization/v1": "organization", "iam/v1": "iam", "registration/v3": "assetmanagement"}


class Server(ThreadingHTTPServer):
    """The listener, with the tenant and a log of requests."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, name: str, variant: Variant, elsewhere: str = "") -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.variant = variant
        # The target of the redirect in the variant `elsewhere`.
        self.elsewhere = elsewhere
        self.speech = Speech(name, variant.quirky)
        self.tenant = Tenant(self.speech, variant.parent_key, variant.root_listed, variant.owner_said)
        self.lock = threading.Lock()
        self.tokens: dict[str, str] = {}
        self.uses: Counter[str] = Counter()
        self.calls: Counter[tuple[str, str]] = Counter()
        # Calls that a correct client would not make.
        self.faults: list[str] = []
        self.redirected = 0
        # Answers with an HTTP status of 400 and above.
        self.errors = 0
        self.connections = 0

    @property
    def url(self) -> str:
        """Returns the URL without a path."""
        return f"http://127.0.0.1:{self.server_port}"

    def environment(self) -> dict[str, str]:
        """Returns the environment variables that make fortilake use this server."""
        path = TOKEN_PATH.rstrip("/") if self.variant.redirect else TOKEN_PATH
        return {
            "FORTICLOUD_AUTH_URL": self.url + path,
            "FORTICLOUD_API_URL": self.url,
            "FORTICLOUD_USERNAME": USERNAME,
            "FORTICLOUD_PASSWORD": PASSWORD,
        }

    def process_request(self, request: Any, client_address: Any) -> None:
        """Counts connections, to check whether they are reused."""
        self.connections += 1
        super().process_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignores clients that close the connection."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    def __enter__(self) -> "Server":
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    def fault(self, text: str) -> None:
        """Records a call that should not have been made."""
        with self.lock:
            self.faults.append(text)

    def new_token(self, client_id: str) -> str:
        """Issues a token for one API. Older ones stay valid."""
        with self.lock:
            seed = f"{client_id}{len(self.tokens)}{self.server_port}"
            token = hashlib.sha256(seed.encode()).hexdigest()[:30]
            self.tokens[token] = client_id
            return token


class Handler(Connection):
    """Handles the calls."""

    server: Server

    def do_GET(self) -> None:
        """Rejects GET, which none of these APIs use. A redirect that changes the method ends here."""
        self.server.fault(f"GET {self.path}")
        self.answer(405, {"message": "The requested resource does not support http method 'GET'."})

    def do_POST(self) -> None:
        body = self.read_body()
        path = urllib.parse.urlsplit(self.path).path
        if path.startswith("/api/v1/oauth/token"):
            self.token(path, body)
            return
        parts = path.lower().removeprefix("/es/api/").split("/")
        api, call = "/".join(parts[:2]), "/".join(parts[2:])
        if not path.lower().startswith("/es/api/") or api not in CLIENT_OF:
            self.server.fault(f"POST {path}")
            self.answer(404, {"message": "not found"})
            return
        place = {"units/list": "organization", "products/list": "products"}.get(call, "")
        if not self.in_trouble(place):
            self.resource(api, call, body)

    def token(self, path: str, body: bytes) -> None:
        """Handles the password grant."""
        variant = self.server.variant
        if path != TOKEN_PATH:
            self.server.redirected += 1
            self.begin(variant.redirect or 302, {"Location": TOKEN_PATH, "Content-Length": "0"})
            return
        if self.in_trouble("token"):
            return
        asked = self.form(body)
        if asked.get("grant_type") != "password" or asked.get("client_id") not in CLIENT_OF.values():
            self.server.fault(f"token for {asked.get('client_id')} by {asked.get('grant_type')}")
            self.answer(400, {"error": "invalid_client", "error_description": "Unknown client."})
        elif asked.get("username") != USERNAME:
            text = {"error": "invalid_grant", "error_description": "Invalid credentials given."}
            self.answer(400, text)
        elif asked.get("password") != PASSWORD:
            # The only answer without a content type.
            body = b'{"error":"Unexpected error has happened","status":"failure"}'
            self.begin(401, {"Content-Length": str(len(body))})
            self.wfile.write(body)
        else:
            self.grant(asked["client_id"])

    def form(self, body: bytes) -> dict[str, Any]:
        """Reads the arguments, which may be JSON or a form."""
        if "json" in self.headers.get("Content-Type", ""):
            return json.loads(body or b"{}")
        return dict(urllib.parse.parse_qsl(body.decode()))

    def grant(self, client_id: str) -> None:
        """Answers a successful sign-in."""
        granted = {"access_token": self.server.new_token(client_id), "token_type": "Bearer"}
        granted |= {"scope": "read write", "refresh_token": "r" * 30}
        if self.server.variant.expires_in is not None:
            granted["expires_in"] = self.server.variant.expires_in
        self.answer(200, {**granted, "message": "successfully authenticated", "status": "success"})

    def resource(self, api: str, call: str, body: bytes) -> None:
        """Handles a call with a token."""
        server = self.server
        payload = {"units/list": "organizationUnits", "accounts/list": "accounts"}.get(call, "assets")
        try:
            asked = json.loads(body)
        except ValueError:
            asked = None
        if not isinstance(asked, dict):
            server.fault(f"{call} with the body {body[:80]!r}")
            self.refuse(101, "A JSON object is required.", payload)
            return
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        with server.lock:
            server.calls[call, json.dumps(asked, sort_keys=True)] += 1
            server.uses[token] += 1
            client_id = server.tokens.get(token)
            limit = server.variant.token_calls
            if client_id == "assetmanagement" and limit is not None and server.uses[token] > limit:
                # Only the first token for this API is forgotten.
                client_id = None if list(server.tokens.values()).count(client_id) == 1 else client_id
        if client_id is None:
            self.refuse(201, "Invalid security token.", payload)
        elif client_id != CLIENT_OF[api] or (server.variant.local and api != "registration/v3"):
            text = "Access denied. No permission to access the requested action or resource."
            self.refuse(202, text, payload)
        else:
            self.dispatch(call, asked, payload)

    def dispatch(self, call: str, asked: dict[str, Any], payload: str) -> None:
        """Answers the three lists that a crawl needs. A crawl must not call anything else."""
        match call:
            case "units/list":
                number = self.server.speech.number
                units = {"orgId": number(ROOT), "name": "Hexagon", "orgUnits": self.server.tenant.units}
                self.succeed({payload: units})
            case "accounts/list":
                self.accounts(asked, payload)
            case "products/list":
                self.products(asked, payload)
            case _:
                self.server.fault(f"POST {call}")
                self.answer(404, {"message": "not found"})

    def accounts(self, asked: dict[str, Any], payload: str) -> None:
        """Returns the accounts directly under one unit."""
        unit = asked.get("parentId")
        if type(unit) is not int:
            self.server.fault(f"accounts/list of {asked}")
            self.refuse(101, "parentId or accountId is required", payload)
            return
        tenant = self.server.tenant
        listed = [row for row in tenant.accounts.values() if str(row["parentId"]) == str(unit)]
        listed += [tenant.accounts[account] for account in ALSO_LISTED.get(unit, [])]
        if listed:
            self.succeed({payload: listed})
        else:
            self.say_nothing(payload, {})

    def products(self, asked: dict[str, Any], payload: str) -> None:
        """Returns one page of the products of an account."""
        server, account = self.server, asked.get("accountId")
        pattern, status = asked.get("serialNumber"), asked.get("status", "Registered")
        known = {key[0] for key in server.tenant.products}
        if not pattern and not asked.get("expireBefore"):
            text = "Both serialNumber and expireBefore cannot be empty at the same time."
            server.fault(f"products/list of {asked}")
            self.refuse(101, text, payload)
        elif account is None and not server.variant.local:
            server.fault(f"products/list of {asked}")
            self.refuse(101, "Request should include a positive number for accountId", payload)
        elif account is not None and account not in known - {server.variant.refused_account}:
            text = "Access denied. No permission to access the requested action or resource."
            self.refuse(202, text, payload)
        elif server.variant.wildcard_refused and "%" in (pattern or ""):
            self.refuse(102, "Invalid serialNumber provided.", payload)
        else:
            of = [account] if account is not None else sorted(known)
            rows = [row for one in of for row in server.tenant.products[one, status]]
            self.page(matching(rows, pattern, server.variant.wildcard), asked, payload)

    def page(self, rows: list[dict[str, Any]], asked: dict[str, Any], payload: str) -> None:
        """Returns one page of the rows."""
        variant = self.server.variant
        size = variant.page_size if variant.page_fields else max(len(rows), 1)
        total = max(-(-len(rows) // size), 1)
        number = asked.get("pageNumber", variant.page_base)
        first = number - variant.page_base
        if not 0 <= first < total:
            self.server.fault(f"page {number} of {total}: {asked}")
        shown = rows[first * size : first * size + size]
        shown, total = self.move(rows, shown, total, first, asked)
        speak = self.server.speech.number
        pages = {"pageNumber": speak(number), "totalPages": speak(total)} if variant.page_fields else {}
        if shown:
            self.succeed({payload: shown, **pages})
        else:
            self.say_nothing(payload, pages)

    def move(self, rows: list, shown: list, total: int, page: int, asked: dict) -> tuple[list, int]:
        """Changes the second page of the large account, like a list that changes while it is read."""
        how, times = self.server.variant.moved
        if asked.get("accountId") != LARGE_ACCOUNT or page != 1 or len(rows) <= len(shown):
            return shown, total
        with self.server.lock:
            self.server.uses["moved"] += 1
            if self.server.uses["moved"] > times:
                return shown, total
        match how:
            case "repeat":
                return [rows[0], *shown[:-1]], total
            case "short":
                return [], total
            case "total":
                return shown, total + 1
        return shown, total


def matching(rows: list[dict[str, Any]], pattern: str | None, wildcard: bool) -> list[dict[str, Any]]:
    """Returns the rows whose serial number begins with the pattern, which may end with `%`."""
    prefix = (pattern or "").removesuffix("%") if wildcard else (pattern or "")
    return [row for row in rows if row["serialNumber"].startswith(prefix)]


def main() -> None:
    """Serves one variant and prints its URL."""
    if len(sys.argv) != 2 or sys.argv[1] not in VARIANTS:
        sys.exit(f"usage: foreign_server.py {'|'.join(VARIANTS)}")
    server = Server(sys.argv[1], VARIANTS[sys.argv[1]])
    for name, value in server.environment().items():
        print(f"{name}={value}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
