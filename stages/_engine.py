"""What the encoders in C share: how they say that a tokenizer is not theirs, and what a warm start is made of."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Encoded = tuple[NDArray[Any], NDArray[np.int64], NDArray[np.int64]]
"""Tokens of each row back to back, n + 1 offsets into them, and the rows left to `tokenizers`, which are empty here."""

Tables = Mapping[str, NDArray[Any]]
"""Vocabulary and merges of a tokenizer.json as an engine takes them, by name: arrays of one dimension. The rest of the
file is small; reading these two is most of the time that a tokenizer takes to load."""

Known = tuple[Any, Any, Any, Any]
"""Units of text and their tokens, in four buffers: bytes back to back, n + 1 int64 offsets, int32, n + 1 offsets."""


SMALL = 65_500
"""Vocabularies below this are encoded as uint16: Megatron-LM's limit, the strictest of the trainers'."""


class Unsupported(Exception):  # noqa: N818 (a fact about a tokenizer, not a fault)
    """The tokenizer has a part that an engine cannot reproduce exactly; the message names it."""


class Engine(Protocol):
    """A tokenizer in C."""

    @property
    def vocabulary(self) -> int:
        """Ids are below this."""

    def encode(self, data: Any, offsets: Any, threads: int) -> Encoded:
        """The tokens of each row.

        data, offsets: buffers of a large_string array: UTF-8, and n + 1 int64 that start at 0. Raises ValueError with
        row and byte for invalid UTF-8.
        """

    def known(self, most: int) -> Known:
        """Up to so many units that were met, those that were met again first, and their tokens."""
