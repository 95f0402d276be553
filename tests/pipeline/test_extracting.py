"""The command extract shows what a build would read, of any kind of file, and says what is wrong in one sentence."""

import json
import subprocess
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]

PROSE = [
    "Der Leuchtturmwärter schrieb jeden Morgen das Wetter auf, und niemand las je seine Hefte.",
    "Jahre später fand eine Studentin sie auf einem Dachboden, und darin den ersten Bericht vom großen Sturm.",
    "Er hatte den Wind notiert, die Höhe der Wellen und die Namen der Schiffe, die nicht wiederkamen.",
]
PAGE = (
    '<!doctype html><html lang=de><head><title>Der Turm</title><meta name="date" content="2024-03-05"></head><body>'
    f"<nav><a href=/>Start</a></nav><article>{''.join(f'<p>{one}</p>' for one in PROSE * 2)}</article></body></html>"
)


def test_a_page_as_text_and_as_json(run: Run, tmp_path: Path) -> None:
    (tmp_path / "turm.html").write_text(PAGE, "utf-8")
    shown = run("extract", tmp_path / "turm.html").stdout
    assert PROSE[1] in shown and "title: Der Turm" in shown
    for engine in ("blocks", "trafilatura", "trafilatura-fast", *(["resiliparse"] if find_spec("resiliparse") else [])):
        (line,) = run("extract", tmp_path / "turm.html", "--engine", engine, "--json").stdout.splitlines()
        found = json.loads(line)
        assert list(found) == ["path", "title", "text", "language", "charset", "date", "licence"]
        assert found["path"] == str(tmp_path / "turm.html")
        assert found["text"].split("\n")[:3] == PROSE
        assert (found["language"], found["charset"], found["date"]) == ("de", "utf-8", "2024-03-05")


def test_a_line_of_json_is_a_line_to_every_program(run: Run, tmp_path: Path) -> None:
    odd = PAGE.replace("niemand", "\u2028niemand\x85").replace("Jahre", "Jahre\u2029")
    (tmp_path / "turm.html").write_text(odd, "utf-8")
    (line,) = run("extract", tmp_path / "turm.html", "--json").stdout.splitlines()
    assert "\u2028niemand\x85" in json.loads(line)["text"]


def test_blocks_are_explained(run: Run, tmp_path: Path) -> None:
    (tmp_path / "turm.html").write_text(PAGE, "utf-8")
    shown = run("extract", tmp_path / "turm.html", "--explain").stdout
    assert "Start" in shown and shown.count(PROSE[0]) == 2
    assert " paragraph " in shown


def test_rows_of_parquet_answer_with_their_id(run: Run, tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": ["a", "b"], "html": [PAGE.encode(), b"<p></p>"]}), tmp_path / "pages.parquet")
    shown = run("extract", tmp_path / "pages.parquet", "--json")
    lines = [json.loads(line) for line in shown.stdout.splitlines()]
    assert [(line["id"], line["text"] is None) for line in lines] == [("a", False), ("b", True)]
    assert set(lines[0]) == {"path", "id", "title", "text", "language", "charset", "date", "licence"}
    assert shown.stderr == f"{tmp_path / 'pages.parquet'}#1: extract.empty\n"


def test_records_of_an_archive_have_no_id_of_their_own(run: Run, tmp_path: Path) -> None:
    block = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + PAGE.encode()
    fields = f"WARC-Type: response\r\nWARC-Record-ID: <urn:uuid:1>\r\nContent-Length: {len(block)}"
    fields += "\r\nWARC-Target-URI: https://a.example/"
    (tmp_path / "a.warc").write_bytes(f"WARC/1.0\r\n{fields}\r\n\r\n".encode() + block + b"\r\n\r\n")
    (line,) = run("extract", tmp_path / "a.warc", "--json").stdout.splitlines()
    assert list(json.loads(line)) == ["path", "title", "text", "language", "charset", "date", "licence"]


def test_what_holds_no_document_says_so_and_texts_have_their_charset(run: Run, tmp_path: Path) -> None:
    notice, law = (
        b"<NOTICE><WORK/></NOTICE>",
        '<?xml version="1.0" encoding="l2"?><ACT><P>Ř</P></ACT>'.encode("iso-8859-2"),
    )
    (tmp_path / "notice.xml").write_bytes(notice)
    shown = run("extract", tmp_path / "notice.xml")
    assert (shown.stdout, shown.stderr) == ("", "no document: 1 notice\n")
    (tmp_path / "law.xml").write_bytes(law)
    found = json.loads(run("extract", tmp_path / "law.xml", "--json").stdout)
    assert (found["text"], found["charset"]) == ("Ř", "iso-8859-2")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--engine", "magic"], "--engine magic"),
        (["--favor", "luck"], "--favor luck"),
        (["--markdown", "--engine", "trafilatura"], "markdown: only engine blocks"),
        *([] if find_spec("resiliparse") else [(["--engine", "resiliparse"], "florilegium[resiliparse]")]),
        (["none.html"], "none.html"),
    ],
)
def test_a_mistake_is_two_lines_and_status_2(run: Run, tmp_path: Path, arguments: list[str], message: str) -> None:
    (tmp_path / "turm.html").write_text(PAGE, "utf-8")
    files = [] if arguments[0] == "none.html" else [tmp_path / "turm.html"]
    error = run("extract", *files, *arguments, status=2).stderr
    assert message in error and "\nhint: " in error and error.count("\n") == 2
