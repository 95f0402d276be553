"""XML read safely: nothing outside the file, entities refused, limits kept, the encoding that the bytes have."""

import io
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from florilegium.pipeline.errors import PipelineError
from florilegium.stages.read import Piece, Record, _xml
from florilegium.stages.read._archive import Stored

ROOTS = frozenset({"a"})


def text_of(document: _xml.Document) -> Record:
    return Record("", text=_xml.line("".join(document.root.itertext())))


def read(data: bytes, max_bytes: int = 50 << 20) -> Record:
    (record,) = _xml.records(io.BytesIO(data), Piece("s", "f", 0, len(data)), _xml.Options(max_bytes), ROOTS, text_of)
    return record


def zipped(**files: bytes) -> bytes:
    to = io.BytesIO()
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name.replace("_", "."), data)
    return to.getvalue()


ENCODINGS = [
    (b"<a>\xc3\xa9</a>", None, False),
    (b"\xef\xbb\xbf<a>\xc3\xa9</a>", None, False),
    (b"<?xml version='1.0' encoding='UTF-8'?><a>\xc3\xa9</a>", "UTF-8", False),
    (b"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xc3\xa9</a>", "ISO-8859-1", True),
    (b"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xe9</a>", "ISO-8859-1", False),
    (b"<?xml version='1.0' encoding='ISO-8859-7'?><a>\xe9</a>".replace(b"\xe9", "é".encode()), "ISO-8859-7", True),
    (b"<?xml version='1.0' encoding='UTF-16'?><a>\xc3\xa9</a>", "UTF-16", False),
    ("<?xml version='1.0' encoding='UTF-16'?><a>é</a>".encode("utf-16"), None, False),
    ("<a>é</a>".encode("utf-16-be"), None, False),
    (b"<?xml version='1.0' encoding='gb18030'?><a>" + "é".encode("gb18030") + b"</a>", "gb18030", False),
]


@pytest.mark.parametrize(("data", "declared", "overridden"), ENCODINGS)
def test_the_encoding_is_the_one_that_the_bytes_have(data: bytes, declared: str | None, overridden: bool) -> None:
    record = read(data)
    assert (record.text, record.declared_charset, record.bytes_in) == ("é", declared, len(data))
    assert record.facts == ({"encoding_overridden": "utf-8"} if overridden else None)


ENTITY = b'<!ENTITY e "boom">'
BOMB = b"".join(b'<!ENTITY e%d "%s">' % (n, b"&e%d;" % (n - 1) * 20) for n in range(1, 9))
REASONS = {
    "read.empty": [b"", b"<a/>", b"<a> \n </a>"],
    "read.damaged": [
        b"<a>", b"<a>x</b>", b"<a>\xff</a>", b"<a>&nbsp;</a>", b'<!DOCTYPE a SYSTEM "file:///etc/hostname"><a>&x;</a>',
        b"<?xml version='1.0' encoding='no-such'?><a>\xe9</a>", b"<a>\0</a>", zipped(a_xml=b"<a>x</a>")[:-9],
    ],
    "read.xml_entity_declared": [
        b"<!DOCTYPE a [" + ENTITY + BOMB + b"]><a>&e8;</a>",
        b'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/hostname">]><a>&e;</a>',
        b'<!DOCTYPE a [<!ENTITY % e SYSTEM "http://a.example/e">%e;]><a>x</a>',
        b"<!-- <a> --><?p <a>?><!DOCTYPE a [<!NOTATION n SYSTEM \"<a>'\"><!-- \" -->" + ENTITY + b"]><a>x</a>",
        ("<!DOCTYPE a [" + ENTITY.decode() + "]><a>&e;</a>").encode("utf-16"),
    ],
    "read.xml_over_limit": [
        b"<a>" * 300 + b"x" + b"</a>" * 300,
        b"<a>" + b"x" * (11 << 20) + b"</a>", b'<a b="' + b"x" * (11 << 20) + b'"/>',
        b"<a>x" + b"<b/>" * 4_000_000 + b"</a>",
    ],
    "read.wrong_format": [b"<b>x</b>", b"text", b"<ab>x</ab>", b"<!--" + b"-" * (1 << 17), zipped(a_txt=b"x")],
}  # fmt: skip


@pytest.mark.parametrize("reason", REASONS)
def test_what_is_not_read_has_its_reason(reason: str) -> None:
    for data in REASONS[reason]:
        assert (read(data).reason, read(data).text) == (reason, None), data[:80]


def test_a_doctype_alone_comments_and_quoted_entities_are_harmless() -> None:
    for data in (
        b'<!DOCTYPE a SYSTEM "http://a.example/no.dtd"><a>x</a>',
        b"<!-- " + ENTITY + b" --><?p " + ENTITY + b"?><x:a xmlns:x='u'>x<!-- c --><?p?></x:a>",
        b"<!DOCTYPE a [<!ELEMENT a ANY>]><a>&#120;</a>",
    ):
        assert read(data).text == "x"


def test_a_document_larger_than_the_limit_is_named_with_its_size() -> None:
    data = b"<a>" + b"x" * 100 + b"</a>"
    assert read(data, len(data)).text
    for stored in (data, zipped(a_xml=data)):
        record = read(stored, 50)
        assert (record.reason, record.reason_value, record.reason_limit) == ("read.too_large", len(data), 50)


def test_an_archive_gives_those_documents_that_are_of_the_format() -> None:
    data = zipped(c_xml=b"<a>3</a>", a_xml=b"<a>1</a>", b_xml=b"<b>2</b>", d_txt=b"<a>4</a>", e_XML=b"<a")
    got = list(_xml.records(io.BytesIO(data), Piece("s", "f", 0, 9), _xml.Options(), ROOTS, text_of))
    assert [(one.position, one.text) for one in got] == [("a.xml", "1"), ("c.xml", "3")]
    _xml.check(io.BytesIO(data), ROOTS)
    with pytest.raises(PipelineError, match="root elements: c"):
        _xml.check(io.BytesIO(data), frozenset({"c"}))


@settings(deadline=None)
@given(st.binary(max_size=200), st.integers(0, 300))
def test_torn_archives_neither_raise_nor_repeat_a_place(noise: bytes, at: int) -> None:
    data = zipped(a_xml=b"<a>1</a>" * 9, b_xml=b"<a>2</a>")
    for broken in (data[:at], data[:at] + noise, data[:at] + noise + data[at + len(noise) :]):
        got = list(_xml.records(io.BytesIO(broken), Piece("s", "f", 0, 9), _xml.Options(), ROOTS, text_of))
        assert len({one.position for one in got}) == len(got) >= 1


@settings(deadline=None)
@given(st.binary(max_size=100))
def test_any_prolog_is_scanned_to_an_end(noise: bytes) -> None:
    at, _ = _xml.prolog(noise)
    assert 0 <= at <= len(noise)
    assert _xml.prolog(noise + b"<" * 10)[0] <= len(noise) + 10
    _xml.root_of(Stored("", len(noise), noise))
