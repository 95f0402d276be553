"""How often a PDF draws its forms, and how many letters that makes: known before anything is drawn.

A form (ISO 32000-1, 8.10) is drawn by name, and may draw others: seven that draw each other eight times over are
1.7 KB, two million forms, and gigabytes of a library that keeps them all. So the bytes are looked through, without
their cross-reference table: objects by number, streams inflated, `Do` operators counted, names resolved by the form's
own resources. Where those are missing, and on pages, a name stands for the heaviest form that has it anywhere. What is
encrypted or packed otherwise than by deflate counts as drawing nothing.
"""

import re
import zlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

MOST_FORMS, MOST_LETTERS = 20_000, 1_000_000
"""Drawn on a page at most, letters in forms. pdfium holds up to 2.2 kB a form and 210 bytes a letter; maps and
newspapers stay below a tenth."""

AMBIGUOUS = 100
"""Meanings of a name that are looked at where a form has no resources of its own."""
INFLATED, CEILING = 64 << 20, 1 << 60
"""Bytes that are inflated of a file; beyond them nothing is known to draw. Numbers are cut off."""

FORM = re.compile(rb"/Subtype\s*/Form\b")
IMAGE = re.compile(rb"/Subtype\s*/Image\b")
PACKED = re.compile(rb"/Type\s*/ObjStm\b")
OBJECT = re.compile(rb"(?<![0-9])([0-9]{1,10})[ \t\r\n]{1,4}[0-9]{1,5}[ \t\r\n]{1,4}obj\b")
BEGIN = re.compile(rb"stream\r?\n")
DRAWN = re.compile(rb"/([^\s/<>\[\](){}%]{1,127})\s{1,4}Do\b")
STRING = re.compile(rb"\\.|\(((?:[^()\\]|\\.)*+)|<([0-9A-Fa-f\s]*+)", re.DOTALL)
"""Letters of strings, whether they are closed or not: what was scanned is never scanned again."""
RESOURCES = re.compile(rb"/Resources\s*([0-9]{1,10})\s+[0-9]{1,5}\s+R")
NAMED = re.compile(rb"/XObject\s*(?:<<([^<>]*)>>|([0-9]{1,10})\s+[0-9]{1,5}\s+R)")
PAIR = re.compile(rb"/([^\s/<>\[\](){}%]{1,127})\s{0,4}([0-9]{1,10})\s+[0-9]{1,5}\s+R")


@dataclass(frozen=True, slots=True)
class _Content:
    """A stream that is drawn: the names it draws, how often, and its own letters."""

    draws: Mapping[bytes, int]
    letters: int


@dataclass(slots=True)
class _File:
    """The objects of a file. dictionaries: of each object, up to its stream. pages: contents that are no forms.

    names: what each object calls other objects that can be drawn.
    """

    dictionaries: dict[int, bytes] = field(default_factory=dict)
    forms: dict[int, _Content] = field(default_factory=dict)
    pages: list[_Content] = field(default_factory=list)
    names: dict[int, dict[bytes, int]] = field(default_factory=dict)


def overdraws(payload: bytes) -> bool:
    """Whether a page would draw more than MOST_FORMS forms, or MOST_LETTERS letters in them."""
    if not FORM.search(payload):
        return False
    file = _read(payload)
    anywhere: dict[bytes, set[int]] = {}
    for one in file.names.values():
        for name, number in one.items():
            if len(numbers := anywhere.setdefault(name, set())) < AMBIGUOUS:
                numbers.add(number)
    weights = _weights(file, anywhere)
    drawn = [*weights.values(), *(_heaviest(page, {}, anywhere, weights) for page in file.pages)]
    return any(forms > MOST_FORMS or letters > MOST_LETTERS for forms, letters in drawn)


