"""ALTO and METS: words whole, blocks and pages in reading order, and how sure the engine was."""

import io
import zipfile
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from florilegium.stages.read import REASONS, Piece, Record, alto

HERE = Path(__file__).parent / "alto"
SAMPLE = (HERE / "0001.xml").read_bytes()
EXPECTED = (HERE / "0001.txt").read_text("utf-8").splitlines()


def read(data: bytes) -> list[Record]:
    return list(alto.read(io.BytesIO(data), Piece("pages", "a.xml", 0, len(data)), alto.Options()))


def test_a_page_is_read_by_blocks_with_its_words_whole() -> None:
    (one,) = read(SAMPLE)
    assert (one.text or "").split("\n") == EXPECTED
    assert (one.declared_language, one.official_id, one.published) == ("de", "ark:/99999/invented/f1", None)
    sure = [1.0, 0.5, 0.9, *[0.8] * 6, 1.0, 1.0, *[0.8] * 3]
    assert one.confidence == pytest.approx(sum(sure) / len(sure)), "blank words count, margins do not"
    assert one.facts == {
        "engine": "Leser 2", "processed": "2031-02-03", "image": "0001.tif", "page": "1", "accuracy": "97.5",
        "words": "19", "hyphens_joined": "2", "hyphens_guessed": "3",
    }  # fmt: skip


def test_a_declared_charset_that_the_bytes_are_not_in_is_not_obeyed() -> None:
    (one,) = read(SAMPLE.replace(b'"UTF-8"', b'"ISO-8859-1"'))
    assert (one.text or "").split("\n") == EXPECTED
    assert one.facts and one.facts["encoding_overridden"] == "utf-8"


SECOND = b"""<alto><Layout><Page><PrintSpace><TextBlock><TextLine><String CONTENT="cinalis" SUBS_TYPE="HypPart2"
 SUBS_CONTENT="officinalis" WC="0.5"/><String CONTENT="Ende." WC="0.5"/></TextLine></TextBlock></PrintSpace></Page>
</Layout></alto>"""
METS = """<mets xmlns="http://www.loc.gov/METS/" xmlns:mods="http://www.loc.gov/mods/v3" OBJID="b-1"
 xmlns:xlink="http://www.w3.org/1999/xlink"><dmdSec><mdWrap><xmlData><mods:mods>
 <mods:titleInfo><mods:title>Kräuter</mods:title></mods:titleInfo>
 <mods:originInfo><mods:dateIssued>1891-05-06</mods:dateIssued></mods:originInfo>
 <mods:language><mods:languageTerm>ger</mods:languageTerm></mods:language>
 <mods:identifier type="urn">urn:nbn:de:invented-1</mods:identifier><mods:identifier type="hdl">1/2</mods:identifier>
 <mods:accessCondition xlink:href="https://creativecommons.org/publicdomain/mark/1.0/">free</mods:accessCondition>
</mods:mods></xmlData></mdWrap></dmdSec>
<fileSec><fileGrp USE="DEFAULT"><file ID="i1"><FLocat xlink:href="img/1.xml"/></file></fileGrp>
<fileGrp USE="FULLTEXT"><file ID="t2"><FLocat xlink:href="file://./alto/2.xml"/></file>
<file ID="t1"><FLocat xlink:href="../b/alto/1.xml"/></file><file ID="t3"><FLocat xlink:href="alto/3.xml"/></file>
</fileGrp></fileSec>
<structMap TYPE="LOGICAL"><div><div ORDER="1"><fptr FILEID="t3"/></div></div></structMap>
<structMap TYPE="PHYSICAL"><div TYPE="physSequence">
<div TYPE="page" ORDER="10"><fptr FILEID="t3"/></div><div TYPE="page" ORDER="2"><fptr><area FILEID="t2"/></fptr></div>
<div TYPE="page" ORDER="1"><fptr FILEID="i1"/><fptr FILEID="t1"/></div></div></structMap></mets>""".encode()


def zipped(**files: bytes) -> bytes:
    to = io.BytesIO()
    with zipfile.ZipFile(to, "w") as archive:
        for name, data in files.items():
            archive.writestr(name.replace("_", "/") + ".xml", data)
    return to.getvalue()


def test_a_volume_is_one_document_in_the_order_of_its_pages() -> None:
    found = read(zipped(b_alto_2=SECOND, b_alto_1=SAMPLE, b_mets=METS, c_1=SECOND))
    assert [(one.position, one.beside) for one in found] == [
        ("b/alto/1.xml", "page"), ("b/alto/2.xml", "page"), ("c/1.xml", None), ("b/mets.xml", None),
    ]  # fmt: skip
    volume = found[-1]
    assert (volume.text or "").split("\n") == [*EXPECTED, "cinalis Ende."]
    assert (volume.title, volume.declared_language, volume.published) == ("Kräuter", "ger", date(1891, 5, 6))
    assert (volume.official_id, volume.declared_licence) == ("handle:1/2", "CC-PDM-1.0")
    assert volume.confidence == pytest.approx((11.6 + 1.0) / 16)
    assert volume.facts == {
        "volume": "b-1", "issued": "1891-05-06", "rights_statement": "free", "engine": "Leser 2", "words": "21",
        "pages": "b/alto/1.xml b/alto/2.xml b/alto/3.xml", "pages_missing": "b/alto/3.xml", "hyphens_joined": "2",
        "hyphens_guessed": "3",
    }  # fmt: skip
    assert found[2].text == "cinalis Ende."


def test_damage_costs_a_page() -> None:
    torn = {"b_alto_1": SAMPLE[:900], "b_alto_2": SECOND, "b_mets": METS}
    found = {one.position: one.beside or one.reason or one.text for one in read(zipped(**torn))}
    assert found == {"b/alto/1.xml": "read.damaged", "b/alto/2.xml": "page", "b/mets.xml": "cinalis Ende."}
    found = {one.position: one.beside or one.reason or one.text for one in read(zipped(**torn | {"b_mets": METS[:99]}))}
    assert found == {
        "b/alto/1.xml": "read.damaged", "b/alto/2.xml": "cinalis Ende.", "b/mets.xml": "read.damaged",
    }  # fmt: skip
    (alone,) = read(METS)
    assert (alone.reason, alone.title, alone.declared_licence) == ("read.empty", "Kräuter", "CC-PDM-1.0")
    bomb = b'<!DOCTYPE alto [<!ENTITY a "b">]>' + SECOND
    assert [one.reason for one in read(bomb)] == ["read.xml_entity_declared"]
    assert [one.reason for one in read(b"<alto>" * 300)] == ["read.xml_over_limit"]
    assert [one.reason for one in read(b"<html/>")] == ["read.wrong_format"]


ARCHIVE = zipped(b_alto_1=SAMPLE, b_alto_2=SECOND, b_mets=METS)


@settings(deadline=None)
@given(st.sampled_from([SAMPLE, METS, ARCHIVE]), st.data())
def test_damage_never_raises(sample: bytes, choice: st.DataObject) -> None:
    data = bytearray(sample)
    for _ in range(choice.draw(st.integers(0, 4))):
        data[choice.draw(st.integers(0, len(data) - 1))] = choice.draw(st.integers(0, 255))
    found = read(bytes(data[: choice.draw(st.integers(len(data) // 2, len(data)))]))
    assert found and len({one.position for one in found}) == len(found)
    assert all(one.beside or (one.text is None) == (one.reason in REASONS) for one in found)
