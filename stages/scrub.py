"""Mask personal data in text and title before anything is written."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from florilegium.filters.pii import Span, email, ip, resolve
from florilegium.pipeline.schema import Batch, put

RECOGNISERS: Sequence[Callable[[str], list[Span]]] = (email.find, ip.find)

PLACEHOLDERS = {email.KIND: "<EMAIL>", ip.KIND: "<IP_ADDRESS>"}
"""What stands for a span of each kind. No recogniser finds anything in them."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Scrub:
    """Masks e-mail and public IP addresses in `text`, `title` and `facts`, and counts them by kind in `pii`."""

    writes: ClassVar[tuple[str, ...]] = ("title", "facts", "text", "pii")
    reasons: ClassVar[Mapping[str, str]] = {}
    decides: ClassVar[frozenset[str]] = frozenset()
    libraries: ClassVar[tuple[str, ...]] = ()

    def files(self) -> Mapping[str, Path]:
        """None."""
        return {}

    def __call__(self, batch: Batch) -> Batch:
        """The batch masked; `pii` is empty where nothing was found."""
        titles = [mask(title) for title in batch["title"].to_pylist()]
        texts = [mask(text) for text in batch["text"].to_pylist()]
        facts = [_facts(facts) for facts in batch["facts"].to_pylist()]
        found = zip(titles, facts, texts, strict=True)
        return put(
            batch,
            title=[title for title, _ in titles],
            facts=[one for one, _ in facts],
            text=[text for text, _ in texts],
            pii=[sorted((title[1] + one[1] + text[1]).items()) for title, one, text in found],
        )


_Facts = list[tuple[str, str | None]]


def _facts(facts: _Facts | None) -> tuple[_Facts | None, Counter[str]]:
    if facts is None:
        return None, Counter()
    masked = [(name, mask(value)) for name, value in facts]
    return [(name, value) for name, (value, _) in masked], sum((counts for _, (_, counts) in masked), Counter())


def mask(text: str | None) -> tuple[str | None, Counter[str]]:
    """The text with a placeholder for each span, and how many of each kind.

    Looks again until nothing is found: masking may part what had hidden a neighbour. So masking twice is masking once.
    """
    counts: Counter[str] = Counter()
    while text and (spans := resolve(span for find in RECOGNISERS for span in find(text))):
        counts.update(span.kind for span in spans)
        text = _replaced(text, spans)
    return text, counts


def _replaced(text: str, spans: Sequence[Span]) -> str:
    parts = []
    at = 0
    for span in spans:
        parts += [text[at : span.start], PLACEHOLDERS[span.kind]]
        at = span.end
    return "".join([*parts, text[at:]])
