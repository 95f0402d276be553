"""The provenance report: one HTML page that says what was read, what became of it, and why."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from typing import Any

from florilegium.pipeline.account import meaning
from florilegium.pipeline.encoding import REFUSED
from florilegium.pipeline.errors import PipelineError
from florilegium.pipeline.recipe import LINE
from florilegium.pipeline.report import figures
from florilegium.pipeline.report.charts import Step, flow
from florilegium.pipeline.stage import find

HOSTS = 50
OTHER_LANGUAGES = 20
"""Languages shown of those of which nothing was kept; the rest is one line."""
LONGEST = 200
"""Characters of an address shown."""

HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
"""Characters that show nothing, reverse the text around them, or cannot be written: shown as their numbers."""


def render(name: str, facts: Mapping[str, Any], account: Mapping[str, Any], found: figures.Figures) -> str:
    """The page of a build: one HTML file that loads nothing; the same build gives the same page.

    facts: inputs, limit, beside, unclaimed, passes, tokenizer, tokens, as in the manifest. account: read, kept, dropped
    by reason. found: the figures of its ledger (`figures.gather`).
    """
    steps = steps_of(account)
    spoken = figures.languages(found)
    shown, rest = _languages(spoken)
    hosts, hosts_read, hosts_kept = figures.hosts(found, HOSTS)
    content = {
        "name": name,
        "version": facts.get("florilegium") or _version(),
        "account": account,
        "totals": figures.totals(found),
        "steps": [{"step": step, "job": _job(step.name)} for step in steps],
        "drawing": flow(steps, "kept", _described(account, steps)),
        "reasons": _reasons(account, steps, figures.broken(found)),
        "languages": shown,
        "other_languages": rest,
        "languages_kept": sum(1 for row in spoken if row["kept"] and row["language"] not in (None, "und")),
        "hosts": hosts,
        "hosts_read": hosts_read,
        "hosts_kept": hosts_kept,
        "hosts_more": hosts_read - sum(row["host"] is not None for row in hosts),
        "licences": figures.licences(found),
        "tokens": _tokens(facts, found),
        "inputs": facts.get("inputs", ()),
        "sources": figures.sources(found),
        "kinds": figures.kinds(found),
        "removed": figures.removed(found),
        "duplicates": figures.clusters(found),
        "duplicates_dropped": sum(n for reason, n in account["dropped"].items() if reason.startswith("deduplicate.")),
        "limit": facts.get("limit"),
        "passes": facts.get("passes", {}),
        "beside": facts.get("beside", {}),
        "unclaimed": facts.get("unclaimed", ()),
    }
    return str(_page().render(content))


def steps_of(account: Mapping[str, Any]) -> list[Step]:
    """The stages in the order of the line, with the documents that come into each and leave there."""
    dropped: dict[str, int] = {"read": 0} | {name: 0 for stages in LINE.values() for name in stages}
    for reason, documents in account["dropped"].items():
        stage = reason.partition(".")[0]
        dropped[stage] = dropped.get(stage, 0) + documents
    steps = []
    left = account["read"]
    for name, documents in dropped.items():
        steps.append(Step(name, left, documents))
        left -= documents
    return steps


def count(number: float | None) -> str:
    """A whole number, in groups of three: `1,234,567`; a dash for None."""
    return "–" if number is None else f"{number:,.0f}"


def quantity(number: float | None) -> str:
    """A measured number to three significant digits, never as a power of ten: `0.154`, `12`, `1,230,000`."""
    if number is None:
        return "–"
    places = max(0, 2 - _exponent(number))
    text = f"{float(f'{number:.3g}'):,.{places}f}"
    return text.rstrip("0").rstrip(".") if places else text


def share(part: float, whole: float) -> str:
    """Percent to one decimal. Not nothing is never 0 %, not all is never 100 %; a share of nothing is a dash."""
    if not whole:
        return "–"
    if part in (0, whole):
        return "0 %" if part == 0 else "100 %"
    percent = 100 * part / whole
    if percent < 0.1:
        return "< 0.1 %"
    return "> 99.9 %" if percent > 99.9 else f"{percent:.1f} %"


def size(number: float | None) -> str:
    """Bytes in units of a thousand, three significant digits: `14.2 MB`."""
    if number is None:
        return "–"
    units = ("bytes", "kB", "MB", "GB", "TB", "PB")
    at = min(max(0, _exponent(float(f"{number:.3g}")) // 3), len(units) - 1)
    return f"{quantity(number / 1000**at)} {units[at]}"


def plain(value: Any) -> Any:
    """Text from outside without its hidden characters: they are shown as `\\u202e`. Anything else as it is."""
    return HIDDEN.sub(lambda match: f"\\u{ord(match[0]):04x}", value) if type(value) is str else value


def _exponent(number: float) -> int:
    return int(f"{number:e}".partition("e")[2])


def _described(account: Mapping[str, Any], steps: Sequence[Step]) -> str:
    leaving = ", ".join(f"{step.name} {step.dropped:,}" for step in steps if step.dropped)
    return f"{account['read']:,} documents read; dropped by stage: {leaving or 'none'}; kept: {account['kept']:,}"


def _reasons(
    account: Mapping[str, Any], steps: Sequence[Step], broken: Mapping[str, figures.Rows]
) -> list[tuple[Step, figures.Rows]]:
    """The stages that dropped something, each with its reasons, most frequent first."""
    most = sorted(account["dropped"].items(), key=lambda one: (-one[1], one[0]))
    return [
        (
            step,
            [
                {
                    "reason": reason,
                    "documents": documents,
                    "meaning": meaning(reason) or "",
                    "broken": broken.get(reason, []),
                }
                for reason, documents in most
                if reason.partition(".")[0] == step.name
            ],
        )
        for step in steps
        if step.dropped
    ]


def _languages(rows: figures.Rows) -> tuple[figures.Rows, figures.Rows]:
    """Those to show, with their English names, and the rest."""
    others = [row for row in rows if not row["kept"] and row["language"] is not None]
    rest = others[OTHER_LANGUAGES:]
    shown = [row for row in rows if row not in rest]
    for row in shown:
        row["english"] = _english(row["language"])
    return shown, rest


def _tokens(facts: Mapping[str, Any], found: figures.Figures) -> dict[str, Any] | None:
    """The tokenizer, each layout and split, tokens by language and licence, and what was refused; None without any."""
    if not facts.get("tokens"):
        return None
    spoken, refused = (figures.tokens(found, by) for by in ("language", "tokens_refused"))
    for row in spoken:
        row["english"] = _english(row["language"])
    return {
        "tokenizer": facts["tokenizer"],
        "layouts": facts["tokens"],
        "languages": spoken,
        "licences": figures.tokens(found, "licence"),
        "refused": [row | {"meaning": REFUSED.get(row["tokens_refused"], "–")} for row in refused],
    }


def _english(language: str | None) -> str | None:
    """The English name of a language, if its profile has one."""
    from florilegium.languages import load

    try:
        found = load(language).english if language else None
    except ValueError:
        return None
    return None if found == language else found


def _job(stage: str) -> str:
    """A stage's one job; of a stage that is not there, nothing."""
    if stage == "read":
        return "Take documents from the sources, record by record."
    try:
        job = (find("stages", stage).__doc__ or "").partition("\n")[0]
    except PipelineError:
        return ""
    job = job.removeprefix(f"{stage.capitalize()}: ")
    return job[:1].upper() + job[1:]


def _version() -> str:
    try:
        return version("florilegium")
    except PackageNotFoundError:
        return "run from a checkout"


@cache
def _page() -> Any:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    loader = FunctionLoader(lambda name: (files(__package__) / name).read_text("utf-8"))
    made = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=plain
    )
    made.filters |= {"count": count, "quantity": quantity, "share": share, "size": size}
    made.globals |= {"LONGEST": LONGEST, "MICRO": figures.MICRO}
    return made.get_template("provenance.html")
