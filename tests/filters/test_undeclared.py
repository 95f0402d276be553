"""How often a page in a charset of before Unicode is read letter by letter though nothing declares it: a table."""

import tomllib
from collections.abc import Iterator
from importlib.resources import files

import pytest

from florilegium.filters.charset import UndecodableError, decode

RIGHT = """
language   domain charset      | alone: all 400  80 | with the domain: all 400 80
ukr_Cyrl   ua     windows-1251 | 100 100 100 | 100 100 100
ukr_Cyrl   ua     koi8-u       | 100 100 100 | 100 100 100
ukr_Cyrl   ua     iso-8859-5   | 100 100 100 | 100 100 100
bul_Cyrl   bg     windows-1251 | 100  96  99 | 100  96  99
bul_Cyrl   bg     iso-8859-5   | 100 100 100 | 100 100 100
mkd_Cyrl   mk     windows-1251 | 100 100 100 | 100 100 100
rus_Cyrl   ru     windows-1251 | 100 100 100 | 100 100 100
rus_Cyrl   ru     koi8-r       | 100 100 100 | 100 100 100
rus_Cyrl   ru     iso-8859-5   | 100 100 100 | 100 100 100
ell_Grek   gr     windows-1253 | 100 100 100 | 100 100 100
ell_Grek   gr     iso-8859-7   | 100 100 100 | 100 100 100
mlt_Latn   mt     iso-8859-3   |   0   3   2 | 100 100 100
lit_Latn   lt     windows-1257 |  90  77  51 | 100 100 100
lit_Latn   lt     iso-8859-13  |  90  74  52 | 100  96  98
lvs_Latn   lv     windows-1257 | 100  96  88 | 100 100 100
lvs_Latn   lv     iso-8859-13  | 100  96  89 | 100 100 100
ekk_Latn   ee     windows-1257 | 100  96  99 | 100 100 100
ekk_Latn   ee     windows-1252 | 100  96  99 | 100 100 100
ekk_Latn   ee     iso-8859-13  |  69  80  92 |  69  80  92
ces_Latn   cz     windows-1250 | 100 100  95 | 100 100 100
ces_Latn   cz     iso-8859-2   | 100 100  95 | 100 100  98
slk_Latn   sk     windows-1250 | 100 100  93 | 100 100  98
slk_Latn   sk     iso-8859-2   | 100 100  94 | 100 100  93
pol_Latn   pl     windows-1250 |  93  94  84 | 100 100 100
pol_Latn   pl     iso-8859-2   | 100 100  97 | 100 100 100
hun_Latn   hu     windows-1250 |  60  66  78 | 100 100 100
hun_Latn   hu     iso-8859-2   |  60  66  78 | 100 100 100
slv_Latn   si     windows-1250 | 100 100  96 | 100 100  97
hrv_Latn   hr     iso-8859-2   | 100 100  98 | 100 100 100
ron_Latn   ro     windows-1250 | 100 100  98 | 100 100 100
"""
"""At least so many of a hundred passages of the sample come back, whole, or cut into so many characters.

Estonian in iso-8859-13 loses its quotation marks, no letters; Romanian is written with cedillas, as it was.
"""

RUSSIAN = (
    "Ранним утром над рекой поднимался туман, и рыбаки молча готовили лодки. Потом взошло солнце, и вся деревня "
    "проснулась от крика петухов и скрипа колодца. На площади перед старой школой уже собирались люди: сегодня "
    "выбирали нового старосту, и каждый хотел сказать своё слово. Спорили долго, шумно, но без злобы, и к обеду "
    "решили, что старостой останется прежний, потому что дорогу к мосту он всё-таки починил."
)

ROWS = [line.replace("|", " ").split() for line in RIGHT.strip().split("\n")[1:]]


def passages(language: str) -> Iterator[str]:
    if language == "rus_Cyrl":
        yield RUSSIAN
        return
    known = tomllib.loads((files("florilegium.pipeline.sample") / f"europe/{language}.toml").read_text("utf-8"))
    yield from (text for text in _strings(known) if len(text) > 150)


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _strings(one)


def pieces(language: str, size: int | None, charset: str) -> Iterator[str]:
    """Pieces that say anything beyond ASCII, of what the charset has."""
    for text in passages(language):
        for at in range(0, len(text), size or len(text)):
            piece = text[at : at + (size or len(text))].encode(charset, "ignore").decode(charset)
            if not piece.isascii():
                yield f"<!doctype html><title>1</title><p>{piece}</p>"


def right(page: str, charset: str, domain: str | None) -> bool:
    try:
        return decode(page.encode(charset), None, domain)[0] == page
    except UndecodableError:
        return False


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]}-{row[2]}")
def test_letters_come_back(row: list[str]) -> None:
    language, domain, charset, *least = row
    found = []
    for hint in (None, domain):
        for size in (None, 400, 80):
            whole = [right(page, charset, hint) for page in pieces(language, size, charset)]
            found.append(100 * sum(whole) / len(whole))
    assert all(share >= int(floor) for share, floor in zip(found, least, strict=True)), found


@pytest.mark.parametrize("domain", ["cz", "ee", "hr", "hu", "lt", "lv", "mt", "pl", "ro", "si", "sk"])
def test_a_foreign_page_stays_what_it_is(domain: str) -> None:
    for page in pieces("deu_Latn", None, "windows-1252"):
        assert right(page, "windows-1252", domain)
