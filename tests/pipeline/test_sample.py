"""The sample can be trusted: real WARC, the same bytes every time, prose that is there, fates that agree with it."""

import json
import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from html import unescape
from importlib import import_module
from io import BytesIO
from itertools import combinations
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import trafilatura
import yaml
from fastwarc.warc import ArchiveIterator as FastArchive
from fastwarc.warc import WarcRecordType
from warcio.archiveiterator import ArchiveIterator as WarcioArchive

from florilegium.pipeline import sample
from florilegium.pipeline.sample.content import Page, load
from florilegium.pipeline.sample.render import payload
from florilegium.stages import _blocks
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
    assert len([*tmp_path.rglob("*")]) == len([*folder.rglob("*")])


def test_both_libraries_read_the_same_records_and_their_digests_hold(folder: Path) -> None:
    ours = [(r.rec_type, r.rec_headers["WARC-Record-ID"], r.content_stream().read()) for r in warcio_records(folder)]
    theirs = []
    for part in undamaged(folder):
        for record in FastArchive(BytesIO(part), parse_http=False, record_types=WarcRecordType.any_type):
            assert record.verify_block_digest(), record.record_id
            theirs.append((record.headers["WARC-Type"], record.headers["WARC-Record-ID"]))
    assert [(kind, record_id) for kind, record_id, _ in ours] == theirs
    assert Counter(kind for kind, _ in theirs) == {
        "warcinfo": len({page.crawl for page in CONTENT.pages}),
        "request": len(CONTENT.pages),
        "metadata": len(CONTENT.pages),
        "response": sum(not page.revisit and not page.damaged for page in CONTENT.pages),
        "revisit": sum(page.revisit for page in CONTENT.pages),
    }
    assert len({record_id for _, record_id in theirs}) == len(theirs)


def test_one_member_is_damaged_and_good_records_follow_it(folder: Path) -> None:
    good = [[inflates(member) for member in members(path.read_bytes())] for path in sorted(folder.glob("crawl/*"))]
    assert sum(row.count(False) for row in good) == 1
    hit = next(row for row in good if False in row)
    assert 20 < hit.index(False) < len(hit) - 20


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


LEGACY = {"windows-1250", "windows-1251", "iso-8859-7", "koi8-u", "iso-8859-3", "windows-1257", "iso-8859-15", "utf-16"}


def test_special_pages_are_what_they_claim(folder: Path) -> None:
    records = {r.rec_headers["WARC-Target-URI"]: (r.http_headers, r.raw_stream.read()) for r in warcio_records(folder)
               if r.rec_type == "response"}  # fmt: skip
    old = [(page, *records[page.url]) for page in PROSE if page.charset != "utf-8"]
    assert {page.charset for page, _, _ in old} >= LEGACY
    told = set()
    for page, headers, body in old:
        assert max(body) > 0x7F, f"{page.url}: no letter of its own"
        found = (page.charset in headers.get_header("Content-Type"), page.charset.encode() in body)
        assert found == ("header" in page.declare, "meta" in page.declare), page.url
        told.add(found)
    assert told >= {(True, False), (False, True), (False, False)}
    assert sum(body.startswith(b"\xef\xbb\xbf") for _, body in records.values()) == 1
    assert sum(body.startswith(b"<?xml") for _, body in records.values()) >= 1
    assert sum(body.startswith(b"\x89PNG\r\n\x1a\n") for _, body in records.values()) == 1
    statuses = {headers.get_statuscode() for headers, _ in records.values()}
    assert statuses == {"200", "301", "404"}
    deep = next(page for page in CONTENT.pages if page.reason == ["extract.too_deep"])
    assert records[deep.url][1].count(b"<div>") > 5000
    assert {tuple(page.coding) for page in CONTENT.pages} >= {(), ("gzip",), ("chunked",), ("gzip", "chunked")}


OFFICIAL = {
    "bul_Cyrl", "hrv_Latn", "ces_Latn", "dan_Latn", "nld_Latn", "eng_Latn", "ekk_Latn", "fin_Latn", "fra_Latn",
    "deu_Latn", "ell_Grek", "hun_Latn", "gle_Latn", "ita_Latn", "lvs_Latn", "lit_Latn", "mlt_Latn", "pol_Latn",
    "por_Latn", "ron_Latn", "slk_Latn", "slv_Latn", "spa_Latn", "swe_Latn",
}  # fmt: skip
"""The official languages of the European Union (Regulation No 1 of 1958, as amended)."""


