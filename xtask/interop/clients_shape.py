"""Checks the form of answers, and records which methods of a client were called."""

from __future__ import annotations

import importlib
import typing
from collections.abc import Callable
from typing import Any

import httpx

# The members of every answer, and their possible types.
ENVELOPE = {
    "build": (str,),
    "error": (dict, type(None)),
    "message": (str,),
    "status": (int,),
    "token": (str,),
    "version": (str,),
}
# Members whose declared type contradicts recorded answers: `error` and possibly `license` are objects.
DISPUTED = {"error", "license"}

Answer = dict[str, Any]


class Methods:
    """Calls methods by name, and records which ones."""

    def __init__(self, client: Any, names: set[str]) -> None:
        self.client, self.names = client, names
        self.called: dict[str, int] = {}

    def __call__(self, name: str, /, **arguments: Any) -> Any:
        assert name in self.names, f"`{name}` is not among {sorted(self.names)}"
        self.called[name] = self.called.get(name, 0) + 1
        method = self.client
        for part in name.split("."):
            method = getattr(method, part)
        return method(**arguments)

    def check_all_called(self) -> str:
        """Asserts that every method was called, and returns their names."""
        missing = self.names - self.called.keys()
        assert not missing, f"methods that were not called: {sorted(missing)}"
        calls = ", ".join(f"{name} {count}" for name, count in sorted(self.called.items()))
        return f"{len(self.called)} methods: {calls}"


def check_envelope(answer: Answer) -> None:
    """Asserts that an answer has the members that all answers have."""
    for key, kinds in ENVELOPE.items():
        assert key in answer, f"no `{key}` in {str(answer)[:300]}"
        assert isinstance(answer[key], kinds), f"`{key}` is {answer[key]!r:.100}"


def check_success(answer: Answer) -> Answer:
    """Asserts that an answer is a success."""
    check_envelope(answer)
    assert answer["status"] == 0 and answer["error"] is None, f"{str(answer)[:300]}"
    assert answer["message"], "a success without its message"
    return answer


def check_refusal(answer: Answer, status: int, code: int, text: str, payload: Answer) -> None:
    """Asserts the documented form of a refusal: status, code, text, and the remaining payload."""
    check_envelope(answer)
    assert answer["status"] == status, f"status {answer['status']}, not {status}: {answer}"
    error = answer["error"]
    assert error is not None and error.keys() == {"errorCode", "message"}, f"error: {error}"
    assert error["errorCode"] == code and text in error["message"], f"error: {error}"
    # All rejected requests have the same general message.
    general = "Invalid incoming request." if status == -1 else error["message"]
    assert answer["message"] == general, f"message: {answer['message']}"
    rest = {key: value for key, value in answer.items() if key not in ENVELOPE}
    assert rest == payload, f"outside the envelope: {str(rest)[:300]}, not {payload}"


def refused(call: Callable[[], Any]) -> Answer:
    """Returns the body of an answer for which hfortix raises an exception."""
    try:
        call()
    except httpx.HTTPStatusError as error:
        assert error.response.status_code == 400, f"{error!r}"
        return error.response.json()
    raise AssertionError("the call was not refused")


def check_declared(endpoint: Any, answer: Answer) -> int:
    """Asserts that an answer of hfortix has the types declared in the endpoint's module, and counts them."""
    name = type(endpoint).__name__
    module = importlib.import_module(type(endpoint).__module__)
    return check_members(name, getattr(module, f"{name}Response"), answer)


def check_members(place: str, declared: Any, found: Answer) -> int:
    """Checks the members of an object and of the objects inside it."""
    checked = 0
    for key, kind in typing.get_type_hints(declared).items():
        value = found.get(key)
        # A member without a value is null or missing, whatever the declaration says.
        if value is None or kind is Any or key in DISPUTED:
            continue
        checked += 1
        if typing.is_typeddict(kind):
            assert isinstance(value, dict), f"{place}.{key} is {value!r:.100}, not an object"
            checked += check_members(f"{place}.{key}", kind, value)
            continue
        wanted = typing.get_origin(kind) or kind
        assert isinstance(value, wanted), f"{place}.{key} is {value!r:.100}, not {wanted}"
    return checked
