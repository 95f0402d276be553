"""Encoding: ours beside gigatoken, tokenizers and tiktoken, one thread, MB of text per CPU second, in one run.

usage: python benchmarks/encode.py --text help-text.parquet [--text MORE.parquet] --tokenizer A.json [--tokenizer B]
       [--rounds 5] [--json OUT.json]
       python benchmarks/encode.py --memory 2000 --tokenizer A.json

A text file is Parquet with a column `text`; where it has a column `language`, English and the languages of Cyrillic and
Greek script are measured by themselves too. The peers that can be imported take part, and those that cannot are named.
Give each round the same chance: in a round all sides do all they have to, one after another; medians over the rounds.

  cold    load and first pass          first   the first pass alone
  begun   load and first pass with a warm start beside the tokenizer, made from every other document (ours; a peer has
          none, so it is held to its cold)
  fresh   every other document after the others: what most of a long run is
  warm    all documents, once more: nothing is new

Sides without tables of their own (tokenizers, tiktoken) do a tenth of the documents, once a round.

--memory: instead of speeds, the most memory that our side takes while it encodes so many MB of words that never come
again, above what Python and its libraries took before the tokenizer was loaded, and what of it was there after 16 MB.
"""

import os

os.environ.update(RAYON_NUM_THREADS="1", TOKENIZERS_PARALLELISM="false")  # before the peers are imported

import argparse
import gc
import importlib
import json
import resource
import shutil
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

NON_LATIN = ["ru", "uk", "el", "bg", "be", "mk", "sr", "rus_Cyrl", "ukr_Cyrl", "bul_Cyrl", "ell_Grek"]
SEPARATOR = b"\0"
PHASES = ("cold", "begun", "first", "fresh", "warm")
Encode = Callable[[Any], Any]


def ours(path: Path) -> Encode:
    """Arrow in, flat arrays out."""
    from florilegium.stages.tokenize import Encoder

    return Encoder.from_file(path).encode


def gigatoken(path: Path) -> Encode:
    """Its fastest source: one buffer of bytes, cut at a separator inside of it."""
    from gigatoken import BytesSource, Tokenizer

    tokenizer = Tokenizer(str(path))
    return lambda data: tokenizer.encode_batch(BytesSource(data, separator=SEPARATOR), parallel=True)


def gigatoken_sequential(path: Path) -> Encode:
    """The same on the calling thread."""
    from gigatoken import BytesSource, Tokenizer

    tokenizer = Tokenizer(str(path))
    return lambda data: tokenizer.encode_batch(BytesSource(data, separator=SEPARATOR), parallel=False)


