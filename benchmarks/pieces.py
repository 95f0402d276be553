"""SentencePiece-style BPE beside gigatoken and `tokenizers`: CPU time of one thread, in turns, cold, fresh and warm.

usage: python -P benchmarks/pieces.py TEXT.parquet TOKENIZER.json ... [--peer-python .venv-peers-tokens/bin/python]
                                   [--rounds 5] [--column text] [--json OUT.json]

Each side is a process of its own, new in each round, that reads the texts and waits; the sides take turns phase by
phase. What is timed is CPU time of the process (user and system, all its threads) for:

  load    the tokenizer, from the text of its file
  cold    load, and the first pass over all texts
  fresh   in another new process: all texts at odd places, after those at even places have been seen
  warm    the best of three further passes over all texts

`tokenizers` takes every sixth text (it has a cache of its own, but is slow; its speed is per byte all the same).
Speeds are MB of UTF-8 a CPU second, medians of the rounds; ratios are medians of each round's ratio.
The peers need an environment with gigatoken==0.10.0, tokenizers==0.23.3 and pyarrow; ours runs in that of this script.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

OURS, ENCODER, GIGATOKEN, TOKENIZERS = "ours", "ours, Encoder", "gigatoken", "tokenizers"
SPARSE = 6


def texts_of(path: str, column: str, step: int) -> list[str]:
    """The texts, or one in `step`."""
    import pyarrow.parquet as pq

    texts: Any = pq.read_table(path, columns=[column])[column].to_pylist()
    return list(texts[::step])


def ours(texts: Sequence[str]) -> Any:
    """The buffers of an Arrow array."""
    import pyarrow as pa

    from florilegium.stages.tokenize import _buffers

    return _buffers(pa.array(texts, pa.large_string()))


def load_ours(path: str) -> Callable[[Any], int]:
    """The engine alone, from the text of the file."""
    from florilegium.stages import _pieces

    file = json.loads(Path(path).read_text("utf-8"))
    engine = _pieces.engine(file, _pieces.tables(file), None)
    return lambda buffers: len(engine.encode(buffers[0], buffers[1], 1)[0])


def load_encoder(path: str) -> Callable[[Any], int]:
    """What a user calls; it holds `tokenizers` too, for rows and parts that an engine leaves to it."""
    from florilegium.stages.tokenize import Encoder

    encoder = Encoder.from_file(path)
    return lambda texts: len(encoder.encode(texts)[0])


def load_gigatoken(path: str) -> Callable[[Any], int]:
    """Its fastest input here: bytes in memory."""
    tokenizer = import_module("gigatoken").Tokenizer.from_json(Path(path).read_text("utf-8"))
    return lambda texts: len(tokenizer.encode_batch(texts, parallel=False).layout.content.data)


def load_tokenizers(path: str) -> Callable[[Any], int]:
    """`encode_batch_fast`."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(path)
    return lambda texts: sum(len(one.ids) for one in tokenizer.encode_batch_fast(texts, add_special_tokens=False))


def array(texts: Sequence[str]) -> Any:
    """An Arrow array."""
    import pyarrow as pa

    return pa.array(texts, pa.large_string())


LOAD: dict[str, Callable[[str], Callable[[Any], int]]] = {
    OURS: load_ours,
    ENCODER: load_encoder,
    GIGATOKEN: load_gigatoken,
    TOKENIZERS: load_tokenizers,
}
FORM: dict[str, Callable[[Sequence[str]], Any]] = {OURS: ours, ENCODER: array, GIGATOKEN: list, TOKENIZERS: list}


MODULES = {
    OURS: ["florilegium.stages.tokenize"],
    ENCODER: ["florilegium.stages.tokenize", "tokenizers"],
    GIGATOKEN: ["gigatoken", "awkward"],
    TOKENIZERS: ["tokenizers"],
}
"""Imported before the clock starts: what is timed is the tokenizer."""


