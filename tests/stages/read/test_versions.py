"""Versions of one law share their official identifier and differ by `version`, in every format of law."""

import io
from pathlib import Path

import pytest

from florilegium.pipeline.stage import find
from florilegium.stages.read import Piece, Record

LAW = Path(__file__).with_name("law")
ACT = """<ACT><BIB.INSTANCE><DATE ISO="20980102"/><LG.DOC>SV</LG.DOC><NO.DOC><NO.CURRENT>5</NO.CURRENT><YEAR>2098</YEAR>
</NO.DOC></BIB.INSTANCE><TITLE><TI><P>Förordning (EU) 2098/5</P></TI></TITLE><P>Text.</P></ACT>"""


def sample(name: str, *changes: tuple[str, str]) -> str:
    text = (LAW / name).read_text("utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


CONSOLIDATED = "formex-consolidated.fmx.xml"
ARTICLE = "dila-article.xml"
FIRST = (
    ("<ID>LEGIARTI000099000002</ID>", "<ID>LEGIARTI000099000001</ID>"),
    ("<DATE_DEBUT>2098-03-01<", "<DATE_DEBUT>2090-03-01<"),
    ("<DATE_FIN>2099-01-01<", "<DATE_FIN>2098-03-01<"),
)
PORTUGUESE = "akn-act.akn.xml"
LATER = (("por@2099-03-01", "por@2099-06-01"), ('FRBRdate date="2099-03-01"', 'FRBRdate date="2099-06-01"'))
NAMELESS = (('<an:FRBRuri value="/akn/pt/act/2099-01-02/7"/>', ""),)

VERSIONS = [
    ("formex", "celex:32098R0005", {"2098-01-02": ACT, "2099-02-01": sample(CONSOLIDATED)}),
    (
        "formex", "celex:32098R0005",
        {"2099-02-01": sample(CONSOLIDATED), "2099-08-09": sample(CONSOLIDATED, ("20990201", "20990809"))},
    ),
    (
        "gii", "doknr:BJNR999999999",
        {"2099-05-27": sample("gii.xml"), "2099-06-28": sample("gii.xml", ("20990527", "20990628"))},
    ),
    (
        "dila", "legi:LEGIARTI000099000001",
        {"2090-03-01": sample(ARTICLE, *FIRST), "2098-03-01": sample(ARTICLE)},
    ),
    (
        "akn", "akn:/akn/pt/act/2099-01-02/7",
        {"2099-03-01": sample(PORTUGUESE), "2099-06-01": sample(PORTUGUESE, *LATER, *NAMELESS)},
    ),
]  # fmt: skip


def read(name: str, text: str) -> Record:
    reader = find("stages.read", name)
    (record,) = reader.read(io.BytesIO(text.encode()), Piece("s", "f", 0, 1), reader.Options())
    assert isinstance(record, Record)
    return record


@pytest.mark.parametrize(("name", "official", "versions"), VERSIONS)
def test_versions_share_the_identifier_and_differ_by_version(
    name: str, official: str, versions: dict[str, str]
) -> None:
    found = [read(name, text) for text in versions.values()]
    assert [one.official_id for one in found] == [official] * len(versions)
    assert [(one.facts or {})["version"] for one in found] == list(versions)
    assert all(one.text for one in found)
