"""The sample can be trusted: real WARC, the same bytes every time, prose that is there, fates that agree with it."""

import json
import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from html import unescape
from io import BytesIO
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import trafilatura
import yaml
from fastwarc.warc import ArchiveIterator as FastArchive
from fastwarc.warc import WarcRecordType
from warcio.archiveiterator import ArchiveIterator as WarcioArchive

from florilegium.pipeline import sample
from florilegium.pipeline.sample.content import load
from florilegium.pipeline.sample.render import payload
from florilegium.stages.read import REASONS

CONTENT = load()
FATES = sample.fates()
PROSE = [page for page in CONTENT.pages if page.passages and not page.revisit]
MEMBER = b"\x1f\x8b\x08\0\0\0\0\0\x02\xff"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sample")
    sample.write_sample(path)
    return path


def members(crawl: bytes) -> Iterator[bytes]:
    """Each gzip member; one that does not inflate ends where the next begins."""
    starts = [match.start() for match in re.finditer(re.escape(MEMBER), crawl)]
    for start, end in zip(starts, [*starts[1:], len(crawl)], strict=True):
        yield crawl[start:end]


def inflates(member: bytes) -> bool:
    try:
        whole = zlib.decompressobj(31)
        whole.decompress(member)
    except zlib.error:
        return False
    return whole.eof and not whole.unused_data


def undamaged(folder: Path) -> Iterator[bytes]:
    """The crawl files, each without the members that do not inflate."""
    for path in sorted(folder.glob("crawl/*.warc.gz")):
        yield b"".join(member for member in members(path.read_bytes()) if inflates(member))


def warcio_records(folder: Path) -> Iterator[Any]:
    for part in undamaged(folder):
        yield from WarcioArchive(BytesIO(part), check_digests="raise")


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


def test_the_same_bytes_on_every_call(folder: Path, tmp_path: Path) -> None:
    for _ in range(2):  # into an empty folder, then over itself
        sample.write_sample(tmp_path)
        for path in filter(Path.is_file, folder.rglob("*")):
            assert (tmp_path / path.relative_to(folder)).read_bytes() == path.read_bytes(), path.name
    assert len([*tmp_path.rglob("*")]) == len([*folder.rglob("*")]) == 7


def test_both_libraries_read_the_same_records_and_their_digests_hold(folder: Path) -> None:
    ours = [(r.rec_type, r.rec_headers["WARC-Record-ID"], r.content_stream().read()) for r in warcio_records(folder)]
    theirs = []
    for part in undamaged(folder):
        for record in FastArchive(BytesIO(part), parse_http=False, record_types=WarcRecordType.any_type):
            assert record.verify_block_digest(), record.record_id
            theirs.append((record.headers["WARC-Type"], record.headers["WARC-Record-ID"]))
    assert [(kind, record_id) for kind, record_id, _ in ours] == theirs
    assert Counter(kind for kind, _ in theirs) == {
        "warcinfo": 2,
        "request": len(CONTENT.pages),
        "metadata": len(CONTENT.pages),
        "response": len(CONTENT.pages) - 2,
        "revisit": 1,
    }
    assert len({record_id for _, record_id in theirs}) == len(theirs)


def test_one_member_is_damaged_and_good_records_follow_it(folder: Path) -> None:
    good = [[inflates(member) for member in members(path.read_bytes())] for path in sorted(folder.glob("crawl/*"))]
    assert [row.count(False) for row in good] == [0, 1]
    at = good[1].index(False)
    assert 30 < at < len(good[1]) - 30


def test_every_document_has_a_fate_and_every_fate_a_document(folder: Path) -> None:
    documents = [
        (record.rec_headers["WARC-Target-URI"], record.rec_headers["WARC-Record-ID"].strip("<>"))
        for record in warcio_records(folder)
        if record.rec_type in ("response", "revisit")
    ]
    entries = [json.loads(line) for line in (folder / "records/register.jsonl").read_text("utf-8").splitlines()]
    assert all(list(entry) == ["id", "url", "title", "text"] for entry in entries)
    documents += [(entry["url"], entry["id"]) for entry in entries]
    damaged = [(fate["url"], fate["record_id"]) for fate in FATES if fate["reason"] == ["read.damaged"]]
    assert len(damaged) == 1
    assert sorted(documents + damaged) == sorted((fate["url"], fate["record_id"]) for fate in FATES)
    assert [json.loads(line) for line in (folder / "fates.jsonl").read_text("utf-8").splitlines()] == FATES
    assert {fate["file"] for fate in FATES} == {str(p.relative_to(folder)) for p in folder.glob("*/*")}


def test_pages_hold_their_text_in_the_charset_that_they_have(folder: Path) -> None:
    """Through chunks, gzip, byte order marks and old code pages, no letter of the prose is lost."""
    bodies = {r.rec_headers["WARC-Target-URI"]: r.content_stream().read() for r in warcio_records(folder)
              if r.rec_type == "response"}  # fmt: skip
    for page in PROSE:
        if page.damaged:
            continue
        shown = unescape(bodies[page.url].decode(page.charset))
        for text in (text for passage in CONTENT.of(page) for text in passage.paragraphs):
            assert text in shown, page.url


