"""The C core (`stages/native/*.h` is its manual)."""

from collections.abc import Iterable

from typing_extensions import Buffer

def scan(data: Buffer, offsets: Buffer, /) -> bytes:
    """Budgets of HTML pages: what `stages/native/scan.h` defines, counted without building a tree. The GIL is released.

    data, offsets: an Arrow large_binary array: page i is data[offsets[i]:offsets[i + 1]], offsets are n + 1 native
    int64 and need not begin at 0. They are read while the call runs: nobody may write to them meanwhile.
    Answers n x 5 native int64, row by row: nodes, depth, attributes, links, controls.
    Raises ValueError, naming the position, where offsets fall or leave the data.
    """

def pack(
    lengths: Buffer,
    kind: int,
    length: int,
    open_bins: int,
    smallest: int,
    shuffle: bool,
    seed: int,
    marked: Buffer,
    offsets: Buffer,
    qualities: Buffer,
    /,
) -> tuple[bytes, bytes, bytes, bytes]:
    """Documents to sequences: `stages/native/pack.h`. The GIL is released; nobody may write to the buffers meanwhile.

    lengths: int64 a document. kind: 0 documents, 1 concat, 2 best-fit, 3 best-fit-decreasing. marked, offsets and
    qualities: struct pack_marks. Answers int64: document, begin and end of each piece, and the pieces of each sequence.
    Raises ValueError, naming the argument, for what pack.h does not allow.
    """

def pack_shuffle(count: int, seed: int, /) -> bytes:
    """uint32: 0 to count - 1 in an order that the seed decides. Raises ValueError from 2^32 on."""

def pack_lengths(tokens: Buffer, width: int, offsets: Buffer, bos: int, eos: int, /) -> bytes:
    """int64: tokens of each document as it is written. tokens: uint16 or int32, width 2 or 4; bos, eos: -1 for none.

    offsets: n + 1 int64, document i is tokens[offsets[i]:offsets[i + 1]]. Raises ValueError where they fall or leave.
    """

def pack_qualities(
    tokens: Buffer, width: int, offsets: Buffer, bos: int, eos: int, documents: Buffer, endings: Buffer, /
) -> bytes:
    """uint8 a token of the listed documents (int64) as they are written: how good a cut is behind it.

    endings: uint8 a token id, flags of enum pack_ending. Raises ValueError as pack_lengths, and for other documents.
    """

def pack_gather(
    tokens: Buffer, width: int, offsets: Buffer, bos: int, eos: int, document: Buffer, begin: Buffer, end: Buffer, /
) -> bytes:
    """The tokens of pieces (int64 each) back to back. Raises ValueError as pack_lengths, and for pieces outside."""

def pack_runs(tokens: Buffer, width: int, offsets: Buffer, /) -> bytes:
    """int64: most equal tokens in a row, in each row. Raises ValueError as pack_lengths."""

Units = tuple[Buffer, Buffer, Buffer, Buffer]
"""Strings and their tokens: bytes, n + 1 int64 offsets from 0, int32, n + 1 int64 offsets from 0."""

class _Pieces: ...
class _Memory(Buffer): ...

def pieces_ids(text: Buffer, offsets: Buffer, part_text: Buffer, part_offsets: Buffer, /) -> bytearray:
    """Merges from strings, uint32: see `stages/native/pieces_ids.h`."""

def pieces_build(
    text: Buffer,
    offsets: Buffer,
    merges: Buffer,
    singles: Buffer,
    prefixes: tuple[int, int, int],
    split: bool,
    width: int,
    known: Units | None,
    /,
) -> _Pieces:
    """A model: `struct pieces_spec` of `stages/native/pieces.h`. Raises ValueError for what that does not allow.

    text, offsets (int64): strings; merges: three uint32 each; singles: 256 uint32;
    prefixes: prefix, later and normal. known: what its caches begin with; nobody may write to it while the model lives.
    """

def pieces_known(pieces: _Pieces, most: int, /) -> tuple[bytes, bytes, bytes, bytes]:
    """Up to `most` units that its caches have, those met again first."""

def pieces_encode(
    pieces: _Pieces, data: Buffer, offsets: Buffer, kinds: Buffer | None, threads: int, /
) -> tuple[memoryview, bytearray, bytearray]:
    """Tokens of rows (uint16 or int32), n + 1 int64 where each row's begin, and int64 rows left out: see pieces.h.

    data, offsets: a large_string array; kinds: int32 a row, see added_split. The GIL is released; nobody may write to
    them meanwhile. Calls on one model wait for each other. Raises ValueError with row and byte for invalid UTF-8, and
    where offsets fall or leave.
    """

