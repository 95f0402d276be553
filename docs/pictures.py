"""The pictures of the README, taken of a real run: build.svg, fates.svg, and provenance.png where chromium is there.

make pictures
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

DOCS = Path(__file__).resolve().parent
WIDTH = 114
PICTURES = {
    "build.svg": ("florilegium sample europe", "florilegium build europe/recipe.yaml --out corpus"),
    "fates.svg": ("florilegium fates corpus",),
}
LISTS = {"fates.svg"}
"""Pictures of one thing a line: long lines are cut, not wrapped."""
WINDOW = (1240, 1535)
"""Width and height of the page that is shown, in CSS pixels: the head, the flow and the table of stages."""


def main() -> None:
    """Run the commands in an empty folder and take the pictures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for picture, commands in PICTURES.items():
            (DOCS / picture).write_text(terminal(commands, folder, picture in LISTS), "utf-8")
        if shutil.which("chromium"):
            page(folder / "corpus/reports/provenance.html", DOCS / "provenance.png")
        else:
            sys.exit("docs/provenance.png is as it was: there is no chromium")


def terminal(commands: Sequence[str], folder: Path, cut: bool) -> str:
    """What the commands print, as an SVG that needs nothing from elsewhere. cut: long lines end in an ellipsis."""
    shown = Console(record=True, width=WIDTH, file=StringIO())
    for command in commands:
        shown.print(Text.assemble(("$ ", "bold green"), (command, "bold")))
        for line in Text.from_ansi(said(command, folder)).split("\n"):
            shown.print(line, no_wrap=cut, overflow="ellipsis" if cut else "fold")
    shown.print()  # the last line is cropped below its letters
    fonts = re.compile(r"@font-face \{\{.*?\}\}\s*", re.DOTALL)
    return shown.export_svg(title="florilegium", code_format=fonts.sub("", CONSOLE_SVG_FORMAT))


def said(command: str, folder: Path) -> str:
    """What a command prints, its colours included."""
    name, *arguments = command.split()
    done = subprocess.run(
        [str(Path(sys.executable).with_name(name)), *arguments],
        cwd=folder,
        env={**os.environ, "FORCE_COLOR": "1", "COLUMNS": str(WIDTH)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    return "\n".join(line.rstrip() for line in done.stdout.splitlines())


def page(html: Path, picture: Path) -> None:
    """The upper part of a page as chromium shows it."""
    with tempfile.TemporaryDirectory() as profile:
        subprocess.run(
            [
                "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync",
                "--disable-background-networking", "--disable-component-update", f"--user-data-dir={profile}",
                f"--window-size={WINDOW[0]},{WINDOW[1]}", "--hide-scrollbars", f"--screenshot={picture}", html.as_uri(),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip


if __name__ == "__main__":
    main()