def test_special_pages_are_what_they_claim(folder: Path) -> None:
    records = {r.rec_headers["WARC-Target-URI"]: (r.http_headers, r.raw_stream.read()) for r in warcio_records(folder)
               if r.rec_type == "response"}  # fmt: skip
    old = {page.charset: (page, *records[page.url]) for page in PROSE if page.charset != "utf-8"}
    assert set(old) == {"windows-1250", "iso-8859-7", "windows-1251"}
    told = {
        charset: (charset in headers.get_header("Content-Type"), charset.encode() in body)
        for charset, (_, headers, body) in old.items()
    }
    assert told == {"windows-1250": (True, False), "iso-8859-7": (False, True), "windows-1251": (False, False)}
    assert all(b"charset" not in body for _, _, body in [old["windows-1251"]])
    assert sum(body.startswith(b"\xef\xbb\xbf") for _, body in records.values()) == 1
    assert sum(body.startswith(b"<?xml") for _, body in records.values()) == 1
    assert sum(body.startswith(b"\x89PNG\r\n\x1a\n") for _, body in records.values()) == 1
    assert sorted(headers.get_statuscode() for headers, _ in records.values() if headers.get_statuscode() != "200") == [
        "301",
        "404",
    ]
    deep = next(page for page in CONTENT.pages if page.reason == ["extract.too_deep"])
    assert records[deep.url][1].count(b"<div>") > 5000
    assert {tuple(page.coding) for page in CONTENT.pages} == {(), ("gzip",), ("chunked",)}


def test_every_language_has_several_texts_of_several_genres() -> None:
    genres = defaultdict(list)
    for passage in CONTENT.passages.values():
        genres[passage.language].append(passage.genre)
    assert set(genres) == set(CONTENT.labels) == {site.language for site in CONTENT.sites.values()}
    assert len(genres) >= 9
    for language, found in genres.items():
        assert len(found) >= 4, language
        assert len(set(found)) >= 4, language


def test_texts_are_of_a_readable_length_and_none_is_another_with_names_swapped() -> None:
    for page in PROSE:
        length = sum(len(words(text)) for passage in CONTENT.of(page) for text in passage.paragraphs)
        assert 90 <= length <= 190, (page.url, length)
    runs = {}
    for passage in [*CONTENT.passages.values(), *CONTENT.register]:
        text = words(" ".join(passage.paragraphs).lower())
        runs[passage.key] = {tuple(text[at : at + 4]) for at in range(len(text) - 3)}
    for one, other in combinations(runs, 2):
        assert len(runs[one] & runs[other]) <= 3, (one, other)


def test_personal_data_stands_in_the_text() -> None:
    for passage in [*CONTENT.passages.values(), *CONTENT.register]:
        text = "\n".join(passage.paragraphs)
        assert all(text.count(marked) == 1 for marked in [*passage.mask, *passage.keep]), passage.key
        assert text.count("@") == sum("@" in marked for marked in [*passage.mask, *passage.keep]), passage.key
    kinds = Counter(kind for fate in FATES for kind in fate["masked"])
    assert kinds["email"] >= 5
    assert kinds["ip"] >= 3
    assert sum(bool(fate["present"]) for fate in FATES) >= 2


def test_pages_refer_to_what_exists() -> None:
    urls = [page.url for page in CONTENT.pages if not page.revisit]
    assert len(urls) == len(set(urls))
    assert {page.url for page in CONTENT.pages if page.revisit} <= set(urls)
    assert {page.twin for page in CONTENT.pages if page.twin} <= set(urls)
    shown = {key for page in CONTENT.pages if not page.reason for key in page.passages}
    assert shown == set(CONTENT.passages), "each passage reaches the corpus on some page"
    assert {page.host for page in CONTENT.pages} - {"rathaus-lindenbruck.example"} == set(CONTENT.sites)
    assert all(page.host.endswith(".example") for page in CONTENT.pages)
    for page in PROSE:
        assert {passage.language for passage in CONTENT.of(page)} == {CONTENT.sites[page.host].language}, page.url


def test_fates_speak_the_vocabulary_of_the_stages() -> None:
    reasons = {reason for fate in FATES for reason in fate["reason"] or []}
    assert {reason for reason in reasons if reason.startswith("read.")} == set(REASONS) - {"read.too_large"}
    assert {reason.split(".")[0] for reason in reasons} == {"read", "extract", "identify", "filter", "deduplicate"}
    assert all(fate["kept"] == (fate["reason"] is None) == (fate["text"] is not None) for fate in FATES)
    assert all(fate["language"] for fate in FATES if fate["kept"])
    assert sum(fate["kept"] for fate in FATES) >= 50


def test_an_extractor_finds_the_text_in_every_design() -> None:
    """Recall only: what else it takes along from the margins is the extractor's affair."""
    for page in PROSE:
        if page.reason:
            continue
        html = payload(page, CONTENT).decode("utf-8-sig" if "bom" in page.declare else page.charset)
        found = trafilatura.extract(
            html.removeprefix('<?xml version="1.0" encoding="utf-8"?>\n'), include_comments=False
        )
        wanted = Counter(word for passage in CONTENT.of(page) for text in passage.paragraphs for word in words(text))
        assert (wanted & Counter(words(found or ""))).total() >= 0.98 * wanted.total(), page.url


def test_the_recipe_names_files_that_are_there(folder: Path) -> None:
    recipe = yaml.safe_load((folder / "recipe.yaml").read_text("utf-8"))
    assert [len([*folder.glob(source["path"])]) for source in recipe["sources"]] == [2, 1]
    assert len({source["name"] for source in recipe["sources"]}) == 2


def test_the_packaged_data_stays_small() -> None:
    data = [path for path in Path(sample.__file__).parent.rglob("*") if path.suffix in (".jsonl", ".yaml", ".html")]
    assert len(data) >= 12
    assert sum(path.stat().st_size for path in data) < 400_000