def added(tokens: tuple[tuple[bytes, int, int], ...], words: Buffer | None, /) -> object:
    """Added tokens, to be given to added_split: text, id and flags (1 single_word, 2 lstrip, 4 rstrip) of each.

    words: a bit a code point, lowest first, wanted where one is a single word. Raises ValueError for an empty text.
    """

def added_split(
    tokens: object, data: Buffer, offsets: Buffer, kinds: Buffer | None, /
) -> tuple[bytes, bytes, bytes] | None:
    """Rows to texts and added tokens by turns, see stages/native/added.h. None where no token stands in any row.

    offsets: n + 1 int64 that rise from 0 to the size of data. kinds: int32 a row: the id of a token, or -1 a text that
    begins its document, -2 another text, -3 a row that is left to `tokenizers`, -4 a text as it is behind the whole
    normalizer; None: all are -1. Answers offsets and
    kinds of the rows that come out, and n + 1 int64: the first of them of each row. The GIL is released.
    """

def added_runs(
    data: Buffer, offsets: Buffer, kinds: Buffer | None, table: Buffer, mask: int, leads: Buffer, /
) -> bytes:
    """What a normalizer may change: int64, begin and end of runs of code points in turns, see stages/native/added.h.

    data, offsets, kinds: as in added_split. table: uint16 a code point; those count that have a bit of the mask. leads:
    uint8, not 0 for a byte with which such a code point may begin.
    """

def blocks_model(
    borders: Buffer,
    borders_at: Buffer,
    feature: Buffer,
    border: Buffer,
    leaves: Buffer,
    bias: int,
    least: int,
    hope: int,
    most: int,
    metas: bytes = b"",
    /,
) -> object:
    """A model for blocks_read: `struct trees` of `stages/native/trees.h` in its types.

    least, hope: sums of leaves from which a block is main text, and that the best must have. most: blocks of a page.
    metas: names of the metas that are handed out as facts, in lower case, a line each.
    Raises ValueError where the parts do not fit together.
    """

def blocks_read(
    model: object, data: Buffer, offsets: Buffer, markdown: bool, visible: bool, /
) -> tuple[bytes, bytes, bytes, bytes, bytes, bytes, bytes]:
    """Pages (a large_binary array of UTF-8) to main texts, n + 1 int64, facts, n + 1 int64, int32 numbers of blocks.

    Then, if visible, the text of all blocks, a block a line, and n + 1 int64. A page of too many blocks has the number
    -1 and no text. The GIL is released. Raises ValueError for no UTF-8.
    """

def blocks_explain(model: object, page: Buffer, /) -> tuple[list[tuple[str, int, int, int, bool]], bytes]:
    """Text, kind, level, sum of leaves and choice of each block of a page, and float32 features, row by row."""

def letters() -> bytes:
    """Two uint32 a code point: the bits of `stages/native/letters.py`, and what is added to have it in lower case."""

def measure_fold(word: str, /) -> str:
    """A word composed and in lower case, as word lists have it: see stages/native/measure_fold.h."""

def measure_hashes(data: Buffer, offsets: Buffer, /) -> tuple[bytearray, bytes]:
    """`text_hash` of texts, 16 bytes each, and a byte for each: 1 where it is left to Python, see measure_hash.h.

    data, offsets: as in measure. The GIL is released. Raises ValueError for what is no UTF-8, naming it.
    """

def measure_names() -> tuple[str, ...]:
    """The measures that `measure` gives, in their order."""

def measure_profile(
    ends: Buffer,
    scripts: int,
    words: Buffer,
    offsets: Buffer,
    logs: Buffer,
    stops: Buffer,
    floor: float,
    frequent: bool,
    phrases: Buffer,
    phrases_at: Buffer,
    /,
) -> object:
    """A language, to be given to measure.

    ends: uint32, the characters that end a sentence. scripts: a bit for each of `letters.SCRIPTS` that its letters are
    of; 0: nothing is said of scripts. words, offsets (n + 1 int64): folded words, all different. logs: float64, natural
    logarithms of their frequencies, 1 for words that have none, which count as floor; frequent: there are some. stops:
    uint8, 1 for stop words. phrases: uint32, numbers of words; phrases_at: int64, where each phrase begins, and the
    end; the first is `tells.lorem_ipsum`. Raises ValueError where that does not fit together.
    """

