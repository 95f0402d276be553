"""Bundles of laws: tar.gz is read as zip is, once and whole or counted; a law of LEGI is one document."""

import gzip
import io
import tarfile
from collections.abc import Callable
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from florilegium.pipeline.stage import find
from florilegium.stages.read import Piece, Record
from tests.stages.read.test_law import zipped


def read(data: bytes, name: str = "xml", **options: int) -> list[Record]:
    reader = find("stages.read", name)
    return list(reader.read(io.BytesIO(data), Piece("s", "f", 0, max(len(data), 1)), reader.Options(**options)))


def tarred(files: dict[str, bytes], form: int = tarfile.USTAR_FORMAT) -> bytes:
    to = io.BytesIO()
    with tarfile.open(fileobj=to, mode="w", format=form) as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return gzip.compress(to.getvalue(), mtime=0)


Pack = Callable[[dict[str, bytes]], bytes]

LAW = "20990101-120000/legi/global/code_en_vigueur/LEGI/TEXT/00/00/99/LEGITEXT000099000001"


def article(number: int, state: str = "VIGUEUR", begin: str = "2090-01-01") -> tuple[str, bytes]:
    name = f"LEGIARTI{number:012}"
    text = f"""<ARTICLE><META><META_COMMUN><ID>{name}</ID></META_COMMUN><META_SPEC><META_ARTICLE><NUM>L. {number}</NUM>
<ETAT>{state}</ETAT><DATE_DEBUT>{begin}</DATE_DEBUT><DATE_FIN>2999-01-01</DATE_FIN></META_ARTICLE></META_SPEC></META>
<CONTEXTE><TEXTE cid="LEGITEXT000099000001"><TITRE_TXT>Code des herbiers</TITRE_TXT></TEXTE></CONTEXTE>
<BLOC_TEXTUEL><CONTENU><p>Disposition {number}, {state}.</p></CONTENU></BLOC_TEXTUEL></ARTICLE>"""
    return f"{LAW}/article/LEGI/ARTI/00/{name}.xml", text.encode()


def link(number: int) -> str:
    return f'<LIEN_ART id="LEGIARTI{number:012}" etat="VIGUEUR" num="L. {number}"/>'


def section(number: int, title: str, inner: str) -> tuple[str, bytes]:
    name = f"LEGISCTA{number:012}"
    text = f"<SECTION_TA><ID>{name}</ID><TITRE_TA>{title}</TITRE_TA><STRUCTURE_TA>{inner}</STRUCTURE_TA></SECTION_TA>"
    return f"{LAW}/section_ta/LEGI/SCTA/00/{name}.xml", text.encode()


def part(number: int, title: str, state: str = "VIGUEUR") -> str:
    return f'<LIEN_SECTION_TA id="LEGISCTA{number:012}" etat="{state}">{title}</LIEN_SECTION_TA>'


STRUCTURE = (
    f"{LAW}/texte/struct/LEGITEXT000099000001.xml",
    f"<TEXTELR><STRUCT>{link(9)}{part(2, 'Livre II')}{part(1, 'Livre Ier')}{part(3, 'Abrogé', 'ABROGE')}</STRUCT>"
    "</TEXTELR>".encode(),
)
FILES = dict(
    [
        article(1), article(2, "ABROGE"), article(3, begin="2095-05-05"), article(7), article(9),
        section(1, "Livre Ier", link(1) + link(2)), section(2, "Livre II", part(4, "Titre Ier") + link(8)),
        section(3, "Abrogé", link(7)), section(4, "Titre Ier", link(3) + part(2, "Livre II")), STRUCTURE,
        (
            f"{LAW}/texte/version/LEGITEXT000099000001.xml",
            b"<TEXTE_VERSION><META><META_SPEC><META_TEXTE_VERSION><TITREFULL>Code des herbiers</TITREFULL>"
            b"</META_TEXTE_VERSION></META_SPEC></META></TEXTE_VERSION>",
        ),
    ]
)  # fmt: skip
TEXT = [
    "Code des herbiers", "Article L. 9", "Disposition 9, VIGUEUR.", "Livre II", "Titre Ier", "Article L. 3",
    "Disposition 3, VIGUEUR.", "Livre Ier", "Article L. 1", "Disposition 1, VIGUEUR.",
]  # fmt: skip


