"""Shared by the scripts in this folder: counts checks and runs the binary."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# No run takes nearly this long, so a run that does has hung and counts as failed.
TIMEOUT_SECONDS = 240.0


class Checks:
    """Counts checks, and prints one line for each."""

    def __init__(self) -> None:
        self.passed = 0
        self.failed = 0

    @contextlib.contextmanager
    def check(self, name: str) -> Iterator[None]:
        """Runs a block as one check. A failed assertion says why."""
        try:
            yield
        except AssertionError as error:
            self._fail(name, str(error))
        except Exception:  # A crashed check has failed; the others continue.
            self._fail(name, traceback.format_exc())
        else:
            self.passed += 1
            print(f"ok    {name}", flush=True)

    def _fail(self, name: str, reason: str) -> None:
        self.failed += 1
        indented = reason.strip().replace("\n", "\n      ")
        print(f"FAIL  {name}\n      {indented}", flush=True)

    def finish(self) -> None:
        """Prints the result and exits."""
        print(f"{self.passed} passed, {self.failed} failed", flush=True)
        sys.exit(1 if self.failed or not self.passed else 0)


@dataclass(frozen=True)
class Ended:
    """The result of a process."""

    code: int
    stdout: str
    stderr: str
    peak_bytes: int

    def expect(self, *codes: int) -> "Ended":
        """Asserts the exit code."""
        assert self.code in codes, f"exit code {self.code}, not {codes}; stderr:\n{self.stderr}"
        return self


def environment(directory: Path, variables: dict[str, str]) -> dict[str, str]:
    """The environment of a run, without the settings of the developer."""
    # The proxy of the developer must not be used between two processes on one machine.
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "TMPDIR") if name in os.environ}
    state = str(directory / "state")
    homes = {"HOME": str(directory), "XDG_STATE_HOME": state, "FORTILAKE_STATE": state}
    return {**kept, **homes, "NO_COLOR": "1", **variables}


def run(binary: Path, arguments: list[str], directory: Path, variables: dict[str, str]) -> Ended:
    """Runs the binary in its own folder, which contains no `.env`."""
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        process = subprocess.Popen(
            [str(binary), *arguments],
            cwd=directory,
            env=environment(directory, variables),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
        )
        watchdog = threading.Timer(TIMEOUT_SECONDS, process.kill)
        watchdog.start()
        # Only wait4 reports the peak of a single child. It includes the size of this process at the fork.
        _, status, usage = os.wait4(process.pid, 0)
        watchdog.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        texts = []
        for stream in (stdout, stderr):
            stream.seek(0)
            texts.append(stream.read().decode("utf-8", "replace"))
    unit = 1 if sys.platform == "darwin" else 1024
    return Ended(process.returncode, texts[0], texts[1], usage.ru_maxrss * unit)


def binary_from_arguments() -> Path:
    """The path of the binary, the only argument of each script."""
    if len(sys.argv) != 2:
        sys.exit(f"usage: {Path(sys.argv[0]).name} PATH-OF-FORTILAKE")
    return Path(sys.argv[1]).resolve()
