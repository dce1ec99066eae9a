"""Takes the pictures of the report for docs/history.md, with the program in $BIN and a Chromium without a network.

The report is about thirty simulated days, as of a fixed day, so only the names of the snapshots differ from run to run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

BROWSERS = ["chromium", "chromium-browser", "google-chrome", "chrome"]
AS_OF = "2025-11-05"
# Name, width and height in pixels.
PICTURES = [("phone", 390, 844), ("tablet", 820, 900), ("desktop", 1280, 1750)]


def main() -> None:
    binary = Path(os.environ.get("BIN", "target/release/fortilake")).resolve()
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        sys.exit("no Chromium is installed")
    docs = Path(__file__).resolve().parent
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        for arguments in (
            ["crawl", "--simulate"],
            ["crawl", "--simulate", "--day", "30"],
            ["report", "-o", "report.html", "--as-of", AS_OF],
        ):
            subprocess.run([binary, *arguments], cwd=directory, check=True, stderr=subprocess.DEVNULL)
        # A frame has exactly the width that it is given, while a window has a smallest width.
        report = (directory / "report.html").as_uri()
        for name, width, height in PICTURES:
            frame = directory / f"{name}.html"
            frame.write_text(
                f'<!DOCTYPE html><body style="margin:0;background:#ddd">'
                f'<iframe src="{report}" width="{width}" height="{height}" style="border:0"></iframe>',
                encoding="utf-8",
            )
            subprocess.run(
                [
                    browser,
                    "--headless",
                    "--no-sandbox",
                    "--disable-gpu",
                    "--hide-scrollbars",
                    "--host-resolver-rules=MAP * ~NOTFOUND",
                    f"--user-data-dir={directory / 'profile'}",
                    f"--window-size={max(width, 500)},{height}",
                    f"--screenshot={docs / f'report-{name}.png'}",
                    frame.as_uri(),
                ],
                check=True,
                stderr=subprocess.DEVNULL,
            )


if __name__ == "__main__":
    main()
