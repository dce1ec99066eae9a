"""Draws docs/pictures/crawl.svg: a terminal in which the program in $BIN crawls the simulator.

The program runs in a pseudo-terminal of 80 columns. The picture shows one moment of its live display and, below it, the
final screen. `docs/check.py` runs the program again and compares the final screen, apart from times and sizes. It does
not compare the live display, because a fast or a busy machine shows other moments of it.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import sys
import tempfile
import termios
from html import escape, unescape
from pathlib import Path

COMMAND = ["crawl", "--simulate"]
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

    def __init__(self) -> None:
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
                if self.column == COLUMNS:
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


def run(binary: Path) -> tuple[list[str], list[str]]:
    """Returns the live display when about half of the calls were made, if it was drawn at all, and the final screen."""
    screen, moments = Screen(), []
    with tempfile.TemporaryDirectory() as folder:
        process, terminal = pty.fork()
        if process == 0:
            os.chdir(folder)
            fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
            environment = {"TERM": "xterm-256color", "LANG": "C.UTF-8", "FORTILAKE_STATE": f"{folder}/state"}
            os.execve(binary, ["fortilake", *COMMAND], environment)
        output = b""
        while True:
            try:
                chunk = os.read(terminal, 65536)
            except OSError:  # The program has closed its side.
                break
            if not chunk:
                break
            output += chunk
        _, status = os.waitpid(process, 0)
    if status != 0:
        sys.exit(f"the crawl failed:\n{output.decode()}")
    # A redraw begins with a clear of the lines, so each piece before a clear is one moment.
    for piece in re.split(r"(?<=[^A-Z])(?=(?:\x1b\[\d*A)?\r\x1b\[2K)", output.decode()):
        screen.write(piece)
        counts = re.search(r"(\d+) of (\d+) calls", "\n".join(screen.text()))
        if counts and int(counts[2]):
            moments.append((abs(int(counts[1]) / int(counts[2]) - 0.6), screen.text()))
    return min(moments)[1] if moments else [], screen.text()


def draw(lines: list[tuple[str, str]]) -> str:
    """The picture of these lines, each with its class."""
    width = COLUMNS * WIDTH + 2 * PADDING
    height = BAR + len(lines) * HEIGHT + PADDING
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}"',
        '  xml:space="preserve" role="img" aria-labelledby="title">',
        f'<title id="title">A terminal: fortilake {" ".join(COMMAND)} shows its progress and then a summary</title>',
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
            text = re.sub(r"\d{8}T\d{6}Z", "SNAPSHOT", unescape(text))
            texts.append(re.sub(r"\d+\.\d+ (s|kB)", r"0.0 \1", text))
    return texts


def picture(live: list[str], final: list[str]) -> str:
    """The picture of a crawl that showed these screens."""
    lines = [(f"$ fortilake {' '.join(COMMAND)}", "full")]
    lines += [(line, "dim") for line in live]
    lines += [("", ""), *((line, "") for line in final)]
    return draw(lines)


def main() -> None:
    binary = Path(os.environ.get("BIN", "target/release/fortilake")).resolve()
    live, final = run(binary)
    if not live:
        sys.exit("the crawl was too fast to show its progress; try again")
    (Path(__file__).resolve().parent / "crawl.svg").write_text(picture(live, final), encoding="utf-8")


if __name__ == "__main__":
    main()
