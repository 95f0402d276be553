"""A small imaginary Europe to try a build on: a crawl, a register, a recipe, and what should become of each text.

Prose, sites and pages are data (`*.jsonl`), designs are templates (`pages/`). To add a text, add a line to
passages.jsonl and a line to pages.jsonl; to add a language, add also its line to labels.jsonl and its sites.
All places, people and firms are invented; hosts end in .example (RFC 2606).
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from florilegium.pipeline.sample.content import Page, Passage, Sample, load
from florilegium.pipeline.sample.render import payload
from florilegium.pipeline.sample.warc import capture, record_id, warcinfo

REGISTER = "records/register.jsonl"
MASKED_TODAY = ("email", "ip")
"""Kinds of personal data that scrub knows by now; addresses of an office (info@, mairie@) are not told apart yet."""

TEXT_SEEN = ("identify", "scrub", "filter", "deduplicate")
"""Stages that drop a document after its language could be told."""


def write_sample(folder: Path) -> None:
    """Write the sample into `folder`: crawl/*.warc.gz, records/register.jsonl, fates.jsonl and recipe.yaml.

    The same bytes on every call. Files of these names are replaced.
    """
    sample = load()
    (folder / "crawl").mkdir(parents=True, exist_ok=True)
    (folder / "records").mkdir(exist_ok=True)
    for number in sorted({page.file for page in sample.pages}):
        (folder / _crawl_file(number)).write_bytes(_crawl(number, sample))
    _write_lines(folder / REGISTER, (_entry(passage) for passage in sample.register))
    _write_lines(folder / "fates.jsonl", fates())
    (folder / "recipe.yaml").write_bytes((files(__package__) / "recipe.yaml").read_bytes())


def fates() -> list[dict[str, Any]]:
    """What should become of each input document, in the order of the inputs.

    Keys: file, url, record_id (of WARC without its angle brackets); kept (bool); reason (null, or a list of reasons and
    stages of which one drops it); language (null if dropped before it was told); masked (kind to count); absent and
    present (strings that the kept text must not or must hold); text (what a perfect extraction gives, unmasked; null if
    dropped); twin (url of a page with the same text: exactly one of those joined by twin is kept, here the first;
    another keep policy may choose another); later (reasons that further stages will give).
    """
    sample = load()
    return [
        *(_fate_of_page(page, sample) for page in sample.pages),
        *(_fate(REGISTER, _address(passage), passage.key, [passage]) for passage in sample.register),
    ]


def _fate_of_page(page: Page, sample: Sample) -> dict[str, Any]:
    fate = _fate(_crawl_file(page.file), page.url, record_id(page).strip("<>"), sample.of(page))
    own = {"twin": page.twin, "later": [*page.later, *fate["later"]]}
    return fate | own | (_dropped(page, sample) if page.reason else {})


def _fate(file: str, url: str, record: str, passages: Iterable[Passage]) -> dict[str, Any]:
    shown = list(passages)
    marked = {text: kind for passage in shown for text, kind in passage.mask.items()}
    roles = {text: "email" for passage in shown for text in passage.keep if "@" in text}
    today = {text: kind for text, kind in (marked | roles).items() if kind in MASKED_TODAY}
    later = sorted({f"scrub.{kind}" for kind in marked.values() if kind not in MASKED_TODAY})
    return {
        "file": file,
        "url": url,
        "record_id": record,
        "kept": True,
        "reason": None,
        "language": shown[0].language if shown else None,
        "masked": dict(sorted(Counter(today.values()).items())),
        "absent": list(today),
        "present": [text for passage in shown for text in passage.keep if text not in today],
        "text": "\n".join(text for passage in shown for text in passage.paragraphs),
        "twin": None,
        "later": [*later, *(["scrub.role_account"] if roles else [])],
    }


def _dropped(page: Page, sample: Sample) -> dict[str, Any]:
    told = all(reason.split(".")[0] in TEXT_SEEN for reason in page.reason)
    return {
        "kept": False,
        "reason": list(page.reason),
        "language": sample.sites[page.host].language if told else None,
        "masked": {},
        "absent": [],
        "present": [],
        "text": None,
    }


def _crawl_file(number: int) -> str:
    return f"crawl/europe-{number:05}.warc.gz"


def _crawl(number: int, sample: Sample) -> bytes:
    pages = [page for page in sample.pages if page.file == number]
    members = [warcinfo(_crawl_file(number).split("/")[-1], sample.captured(pages[0]))]
    for page in pages:
        members += capture(page, payload(page, sample), sample.captured(page))
    return b"".join(members)


def _entry(passage: Passage) -> dict[str, str]:
    text = "\n\n".join(passage.paragraphs)
    return {"id": passage.key, "url": _address(passage), "title": passage.title, "text": text}


def _address(passage: Passage) -> str:
    return f"https://register.europe.example/{passage.language[:3]}/{passage.key}"


def _write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    path.write_bytes("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode())
