"""Inputs of a bad day: each kind of damage among good documents, and what must become of each record."""

import gzip
import io
import json
import os
import random
import zlib
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml
import zstandard

Fate = str | None
"""The reason of a record; None is kept."""

Fates = dict[tuple[str, str], Fate]
"""By source and record."""

LARGE = 200_000_000

SENTENCES = (
    "The ferry has crossed the river since the days of the monks, and nobody remembers a summer without its bell.",
    "This year the council wants to replace the old rope by a motor, which the ferryman calls a mistake.",
    "A rope never runs out of fuel, he says, and it does not wake the herons on the other bank.",
    "The mill behind the church was built in the year of the great flood and has ground no corn since the war.",
    "On Thursdays the baker from the next valley sells his bread under the chestnut trees of the market square.",
    "Children collect the chestnuts in autumn and bring them to the forester, who feeds the deer in winter.",
    "The library keeps a book in which travellers have written for two hundred years what they thought of the soup.",
    "Most of them liked it, but a painter from the north complained that there was too much pepper in it.",
    "When the railway came, the innkeeper bought a second clock, because the trains kept another time than the town.",
)

_numbers = count(1)


def prose() -> str:
    """A text that no filter minds, another one each time."""
    number = next(_numbers)
    turned = [SENTENCES[(number + at) % len(SENTENCES)] for at in range(5)]
    return f"Leaf number {number} of the chronicle lies open. " + " ".join(turned)


def page(body: str | None = None, head: str = "<title>Chronicle</title>") -> bytes:
    """A page with a text that is kept, unless `body` says otherwise."""
    shown = f"<p>{prose()}</p>" if body is None else body
    return f"<!doctype html><html><head>{head}</head><body>{shown}</body></html>".encode()