def _weights(file: _File, anywhere: Mapping[bytes, Collection[int]]) -> dict[int, tuple[int, int]]:
    """Forms and letters that each form is, with all that it draws. One that draws itself, which the standard forbids,
    is CEILING: pdfium goes round forty times.
    """
    weights: dict[int, tuple[int, int]] = {}
    entered: set[int] = set()
    for start in file.forms:
        left = [start]
        while left:
            number = left[-1]
            own = file.names.get(number, {})
            if number not in entered:
                entered.add(number)
                draws = file.forms[number].draws
                inner = {one for name in draws for one in _meant(name, own, anywhere)}
                left += sorted(one for one in inner if one in file.forms and one not in entered)
            else:
                left.pop()
                if number not in weights:
                    content = file.forms[number]
                    forms, letters = _heaviest(content, own, anywhere, weights)
                    again = any(own.get(one) in file.forms and own[one] not in weights for one in content.draws)
                    forms = CEILING if again else forms + 1
                    weights[number] = min(forms, CEILING), min(letters + content.letters, CEILING)
    return weights


def _heaviest(
    content: _Content,
    own: Mapping[bytes, int],
    anywhere: Mapping[bytes, Collection[int]],
    weights: Mapping[int, tuple[int, int]],
) -> tuple[int, int]:
    """Forms and letters that a content draws at most."""
    forms = letters = 0
    for name, times in content.draws.items():
        found = [weights.get(one, (0, 0)) for one in _meant(name, own, anywhere)]
        forms += times * max((one[0] for one in found), default=0)
        letters += times * max((one[1] for one in found), default=0)
    return forms, letters


def _meant(name: bytes, own: Mapping[bytes, int], anywhere: Mapping[bytes, Collection[int]]) -> Collection[int]:
    return (own[name],) if name in own else anywhere.get(name, ())


def _read(payload: bytes) -> _File:
    file = _File()
    left = INFLATED
    marks = list(OBJECT.finditer(payload))
    ends = [one.start() for one in marks[1:]] + [len(payload)]
    for mark, end in zip(marks, ends, strict=True):
        number, begin = int(mark[1]), BEGIN.search(payload, mark.end(), end)
        head = payload[mark.end() : begin.start() if begin else min(end, mark.end() + (1 << 20))]
        file.dictionaries[number] = head
        file.forms.pop(number, None)
        if begin is None or IMAGE.search(head):
            continue
        data = _inflated(head, payload[begin.end() : end], left)
        left = max(left - len(data), 0)
        if PACKED.search(head):
            file.dictionaries |= _unpacked(head, data)
        elif FORM.search(head):
            file.forms[number] = _content(data)
        elif b"Do" in data:
            file.pages.append(_content(data))
    file.names = {number: found for number, one in file.dictionaries.items() if (found := _names(file, one))}
    return file


def _content(data: bytes) -> _Content:
    letters = sum(len(one[1] or b"") + len(one[2] or b"") // 2 for one in STRING.finditer(data))
    return _Content(Counter(one[1] for one in DRAWN.finditer(data)), letters)


def _inflated(head: bytes, data: bytes, most: int) -> bytes:
    layers = head.count(b"/FlateDecode") + head.count(b"/Fl ") + head.count(b"/Fl/") + head.count(b"/Fl]")
    for _ in range(layers):
        if most == 0:
            return b""
        try:
            data = zlib.decompressobj().decompress(data, most)
        except zlib.error:
            return b""
    return data


def _unpacked(head: bytes, data: bytes) -> Iterator[tuple[int, bytes]]:
    """The objects of an object stream: pairs of number and place, then the objects (ISO 32000-1, 7.5.7)."""
    first = re.search(rb"/First\s+([0-9]{1,10})", head)
    start = int(first[1]) if first else 0
    stated = [int(one) for one in data[:start].split() if one.isdigit() and len(one) < 11]
    places = [start + place for place in stated[1::2]]
    yield from (
        (number, data[place:end])
        for number, place, end in zip(stated[::2], places, [*places[1:], len(data)], strict=False)
    )


def _names(file: _File, dictionary: bytes) -> dict[bytes, int]:
    """The XObjects that a dictionary names, in itself or in the resources that it refers to."""
    refers = RESOURCES.search(dictionary)
    found = NAMED.search(file.dictionaries.get(int(refers[1]), b"") if refers else dictionary)
    if found is None:
        return {}
    inner = found[1] if found[1] is not None else file.dictionaries.get(int(found[2]), b"")
    return {one[1]: int(one[2]) for one in PAIR.finditer(inner)}
