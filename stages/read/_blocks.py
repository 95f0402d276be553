"""From the elements of an XML document to lines of text: one a block, in document order."""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Literal

from florilegium.stages.read._xml import line, local

Kind = Literal["inline", "block", "number", "joined", "skip", "break", "blank", "row", "cell"]
"""What an element does to the text: `inline` nothing; `block` its text is a line, or lines, of its own; `number` begins
the line of the block behind it; `joined` its first block goes on in the line before it; `skip` its text is left out,
what follows it stays; `break` ends the line, `blank` is a blank; `row` is a line, whose `cell`s are joined by a bar (a
row inside a cell is a block)."""

MARK = re.compile(r"[^\w\s]+")
CLOSING = re.compile(r"[.,;:!?)\]»”’\"']{1,4}")
"""What stands behind a quoted structure and belongs to its last line."""


class Blocks:
    """Gathers the lines of the elements given to `add`; `skipped` counts elements left out, by name."""

    def __init__(
        self,
        kinds: Mapping[str, Kind],
        otherwise: Kind = "block",
        spelt: Mapping[str, Callable[[Any], str]] | None = None,
    ) -> None:
        """kinds: by local name. otherwise: of all other names. spelt: elements whose text is made of something else."""
        self.lines: list[str] = []
        self.skipped: Counter[str] = Counter()
        self._kinds, self._otherwise, self._spelt = kinds, otherwise, spelt or {}
        self._known: dict[str, tuple[Kind, Callable[[Any], str] | None]] = {}
        self._held: list[str] = []
        self._after_joined = self._in_row = False
        self._numbered = True  # nothing is held but numbers, which wait for their text

    def add(self, element: Any) -> None:
        """The lines of an element, without what follows it."""
        self.end()
        self._walk(element)
        self.end()

    def put(self, text: str) -> None:
        """A line that is no element's."""
        self.end()
        self._say(text)
        self.end()

    def end(self) -> None:
        """End the line that is being written. A number that nothing follows stays, unless it is a mere dash."""
        whole = line("".join(self._held))
        if whole and self._after_joined and CLOSING.fullmatch(whole):
            self.lines[-1] += whole
        elif whole and not (self._numbered and MARK.fullmatch(whole)):
            self.lines.append(whole)
        self._held.clear()
        self._numbered, self._after_joined = True, False

    def left_out(self) -> str | None:
        """What `skipped` counts, in words: BIB.INSTANCE 1, NOTE 21."""
        return ", ".join(f"{name} {count}" for name, count in sorted(self.skipped.items()) if count) or None

    def _say(self, text: str | None) -> None:
        if text:
            self._held.append(text)
            if self._numbered and not text.isspace():
                self._numbered = False

    def _part(self, note: Any) -> None:
        """A blank in place of a note between two letters: converters lose it where the note stood."""
        before = self._held[-1][-1:] if self._held else ""
        if len(note) and before.isalnum() and (note.tail or "")[:1].isalnum():
            self._say(" ")

    def _walk(self, element: Any) -> None:
        tag = element.tag
        known = self._known.get(tag)
        if known is None:
            name = local(element)
            known = self._known[tag] = (self._kinds.get(name, self._otherwise), self._spelt.get(name))
        kind, spelt = known
        if kind == "skip":
            self.skipped[local(element)] += 1
            self._part(element)
        elif kind == "row" and not self._in_row:
            self._row(element)
        elif kind == "blank":
            self._say(" ")
        elif kind == "break":
            self.end()
        else:
            self._begin(kind)
            self._say(spelt(element) if spelt else element.text)
            for child in element:
                self._walk(child)
                if child.tail:
                    self._say(child.tail)
            self._finish(kind)

    def _begin(self, kind: Kind) -> None:
        if kind == "joined":
            self._numbered = True
        elif kind != "inline" and not self._numbered:
            self.end()

    def _finish(self, kind: Kind) -> None:
        if kind == "number":
            self._held.append(" ")
            self._numbered = True
        elif kind != "inline":
            self.end()
            self._after_joined = kind == "joined" and bool(self.lines)

    def _row(self, element: Any) -> None:
        self._begin("block")
        outer, self.lines, number = self.lines, [], self._held
        self._in_row = True
        cells = []
        for cell in element:
            self._held, self._numbered = [], True
            self._walk(cell)
            self.end()
            cells.append(" ".join(self.lines))
            self.lines = []
        self.lines, self._in_row = outer, False
        filled = [cell for cell in cells if cell]
        self._held = [*number, " | ".join(filled if len(filled) < 2 else cells)]
        self.end()
