"""What every engine makes of a page: a text, or the reason why there is none."""

from typing import NamedTuple


class Page(NamedTuple):
    """text: main text; None with the reason."""

    text: str | None = None
    reason: str | None = None
