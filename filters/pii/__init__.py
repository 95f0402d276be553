"""Recognisers of personal data: each file finds one kind in a text."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A piece of a text that is personal data: text[start:end], in code points. kind: `email`, `ip`."""

    start: int
    end: int
    kind: str


def resolve(spans: Iterable[Span]) -> list[Span]:
    """Spans in order, those that overlap joined into one of the kind of the longest (the earlier of equals).

    Joined rather than chosen: what any recogniser took for personal data is masked.
    """
    joined: list[tuple[Span, int]] = []  # with the length of the part that gave the kind
    for span in sorted(spans):
        length = span.end - span.start
        if not joined or span.start >= joined[-1][0].end:
            joined.append((span, length))
            continue
        before, longest = joined[-1]
        kind = span.kind if length > longest else before.kind
        joined[-1] = (Span(before.start, max(before.end, span.end), kind), max(length, longest))
    return [span for span, _ in joined]
