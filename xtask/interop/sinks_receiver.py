"""Runs the receiver from the webhook sink's tests in this process, so that checks can inspect it."""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import threading
from http.server import ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

from checks import TIMEOUT_SECONDS

SCRIPT = Path(__file__).parents[2] / "sinks/webhook/tests/standardwebhooks.py"
SEED = 1
# Longer than the sender waits.
LATE_SECONDS = 0.8


def load() -> ModuleType:
    """Imports the script as a module. The import removes the first folder from the path."""
    spec = importlib.util.spec_from_file_location("webhook_receiver", SCRIPT)
    assert spec is not None and spec.loader is not None
    module, path = importlib.util.module_from_spec(spec), sys.path
    spec.loader.exec_module(module)
    sys.path = path
    return module


SCRIPTED = load()


class Log(SCRIPTED.Log):
    """The received messages, with a way to wait for them."""

    def __init__(self) -> None:
        super().__init__(in_order=True)
        self.changed = threading.Condition(self.lock)

    def arrived(self, message_id: str, body: bytes) -> int:
        tries = super().arrived(message_id, body)
        with self.changed:
            self.changed.notify_all()
        return tries


class Server(ThreadingHTTPServer):
    """A server that tolerates clients that die during an answer."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Receiver:
    """A receiver on a port. It misbehaves unless `clean` is set."""

    def __init__(self, secret: str, clean: bool = False) -> None:
        self.clean, self.log = clean, Log()
        self.server = Server(("127.0.0.1", 0), self._handler(secret))
        self.secret = secret
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"

    def _handler(self, secret: str) -> type:
        arguments = argparse.Namespace(secret=secret, seed=SEED, late=LATE_SECONDS, clean=self.clean)
        return SCRIPTED.handler(arguments, self.log)

    def __enter__(self) -> "Receiver":
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def use(self, secret: str) -> None:
        """Verifies with another secret from the next connection on."""
        self.secret = secret
        self.server.RequestHandlerClass = self._handler(secret)

    def forget(self) -> None:
        """Starts a new log."""
        self.log = Log()
        self.use(self.secret)

    def wait_for(self, messages: int) -> None:
        """Waits until this many messages have arrived, accepted or not."""
        with self.log.changed:
            came = self.log.changed.wait_for(lambda: len(self.log.messages) >= messages, TIMEOUT_SECONDS)
            assert came, f"{len(self.log.messages)} messages arrived, not {messages}"

    def report(self) -> dict[str, Any]:
        """Returns the script's report."""
        return self.log.report()

    def payloads(self) -> list[dict[str, Any]]:
        """Returns the content of every message, in the order of first arrival."""
        with self.log.lock:
            return [json.loads(body) for body in self.log.bodies.values()]
