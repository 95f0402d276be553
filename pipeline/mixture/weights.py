"""How many tokens a mixture draws from each of its parts, from what there is."""

import math
from collections.abc import Mapping

from florilegium.pipeline.errors import PipelineError


def drawn(
    there: Mapping[str, int], weights: Mapping[str, float] | str, tokens: int | None, epochs: float | None
) -> dict[str, float]:
    """Tokens of each part: `tokens` in all (by default as many as the parts have), no part more than `epochs` times.

    weights: of parts by number (others are left out), `proportional`, `temperature:T` (n^(1/T), as in multilingual
    BERT, Devlin 2018, and XLM-R, Conneau 2020) or `unimax:EPOCHS` (Chung et al. 2023, arXiv:2304.09151). What a part
    cannot give within its epochs is given by the others, by their weights. Raises PipelineError when together they
    cannot give as much.
    """
    by = _shares(there, weights)
    budget = sum(there[part] for part in by) if tokens is None else tokens
    if isinstance(weights, str) and weights.startswith("unimax:"):
        most = float(weights.partition(":")[2])
        epochs = most if epochs is None else min(most, epochs)
    room = {part: math.inf if epochs is None else epochs * there[part] for part in by}
    if sum(room.values()) < budget * (1 - 1e-12):
        raise PipelineError(
            f"{budget:,} tokens cannot be drawn: {epochs:g} epochs of the parts are {sum(room.values()):,.0f}",
            f"ask for fewer tokens, or for {budget / sum(there[part] for part in by):.2f} epochs or more",
        )
    return _filled(by, room, budget)


def _shares(there: Mapping[str, int], weights: Mapping[str, float] | str) -> dict[str, float]:
    """What is asked of each part, in any unit."""
    if not isinstance(weights, str):
        return _by_number(there, weights)
    kind, _, number = weights.partition(":")
    if kind == "unimax":
        return dict.fromkeys(there, 1.0)
    largest = max(there.values())
    power = 1.0 if kind == "proportional" else 1 / float(number)
    return {part: (count / largest) ** power for part, count in there.items()}


def _by_number(there: Mapping[str, int], weights: Mapping[str, float]) -> dict[str, float]:
    """Weights of parts; one of a licence or source is divided among the languages that have it, by their tokens."""
    found: dict[str, float] = {}
    for name, weight in weights.items():
        parts = [part for part in there if name in (part, part.partition("/")[2])]
        if not parts:
            raise PipelineError(f"weights.{name}: the layout has no such part", f"parts there: {', '.join(there)}")
        whole = sum(there[part] for part in parts)
        for part in parts:
            found[part] = found.get(part, 0.0) + weight * there[part] / whole
    return found


def _filled(by: Mapping[str, float], room: Mapping[str, float], budget: float) -> dict[str, float]:
    """The budget divided by shares where there is room.

    For equal shares this is the algorithm of UniMax: the parts with the least room are filled first, and the rest is
    divided evenly among those behind them.
    """
    found: dict[str, float] = {}
    left, shares = float(budget), math.fsum(by.values())
    for part in sorted(by, key=lambda one: (room[one] / by[one], one)):
        found[part] = min(left * by[part] / shares, room[part])
        left -= found[part]
        shares -= by[part]
    return {part: found[part] for part in by}
