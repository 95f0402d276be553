"""ParlaMint: the speeches of a sitting by language, with what the header says of it."""

import io
import zipfile
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from florilegium.stages.read import REASONS, Piece, Record, parlamint

HERE = Path(__file__).parent / "parlamint"
SAMPLE = (HERE / "sitting.xml").read_bytes()


def read(data: bytes) -> list[Record]:
    return list(parlamint.read(io.BytesIO(data), Piece("sittings", "a.xml", 0, len(data)), parlamint.Options()))


def test_a_sitting_is_a_document_for_each_language_spoken() -> None:
    found = read(SAMPLE)
    assert [(one.position, one.declared_language) for one in found] == [("", "nl"), ("@fr", "fr")]
    for one in found:
        expected = (HERE / f"{one.declared_language}.txt").read_text("utf-8").splitlines()
        assert (one.text or "").split("\n") == expected
        assert (one.title, one.published) == ("Verzonnen parlement, 6 mei 2031", date(2031, 5, 6))
        assert (one.official_id, one.declared_licence) == (
            "handle:11356/0000#ParlaMint-XX_2031-05-06-1",
            "CC-BY-4.0",
        )
    header = {"sitting": "ParlaMint-XX_2031-05-06-1", "term": "12", "meeting": "34", "words_stated": "40"}
    header["source"] = "https://parlement.example/"
    assert found[0].facts == header | {
        "speeches": "3", "segments": "4", "chair_segments": "3", "speakers": "VisserAnna DuboisLuc",
        "skipped": "gap 1, kinesic 1",
    }  # fmt: skip
    assert found[1].facts == header | {
        "speeches": "2", "segments": "2", "chair_segments": "1", "speakers": "VisserAnna DuboisLuc",
    }  # fmt: skip
    assert (found[0].bytes_in, found[1].bytes_in) == (len(SAMPLE), 0)


def test_a_language_of_a_few_words_stays_where_it_was_spoken() -> None:
    more = SAMPLE.replace(b"<seg> </seg>", b"<seg>Ja.</seg>" * 20)
    (one,) = read(more)
    assert (one.text or "").split("\n")[:4] == [
        "De zitting is geopend om tien uur.", "La séance est ouverte.", "Merci, madame la présidente.", "Dank u zeer.",
    ]  # fmt: skip
    assert one.facts and one.facts["languages"] == "fr 2, nl 23"


OTHERS = [
    (SAMPLE.replace(b"05-06-1", b"05-06-1.ana"), "annotated"),
    (b"<teiCorpus><TEI/></teiCorpus>", "corpus"),
    (b"<listPerson/>", "corpus"),
    (SAMPLE.replace(b"<u ", b"<v ").replace(b"</u>", b"</v>"), "read.empty"),
    (b"<TEI/>", "read.empty"),
    (b"<TEI>", "read.damaged"),
    (b"<html/>", "read.wrong_format"),
    (b"", "read.empty"),
]


@pytest.mark.parametrize(("data", "expected"), OTHERS, ids=range(len(OTHERS)))
def test_what_is_no_sitting(data: bytes, expected: str) -> None:
    assert [one.beside or one.reason for one in read(data)] == [expected]


def test_an_archive_gives_the_sittings_in_it() -> None:
    to = io.BytesIO()
    with zipfile.ZipFile(to, "w") as archive:
        archive.writestr("2031/b.xml", SAMPLE)
        archive.writestr("2031/b.ana.xml", SAMPLE)
        archive.writestr("ParlaMint-XX.xml", "<teiCorpus/>")
        archive.writestr("2031/a.xml", "<TEI>")
    found = [(one.position, one.beside or one.reason) for one in read(to.getvalue())]
    assert found == [
        ("2031/a.xml", "read.damaged"), ("2031/b.ana.xml", "annotated"), ("2031/b.xml", None), ("2031/b.xml@fr", None),
        ("ParlaMint-XX.xml", "corpus"),
    ]  # fmt: skip


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(SAMPLE) - 1), st.integers(0, 255)), max_size=4), st.integers(0, 99))
def test_damage_never_raises(changes: list[tuple[int, int]], torn: int) -> None:
    data = bytearray(SAMPLE)
    for at, byte in changes:
        data[at] = byte
    found = read(bytes(data[: len(data) * (100 - torn // 4 * (torn > 50)) // 100]))
    assert found and len({one.position for one in found}) == len(found)
    assert all(one.beside or (one.text is None) == (one.reason in REASONS) for one in found)