def test_europe_is_large_and_speaks_all_its_languages() -> None:
    """At least 300 pages; eight texts of 80 words or more in each official language, three in each of ten others."""
    assert len(CONTENT.pages) >= 300
    texts: Counter[str] = Counter()
    genres = defaultdict(set)
    for passage in CONTENT.passages.values():
        texts[passage.language] += len(words(" ".join(passage.paragraphs))) >= 80
        genres[passage.language].add(passage.genre)
    assert set(genres) == set(CONTENT.labels) == {site.language for site in CONTENT.sites.values()}
    assert set(genres) >= OFFICIAL
    assert sum(texts[language] >= 3 for language in set(genres) - OFFICIAL) >= 10
    for language, found in genres.items():
        assert texts[language] >= (8 if language in OFFICIAL else 3), language
        assert len(found) >= (5 if language in OFFICIAL else 3), (language, found)


KINDS_OF_PAGES: dict[str, Callable[[Page], object]] = {
    "town hall": lambda page: any(one.genre == "town_hall" for one in CONTENT.of(page)),
    "news": lambda page: any(one.genre == "news" for one in CONTENT.of(page)),
    "law": lambda page: any(one.genre == "law" for one in CONTENT.of(page)),
    "forum": lambda page: any(one.genre == "forum" for one in CONTENT.of(page)),
    "shop": lambda page: any(one.genre == "shop" for one in CONTENT.of(page)),
    "consent wall": lambda page: page.design == "wall",
    "mirror": lambda page: page.twin and not page.edits,
    "near duplicate": lambda page: page.twin and page.edits,
    "machine-made list": lambda page: page.design == "list",
    "robots.txt": lambda page: page.url.endswith("/robots.txt"),
    "tdmrep.json": lambda page: page.url.endswith("/.well-known/tdmrep.json"),
    "reserved": lambda page: page.host in CONTENT.sites and CONTENT.sites[page.host].rights == "reserved",
    "licensed": lambda page: page.host in CONTENT.sites and CONTENT.sites[page.host].licence,
    "mixed languages": lambda page: len({one.language for one in CONTENT.of(page)}) > 1,
}  # fmt: skip


def test_every_kind_of_page_is_there() -> None:
    counts = {kind: sum(bool(is_one(page)) for page in CONTENT.pages) for kind, is_one in KINDS_OF_PAGES.items()}
    assert [kind for kind, count in counts.items() if count < 3] == []
    for name in ("tdmrep.json", "robots.txt"):
        hosts = {page.host for page in CONTENT.pages if KINDS_OF_PAGES[name](page)}
        assert any(CONTENT.sites[host].rights == "reserved" for host in hosts), name


def test_no_text_is_another_with_names_swapped() -> None:
    runs = {}
    for passage in [*CONTENT.passages.values(), *CONTENT.register]:
        text = words(" ".join(passage.paragraphs).lower())
        runs[passage.key] = {tuple(text[at : at + 4]) for at in range(len(text) - 3)}
        assert 60 <= len(text) <= 200, passage.key
    places = defaultdict(set)
    for key, found in runs.items():
        for run in found:
            places[run].add(key)
    shared = Counter(pair for keys in places.values() for pair in combinations(sorted(keys), 2))
    assert [(pair, count) for pair, count in shared.items() if count > 3] == []


CHECKED = {
    "iban": "iban",
    "card": "luhn",
    "national_id bul_Cyrl": "bg.egn",
    "national_id ces_Latn": "cz.rc",
    "national_id dan_Latn": "dk.cpr",
    "national_id ekk_Latn": "ee.ik",
    "national_id ell_Grek": "gr.amka",
    "national_id fin_Latn": "fi.hetu",
    "national_id fra_Latn": "fr.nir",
    "national_id gle_Latn": "ie.pps",
    "national_id hrv_Latn": "hr.oib",
    "national_id ita_Latn": "it.codicefiscale",
    "national_id lit_Latn": "lt.asmens",
    "national_id lvs_Latn": "lv.pvn",  # it accepts personal codes too
    "national_id nld_Latn": "nl.bsn",
    "national_id pol_Latn": "pl.pesel",
    "national_id ron_Latn": "ro.cnp",
    "national_id slk_Latn": "sk.rc",
    "national_id slv_Latn": "si.emso",
    "national_id spa_Latn": "es.dni",
    "national_id swe_Latn": "se.personnummer",
    "tax_id deu_Latn": "de.idnr",
    "tax_id por_Latn": "pt.nif",
}
"""Kind and language to the module of python-stdnum that proves the number."""


def proved(kind: str, language: str, number: str) -> bool:
    """Whether the check digits of a number hold; kinds without any always do."""
    if (kind, language) == ("national_id", "hun_Latn"):  # Act XX of 1996: born before 1997, weights 1 to 10 modulo 11
        *digits, check = (int(one) for one in number if one.isdigit())
        return sum(at * digit for at, digit in enumerate(digits, 1)) % 11 == check
    module = CHECKED.get(kind) or CHECKED.get(f"{kind} {language}")
    if module is None:
        return kind not in ("national_id", "tax_id", "social_security")
    return bool(import_module(f"stdnum.{module}").is_valid(number.replace(" ", "") if kind == "card" else number))