@pytest.mark.parametrize(("pack", "backwards", "name"), list(product((tarred, zipped), (False, True), ("xml", "dila"))))
def test_a_law_is_one_document_in_the_order_of_its_structure(pack: Pack, backwards: bool, name: str) -> None:
    """Sections and articles in force alone; an article that no section in force names stands alone."""
    files = dict(reversed(FILES.items())) if backwards else FILES
    found = read(pack(files), name)
    law, loose = sorted((one for one in found if one.beside is None), key=lambda one: one.position)
    assert (law.position, (law.text or "").split("\n")) == (LAW, TEXT)
    assert (law.title, law.official_id) == ("Code des herbiers", "legi:LEGITEXT000099000001")
    assert law.facts == {
        "id": "LEGITEXT000099000001", "version": "2095-05-05", "state": "VIGUEUR", "articles": "3",
        "articles_missing": "2", "licence_basis": "DILA, Licence Ouverte 2.0",
    }  # fmt: skip
    assert (loose.text, loose.title) == ("Disposition 7, VIGUEUR.", "Article L. 7")
    beside = sorted(one.beside or "" for one in found if one.beside)
    assert beside == ["article"] * 3 + ["not_in_force"] + ["structure"] * 6
    assert len({one.position for one in found}) == len(found) == len(FILES) + 1


def test_without_its_structure_each_article_in_force_is_a_document() -> None:
    found = read(tarred({name: data for name, data in FILES.items() if name != STRUCTURE[0]}), "dila")
    assert [one.text for one in found if one.text] == [f"Disposition {number}, VIGUEUR." for number in (1, 3, 7, 9)]
    assert all("LEGIARTI" in (one.official_id or "") for one in found if one.text)


def test_a_law_beyond_the_limit_is_its_articles() -> None:
    files = dict([*(article(number) for number in range(10, 50)), *FILES.items()])
    found = read(tarred(files), "dila", max_bytes=900)
    assert len([one for one in found if one.text]) == 44 and all(one.position != LAW for one in found)
    assert len({one.position for one in found}) == len(found) == len(files)


def test_two_states_of_a_law_share_its_identifier() -> None:
    later = FILES | dict([article(9, begin="2099-09-09")])
    old, new = (next(one for one in read(tarred(files)) if one.position == LAW) for files in (FILES, later))
    assert old.official_id == new.official_id
    assert [(one.facts or {})["version"] for one in (old, new)] == ["2095-05-05", "2099-09-09"]


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_paths_of_any_length_and_alphabet(form: int) -> None:
    names = ["a.xml", "d" * 90 + "/" + "e" * 60 + ".xml", "é/ř.xml"]
    names += [] if form == tarfile.USTAR_FORMAT else ["x" * 300 + "/ž.xml"]
    data = tarred({name: article(1)[1] for name in [*names, "a.txt"]}, form)
    assert [one.position for one in read(data)] == names


def test_a_path_that_comes_again_is_another_place() -> None:
    to = io.BytesIO()
    with tarfile.open(fileobj=to, mode="w") as archive:
        for number in (1, 2):
            data = article(number)[1]
            member = tarfile.TarInfo("a.xml")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    first, second = read(gzip.compress(to.getvalue()))
    assert (first.position, second.position) == ("a.xml", "a.xml@1024") and first.text != second.text


WHOLE = tarred(FILES)


@settings(deadline=None)
@given(st.integers(1, len(WHOLE) - 1), st.data())
def test_a_torn_or_damaged_archive_says_so(at: int, choice: st.DataObject) -> None:
    got = read(WHOLE[:at], "dila")
    assert [one.reason for one in got if not one.position] in (["read.damaged"], ["read.wrong_format"])
    unpacked = bytearray(gzip.decompress(WHOLE))
    unpacked[choice.draw(st.integers(0, len(unpacked) - 1))] ^= 1 << choice.draw(st.integers(0, 7))
    got = read(gzip.compress(bytes(unpacked), 1), "dila")
    assert got and all((one.text is None) != (one.reason is None and one.beside is None) for one in got)
    assert len({one.position for one in got}) == len(got)


def test_a_header_that_claims_gigabytes_is_not_held() -> None:
    header = bytearray(tarfile.TarInfo("a").tobuf(tarfile.PAX_FORMAT))
    header[124:136], header[156:157], header[148:156] = b"77777777777\0", b"x", b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    (one,) = read(gzip.compress(bytes(header) + b"0" * 5000), "dila")
    assert (one.position, one.reason) == ("", "read.damaged")
