"""PDF files: one file is one document, handed on as it is."""

import io

import pytest

from florilegium.pipeline.errors import PipelineError
from florilegium.stages.read import Piece, Record, pdf


def read(data: bytes, options: pdf.Options | None = None) -> list[Record]:
    ((start, end),) = pdf.cut(io.BytesIO(data), len(data), 10, options or pdf.Options())
    return list(pdf.read(io.BytesIO(data), Piece("papers", "a/b c.pdf", start, end), options or pdf.Options()))


def test_the_file_is_the_record() -> None:
    for data in (b"%PDF-1.7 x", b"\xef\xbb\xbf\n%PDF-1.7 x"):
        (one,) = read(data, pdf.Options(url_prefix="https://a.example/"))
        assert (one.html, one.mime, one.bytes_in) == (data, "application/pdf", len(data))
        assert one.url == "https://a.example/a/b%20c.pdf"
        pdf.check(io.BytesIO(data), pdf.Options())
    (large,) = read(b"%PDF-" + bytes(6), pdf.Options(max_bytes=10))
    assert (large.reason, large.reason_value, large.reason_limit) == ("read.too_large", 11.0, 10.0)


@pytest.mark.parametrize("data", [b"", b"<html>", bytes(1024) + b"%PDF-1.7"])
def test_another_format_is_a_mistake_to_the_check(data: bytes) -> None:
    assert [(one.position, one.reason) for one in read(data)] == [("", "read.wrong_format")]
    with pytest.raises(PipelineError, match="not a PDF file"):
        pdf.check(io.BytesIO(data), pdf.Options())
