"""Fates: what should become of each page of the sample, and which of that a build has done.

A fate states the truth about a page, whatever this version can do about it. What no build reaches yet stands by name
in unreached.jsonl, which `make bless` writes and a reviewer reads: an expectation that fails and is not listed there is
broken, one that is listed and holds is news.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from typing import Any

from florilegium.pipeline.errors import PipelineError
from florilegium.pipeline.sample.content import Page, Passage, Sample, load
from florilegium.pipeline.sample.warc import record_id

REGISTER = "records/register.jsonl"
REGISTER_LICENCE = "CC-BY-4.0"
"""What recipe.yaml declares for the register; for the crawl it declares nothing."""

UNKNOWN = "unknown"

TOLD = ("scrub", "permit", "filter", "deduplicate")
"""Stages that drop a document whose language could be told."""

PERMITTED = ("permit", "filter", "deduplicate")
"""Stages that drop a document after its rights were decided."""


@dataclass(frozen=True)
class Check:
    """One expectation held against a build.

    stage: whose work it is; `kept` for what should enter the corpus. expects: its name: the reason that should be
    given, or stage.what. state: holds, later (not reached by this version, and listed as such), or broken.
    """

    stage: str
    expects: str
    url: str
    record_id: str
    wanted: str
    found: str
    state: str = "holds"


def fates() -> list[dict[str, Any]]:
    """What should become of each input document, in the order of the inputs.

    Keys: file, url, record_id (of WARC without its angle brackets); kept (bool); reason (null, or a list of reasons and
    stages of which one drops it); language (null if dropped before it can be told); licence (SPDX id, or unknown) and
    rights (allowed, reserved, unknown), null if dropped before they are decided; twin (the page that it repeats, or the
    first that repeats it: exactly one of those joined by twin is kept, here the first; another keep policy may choose
    another); masked (kind to count); absent and present (strings that the kept text must not and must hold); text (what
    a perfect extraction gives, unmasked; null if dropped); later (names of expectations that this version does not
    reach).
    """
    sample = load()
    later = defaultdict(list)
    for row in unreached():
        later[row["record_id"]].append(row["expects"])
    found = [
        *(_of_page(page, sample) for page in sample.pages),
        *(_of_passages([passage], REGISTER, _address(passage), passage.key) for passage in sample.register),
    ]
    return [fate | {"later": later[fate["record_id"]]} for fate in found]


def unreached() -> list[dict[str, str]]:
    """The expectations that this version does not reach: record_id, url, expects, found."""
    text = (files(__package__) / "unreached.jsonl").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def crawl_file(number: int) -> str:
    """The path of a WARC file of the sample below its folder."""
    return f"crawl/europe-{number:05}.warc.gz"


def entry(passage: Passage) -> dict[str, str]:
    """A row of the register."""
    text = "\n\n".join(passage.paragraphs)
    return {"id": passage.key, "url": _address(passage), "title": passage.title, "text": text}


def _of_page(page: Page, sample: Sample) -> dict[str, Any]:
    site = sample.sites.get(page.host)
    shown = sample.of(page)
    fate = _of_passages(shown, crawl_file(page.crawl), page.url, record_id(page).strip("<>"))
    rights = page.rights or (site.rights if site else UNKNOWN)
    reason = list(page.reason) or (["permit.opt_out"] if rights == "reserved" else None)
    borne = site.licence if site and site.marked != "mention" else ""
    fate |= {"licence": borne or UNKNOWN, "rights": rights, "twin": page.twin or _repeated_by(page, sample)}
    if reason is None:
        return fate
    fate |= {"kept": False, "reason": reason, "masked": {}, "absent": [], "present": [], "text": None}
    stages = {one.partition(".")[0] for one in reason}
    if not stages <= set(TOLD):
        fate["language"] = None
    elif fate["language"] is None and site:
        fate["language"] = site.language
    return fate if stages <= set(PERMITTED) else fate | {"licence": None, "rights": None}


def _of_passages(shown: Sequence[Passage], file: str, url: str, record: str) -> dict[str, Any]:
    masked = {text: kind for passage in shown for text, kind in passage.mask.items()}
    return {
        "file": file,
        "url": url,
        "record_id": record,
        "kept": True,
        "reason": None,
        "language": _main_language(shown),
        "licence": REGISTER_LICENCE,
        "rights": UNKNOWN,
        "twin": None,
        "masked": dict(sorted(Counter(masked.values()).items())),
        "absent": list(masked),
        "present": [text for passage in shown for text in passage.keep],
        "text": "\n".join(text for passage in shown for text in passage.paragraphs),
    }


def _main_language(shown: Sequence[Passage]) -> str | None:
    """The language of most of the text."""
    letters: Counter[str] = Counter()
    for one in shown:
        letters[one.language] += sum(map(len, one.paragraphs))
    return letters.most_common(1)[0][0] if letters else None


def _repeated_by(page: Page, sample: Sample) -> str | None:
    return next((other.url for other in sample.pages if other.twin == page.url), None)


def _address(passage: Passage) -> str:
    return f"https://register.europe.example/{passage.language[:3]}/{passage.key}"


def held(out: str) -> list[Check]:
    """Every expectation of every fate, held against the finished build at `out`, in the order of the inputs.

    Raises PipelineError when the build is not one of the whole sample.
    """
    from florilegium.pipeline import account

    ledger = {row["record_id"]: row for frame in account.frames(out) for row in frame.to_dicts()}
    expected = fates()
    missing = [fate["url"] for fate in expected if fate["record_id"] not in ledger]
    if missing:
        raise PipelineError(
            f"{out}: is not a build of this version's sample: it lacks {len(missing)} of the {len(expected)} pages, "
            f"the first: {missing[0]}",
            "run `florilegium sample europe`, then `florilegium build europe/recipe.yaml --out corpus`",
        )
    texts = {row["id"]: row["text"] for row in account.dataset(out).to_table(columns=["id", "text"]).to_pylist()}
    return [
        Check(**asdict(check) | {"state": _state(check, fate)})
        for fate in expected
        for check in _checks(fate, expected, ledger, texts)
    ]


def _state(check: Check, fate: Mapping[str, Any]) -> str:
    if check.wanted == check.found:
        return "holds"
    return "later" if check.expects in fate["later"] else "broken"


def summed(checks: Iterable[Check]) -> list[tuple[str, tuple[int, ...]]]:
    """By stage, in their order: expectations, those that hold, those not reached yet, those broken."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for check in checks:
        counts[check.stage][check.state] += 1
    order = ["read", "extract", "identify", "scrub", "permit", "filter", "deduplicate", "kept"]
    return [
        (stage, (one.total(), one["holds"], one["later"], one["broken"]))
        for stage, one in sorted(counts.items(), key=lambda item: order.index(item[0]))
    ]


