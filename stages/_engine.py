"""What the encoders in C share: how they say that a tokenizer is not theirs."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Encoded = tuple[NDArray[Any], NDArray[np.int64], NDArray[np.int64]]
"""Tokens of each row back to back, n + 1 offsets into them, and the rows left to `tokenizers`, which are empty here."""


class Unsupported(Exception):  # noqa: N818 (a fact about a tokenizer, not a fault)
    """The tokenizer has a part that an engine cannot reproduce exactly; the message names it."""


class Engine(Protocol):
    """A tokenizer in C."""

    def encode(self, data: Any, offsets: Any, threads: int) -> Encoded:
        """The tokens of each row.

        data, offsets: buffers of a large_string array: UTF-8, and n + 1 int64 that start at 0. Raises ValueError with
        row and byte for invalid UTF-8.
        """
