"""HTML files: one file is one document."""

import io

from florilegium.stages.read import Piece, Record, batches, html


def read(data: bytes, options: html.Options | None = None, name: str = "a/b c.html") -> Record:
    ((start, end),) = html.cut(io.BytesIO(data), len(data), 10, options or html.Options())
    (record,) = html.read(io.BytesIO(data), Piece("pages", name, start, end), options or html.Options())
    return record


def test_the_file_is_the_record() -> None:
    page = "<p>Ahoj, světe".encode("iso-8859-2")
    one = read(page)
    assert (one.html, one.mime, one.url, one.bytes_in, one.reason) == (page, "text/html", None, len(page), None)
    (batch,) = batches([(Piece("pages", "a/b c.html", 0, len(page)), one)])
    assert batch["record"].to_pylist() == ["a/b c.html"]
    assert read(page, html.Options(url_prefix="https://a.example/")).url == "https://a.example/a/b%20c.html"


def test_empty_and_large_files_have_their_reason() -> None:
    assert read(b"").reason == "read.empty"
    large = read(b"x" * 11, html.Options(max_bytes=10))
    assert (large.reason, large.reason_value, large.reason_limit, large.html) == ("read.too_large", 11.0, 10.0, None)
    assert read(b"x" * 10, html.Options(max_bytes=10)).reason is None