def measure(data: Buffer, offsets: Buffer, chosen: Buffer, profiles: tuple[object, ...], /) -> tuple[bytes, bytes]:
    """Measures of texts, a large_string array: float32, measure by measure; then int64, words and characters of each.

    offsets: n + 1 int64; text i is data[offsets[i]:offsets[i + 1]]. chosen: int32, the profile of each text; one of -1
    is left out, its numbers are 0. The GIL is released; nobody may write to the buffers meanwhile. Raises ValueError
    for what is no UTF-8 and for a text of 2 GiB, naming it, and where offsets fall or leave the data.
    """

def unicode() -> bytes:
    """uint16: the bits of each code point, see stages/native/unicode.py."""

def bytelevel(
    vocabulary: Buffer,
    ids: Buffer,
    merges: Buffer,
    count: int,
    ignore_merges: bool,
    splitters: tuple[tuple[Buffer, bytes, bytes, bool, int], ...],
    bound: int,
    small: bool,
    known: Units | None,
    /,
) -> object:
    """A byte-level tokenizer, to be given to bytelevel_encode.

    vocabulary, merges: strings in the byte alphabet, each ended by a zero byte, two for each of `count` merges; ids:
    int32. splitters: see pretokenize.h. bound: bytes of all tables. small: tokens are uint16. known: what tables begin
    with; nobody may write to it while the tokenizer lives. Raises LookupError, naming the part, for a model outside of
    bpe.h, ValueError for tables that do not fit together.
    """

def bytelevel_known(core: object, most: int, /) -> tuple[bytes, bytes, bytes, bytes]:
    """Up to `most` pretokens that its tables have, those met again first."""

def bytelevel_encode(
    core: object,
    data: Buffer,
    offsets: Buffer,
    kinds: Buffer | None,
    tokens: Buffer,
    ends: Buffer,
    hard: Buffer,
    threads: int,
    /,
) -> None:
    """Rows to tokens. The GIL is released; calls with one core take turns.

    offsets: n + 1 int64 that rise from 0 to the size of data; kinds: int32 a row, see added_split. Filled: tokens
    (uint16 or int32; a token a byte and 64 a thread), ends (n + 1 int64) and hard (uint8; 1 for rows left out). Raises
    ValueError, naming row and byte, for what is no UTF-8.
    """

def shingles_table() -> object:
    """What shingles and signatures read texts by."""

def shingles(table: object, data: Buffer, offsets: Buffer, n: int, hashes: Buffer, ends: Buffer, /) -> None:
    """Fills hashes (uint64, (bytes + 1) // 2 of each text) and ends (n + 1 int64): see stages/native/shingles.h.

    data, offsets: a large_string array, offsets need not begin at 0. The GIL is released; nobody may write to the
    buffers meanwhile. Raises ValueError for n outside of 1 to 64, offsets that fall or leave, and, naming row and byte,
    for what is no UTF-8.
    """

def signatures(table: object, data: Buffer, offsets: Buffer, n: int, signatures: Buffer, /) -> None:
    """Fills 112 uint32 a text: see stages/native/minhash.h. Everything else as of shingles."""

def band_keys(signatures: Buffer, bands: int, rows: int, keys: Buffer, /) -> None:
    """Fills `bands` uint64 a signature. Raises ValueError for more than 112 hashes in all."""

def small(signatures: Buffer, found: Buffer, /) -> None:
    """Fills 112 bytes a signature."""

def matches(
    keys: Buffer,
    numbers: Buffer,
    blocks: tuple[tuple[int, Buffer], ...],
    needed: int,
    most: int,
    /,
) -> bytes:
    """Pairs of uint32: struct match_how of stages/native/match.h. The GIL is released.

    Raises ValueError for rows or blocks out of order, and for a number whose signature is wanted and not there.
    """

def unite(count: int, edges: Iterable[Buffer], /) -> bytearray:
    """A uint32 for each of `count` nodes: the smallest of its component. edges: pairs of uint32.

    The GIL is released; nobody may write to the buffers meanwhile. Raises ValueError for more than 2^32 - 1 nodes and,
    naming the edge, for a node that there is not.
    """
