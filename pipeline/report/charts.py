"""Drawings of the reports: pure functions from numbers to inline SVG; colours are the page's, by class."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

LEFT, RIGHT, TOP, TALL = 62.0, 1058.0, 58.0, 190.0
"""The band of all documents: its first and last column, its upper edge, its height, in units of the drawing."""
NODE, SHIFT, BELOW = 7.0, 24.0, 44.0
"""Width of a column, how far a leaving branch bends down, room for its label."""


@dataclass(frozen=True, slots=True)
class Step:
    """A stage as documents pass it: how many come in, how many leave there."""

    name: str
    entered: int
    dropped: int


def flow(steps: Sequence[Step], last: str, label: str) -> str:
    """A Sankey drawing: columns are the stages in their order and `last`, heights are documents; branches are dropped.

    label: what the drawing says, for those who do not see it. Whatever is not nothing is drawn at least one unit tall.
    """
    top = steps[0].entered if steps else 0
    if not top:
        return ""
    apart = (RIGHT - LEFT) / len(steps)
    parts = [_step(step, LEFT + at * apart, apart, TALL / top) for at, step in enumerate(steps)]
    kept = steps[-1].entered - steps[-1].dropped
    parts += [_column(RIGHT, _tall(kept, TALL / top), "keeps"), _above(RIGHT, last, kept)]
    lowest = TOP + TALL + SHIFT + BELOW
    return (
        f'<svg class="flow" viewBox="0 0 1120 {lowest:g}" role="img" aria-label="{escape(label)}" '
        f'xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'
    )


def _step(step: Step, x: float, apart: float, scale: float) -> str:
    """A column, the band that goes on from it, and the branch that leaves."""
    on = _tall(step.entered - step.dropped, scale)
    away = _tall(step.dropped, scale)
    start = x + NODE
    parts = [
        f'<rect class="band" x="{start:.1f}" y="{TOP:.1f}" width="{apart - NODE:.1f}" height="{on:.1f}"/>' if on else ""
    ]
    if step.dropped:
        end, y = x + 0.62 * apart, TOP + on
        middle = (start + end) / 2
        parts.append(
            f'<path class="branch" d="M{start:.1f} {y:.1f}'
            f"C{middle:.1f} {y:.1f} {middle:.1f} {y + SHIFT:.1f} {end:.1f} {y + SHIFT:.1f}v{away:.1f}"
            f'C{middle:.1f} {y + SHIFT + away:.1f} {middle:.1f} {y + away:.1f} {start:.1f} {y + away:.1f}Z">'
            f"<title>{escape(step.name)}: {step.dropped:,} of {step.entered:,} documents dropped</title></path>"
            f'<rect class="drops" x="{end:.1f}" y="{y + SHIFT:.1f}" width="{NODE / 2:.1f}" height="{away:.1f}"/>'
            f'<text class="less" x="{end:.1f}" y="{y + SHIFT + away + 18:.1f}">−{step.dropped:,}</text>'
        )
    parts += [_column(x, on + away, "keeps"), _above(x, step.name, step.entered)]
    return "".join(parts)


def _column(x: float, tall: float, kind: str) -> str:
    return f'<rect class="{kind}" x="{x:.1f}" y="{TOP:.1f}" width="{NODE:.1f}" height="{tall:.1f}"/>' if tall else ""


def _above(x: float, name: str, documents: int) -> str:
    at = f'x="{x + NODE / 2:.1f}"'
    return f'<text class="stage" {at} y="22">{escape(name)}</text><text class="many" {at} y="42">{documents:,}</text>'


def _tall(documents: int, scale: float) -> float:
    return max(documents * scale, 1.0) if documents else 0.0