def serve(side: str, data: str, column: str, tokenizer: str) -> None:
    """A side: for each line of input do what it says, answer CPU seconds and tokens."""
    for module in MODULES[side]:
        import_module(module)
    texts = texts_of(data, column, SPARSE if side == TOKENIZERS else 1)
    parts = {"all": texts, "even": texts[::2], "odd": texts[1::2]}
    given = {name: FORM[side](part) for name, part in parts.items()}
    sizes = {name: sum(len(text.encode()) for text in part) for name, part in parts.items()}
    encode: Callable[[Any], int] = len
    print(json.dumps(sizes), flush=True)
    for line in sys.stdin:
        what, count = line.strip(), 0
        start = time.process_time()
        if what == "load":
            encode = LOAD[side](tokenizer)
        else:
            count = encode(given[what])
        print(json.dumps([time.process_time() - start, count]), flush=True)


class Side:
    """A process that serves; killed with the object."""

    def __init__(self, python: str, side: str, data: str, column: str, tokenizer: str) -> None:
        command = [python, "-P", __file__, data, tokenizer, "--column", column, "--serve", side]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.sizes: dict[str, int] = self._read()

    def _read(self) -> Any:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            sys.exit("error: a side ended early; its message is above")
        return json.loads(line)

    def seconds(self, what: str) -> float:
        """CPU seconds of a phase."""
        assert self.process.stdin
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        return float(self._read()[0])

    def speed(self, part: str, seconds: float) -> float:
        return self.sizes[part] / 1e6 / seconds

    def end(self) -> None:
        """Close its input, and wait."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


def one_round(start: Callable[[str], Side], names: Sequence[str]) -> dict[str, dict[str, float]]:
    """Speeds of all sides; phase by phase, side by side."""
    sides = {name: start(name) for name in names}
    load = {name: side.seconds("load") for name, side in sides.items()}
    first = {name: side.seconds("all") for name, side in sides.items()}
    again: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(3):
        for name, side in sides.items():
            again[name].append(side.seconds("all"))
    found = {
        name: {
            "load": load[name],
            "cold": side.speed("all", load[name] + first[name]),
            "cold, load apart": side.speed("all", first[name]),
            "warm": side.speed("all", min(again[name])),
        }
        for name, side in sides.items()
    }
    for side in sides.values():
        side.end()
    sides = {name: start(name) for name in names}
    for what in ("load", "even"):
        for side in sides.values():
            side.seconds(what)
    for name, side in sides.items():
        found[name]["fresh"] = side.speed("odd", side.seconds("odd"))
        side.end()
    return found


def table(rounds: Sequence[dict[str, dict[str, float]]]) -> dict[str, dict[str, float]]:
    """Medians of speeds; and of ratios, ours by each peer's."""
    names = list(rounds[0])
    kinds = list(rounds[0][names[0]])
    result = {
        name: {kind: statistics.median(found[name][kind] for found in rounds) for kind in kinds} for name in names
    }
    for name in names:
        for mine in (OURS, ENCODER):
            if name not in (OURS, ENCODER):
                result[f"{mine} / {name}"] = {
                    kind: statistics.median(found[mine][kind] / found[name][kind] for found in rounds) for kind in kinds
                }
    return result


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("data", metavar="TEXT.parquet")
    parser.add_argument("tokenizer", nargs="+", metavar="TOKENIZER.json")
    parser.add_argument("--peer-python", default=sys.executable)
    parser.add_argument("--column", default="text")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--serve", choices=LOAD, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.serve:
        serve(chosen.serve, chosen.data, chosen.column, chosen.tokenizer[0])
        return
    found = {}
    for tokenizer in chosen.tokenizer:

        def start(name: str, tokenizer: str = tokenizer) -> Side:
            python = sys.executable if name in (OURS, ENCODER) else chosen.peer_python
            return Side(python, name, chosen.data, chosen.column, tokenizer)

        rounds = [one_round(start, list(LOAD)) for _ in range(chosen.rounds)]
        found[Path(tokenizer).stem] = result = table(rounds)
        kinds = list(next(iter(result.values())))
        print(f"{Path(tokenizer).stem:26}" + "".join(f"{kind:>18}" for kind in kinds))
        for name, row in result.items():
            print(f"{name:26}" + "".join(f"{row[kind]:18.3g}" for kind in kinds), flush=True)
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=1), "utf-8")


if __name__ == "__main__":
    main()