Rows = Mapping[str, Mapping[str, Any]]


def _checks(
    fate: Mapping[str, Any], every: Sequence[Mapping[str, Any]], ledger: Rows, texts: Mapping[bytes, str]
) -> Iterator[Check]:
    """All that a fate expects, each with what the build did instead, if it did."""
    row = ledger[fate["record_id"]]

    def check(expects: str, wanted: str, found: str) -> Check:
        stage = expects.partition(".")[0]
        return Check(stage, expects, fate["url"], fate["record_id"], wanted, found)

    family = _family(fate, every, ledger)
    yield check((fate["reason"] or ["kept"])[0], *_ends(fate, row, family))
    for column, expects in (
        ("language", "identify.language"),
        ("licence", "permit.licence"),
        ("rights", "permit.rights"),
    ):
        if fate[column] is not None:
            yield check(expects, fate[column], row[column] or _ended(row))
    if fate["twin"] is not None:
        same = row["cluster"] is not None and all(one["cluster"] == row["cluster"] for one in family)
        yield check("deduplicate.twin", "with its twin", "with its twin" if same else "apart")
    if not fate["kept"]:
        return
    counted = dict(row["pii"] or [])
    for kind, count in fate["masked"].items():
        yield check(f"scrub.{kind}", str(count), str(counted.pop(kind, 0)))
    nearly = row["reason"] == "deduplicate.near"  # another text stands in its place, with edits
    text = None if nearly else next((texts[one["id"]] for one in (row, *family) if one["id"] in texts), None)
    yield check("scrub.others", "nothing", _overdone(fate, counted, text) or "nothing")
    if not nearly:
        yield check("extract.text", "whole", _ended(row) if text is None else _kept_of(fate, text))


def _family(fate: Mapping[str, Any], every: Sequence[Mapping[str, Any]], ledger: Rows) -> list[Mapping[str, Any]]:
    """The ledger rows of all pages that are joined with this one by twin, itself included; none if it has no twin."""
    if fate["twin"] is None:
        return []
    first = fate["twin"] if (fate["reason"] or [""])[0].startswith("deduplicate.") else fate["url"]
    return [ledger[one["record_id"]] for one in every if first in (one["url"], one["twin"]) and one["twin"]]


def _ends(fate: Mapping[str, Any], row: Mapping[str, Any], family: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """How a page should end and how it did. Of a family, any one may be the one that is kept."""
    wanted = "kept" if fate["kept"] else " or ".join(fate["reason"])
    ended = _ended(row)
    kept = sum(one["reason"] is None for one in family)
    settled = kept == 1 and all((one["stage"] or "deduplicate") == "deduplicate" for one in family)
    right = row["reason"] is None if fate["kept"] else {row["reason"], row["stage"]} & set(fate["reason"])
    return wanted, wanted if settled or right else ended


def _ended(row: Mapping[str, Any]) -> str:
    return row["reason"] or "kept"


def _overdone(fate: Mapping[str, Any], counted: Mapping[str, int], text: str | None) -> str:
    """What was masked and should not have been."""
    gone = [one for one in fate["present"] if text is not None and one not in text]
    return ", ".join([*(f"{kind} {count}" for kind, count in sorted(counted.items())), *gone])


def _kept_of(fate: Mapping[str, Any], text: str) -> str:
    """Whether the text holds every sentence that was written, apart from what was or might have been masked."""
    flat = " ".join(text.split())
    for paragraph in fate["text"].split("\n"):
        for piece in _between(paragraph, [*fate["absent"], *fate["present"]]):
            if " ".join(piece.split()) not in flat:
                return f"without {piece.strip()[:40]!r}"
    return "whole"


def _between(paragraph: str, marked: Sequence[str]) -> list[str]:
    pieces = [paragraph]
    for mark in marked:
        pieces = [part for piece in pieces for part in piece.split(mark)]
    return pieces
