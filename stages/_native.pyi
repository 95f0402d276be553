"""The C core (`stages/native/*.h` is its manual)."""

from typing_extensions import Buffer

def scan(data: Buffer, offsets: Buffer, /) -> bytes:
    """Budgets of HTML pages: what `stages/native/scan.h` defines, counted without building a tree. The GIL is released.

    data, offsets: an Arrow large_binary array: page i is data[offsets[i]:offsets[i + 1]], offsets are n + 1 native
    int64 and need not begin at 0. They are read while the call runs: nobody may write to them meanwhile.
    Answers n x 5 native int64, row by row: nodes, depth, attributes, links, controls.
    Raises ValueError, naming the position, where offsets fall or leave the data.
    """
