"""Law as publishers hand it out: invented samples with the text that they must give, and real ones where they lie."""

import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from florilegium.pipeline.stage import find
from florilegium.stages.read import STATED, Piece, Record, _celex

SAMPLES = sorted(path for path in Path(__file__).with_name("law").iterdir() if path.suffix == ".xml")
LAW = ("akn", "dila", "formex", "gii")


def read(data: bytes, name: str = "xml") -> list[Record]:
    reader = find("stages.read", name)
    return list(reader.read(io.BytesIO(data), Piece("s", "f", 0, max(len(data), 1)), reader.Options()))


def shown(record: Record) -> str:
    """What a document says about itself, then its text."""
    stated = {name: getattr(record, name) for name in STATED if name != "facts"} | dict(record.facts or {})
    lines = [f"{name}: {value}" for name, value in stated.items() if value is not None]
    return "\n".join([*lines, "", record.text or f"({record.beside or record.reason})", ""])


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_a_sample_gives_its_text(path: Path) -> None:
    data = path.read_bytes()
    (record,) = read(data)
    assert shown(record) == path.with_suffix(".txt").read_text("utf-8")
    assert read(data, path.name.split("-")[0].split(".")[0]) == [record]
    assert (record.position, record.bytes_in) == ("", len(data))


def test_every_format_of_law_has_a_sample() -> None:
    assert {path.name.split("-")[0].split(".")[0] for path in SAMPLES} == set(LAW)


def zipped(files: dict[str, bytes]) -> bytes:
    to = io.BytesIO()
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return to.getvalue()


ANNEX = b"<ANNEX><TITLE><TI><P>ANNEX %d</P></TI></TITLE></ANNEX>"
NOTICE = b"""<NOTICE><WORK><SAMEAS><URI><VALUE>http://publications.europa.eu/resource/celex/32099X0001</VALUE>
<TYPE>celex</TYPE></URI></SAMEAS></WORK></NOTICE>"""


def act(text: str) -> bytes:
    return f"<ACT><TITLE><TI><P>{text}</P></TI></TITLE></ACT>".encode()


def test_an_archive_of_eur_lex_gives_each_act_with_its_annexes_and_its_notice() -> None:
    files = {
        "1/a.doc.fmx.xml": b"<DOC><BIB.DOC/></DOC>",
        "1/a.0001.fmx.xml": act("one"),
        "1/a.0002.fmx.xml": ANNEX % 1,
        "1/a.0003.fmx.xml": ANNEX % 2,
        "1/notice.xml": NOTICE,
        "2/b.0001.fmx.xml": act("two"),
        "3/c.0001.fmx.xml": ANNEX % 3,
        "3/d.0001.fmx.xml": b"<ACT>torn",
        "readme.txt": b"no XML",
        "other.xml": b"<other/>",
    }
    got = {one.position: one for one in read(zipped(files))}
    assert {name: one.text or one.beside or one.reason for name, one in got.items()} == {
        "1/a.0001.fmx.xml": "one\nANNEX 1\nANNEX 2",
        "1/a.doc.fmx.xml": "frame",
        "1/notice.xml": "notice",
        "2/b.0001.fmx.xml": "two",
        "3/c.0001.fmx.xml": "ANNEX 3",
        "3/d.0001.fmx.xml": "read.damaged",
    }
    assert got["1/a.0001.fmx.xml"].official_id == "celex:32099X0001" and got["2/b.0001.fmx.xml"].official_id is None
    assert got["1/a.0001.fmx.xml"].bytes_in == sum(len(files[f"1/a.000{n}.fmx.xml"]) for n in (1, 2, 3))


def test_annexes_that_would_make_an_act_too_large_stand_alone() -> None:
    files = {"a.xml": act("one"), "b.xml": ANNEX % 1, "c.xml": ANNEX % 2}
    formex = find("stages.read", "formex")
    most = len(files["a.xml"]) + len(files["b.xml"])
    got = list(formex.read(io.BytesIO(zipped(files)), Piece("s", "f", 0, 1), formex.Options(most)))
    assert [(one.position, one.text) for one in got] == [("a.xml", "one\nANNEX 1"), ("c.xml", "ANNEX 2")]


def test_other_archives_give_each_law() -> None:
    law = next(path for path in SAMPLES if path.name == "gii.xml").read_bytes()
    (one,) = read(zipped({"BJNR999999999.xml": law, "image.gif": b"GIF"}))
    assert (one.position, one.title) == ("BJNR999999999.xml", "Gesetz über Herbarien")
    assert read(law)[0].text == one.text