def http(payload: bytes, mime: str = "text/html; charset=utf-8", status: str = "200 OK", more: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Type: {mime}\r\n{more}\r\n".encode() + payload


def warc(block: bytes, length: int | None = None, kind: str = "response", **fields: str) -> bytes:
    """A record of a WARC file. length: what its header claims."""
    head = {
        "WARC-Type": kind,
        "WARC-Target-URI": f"https://chronicle.example/{next(_numbers)}",
        "WARC-Date": "2025-03-04T05:06:07Z",
        "WARC-Record-ID": f"<urn:uuid:{next(_numbers)}>",
        "Content-Type": "application/http; msgtype=response",
        "Content-Length": str(len(block) if length is None else length),
    } | {name.replace("_", "-"): value for name, value in fields.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items() if value)
    return f"WARC/1.1\r\n{lines}\r\n".encode() + block + b"\r\n\r\n"


def large(before: bytes, after: bytes, compressor: Any) -> bytes:
    """LARGE bytes of text between two others, compressed without ever being held."""
    block = (prose() + " ").encode().ljust(1000, b".") * 1000
    parts = [before, *[block] * (LARGE // len(block)), after]
    return b"".join([*map(compressor.compress, parts), compressor.flush()])


def gzipper() -> Any:
    return zlib.compressobj(1, wbits=31)


def crawled() -> Iterator[tuple[bytes, Fate]]:
    """Records of a crawl: behind each bad one a good one."""
    for record, fate in records():
        yield record, fate
        if fate is not None:
            yield warc(http(page())), None


def records() -> Iterator[tuple[bytes, Fate]]:
    """Records of a crawl, good and bad."""
    text = prose()
    marked = text.replace("river", "riv\xe9r").replace("bell", "b\xe9ll")
    for payload in (
        page(),
        page(text + " And a \0 NUL."),
        page(text + "# é é é é ").replace(b"#", b"\xff"),
        page(marked + " more").decode().encode("latin-1"),
        page(prose() + "#").replace(b"#", b"\xed\xa0\xbd\xed\xb8\x80"),
    ):
        yield warc(http(payload)), None
    yield warc(http(page(), "text/html; charset=x-klingon")), None
    for mime in ("application/xhtml+xml", "text/xml", "application/xml; charset=utf-8"):
        xhtml = (
            f'<?xml version="1.0"?>\n<html xmlns="http://www.w3.org/1999/xhtml"><body><p>{prose()}</p></body></html>'
        )
        yield warc(http(xhtml.encode(), mime)), None
    yield warc(http(page("<div>" * 100_000 + prose()))), "extract.too_deep"
    attributes = " ".join(f"a{n}=1" for n in range(200_000))
    yield warc(http(page(f"<p {attributes}>{prose()}</p>"))), "extract.too_many_attributes"
    yield warc(http(page("".join(f"<a href=/{n}>link {n}</a>" for n in range(300_000))))), "extract.too_many_nodes"
    yield warc(http(page(prose() + "\0" * 500))), "extract.binary"
    yield warc(http(b"\x89PNG\r\n\x1a\n" + page())), "extract.binary"
    yield warc(http(random.Random(7).randbytes(100_000))), "extract.binary"
    yield warc(http(page("<p>" + "many words, " * 1_000_000))), "extract.too_large"
    yield warc(http(page(""))), "extract.empty"
    yield warc(http(b"")), "read.empty"
    yield warc(b"HTTP/1.1 200 OK\r\nContent-Type: text/html"), "read.empty"
    yield warc(b"<html>no status line</html>"), "read.damaged"
    yield warc(http(page(), more="Transfer-Encoding: chunked\r\n")[:-9] + b"\r\nffff\r\nx"), None
    yield warc(http(b"5\r\nhello\r\nffff\r\nx", more="Transfer-Encoding: chunked\r\n")), "read.damaged"
    yield warc(http(gzip.compress(page(), mtime=0)[:-20], more="Content-Encoding: gzip\r\n")), "read.damaged"
    yield warc(http(large(b"<p>", b"", gzipper()), more="Content-Encoding: gzip\r\n")), "read.too_large"
    yield warc(http(page(), status="404 Not Found")), "read.not_text"
    for url in ("http://[::1", "", "nonsense \xff"):
        yield warc(http(page()), WARC_Target_URI=url), None
    yield warc(http(page()), WARC_Date="yesterday"), None
    for _ in range(2):
        yield warc(http(page()), WARC_Record_ID="<urn:uuid:twice>"), None
    good = http(page())
    yield warc(good, len(good) - 30), "read.damaged"
    yield warc(good, len(good) + 30), "read.damaged"
    yield warc(good, 10**14), "read.damaged"
    yield warc(good, Content_Length=""), "read.damaged"
    yield warc(good, Content_Length="-5"), "read.damaged"
    yield warc(good, WARC_Type=""), "read.damaged"
    yield warc(good, X_Endless="x" * 100_000), "read.damaged"


def members() -> Iterator[tuple[bytes, Fate]]:
    """The records as a .warc.gz has them, with damages of the compression."""
    for record, fate in crawled():
        yield gzip.compress(record, 1, mtime=0), fate
    begins = warc(http(b""), len(http(b"")) + LARGE).removesuffix(b"\r\n\r\n")
    yield large(begins, b"\r\n\r\n", gzipper()), "read.too_large"
    yield gzip.compress(warc(http(page())), mtime=0), None
    hit = bytearray(gzip.compress(warc(http(page(random.Random(1).randbytes(5000).hex()))), mtime=0))
    hit[2000:2010] = b"\xff\0" * 5
    yield bytes(hit), "read.damaged"
    yield gzip.compress(warc(http(page())), mtime=0), None
    yield gzip.compress(warc(http(page())), mtime=0)[:-50], "read.damaged"


def in_row(source: str, name: str, parts: Iterator[tuple[bytes, Fate]], fates: Fates) -> bytes:
    """One file of these parts; each is the record at its offset."""
    content = bytearray()
    for part, fate in parts:
        fates[source, f"{name}#{len(content)}"] = fate
        content += part
    return bytes(content)


def lines() -> Iterator[tuple[bytes, Fate]]:
    """JSON lines, good and bad."""

    def line(**values: object) -> bytes:
        return json.dumps({"text": prose(), **values}).encode() + b"\n"

    yield line(), None
    yield line(id="twice"), None
    yield line(id="twice"), None
    yield line(text=None, html=page().decode()), None
    yield line(text=prose() + " \ud800 lone"), None
    yield line(text=prose() + " \0 nul"), None
    yield line(date="soon", url=["no", "text"], title={"no": "text"}), None
    yield line(date=1e300, url=5, id={"a": 1}), None
    for nothing in ("", None):
        yield line(text=nothing), "read.empty"
    for other in (5, 0.5, True, ["text"], {"text": "text"}, float("nan")):
        yield line(text=other), "read.damaged"
    yield b'{"url": "https://chronicle.example/"}\n', "read.damaged"
    yield b'["text"]\n', "read.damaged"
    yield b"null\n", "read.damaged"
    yield line()[:-20] + b"\n", "read.damaged"
    yield b'{"text": "\xff\xfe"}\n', "read.damaged"
    yield b'{"text": "\xed\xa0\xbd\xed\xb8\x80"}\n', "read.damaged"
    yield b'{"text": "x", "deep": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n", "read.damaged"
    yield b'{"text": "x", "number": ' + b"9" * 10_000 + b"}\n", "read.damaged"
    yield b"\0" * 100 + b"\n", "read.damaged"
    yield line(), None


def tables() -> Iterator[tuple[str, bytes, dict[str, Fate]]]:
    """Parquet files of one folder whose schema changes, each with the fates of its rows."""

    def stored(columns: dict[str, Any], **options: Any) -> bytes:
        to = io.BytesIO()
        pq.write_table(pa.table(columns), to, write_page_checksum=True, **options)
        return to.getvalue()

    def rows(*fates: Fate) -> dict[str, Fate]:
        return {f"#{number}": fate for number, fate in enumerate(fates)}

    three = rows(None, None, None)
    texts = [prose(), prose(), prose()]
    yield "a.parquet", stored({"text": texts, "id": ["twice"] * 3}), three
    kinds = [pa.large_string(), pa.binary(), pa.dictionary(pa.int32(), pa.string()), pa.string_view()]
    for number, kind in enumerate(kinds):
        yield f"b{number}.parquet", stored({"text": pa.array([prose() for _ in texts]).cast(kind)}), three
    yield "c-content.parquet", stored({"content": [prose() for _ in texts]}), three
    yield "c-html.parquet", stored({"html": [page(), page(), page().decode().encode("utf-16")]}), three
    others: dict[str, dict[str, Any]] = {
        "body": {"body": [prose() for _ in texts]},
        "numbers": {"text": [1, 2, 3]},
        "lists": {"text": [["a"], ["b"], ["c"]]},
        "structs": {"text": [{"text": "a"}] * 3},
    }
    for name, columns in others.items():
        yield f"d-{name}.parquet", stored(columns), rows(*["read.wrong_format"] * 3)
    yield "e-nulls.parquet", stored({"text": pa.nulls(3)}), rows(*["read.empty"] * 3)
    wrong = pa.array([prose().encode(), b"\xff", prose().encode()], pa.binary()).view(pa.string())
    yield "e-utf-8.parquet", stored({"text": wrong}), rows(None, "read.damaged", None)
    yield "e-none.parquet", stored({"text": pa.array([], pa.string())}), {}
    yield "f-cut.parquet", stored({"text": texts})[:-30], {"": "read.damaged"}
    yield "f-empty.parquet", b"", {"": "read.wrong_format"}
    yield "f-page.parquet", page(), {"": "read.wrong_format"}
    groups = [prose() for _ in range(40)]
    whole = stored({"text": groups}, row_group_size=10, use_dictionary=False, compression="zstd")
    column = pq.ParquetFile(io.BytesIO(whole)).metadata.row_group(2).column(0)
    at = column.data_page_offset + column.total_compressed_size - 8
    hit = whole[:at] + b"\xff\0\xff\0" + whole[at + 4 :]
    yield "g-hit.parquet", hit, rows(*[None] * 20, *["read.damaged"] * 10, *[None] * 10)
    one = "x" * (LARGE // 2)  # pyarrow takes three times its size to decode it
    yield "h-large.parquet", stored({"text": [prose(), one, prose()]}), rows(None, "read.too_large", None)


def pages() -> Iterator[tuple[bytes, bytes | int, Fate]]:
    """HTML files by name; a number is a file of so many zero bytes."""
    yield b"a.html", page(), None
    yield b"broken-name-\xff.html", page(), None
    yield b"deep/er/b.htm", page(), None
    yield b"empty.html", b"", "read.empty"
    yield b"large.html", LARGE, "read.too_large"
    yield b"nested.html", page("<div>" * 100_000), "extract.too_deep"
    yield b"picture.html", b"\x89PNG\r\n\x1a\n" * 9, "extract.binary"


FINEWEB = {
    "text": lambda _: prose(),
    "id": lambda n: f"<urn:uuid:fine-{n}>",
    "dump": lambda _: "CC-MAIN-2025-05",
    "url": lambda n: f"https://fine.example/{n}",
    "date": lambda n: f"2025-01-0{n + 1}T10:20:30Z",
    "file_path": lambda _: "s3://commoncrawl/crawl-data/CC-MAIN-2025-05/segments/1/warc/1.warc.gz",
    "language": lambda _: "en",
    "language_score": lambda _: 0.98,
    "token_count": lambda n: 100 + n,
}
"""A row of FineWeb: its columns, as they are published."""


def hplt(n: int) -> dict[str, object]:
    """A row of HPLT v2: its keys, as they are published."""
    return {
        "f": f"/wide00001/{n}.warc.gz", "o": 100 * n, "s": 5000, "rs": 20000, "u": f"https://wide.example/{n}",
        "c": "text/html; charset=UTF-8", "ts": f"2023-0{n + 1}-02T03:04:05Z", "collection": "wide00001",
        "lang": ["eng_Latn"], "prob": [0.99], "text": prose(), "seg_langs": ["eng_Latn"], "id": f"hplt-{n}",
        "filter": "keep", "pii": [], "doc_scores": [9.5, 9.9],
    }  # fmt: skip


HPLT_COLUMNS = {"url": "u", "fetched": "ts", "mime": "c"}


def refused(run: Callable[..., Any], *arguments: str | Path) -> str:
    """What a command says that must end with status 2: one error and one hint, nothing else."""
    done = run(*arguments, status=2)
    *shown, error, hint = done.stderr.strip().split("\n")
    assert error.startswith("error: ") and hint.startswith("hint: ") and len(hint) > 15, done.stderr
    assert "Traceback" not in done.stderr and not any("error:" in line for line in shown), done.stderr
    return f"{error}\n{hint}"


GOOD = json.dumps({"text": "The ferry crosses the river.", "u": "https://chronicle.example/"}).encode() + b"\n"
"""A line that can be read; too short to be kept."""


def write(folder: Path) -> Fates:
    """Write recipe.yaml and its sources; answers the fate of every record."""
    fates: Fates = {}
    for name in ("crawl", "lines", "tables", "pages/deep/er", "fineweb", "hplt", "elsewhere"):
        (folder / name).mkdir(parents=True)

    def put(source: str, name: str, content: bytes, own: dict[str, Fate] | None = None) -> None:
        (folder / source / name).write_bytes(content)
        fates.update({(source, name + place): fate for place, fate in (own or {}).items()})

    whole_file: dict[str, Fate] = {"": "read.wrong_format"}
    put("crawl", "a-error-page.warc.gz", b"<!doctype html><title>503 Service Unavailable</title>", whole_file)
    put("crawl", "a-empty.warc.gz", b"", whole_file)
    put("crawl", "a-page.warc.gz", gzip.compress(page(), mtime=0), whole_file)
    put("crawl", "hostile.warc.gz", in_row("crawl", "hostile.warc.gz", members(), fates))
    plain = ((one, fate) for one, fate in crawled() if b"X-Endless" not in one)
    put("crawl", "plain.warc", in_row("crawl", "plain.warc", plain, fates))
    put("lines", "a.jsonl", in_row("lines", "a.jsonl", lines(), fates))
    put("lines", "empty.jsonl", b"", {})
    put("lines", "empty.jsonl.gz", b"", whole_file)
    put("lines", "page.jsonl", page(), whole_file)
    good, begins, ends = json.dumps({"text": prose()}).encode() + b"\n", b'{"text": "', b'"}\n'
    places: dict[str, Fate] = {
        "#0": None,
        f"#{len(good)}": "read.too_large",
        f"#{len(good + begins + ends) + LARGE}": "deduplicate.exact",
    }
    put("lines", "large.jsonl.gz", large(good + begins, ends + good, gzipper()), places)
    put(
        "lines",
        "large.jsonl.zst",
        large(begins, ends, zstandard.ZstdCompressor(1).compressobj()),
        {"#0": "read.too_large"},
    )
    good = json.dumps({"text": prose()}).encode() + b"\n"
    cut = gzip.compress(good + b'{"text": "breaks off here', mtime=0)[:-12]
    put("lines", "cut.jsonl.gz", cut, {"#0": None, f"#{len(good)}": "read.damaged"})
    for name, content, own in tables():
        put("tables", name, content, own)
    for raw, page_, fate in pages():
        path = os.fsencode(folder / "pages") + b"/" + raw
        with open(path, "wb") as file:  # noqa: PTH123  (Path takes no bytes)
            file.truncate(page_) if isinstance(page_, int) else file.write(page_)
        fates["pages", raw.decode("utf-8", "backslashreplace")] = fate
    (folder / "elsewhere/linked.html").write_bytes(page())
    (folder / "pages/linked.html").symlink_to(folder / "elsewhere/linked.html")
    fates["pages", "linked.html"] = None
    rows = {name: [value(n) for n in range(3)] for name, value in FINEWEB.items()}  # type: ignore[no-untyped-call]
    pq.write_table(pa.table(rows), folder / "fineweb/000_00000.parquet")
    fates.update({("fineweb", f"000_00000.parquet#{n}"): None for n in range(3)})
    published: list[tuple[bytes, Fate]] = [(json.dumps(hplt(n)).encode() + b"\n", None) for n in range(3)]
    put("hplt", "1.jsonl.zst", zstandard.compress(in_row("hplt", "1.jsonl.zst", iter(published), fates)))
    recipe = {
        "name": "bad-day",
        "sources": [
            *({"name": name, "path": name} for name in ("crawl", "lines", "tables", "pages", "fineweb")),
            {"name": "hplt", "path": "hplt/*.jsonl.zst", "options": {"columns": HPLT_COLUMNS}},
        ],
        "stages": {"deduplicate": {"near": None}},  # one prose is in all pages: each must be told by itself
    }
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe), "utf-8")
    return fates
