"""Checks the documentation, and exits 1 if something in it is wrong: `python3 docs/check.py`.

- A relative link, or one to this repository on GitHub, names a file that exists, and a heading in it if it has a `#`.
- Every message in troubleshooting.md is in the source code.
- Every page of `docs/` is in SUMMARY.md, and every entry of SUMMARY.md exists.
- With the path of the program in BIN: every command and flag that a page names exists, and every TOML example is a configuration that `fortilake plan` accepts.
- With BIN, too: the pictures of a terminal in pictures/ show what the program shows today.
"""

import os
import re
import subprocess
import sys
import tempfile
from functools import cache
from itertools import count, zip_longest
from pathlib import Path
from urllib.parse import unquote

from pictures import terminal

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
# A relative path would change its meaning with the working directory.
BIN = os.path.abspath(os.environ["BIN"]) if "BIN" in os.environ else ""
OURS = re.compile(r"https://github\.com/fortilake/fortilake/(?:blob|tree)/main/")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^ *```.*?^ *```", re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """The ids that GitHub and mdBook give to the headings of a page."""
    text = FENCE.sub("", page.read_text())
    headings = re.findall(r"^#+\s+(.+)$", text, re.MULTILINE)
    plain = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower() for heading in headings)
    return {re.sub(r"[^\w\- ]", "", heading).strip().replace(" ", "-") for heading in plain}


def broken(page: Path) -> list[str]:
    """What is wrong with the links of a page."""
    found = []
    for link in LINK.findall(FENCE.sub("", page.read_text())):
        name, _, heading = link.partition("#")
        ours = OURS.match(name)
        if ours:
            target = ROOT / unquote(name[ours.end() :])
        elif re.match(r"[a-z]+:", name):
            continue
        else:
            target = (page.parent / unquote(name)).resolve() if name else page
            if page.is_relative_to(DOCS) and not target.is_relative_to(DOCS):
                found.append(f"`{link}` leaves the book; link to the repository instead")
        if not target.exists():
            found.append(f"`{link}` does not exist")
        elif heading and heading not in anchors(target):
            found.append(f"`{link}` has no such heading")
    return found


@cache
def help_of(*command: str) -> tuple[set[str], set[str]]:
    """The subcommands and flags of a command."""
    text = subprocess.run([BIN, *command, "--help"], capture_output=True, text=True).stdout
    section = re.search(r"^Commands:\n((?:  .*\n|\n)*)", text, re.MULTILINE)
    names = re.findall(r"^  ([a-z-]+)(?: |$)", section.group(1), re.MULTILINE) if section else []
    return set(names), set(re.findall(r"^\s+(?:-\w, )?(--[a-z-]+)", text, re.MULTILINE))


@cache
def all_flags() -> set[str]:
    """The flags of all commands."""
    flags, waiting = set(), [()]
    while waiting:
        command = waiting.pop()
        names, own = help_of(*command)
        flags |= own
        waiting += [(*command, name) for name in names - {"help"}]
    return flags


def misnamed(page: Path) -> list[str]:
    """The commands and flags of a page that do not exist."""
    text = page.read_text()
    fences = re.findall(r"^ *```(\w*)\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
    code = [example for language, example in fences if language in ("", "sh")]
    code += re.findall(r"`((?:fortilake |--)[^`\n]+)`", FENCE.sub("", text))
    found = []
    for line in "\n".join(code).replace("\\\n", " ").splitlines():
        for words in re.findall(r"(?:^|[\s;|(])fortilake ([a-z-][^|;#>]*)", line.partition("# ")[0]):
            command: tuple[str, ...] = ()
            names, flags = help_of()
            for word in words.split():
                if word.startswith("--") and word.split("=")[0] not in flags:
                    found.append(f"`fortilake {' '.join(command)}` has no flag `{word}`")
                elif word in names:
                    command = (*command, word)
                    names, flags = help_of(*command)
                elif not command and not word.startswith("-"):
                    found.append(f"there is no command `fortilake {word}`")
                    break
        # `--features` is a flag of cargo.
        if re.fullmatch(r"--[a-z-]+( .*)?", line) and line.split()[0] not in all_flags() | {"--features"}:
            found.append(f"no command has the flag `{line}`")
    return found


@cache
def linked_sinks() -> set[str]:
    """The sinks that this build has."""
    text = subprocess.run([BIN, "sinks"], capture_output=True, text=True).stdout
    return {line.split()[0] for line in text.splitlines() if line.strip()}


def refused(page: Path) -> list[str]:
    """The configurations of a page that the program does not accept."""
    found = []
    user = 'username = { env = "U" }\npassword = { env = "U" }\n'
    fences = re.findall(r"^ *```(\w*)\n(.*?)^ *```", page.read_text(), re.DOTALL | re.MULTILINE)
    for example in (example for language, example in fences if language == "toml"):
        text = example
        if "[dependencies]" in text or "[[table]]" in text or not re.search(r"\[(\[source|\[sink|source)", text):
            continue
        sinks = re.findall(r'^\[\[sink\]\]\ntype = "(\w+)"', text, re.MULTILINE)
        if any(sink not in linked_sinks() for sink in sinks):
            # The default build has no sink that needs heavy dependencies.
            continue
        if "[[source]]" not in text:
            text = f'[[source]]\nname = "a"\ntype = "forticloud"\n{user}{text}'
        # The secrets of an example do not exist here. Each gets a value of its own, because two users must differ.
        numbers = count()
        reference = r'\{ (?:file|env) = "[^"]*" \}|\{ command = \[[^\]]*\] \}'
        text = re.sub(reference, lambda _: f'{{ env = "U{next(numbers)}" }}', text)
        secrets = {f"U{number}": f"x{number}" for number in range(next(numbers))}
        text = re.sub(r"^ca_cert = .*$", "", text, flags=re.MULTILINE)
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "fortilake.toml").write_text(text)
            environment = {"PATH": "/usr/bin:/bin", "FORTILAKE_STATE": f"{folder}/state", **secrets}
            command = [BIN, "plan"]
            run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        if run.returncode != 0:
            found.append(f"this configuration is refused:\n{example}\n{run.stderr}")
    return found


def unknown_messages() -> list[str]:
    """The messages in troubleshooting.md that no source file contains; `…` stands for any text."""
    sources = [path.read_text() for folder in ("crates", "sinks") for path in (ROOT / folder).rglob("src/**/*.rs")]
    text = re.sub(r"\\\n\s*", "", "\n".join(sources)).replace("`", "")
    page = (DOCS / "troubleshooting.md").read_text()
    messages = re.findall(r"^\| `([^`]+)`", page, re.MULTILINE) + re.findall(r"\*\*`([^`]+)`", page)
    parts = {part.strip(" ;.,") for message in messages for part in re.split("…|^paused: ", message)}
    return [f"docs/troubleshooting.md: no error says: {part}" for part in sorted(parts) if part not in text]


def outdated_pictures() -> list[str]:
    """The first text of each picture of a terminal that the program shows differently now."""
    found = []
    for name, (title, lines) in terminal.PICTURES.items():
        shown = terminal.comparable((DOCS / "pictures" / f"{name}.svg").read_text(encoding="utf-8"))
        today = terminal.comparable(terminal.draw(lines(Path(BIN)), title))
        for old, new in zip_longest(shown, today, fillvalue="nothing"):
            if old != new:
                renew = f"`BIN={os.environ['BIN']} python3 docs/pictures/terminal.py {name}` draws it again"
                found.append(f"docs/pictures/{name}.svg shows `{old}` where the program shows `{new}`; {renew}")
                break
    return found


def main() -> int:
    pages = [*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "examples").rglob("*.md")]
    faults = [f"{page.relative_to(ROOT)}: {fault}" for page in sorted(pages) for fault in broken(page)]
    if BIN:
        faults += [
            f"{page.relative_to(ROOT)}: {fault}"
            for page in sorted(pages)
            # Both of these are about `cargo xtask`, too.
            if page.name not in ("CHANGELOG.md", "CONTRIBUTING.md")
            for fault in [*misnamed(page), *refused(page)]
        ]
        faults += outdated_pictures()
    listed = {(DOCS / name).resolve() for name in LINK.findall((DOCS / "SUMMARY.md").read_text())}
    unlisted = set(DOCS.rglob("*.md")) - listed - {DOCS / "SUMMARY.md"}
    faults += [f"{page.relative_to(ROOT)}: not in SUMMARY.md" for page in sorted(unlisted)]
    faults += unknown_messages()
    print(*faults, sep="\n", end="\n" if faults else "")
    print(f"{len(pages)} pages, {len(faults)} {'fault' if len(faults) == 1 else 'faults'}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