KINDS = [
    ("COMMISSION IMPLEMENTING REGULATION (EU) 2020/5", "32020R0005"),
    ("ΚΑΝΟΝΙΣΜΟΣ (ΕΕ) 2020/5 ΤΟΥ ΣΥΜΒΟΥΛΙΟΥ", "32020R0005"),
    ("DIRETTIVA (UE) 2020/5", "32020L0005"), ("Richtlinie 2020/5 zur Änderung der Verordnung", "32020L0005"),
    ("BESCHLUSS (EU) 2020/5", "32020D0005"), ("РЕШЕНИЕ (ЕС) 2020/5", "32020D0005"), ("Päätös 2020/5", "32020D0005"),
    ("Notice 2020/5", None), ("", None),
]  # fmt: skip


@pytest.mark.parametrize(("title", "celex"), KINDS)
def test_a_celex_number_is_derived_from_the_kind_that_the_title_names_first(title: str, celex: str | None) -> None:
    assert _celex.derived("2020", "5", title) == celex
    assert _celex.derived("20", "5", title) is None and _celex.derived("2020", "R5", title) is None
    assert _celex.derived("2020", "²", title) is None


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_torn_and_flipped_samples_end_with_records_or_reasons(path: Path, data: st.DataObject) -> None:
    whole = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    at = data.draw(st.integers(0, len(whole)))
    for broken in (bytes(whole), bytes(whole[:at]), zipped({"a.xml": bytes(whole)})):
        got = read(broken)
        assert got and all((one.text is None) != (one.reason is None and one.beside is None) for one in got)
        for one in got:
            (one.text or "").encode()


