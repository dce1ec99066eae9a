"""Draws the pictures of a terminal in docs/pictures/, in which the program in $BIN runs against the simulator.

The program runs in a pseudo-terminal of 80 columns. The picture of a crawl shows one moment of its live display and,
below it, the final screen; the others show what the commands print. `docs/check.py` runs the program again and compares
everything apart from times and sizes. It does not compare the live display, because a fast or a busy machine shows
other moments of it.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape, unescape
from pathlib import Path

COLUMNS, ROWS = 80, 40
# The size of a character cell, the space around the text, and the height of the title bar, in pixels.
WIDTH, HEIGHT, PADDING, BAR = 8.4, 20, 18, 34
STYLE = """
text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; white-space: pre }
text { fill: #1f2328 }
.screen { fill: #f6f8fa; stroke: #d0d7de }
.dot { fill: #d0d7de }
.dim { fill: #57606a }
.full { fill: #1a7f37 }
.rest { fill: #d0d7de }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.screen { fill: #0d1117; stroke: #3d444d }
.dot { fill: #3d444d }
.dim { fill: #9da7b3 }
.full { fill: #3fb950 }
.rest { fill: #3d444d }
}
"""


class Screen:
    """As much of a terminal as the program needs: it moves the cursor up and down and clears lines."""

    def __init__(self, columns: int = COLUMNS) -> None:
        self.columns = columns
        self.lines: list[list[str]] = [[]]
        self.row = self.column = 0

    def write(self, text: str) -> None:
        for part in re.findall(r"\x1b\[\d*[A-Za-z]|.", text, re.DOTALL):
            if part == "\r":
                self.column = 0
            elif part == "\n":
                self.move(1)
            elif part.startswith("\x1b"):
                count = int(part[2:-1] or 1)
                if part[-1] == "A":
                    self.row = max(self.row - count, 0)
                elif part[-1] == "B":
                    self.move(count)
                elif part[-1] == "K":
                    self.lines[self.row] = []
            else:
                if self.column == self.columns:
                    self.column = 0
                    self.move(1)
                line = self.lines[self.row]
                line.extend(" " * (self.column + 1 - len(line)))
                line[self.column] = part
                self.column += 1

    def move(self, rows: int) -> None:
        self.row += rows
        while len(self.lines) <= self.row:
            self.lines.append([])

    def text(self) -> list[str]:
        lines = ["".join(line).rstrip() for line in self.lines]
        while lines and not lines[-1]:
            lines.pop()
        return lines


def terminal(binary: Path, command: str, folder: str, expected: int = 0, columns: int = COLUMNS) -> str:
    """Runs a command in a pseudo-terminal and returns what it wrote."""
    process, side = pty.fork()
    if process == 0:
        os.chdir(folder)
        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, columns, 0, 0))
        environment = {"TERM": "xterm-256color", "LANG": "C.UTF-8", "FORTILAKE_STATE": "state"}
        os.execve(binary, ["fortilake", *command.split()], environment)
    output = b""
    while True:
        try:
            chunk = os.read(side, 65536)
        except OSError:  # The program has closed its side.
            break
        if not chunk:
            break
        output += chunk
    _, status = os.waitpid(process, 0)
    if os.waitstatus_to_exitcode(status) != expected:
        sys.exit(f"`fortilake {command}` did not end with {expected}:\n{output.decode()}")
    return output.decode()


def screens(output: str) -> tuple[list[str], list[str]]:
    """The live display when about half of the calls were made, if it was drawn at all, and the final screen."""
    screen, moments = Screen(), []
    # A redraw begins with a clear of the lines, so each piece before a clear is one moment.
    for piece in re.split(r"(?<=[^A-Z])(?=(?:\x1b\[\d*A)?\r\x1b\[2K)", output):
        screen.write(piece)
        counts = re.search(r"(\d+) of (\d+) calls", "\n".join(screen.text()))
        # A moment in which the display is drawn in part has no line about the limits yet.
        if counts and int(counts[2]) and "errors left" in "\n".join(screen.text()):
            moments.append((abs(int(counts[1]) / int(counts[2]) - 0.6), screen.text()))
    return min(moments)[1] if moments else [], screen.text()


@contextmanager
def served(binary: Path, folder: str, scenario: str = "", port: int = 0) -> Iterator[int]:
    """Serves the simulator, and writes `.env` for it. Returns its port."""
    (Path(folder) / "scenario.toml").write_text(scenario)
    command = [binary, "simulate", "--listen", f"127.0.0.1:{port}", "--scenario", "scenario.toml"]
    with (Path(folder) / ".env").open("w") as settings:
        process = subprocess.Popen(command, cwd=folder, stdout=settings, stderr=subprocess.DEVNULL)
    try:
        patience = time.monotonic() + 60
        while "PASSWORD" not in (text := (Path(folder) / ".env").read_text()):
            if process.poll() is not None or time.monotonic() > patience:
                sys.exit("the simulator does not start")
            time.sleep(0.05)
        yield int(re.search(r":(\d+)/api", text)[1])
    finally:
        process.terminate()
        process.wait()


def without_limits(folder: str, port: int) -> None:
    """Writes a configuration for the simulator with which no crawl waits for a limit."""
    (Path(folder) / "fortilake.toml").write_text(f"""
[[source]]
name = "forticloud"
type = "forticloud"
username = {{ env = "FORTICLOUD_USERNAME" }}
password = {{ env = "FORTICLOUD_PASSWORD" }}
auth_url = "http://127.0.0.1:{port}/api/v1/oauth/token/"
api_url = "http://127.0.0.1:{port}"
quota.calls = [{{ max = 10000, per = "1m" }}]
""")


# The lines of a picture, each with its class.
Lines = list[tuple[str, str]]


def printed(binary: Path, command: str, folder: str, expected: int = 0) -> list[str]:
    """The lines that a command prints, wrapped at words: a terminal also wraps inside ids, which differ from run to run."""
    screen = Screen(columns=1000)
    screen.write(terminal(binary, command, folder, expected, screen.columns))
    return [part for line in screen.text() for part in textwrap.wrap(line, COLUMNS, subsequent_indent="  ") or [""]]


def shown(command: str, lines: list[str]) -> Lines:
    """A command as typed, and what it printed."""
    return [(f"$ fortilake {command}", "full"), *((line, "") for line in lines), ("", "")]


def crawl(binary: Path) -> Lines:
    """A crawl with its live display."""
    command = "crawl --simulate"
    with tempfile.TemporaryDirectory() as folder:
        live, final = screens(terminal(binary, command, folder))
    return [
        (f"$ fortilake {command}", "full"),
        *((line, "dim") for line in live),
        ("", ""),
        *((line, "") for line in final),
    ]


def check(binary: Path) -> Lines:
    """What works, and how many calls a crawl needs."""
    lines: Lines = []
    with tempfile.TemporaryDirectory() as folder, served(binary, folder):
        for command in ("check", "plan --discover"):
            lines += shown(command, printed(binary, command, folder))
    return lines[:-1]


def crawls(binary: Path) -> Lines:
    """A crawl that pauses, and the list of crawls before and after the same command resumed it."""
    lines: Lines = []
    with tempfile.TemporaryDirectory() as folder, served(binary, folder) as port:
        without_limits(folder, port)
        terminal(binary, "crawl", folder)
        for command, expected in (("crawl --max-calls 30", 75), ("crawls", 0)):
            lines += shown(command, printed(binary, command, folder, expected))
        terminal(binary, "crawl", folder)
        lines += shown("crawls", printed(binary, "crawls", folder))
    return lines[:-1]


def guard(binary: Path) -> Lines:
    """A crawl that lost most of its products, and is not published."""
    with tempfile.TemporaryDirectory() as folder:
        with served(binary, folder) as port:
            without_limits(folder, port)
            terminal(binary, "crawl", folder)
        # The same organization on the same port, because another address is another source.
        with served(binary, folder, "[organization]\nproducts = 300\n", port):
            # The new server does not know the tokens of the one before.
            terminal(binary, "check", folder)
            final = printed(binary, "crawl", folder, 4)
    begin = next(number for number, line in enumerate(final) if line.startswith("nothing was published"))
    end = next(number for number, line in enumerate(final) if line.startswith("hint:"))
    # The report lists each table in the same way, so the first is enough.
    report = final[begin : begin + 9]
    return shown("crawl", [*report, "    …", "", *final[end:]])[:-1]


PICTURES: dict[str, tuple[str, Callable[[Path], Lines]]] = {
    "crawl": ("fortilake crawl shows its progress and then a summary", crawl),
    "check": ("fortilake check says what works, and fortilake plan how many calls a crawl needs", check),
    "crawls": ("fortilake crawls lists a paused crawl, and then the same crawl as published", crawls),
    "guard": ("fortilake crawl refuses to publish a snapshot that lost too many rows", guard),
}


def draw(lines: Lines, title: str) -> str:
    """The picture of these lines."""
    width = COLUMNS * WIDTH + 2 * PADDING
    height = BAR + len(lines) * HEIGHT + PADDING
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}"',
        '  xml:space="preserve" role="img" aria-labelledby="title">',
        f'<title id="title">A terminal: {title}</title>',
        f"<style>{STYLE}</style>",
        f'<rect class="screen" x=".5" y=".5" width="{width - 1:g}" height="{height - 1:g}" rx="8"/>',
        *(f'<circle class="dot" cx="{PADDING + 5 + 18 * number}" cy="17" r="5"/>' for number in range(3)),
    ]
    for number, (line, kind) in enumerate(lines):
        top = BAR + number * HEIGHT
        # Fonts differ in the width of blocks and of the spinner, so a bar is drawn, and every text has a width.
        for piece in re.finditer(r"█+|[░▒▓]+|[⠀-⣿]|[^█░▒▓⠀-⣿]+", line):
            text = piece[0].strip()
            indent = len(piece[0]) - len(piece[0].lstrip())
            left = PADDING + (piece.start() + indent) * WIDTH
            if not text:
                continue
            if text[0] in "█░▒▓":
                kind_of_bar = "full" if text[0] == "█" else "rest"
                size = len(text) * WIDTH
                parts.append(
                    f'<rect class="{kind_of_bar}" x="{left:g}" y="{top + 4}" width="{size:g}" height="{HEIGHT - 8}"/>'
                )
            else:
                name = f' class="{kind}"' if kind else ""
                parts.append(
                    f'<text{name} x="{left:g}" y="{top + 15}" textLength="{len(text) * WIDTH:g}">{escape(text)}</text>'
                )
    return "\n".join([*parts, "</svg>\n"])


def comparable(picture: str) -> list[str]:
    """The texts of a picture that every run shows: all but the live display, and without times and sizes."""
    texts = []
    for kind, text in re.findall(r"<text([^>]*)>([^<]*)</text>", picture):
        if 'class="dim"' not in kind:
            text = re.sub(r"\d{8}T\d{6}Z(-[0-9a-f]{8})?", "SNAPSHOT", unescape(text))
            text = re.sub(r"\d{4}-\d\d-\d\dT[\d:]{8}Z", "TIME", text)
            texts.append(re.sub(r"\d+(\.\d+)? (s|kB|MB)\b", r"0 \2", text))
    return texts


def main() -> None:
    binary = Path(os.environ.get("BIN", "target/release/fortilake")).resolve()
    for name in sys.argv[1:] or PICTURES:
        title, lines = PICTURES[name]
        drawn = lines(binary)
        if name == "crawl" and not any(kind == "dim" for _, kind in drawn):
            sys.exit("the crawl was too fast to show its progress; try again")
        (Path(__file__).resolve().parent / f"{name}.svg").write_text(draw(drawn, title), encoding="utf-8")


if __name__ == "__main__":
    main()