def test_personal_data_stands_in_the_text_and_its_check_digits_hold() -> None:
    kinds: Counter[str] = Counter()
    for passage in [*CONTENT.passages.values(), *CONTENT.register]:
        text = "\n".join(passage.paragraphs)
        assert all(text.count(marked) == 1 for marked in [*passage.mask, *passage.keep]), passage.key
        assert text.count("@") == sum("@" in marked for marked in [*passage.mask, *passage.keep]), passage.key
        for marked, kind in passage.mask.items():
            kinds[kind] += 1
            assert proved(kind, passage.language, marked), (passage.key, kind, marked)
            assert kind != "email" or marked.endswith(".test"), (passage.key, marked)
    assert kinds["iban"] >= 10 and kinds["national_id"] >= 10 and kinds["email"] >= 10 and kinds["ip"] >= 3
    assert len(kinds) >= 8
    assert sum(bool(fate["present"]) for fate in FATES) >= 2


def test_pages_refer_to_what_exists() -> None:
    urls = [page.url for page in CONTENT.pages if not page.revisit]
    assert len(urls) == len(set(urls))
    assert {page.url for page in CONTENT.pages if page.revisit} <= set(urls)
    assert {page.twin for page in CONTENT.pages if page.twin} <= set(urls)
    shown = {key for page in CONTENT.pages if not page.reason for key in page.passages}
    assert shown == set(CONTENT.passages), "each passage has a page of its own"
    assert {page.host for page in CONTENT.pages} - {"rathaus-lindenbruck.example"} == set(CONTENT.sites)
    assert all(page.host.endswith(".example") for page in CONTENT.pages)
    assert len(CONTENT.sites) >= 100


def test_a_reprint_is_near_its_original_and_not_equal() -> None:
    for page in CONTENT.pages:
        for old, new in page.edits.items():
            text = "\n".join(one for key in page.passages for one in CONTENT.passages[key].paragraphs)
            assert text.count(old) == 1 and old != new, (page.url, old)
        if page.edits:
            assert 2 <= len(page.edits) <= 6, page.url


def test_fates_speak_the_vocabulary_of_the_stages() -> None:
    reasons = {reason for fate in FATES for reason in fate["reason"] or []}
    assert {reason for reason in reasons if reason.startswith("read.")} <= set(REASONS)
    assert {reason.split(".")[0] for reason in reasons} == {
        "read", "extract", "identify", "permit", "filter", "deduplicate",
    }  # fmt: skip
    assert all(fate["kept"] == (fate["reason"] is None) == (fate["text"] is not None) for fate in FATES)
    assert all(fate["language"] and fate["licence"] and fate["rights"] for fate in FATES if fate["kept"])
    assert {fate["rights"] for fate in FATES} == {None, "unknown", "allowed", "reserved"}
    assert sum(fate["kept"] for fate in FATES) >= 200


def by_trafilatura(html: str) -> str:
    return trafilatura.extract(re.sub(r"^<\?xml.*?\?>\n", "", html), include_comments=False) or ""


def by_blocks(html: str) -> str:
    found = _blocks.read(pa.array([html.encode()], pa.large_binary()), "balanced", 50_000)
    return str(found.texts[0].as_py())


@pytest.mark.parametrize("extract", [by_trafilatura, by_blocks])
def test_an_extractor_finds_the_text_in_every_design(extract: Callable[[str], str]) -> None:
    """Recall only: what else it takes along from the margins is the extractor's affair."""
    short = []
    for page in PROSE:
        if not page.reason:
            html = payload(page, CONTENT).decode("utf-8-sig" if "bom" in page.declare else page.charset)
            found = extract(html)
            wanted = Counter(word for one in CONTENT.of(page) for text in one.paragraphs for word in words(text))
            if (wanted & Counter(words(found))).total() < 0.98 * wanted.total():
                short.append(page.url)
    assert len(short) <= len(PROSE) / 100, short


def test_the_recipe_names_files_that_are_there(folder: Path) -> None:
    recipe = yaml.safe_load((folder / "recipe.yaml").read_text("utf-8"))
    assert [len([*folder.glob(source["path"])]) for source in recipe["sources"]] == [4, 1]
    assert len({source["name"] for source in recipe["sources"]}) == 2


def test_the_packaged_data_stays_small() -> None:
    data = [
        path for path in Path(sample.__file__).parent.rglob("*") if path.suffix in (".jsonl", ".yaml", ".html", ".toml")
    ]
    assert len(data) >= 45
    assert sum(path.stat().st_size for path in data) < 1_000_000