def tokenizers(path: Path) -> Encode:
    """The reference."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(path))
    return lambda texts: tokenizer.encode_batch_fast(texts, add_special_tokens=False)


def tiktoken(path: Path) -> Encode:
    """Ranks and expression are taken from the file: it has no loader of its own. Byte-level files only."""
    from tiktoken import Encoding

    from florilegium.stages._splits import GPT2, byte_alphabet

    file = json.loads(path.read_text("utf-8"))
    byte = {letter: value for value, letter in enumerate(byte_alphabet())}
    special = {one["content"]: one["id"] for one in file["added_tokens"]}
    names = {name: i for name, i in file["model"]["vocab"].items() if name not in special}
    ranks = {bytes(byte[one] for one in name): i for name, i in names.items()}
    nodes = file["pre_tokenizer"].get("pretokenizers", [{}])
    pattern = nodes[0].get("pattern", {}).get("Regex", GPT2)
    encoding = Encoding(path.stem, pat_str=pattern, mergeable_ranks=ranks, special_tokens=special)
    return lambda texts: encoding.encode_ordinary_batch(texts, num_threads=1)


QUICK = {"ours": ours, "gigatoken": gigatoken, "gigatoken, sequential": gigatoken_sequential}
SLOW = {"tokenizers": tokenizers, "tiktoken": tiktoken}


def taken(name: str, texts: "pa.Array[Any]") -> Any:
    """Documents in the form that a side takes."""
    if name == "ours":
        return texts
    return SEPARATOR.join(text.encode() for text in texts.to_pylist()) if name in QUICK else texts.to_pylist()


def seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """CPU time of this process, and what the work answers."""
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def phases(make: Callable[[Path], Encode], path: Path, every: Any, even: Any, odd: Any) -> dict[str, float]:
    """CPU seconds of each phase."""
    load, encode = seconds(lambda: make(path))
    first, _ = seconds(lambda: encode(every))
    warm = min(seconds(lambda: encode(every))[0] for _ in range(3))
    encode = make(path)
    encode(even)
    fresh, _ = seconds(lambda: encode(odd))
    found = {"cold": load + first, "first": first, "fresh": fresh, "warm": warm}
    return found | ({"begun": begun(path, every, even)} if make is ours else {})


def begun(path: Path, every: Any, even: Any) -> float:
    """CPU seconds of loading with a warm start and the first pass."""
    from florilegium.stages.tokenize import Encoder

    with TemporaryDirectory() as folder:
        alone = Path(shutil.copy(path, folder))
        encoder = Encoder.from_file(alone)
        encoder.encode(even)
        encoder.save_warm_start()
        load, encode = seconds(lambda: ours(alone))
        first, _ = seconds(lambda: encode(every))
        return load + first


def flat(name: str, result: Any) -> Any:
    """Ids of all documents back to back."""
    if name == "ours":
        return result[0]
    if name in QUICK:
        return np.asarray(result.layout.content.data)
    ids = [one if isinstance(one, list) else one.ids for one in result]
    return np.concatenate([np.array(one, np.int64) for one in ids if one])


def identical(sides: dict[str, Callable[[Path], Encode]], path: Path, sample: "pa.Array[Any]") -> dict[str, bool]:
    """Whether a side's ids are those of the reference."""
    wanted = flat("tokenizers", tokenizers(path)(sample.to_pylist()))
    found = {name: flat(name, make(path)(taken(name, sample))) for name, make in sides.items()}
    return {name: len(ids) == len(wanted) and bool((ids == wanted).all()) for name, ids in found.items()}


def importable(sides: dict[str, Callable[[Path], Encode]], path: Path) -> dict[str, Callable[[Path], Encode]]:
    """Those that are there and take the file."""
    found = {}
    for name, make in sides.items():
        try:
            importlib.import_module("florilegium" if name == "ours" else name.split(",", maxsplit=1)[0])
            make(path)
            found[name] = make
        except Exception as error:  # a peer may raise anything
            print(f"{name} takes no part in {path.stem}: {type(error).__name__}: {str(error)[:100]}")
    return found


def measure(path: Path, texts: "pa.Array[Any]", rounds: int) -> dict[str, Any]:
    """Speeds of all sides on some documents: MB per CPU second by side and phase."""
    sample = texts.take(pa.array(range(0, len(texts), 10)))
    quick, slow = importable(QUICK, path), importable(SLOW, path)
    even, odd = (texts.take(pa.array(range(half, len(texts), 2))) for half in (0, 1))
    inputs = {name: [taken(name, part) for part in (texts, even, odd)] for name in quick}
    sizes = {"fresh": size(odd)}
    speeds: dict[str, dict[str, list[float]]] = {name: {} for name in (*quick, *slow)}
    encoders = {name: make(path) for name, make in slow.items()}
    for _ in range(rounds):
        for name, make in quick.items():
            gc.collect()
            for phase, spent in phases(make, path, *inputs[name]).items():
                speeds[name].setdefault(phase, []).append(sizes.get(phase, size(texts)) / spent / 1e6)
        for name, encode in encoders.items():
            spent, _ = seconds(partial(encode, sample.to_pylist()))
            speeds[name].setdefault("warm", []).append(size(sample) / spent / 1e6)
    medians = {
        name: {phase: statistics.median(all_) for phase, all_ in found.items()} for name, found in speeds.items()
    }
    return {"MB/s": medians, "identical": identical({**quick, **slow}, path, sample)}


