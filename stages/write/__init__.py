"""Output formats: each file of this folder writes one shard, of documents or of tokens (`TAKES`)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Sequences:
    """Some sequences of a token shard, in order: what a trainer reads as one row each.

    tokens: uint16 or int32, all sequences back to back. lengths: tokens of each sequence, int64. pieces: how many
    documents, or parts of one, each sequence holds, int64. piece_lengths: tokens of each piece, all sequences back to
    back, int64; their sum is the sum of lengths.
    """

    tokens: NDArray[Any]
    lengths: NDArray[np.int64]
    pieces: NDArray[np.int64]
    piece_lengths: NDArray[np.int64]
