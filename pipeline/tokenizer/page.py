"""The comparison as a page: one HTML file that loads nothing, a bar for each language and tokenizer."""

from functools import cache
from importlib.resources import files
from typing import Any

from florilegium.pipeline.report.page import count, plain, share
from florilegium.pipeline.tokenizer.compare import Compared


def render(found: Compared) -> str:
    """The page of a comparison; the same comparison gives the same page."""
    rows = [*sorted(found.rows, key=lambda row: row.language), found.all]
    most = max((row.fertility(at) or 0 for row in rows for at in range(len(found.files))), default=0)
    return str(_page().render(found=found, rows=rows, most=most, names=_names(found)))


def places(number: float | None) -> str:
    """A figure to two places; a dash for None."""
    return "–" if number is None else f"{number:.2f}"


def _names(found: Compared) -> list[str]:
    """The files without the folders that all share."""
    parts = [file.split("/") for file in found.files]
    same = 0
    while all(len(one) > same + 1 and one[same] == parts[0][same] for one in parts):
        same += 1
    return ["/".join(one[same:]) for one in parts]


@cache
def _page() -> Any:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    loader = FunctionLoader(lambda name: (files(__package__) / name).read_text("utf-8"))
    made = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=plain
    )
    made.filters |= {"count": count, "places": places, "share": share}
    return made.get_template("comparison.html")