DEEP = {
    "akn": ("<akomaNtoso><act><body>", ("tr", "td", "p", "num", "quotedStructure"), "</body></act></akomaNtoso>"),
    "dila": ("<ARTICLE><BLOC_TEXTUEL>", ("tr", "td", "div", "i"), "</BLOC_TEXTUEL></ARTICLE>"),
    "formex": ("<ACT>", ("ROW", "CELL", "NO.P", "TXT"), "</ACT>"),
    "gii": (
        "<dokumente><norm><metadaten/><textdaten><text>", ("row", "entry", "DL", "DT"),
        "</text></textdaten></norm></dokumente>",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LAW)
def test_nesting_up_to_the_parsers_limit_is_read(name: str) -> None:
    begin, names, end = DEEP[name]
    for deep, reason in ((245, None), (260, "read.xml_over_limit")):
        inside = [names[n % len(names)] for n in range(deep)]
        data = (
            begin + "".join(f"<{one}>" for one in inside) + "x" + "".join(f"</{one}>" for one in reversed(inside)) + end
        )
        (record,) = read(data.encode(), name)
        assert (record.text, record.reason) == (None if reason else "x", reason)


REAL = Path(__file__).resolve().parents[4] / "shared/data/public-sector"
EXPECTED = {
    "formex4_gdpr_32016R0679_EN.xml": (
        1234, 345_612, "celex:32016R0679",
        ["Regulation (EU) 2016/679 of the European Parliament and of the Council", "of 27 April 2016"],
        ["For the Council", "The President", "J.A. Hennis-Plasschaert"],
        ["\n(1) ‘personal data’ means", "\nWhereas:\n(1) The protection of natural persons",
         "\nCHAPTER I\nGeneral provisions\nArticle 1\nSubject-matter and objectives\n1. This Regulation lays"],
        ["OJ C"],
    ),
    "formex4_dga_32022R0868_EN.xml": (
        536, 176_065, "celex:32022R0868",
        ["Regulation (EU) 2022/868 of the European Parliament and of the Council", "of 30 May 2022"],
        ["B. Le Maire"],
        ["\nArticle 1\nSubject matter and scope\n1. This Regulation lays down:\n(a) conditions for the re-use"],
        ["OJ C"],
    ),
    "formex4_aiact_32024R1689_EN.xml": (
        1835, 566_929, "celex:32024R1689",
        ["Regulation (EU) 2024/1689 of the European Parliament and of the Council", "of 13 June 2024"],
        ["(g) the number of registered end-users."],
        ["\nANNEX I\nList of Union harmonisation legislation\nSection A. List of Union harmonisation legislation based "
         "on the New Legislative Framework\n1. Directive 2006/42/EC", "\nSubject matter`\n"],
        ["Official Journal\n"],
    ),
    "gii_bgb_2019_first240norms.xml": (
        642, 94_856, "doknr:BJNR001950896",
        ["Buch 1 Allgemeiner Teil", "Abschnitt 1 Personen", "Titel 1 Natürliche Personen, Verbraucher, Unternehmer",
         "§ 1 Beginn der Rechtsfähigkeit", "Die Rechtsfähigkeit des Menschen beginnt mit der Vollendung der Geburt."],
        ["(2) § 214 Abs. 2 findet entsprechende Anwendung."],
        ["Hierbei muss gewährleistet sein, dass\n1. die Grundsätze", "\n3. die nach der Anlage",
         ".\nDie Landesregierungen können durch Rechtsverordnung die Ermächtigung"],
        ["Amtlicher Hinweis", "weggefallen", "Inhaltsübersicht", "Richtlinie 76/207/EWG"],
    ),
    "akn_it_senato_ddl_2013.xml": (
        189, 60_859, "akn:/akn/it/bill/Ddl/2013-03-29/356",
        ["SENATO DELLA REPUBBLICA", "DISEGNO DI LEGGE", "N. 356"],
        ["Per questi motivi si auspica un sollecito esame del presente disegno di legge."],
        ["\nArt. 1. (Modifiche al sistema elettorale della Camera dei deputati)\n1. Al testo unico delle leggi recanti",
         "\na) l'articolo 1 è sostituito dal seguente: «Art. 1. -- 1. La Camera dei deputati"],
        [],
    ),
    "akn_eu_COM2013_0619_EN.xml": (
        361, 73_551, "celex:52013PC0619",
        ["EUROPEAN COMMISSION", "Brussels, 17.9.2013", "COM(2013) 619 final", "2013/0305 (COD)",
         "Proposal for a REGULATION OF THE EUROPEAN PARLIAMENT AND OF THE COUNCIL on new psychoactive substances"],
        ["| [...][XX.YY.YY.YY] | | YES/NO | YES/NO | YES/NO | YES/NO"],
        ["\n(Text with EEA relevance)\n", "\nEXPLANATORY MEMORANDUM\n1. CONTEXT OF THE PROPOSAL\n1.1. General context"],
        [],
    ),
    "dila_legi_article_synthetic.xml": (
        6, 168, "legi:LEGIARTI000099000001",
        ["Chaque herbier tient un registre des plantes séchées.", "Le registre indique :", "1° le nom de la plante ;",
         "2° le lieu et la date de la récolte.", "Famille | Nombre", "Rosacées | 12"],
        [], [], ["Note de l'éditeur"],
    ),
    "dila_jorf_texte_synthetic.xml": (
        7, 194, "legi:JORFTEXT000099000100",
        ["Arrêté du 2 janvier 2099 relatif aux jardins d'essai", "Vu le code des herbiers ;", "Article 1",
         "Les jardins d'essai sont ouverts au public.", "Article 2", "Le présent arrêté sera publié.",
         "La ministre inventée"],
        [], [], ["Notice :"],
    ),
}  # fmt: skip
"""Lines, characters, identifier, first and last lines, what it must hold and must not, for real texts.

Chosen otherwise than by a plain extraction: a row keeps no blank at its end, and a layout row with one filled cell no
bar; a repealed German paragraph has no line, be it a norm, its dash, or one paragraph of a norm; the sentence that
introduces a list stands in Akoma Ntoso's listIntroduction and is text, a dash that nothing follows is none; where a
note stood between two letters stands a blank.
"""


@pytest.mark.skipif(not REAL.is_dir(), reason="the real texts lie beside the checkout, where there are any")
@pytest.mark.parametrize("name", EXPECTED)
def test_real_texts_are_read_as_they_must_be(name: str) -> None:
    lines, characters, official, first, last, must, must_not = EXPECTED[name]
    (record,) = read((REAL / name).read_bytes())
    assert record.text
    found = record.text.split("\n")
    assert (len(found), len(record.text), record.official_id) == (lines, characters, official)
    assert found[: len(first)] == first and found[len(found) - len(last) :] == last
    assert all(one in record.text for one in must) and not any(one in record.text for one in must_not)
    assert "\n\n" not in record.text and record.text == record.text.strip()


@pytest.mark.skipif(not REAL.is_dir(), reason="the real texts lie beside the checkout, where there are any")
def test_a_notice_beside_an_act_names_it() -> None:
    for name, celex, eli in (
        ("eurlex_notice_work_32018R0196.xml", "32018R0196", "http://data.europa.eu/eli/reg/2018/196/oj"),
        ("eurlex_notice_02009R1223.xml", "02009R1223-20191218", "http://data.europa.eu/eli/reg/2009/1223/2019-12-18"),
    ):
        notice = (REAL / name).read_bytes()
        assert [one.beside for one in read(notice)] == ["notice"]
        found, _ = sorted(read(zipped({"a.xml": act("one"), "b.xml": notice})), key=lambda one: one.position)
        assert found.facts and (found.facts["celex"], found.facts["eli"]) == (celex, eli)
    assert (found.official_id, str(found.published)) == ("celex:32009R1223", "2019-12-18")
