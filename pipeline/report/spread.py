"""A drawing of what-if: how the values of a measure spread around a limit, what it keeps and what it drops."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

BINS = 80
FAR = 0.995
"""Values above this quantile stand in the last bar, those below its opposite in the first."""
LEFT, WIDE, HIGH, STEP = 60.0, 960.0, 120.0, 210.0
"""Where bars begin, their width in all, the height of the tallest, and from one drawing to the next, in units."""

STYLE = """svg{color-scheme:light dark;font:13px system-ui,"Segoe UI",Roboto,Arial,sans-serif;background:#fbfaf6}
text{fill:#1e2427}.title{font-weight:600;font-size:15px}.soft{fill:#566067}.kept{fill:#2f6d61}.dropped{fill:#a94f26}
.line{stroke:#1e2427;stroke-width:1.5}.before{stroke-dasharray:4 4}.base{stroke:#dcd8cc}
@media(prefers-color-scheme:dark){svg{background:#15191b}text{fill:#e7e4dc}.soft{fill:#a5adb0}.kept{fill:#78bfae}
.dropped{fill:#e09a70}.line{stroke:#e7e4dc}.base{stroke:#353c40}}"""


@dataclass(frozen=True)
class Spread:
    """What one drawing shows. values: of the documents that break no other limit. before, after: the limit; None off.

    low: whether it is a lowest value.
    """

    title: str
    values: NDArray[np.float32]
    before: float | None
    after: float | None
    low: bool


def draw(spreads: Sequence[Spread]) -> str:
    """One SVG of all, one below the other; it loads nothing, and has the reader's colours, light or dark."""
    tall = STEP * len(spreads) + 10
    parts = "".join(_one(spread, STEP * at) for at, spread in enumerate(spreads))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1080 {tall:g}" role="img">'
        f"<style>{STYLE}</style>{parts}</svg>\n"
    )


def bins(spread: Spread) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The edges of the bars, of which the limit is one, and how many values each bar holds: all of them, together."""
    told = [float(np.float32(mark)) for mark in (spread.after, spread.before) if mark is not None]
    marks = [mark for mark in told if np.isfinite(mark)]  # a limit beyond 32-bit numbers is none
    limit = marks[0] if marks else None
    ends = np.quantile(spread.values, [1 - FAR, FAR], method="nearest") if len(spread.values) else np.zeros(2)
    low, high = min(*marks, *ends), max(*marks, *ends)
    step = (high - low) / BINS or 1.0
    if np.array_equal(spread.values, np.round(spread.values)):
        step = float(np.ceil(step))  # of whole numbers each bar holds as many
    below = 0 if limit is None else int(np.ceil((limit - low) / step)) + 1  # there is a bar on both sides of it
    start = low if limit is None else limit - below * step
    edges: NDArray[np.float64] = start + step * np.arange(BINS + 3, dtype=np.float64)
    if limit is not None:
        edges[np.argmin(np.abs(edges - limit))] = limit
    # A value at a lowest limit belongs above it, at a highest one below it, as filter has it.
    at = np.searchsorted(edges, spread.values, "right" if spread.low else "left") - 1
    return edges, np.bincount(np.clip(at, 0, BINS + 1), minlength=BINS + 2)


def _one(spread: Spread, top: float) -> str:
    edges, counts = bins(spread)
    scale = WIDE / (edges[-1] - edges[0])
    base = top + 45 + HIGH
    tallest = max(int(counts.max()), 1)
    bars = []
    for low, high, count in zip(edges, edges[1:], counts, strict=False):
        if count:
            tall = max(count / tallest * HIGH, 1.0)
            kept = spread.after is None or (
                low >= np.float32(spread.after) if spread.low else high <= np.float32(spread.after)
            )
            bars.append(
                f'<rect class="{"kept" if kept else "dropped"}" x="{LEFT + (low - edges[0]) * scale:.1f}" '
                f'y="{base - tall:.1f}" width="{max((high - low) * scale - 1, 0.5):.1f}" height="{tall:.1f}">'
                f"<title>{low:.4g} to {high:.4g}: {count:,} documents</title></rect>"
            )
    lines = []
    for kind, mark in (("before", spread.before), ("after", spread.after)):
        if mark is not None:
            x = f"{LEFT + (mark - edges[0]) * scale:.1f}"
            lines.append(f'<line class="line {kind}" x1="{x}" x2="{x}" y1="{top + 38:.1f}" y2="{base + 6:.1f}"/>')
    # Bars end at the limit, so the first may begin below any value there can be.
    least = max(edges[0], float(spread.values.min())) if len(spread.values) else edges[0]
    ends = [f'<text class="soft" x="{LEFT:g}" y="{base + 20:.1f}">{_short(least)}</text>']
    ends.append(
        f'<text class="soft" x="{LEFT + WIDE:g}" y="{base + 20:.1f}" text-anchor="end">{_short(edges[-1])}</text>'
    )
    ends.append(f'<text class="soft" x="{LEFT - 6:g}" y="{top + 50:.1f}" text-anchor="end">{tallest:,}</text>')
    return (
        f'<text class="title" x="{LEFT:g}" y="{top + 24:.1f}">{escape(spread.title)}</text>'
        f'<line class="base" x1="{LEFT:g}" x2="{LEFT + WIDE:g}" y1="{base:.1f}" y2="{base:.1f}"/>'
        f"{''.join(bars)}{''.join(lines)}{''.join(ends)}"
    )


def _short(number: float) -> str:
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"