def size(texts: "pa.Array[Any]") -> int:
    """Bytes of text."""
    return int(pc.sum(pc.binary_length(texts)).as_py() or 0)


def parts(path: Path) -> dict[str, "pa.Array[Any]"]:
    """All documents of a file, and those of two groups of languages. A zero byte is a separator: such are left out."""
    table = pq.read_table(path)
    table = table.filter(pc.invert(pc.match_substring(table["text"], "\0")))
    table = table.filter(pc.greater(pc.binary_length(table["text"]), 0))
    found = {path.stem: table}
    if "language" in table.column_names:
        found["en"] = table.filter(pc.is_in(table["language"], value_set=pa.array(["en", "eng_Latn"])))
        found["cyrillic, greek"] = table.filter(pc.is_in(table["language"], value_set=pa.array(NON_LATIN)))
    return {name: pa.chunked_array(part["text"]).combine_chunks() for name, part in found.items() if len(part) > 9}


def show(title: str, found: dict[str, Any]) -> None:
    """A table, and ours over each peer's best."""
    print(f"\n{title}\n{'':24}" + "".join(f"{phase:>10}" for phase in PHASES) + "   identical")
    speeds = found["MB/s"]
    for name, by_phase in speeds.items():
        row = "".join(f"{by_phase.get(phase, float('nan')):>10.1f}" for phase in PHASES)
        print(f"{name:24}{row}   {found['identical'][name]}")
    for peer in ("gigatoken", "tokenizers", "tiktoken"):
        of_peer = [by_phase for name, by_phase in speeds.items() if name.startswith(peer)]
        ratios = {
            phase: speeds["ours"][phase] / max(one.get(phase, one.get("cold", one["warm"])) for one in of_peer)
            for phase in PHASES
            if of_peer
        }
        if ratios:
            print(f"{'ours / ' + peer:24}" + "".join(f"{ratio:>9.2f}x" for ratio in ratios.values()))


def unheard(chance: np.random.Generator, size: int) -> "pa.Array[Any]":
    """A document of random letters, in words of 3 to 40: 1 in 26 of the letters is a blank, more or less."""
    letters = chance.integers(97, 123, size, np.uint8)
    letters[np.cumsum(chance.integers(3, 40, size // 12)) % size] = 32
    return pa.array([letters.tobytes().decode()])


def peak() -> float:
    """MB that this process has held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def memory(path: Path, size: int) -> None:
    """Encodes so many MB of text that never repeats, and says what it took."""
    chance, start = np.random.default_rng(1), peak()
    encode, early = ours(path), 0.0
    for done in range(size):
        encode(unheard(chance, 1 << 20))
        early = peak() - start if done == 16 else early
    print(f"{path.stem}: {peak() - start:.0f} MB after {size} MB of text, {early:.0f} MB after 16")


def main() -> None:
    """Measure all tokenizers on all texts."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--text", type=Path, action="append", default=[])
    parser.add_argument("--tokenizer", type=Path, action="append", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--memory", type=int, metavar="MB")
    chosen = parser.parse_args()
    if chosen.memory:
        for path in chosen.tokenizer:
            memory(path, chosen.memory)
        return
    results: dict[str, Any] = {}
    for path in chosen.tokenizer:
        for file in chosen.text:
            for name, texts in parts(file).items():
                title = f"{path.stem}, {name}, {size(texts) / 1e6:.1f} MB"
                results[title] = measure(path, texts, chosen.rounds)
                show(title, results[title])
    if chosen.json:
        chosen.json.write_text(json.dumps(results, indent=1), "utf-8")


if __name__ == "__main__":
    main()
