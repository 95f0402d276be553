"""Which templates of wikis show a text that they are given, and which: a table; all others show nothing.

Taken are templates that stand inside sentences of Wikipedia in European languages, under names that mean the same in
all of them: without the text the sentence has a hole. What a template makes by itself (a flag, a label before the word,
a unit converted) is not known here. Sources: the templates' documentation in the Wikipedias named.
"""

import re
from collections.abc import Iterator

SHOWN: dict[str, tuple[int, ...]] = {
    # in another language; in several Wikipedias
    "lang": (2,), "langue": (2,), "llengua": (2,), "cizojazyčně": (2,), "vreemde taal": (2,), "transl": (2,),
    "transliteration": (2,), "unicode": (1,), "polytonic": (1,), "script": (2,), "foreign": (2,),
    # how it is set
    "nowrap": (1,), "nobr": (1,), "nbr": (1,), "nowraplinks": (1,), "small": (1,), "smaller": (1,), "big": (1,),
    "larger": (1,), "sc": (1,), "smallcaps": (1,), "kapitälchen": (1,), "em": (1,), "strong": (1,), "italic": (1,),
    "bold": (1,), "kursiv": (1,), "sup": (1,), "sub": (1,), "exp": (1,), "ind": (1,), "indice": (1,),
    "hochgestellt": (1,),
    "color": (2,), "font color": (2,), "abbr": (1,), "abbr.": (1,), "abréviation": (1,), "tooltip": (1,),
    "comment": (1,),
    "textsf": (1,), "romain": (1,), "petites capitales": (1,), "versalitas": (1,), "unichar": (2,), "linktext": (1,),
    # a link to another language's article, where there is none yet
    "ill": (1,), "interlanguage link": (1,), "link-interwiki": (1,), "lien": (1,), "нп": (1,), "нп3": (1,), "нп5": (1,),
    "не переведено": (1,), "не перекладено": (1,),
    # quotations (en, de, fr, es, it, pt, nl, pl, cs, sk, sv, da, nb, hu, fi, ca, ru, uk)
    "quote": (1,), "quotation": (1,), "cquote": (1,), "blockquote": (1,), "\"": (1,), "zitat": (1,), "citation": (1,),
    "cita": (1,), "cita destacada": (1,), "citazione": (1,), "citação": (1,), "citaat": (1,), "cytat": (1,),
    "citát": (1,), "citat": (1,), "sitat": (1,), "idézet": (1,), "sitaatti": (1,), "citació": (1,), "цитата": (1,),
    "citation bloc": (1,), "début citation": (1,), "bloc citation": (1,),
    # numbers, units, days (en, fr, es, pt, it)
    "val": (1,), "num": (1,), "nombre": (1, 2), "unité": (1, 2), "unidad": (1, 2), "fmtn": (1, 2), "unitat": (1, 2),
    "circa": (1,), "c.": (1,), "siglo": (1,), "date": (1, 2, 3), "date-": (1, 2, 3), "jour": (1, 2, 3), "heure": (1, 2),
}  # fmt: skip
"""Name in lower case -> the parameters that make its text, joined by blanks."""

LABELLED = re.compile(r"(?:[Ll]ang|[Ll]angue|[Jj]ęz)-[a-z-]{2,12}|[a-z]{2,3}S")
"""Names that say the language of their first parameter: {{lang-de|Wort}}, in German {{enS|word}}."""

CONVERTED = frozenset({"convert", "cvt", "conv", "conversion", "convertir"})
"""{{convert|5|km|mi}}: numbers and what joins them, up to the first unit."""
NUMBER = re.compile(r"[\d.,/+−\s-]+|to|and|or|by|x|×|\+|±|\+/-|-|–")

ITSELF = re.compile(r"(?:\d{1,4}|[IVXLC]{1,7})(?:er|re|ère|e|es)?(?: (?:siècle|millénaire)(?: av\. J\.-C\.)?)?")
"""French: {{XIXe siècle}}, {{1er}} show their name."""

SIGNS = {
    "snd": " – ", "spnd": " – ", "spaced ndash": " – ", "ndash": "–", "mdash": "—", "emdash": "—", "nbsp": " ",
    "·": " · ", "dot": " · ", "'": "'", "-": "-", "zwj": "", "sic": "",
}  # fmt: skip
"""Templates without parameters that stand for a sign."""

FUNCTIONS = ("formatnum", "lc", "uc", "lcfirst", "ucfirst")
"""Parser functions whose text is what they are given: {{formatnum:5000}}."""

LONGEST = 4_000
"""Characters within a template that are looked at: a longer one is no part of a sentence."""


def shown(inner: str) -> str:
    """What a template shows of the text that it is given. inner: what stands between its braces, itself plain."""
    if len(inner) > LONGEST:
        return ""
    name, *parts = inner.split("|")
    name = name.strip()
    low = name.lower()
    function, colon, given = name.partition(":")
    if colon:
        return given.strip() if function.lower() in FUNCTIONS else ""
    if not parts:
        return name if ITSELF.fullmatch(name) else SIGNS.get(low, "")
    numbered = _numbered(parts)
    if low in CONVERTED:
        return " ".join(_measure(numbered))
    wanted = (1,) if LABELLED.fullmatch(name) else SHOWN.get(low, ())
    return " ".join(filter(None, (numbered.get(one, "") for one in wanted)))


def _numbered(parts: list[str]) -> dict[int, str]:
    """The parameters that have a number, by order or by name (1=...); those with a name are settings."""
    found: dict[int, str] = {}
    at = 0
    for part in parts:
        name, named, value = part.partition("=")
        if not named:
            at += 1
            found[at] = part
        elif name.strip().isdecimal() and len(name.strip()) < 3:
            found[int(name)] = value.strip()
    return found


def _measure(numbered: dict[int, str]) -> Iterator[str]:
    for _, value in sorted(numbered.items()):
        yield value.strip()
        if not NUMBER.fullmatch(value.strip()):
            return
