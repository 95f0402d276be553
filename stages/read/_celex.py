"""CELEX numbers of acts of the European Union: from a CELLAR notice, or derived from number and kind of the act.

Form: sector, year, letter of the kind, number of at least four digits (https://eur-lex.europa.eu/content/tools/TableOfSectors/
types_of_documents_in_eurlex.html). Consolidated texts are of sector 0, with the date of the wording behind a hyphen.
"""

import re
import unicodedata
from typing import Any

KINDS = {
    "R": "регламент reglamento nařízení forordning verordnung määrus κανονισμός regulation règlement rialachán uredba "
    "regolamento regula reglamentas rendelet regolament verordening rozporządzenie regulamento regulament nariadenie "
    "asetus förordning",
    "L": "директива directiva směrnice direktiv richtlinie direktiiv οδηγία directive treoir direktiva direttiva "
    "direktyva irányelv richtlijn dyrektywa diretiva smernica direktiivi",
    "D": "решение decisión rozhodnutí afgørelse beslutning beschluss entscheidung otsus απόφαση decision décision "
    "cinneadh odluka decisione lēmums sprendimas határozat deċiżjoni besluit beschikking decyzja decisão decizi "
    "rozhodnutie sklep odločba päätös beslut",
}
"""How titles name regulations, directives and decisions in the 24 official languages (stems that hold the word)."""

CONSOLIDATED = re.compile(r"0(\d{4}[A-Z]{1,2}\d{4,})-(\d{4})(\d{2})(\d{2})")


def derived(year: str, number: str, title: str) -> str | None:
    """The number of an act of sector 3: derived("2016", "679", "REGULATION (EU) 2016/679 of ...") is 32016R0679.

    title: its first line; the kind that it names first counts. None where it names none, or year or number are none.
    """
    if not re.fullmatch(r"(?:19|20)\d\d", year) or not re.fullmatch(r"[0-9]{1,5}", number):
        return None
    words = _folded(title)
    places = {words.find(_folded(word)): kind for kind, names in KINDS.items() for word in names.split()}
    first = min((at for at in places if at >= 0), default=None)
    return None if first is None else f"3{year}{places[first]}{int(number):04}"


def basic(celex: str) -> tuple[str, str | None]:
    """The number of the act that a text is a version of, and the date of its wording, if it is a consolidated one."""
    found = CONSOLIDATED.fullmatch(celex)
    return (f"3{found[1]}", f"{found[2]}-{found[3]}-{found[4]}") if found else (celex, None)


def of_notice(root: Any) -> dict[str, str]:
    """What a notice says of its work: `celex`, and `eli` as an address below data.europa.eu; those that it has."""
    found = {
        (uri.findtext("TYPE") or "").strip(): (uri.findtext("VALUE") or "").strip()
        for uri in root.iterfind("WORK/SAMEAS/URI")
    }
    eli = found.get("eli") or (root.findtext("WORK/ELI/VALUE") or "").strip()
    celex = found.get("celex", "").rpartition("/")[2]
    return {
        name: value
        for name, value in (
            ("celex", celex),
            ("eli", f"http://data.europa.eu/eli/{eli.rpartition('/eli/')[2]}" if "/eli/" in eli else ""),
        )
        if value
    }


def _folded(text: str) -> str:
    """The text without case and accents: titles stand in capitals, and capitals of Greek without accents."""
    apart = unicodedata.normalize("NFD", text.casefold())
    return "".join(one for one in apart if not unicodedata.combining(one))
