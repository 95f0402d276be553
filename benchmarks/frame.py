"""What the frame costs: CPU beside the stages' own work, Ray beside local, memory beside length.

usage: python benchmarks/frame.py overhead INPUT.warc.gz [--rounds 3]
       python benchmarks/frame.py ray      INPUT.warc.gz             (at least 5 minutes of work: repeat the input)
       python benchmarks/frame.py stages   INPUT.warc.gz
       python benchmarks/frame.py memory   INPUT.warc.gz [INPUT-x4.warc.gz ...]

A and B run in turn in one run; quote the ratios. Needs florilegium installed in the Python that runs it.
"""

import argparse
import json
import re
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
from watch import Cost, watch

HERE = Path(__file__).parent


def build(source: Path, out: Path, log: Path, *more: str) -> Cost:
    """Run the command as a user would."""
    command = [sys.executable, "-m", "florilegium.pipeline", "build", str(source), "--out", str(out), *more]
    return ran(command, log)


def bare(source: Path, out: Path, log: Path, parts: int) -> list[Cost]:
    """The same work with no frame, one process after the other."""
    command = [sys.executable, str(HERE / "bare.py"), str(source), str(out), "--part"]
    return [ran([*command, f"{part}/{parts}"], log) for part in range(parts)]


def ran(command: Sequence[str], log: Path) -> Cost:
    """The cost of a command that must succeed."""
    with log.open("wb") as file:
        cost = watch(command, log=file)
    if cost.code:
        sys.exit(f"exit status {cost.code}: {' '.join(command)}\n{log.read_text('utf-8')}")
    return cost


def overhead(source: Path, rounds: int) -> None:
    """CPU of a build and of the bare loop over the same input, with one and with two processes."""
    for workers in (1, 2):
        shares = []
        for _ in range(rounds):
            with tempfile.TemporaryDirectory() as folder:
                where = Path(folder)
                alone = sum(cost.cpu_s for cost in bare(source, where / "bare", where / "log", workers))
                framed = build(source, where / "out", where / "log", "--workers", str(workers))
            shares.append(1 - alone / framed.cpu_s)
            print(
                f"{workers} workers: bare loop {alone:.2f} CPU s, build {framed.cpu_s:.2f} CPU s: "
                f"frame {shares[-1]:.1%}  (others on this machine: {framed.others_cpu_s:.1f} s)",
                flush=True,
            )
        print(
            f"{workers} workers: the frame's share of CPU time, median of {rounds}: {statistics.median(shares):.1%}\n"
        )


def ray(source: Path) -> None:
    """Wall time of both executors with two workers; the start of the cluster is taken out of Ray's, and printed."""
    found = {}
    accounts = {}
    for executor in ("local", "ray"):
        with tempfile.TemporaryDirectory() as folder:
            where = Path(folder)
            cost = build(source, where / "out", where / "log", "--workers", "2", "--executor", executor)
            log = (where / "log").read_text("utf-8")
            started = re.search(r"ray: ready with 2 workers after ([0-9.]+) s", log)
            start = float(started.group(1)) if started else 0.0
            files = json.loads((where / "out/manifest.json").read_text("utf-8"))["files"]
            accounts[executor] = sorted(file["sha256"] for file in files)
        found[executor] = cost.wall_s - start
        print(f"{executor}: wall {cost.wall_s:.1f} s, of which cluster start {start:.1f} s; CPU {cost.cpu_s:.1f} s; "
              f"peak PSS {cost.peak_pss_mb:.0f} MiB; others {cost.others_cpu_s:.1f} s", flush=True)  # fmt: skip
    print(
        f"ray / local, cluster start apart: {found['ray'] / found['local']:.3f}; "
        f"same bytes: {accounts['ray'] == accounts['local']}"
    )


def stages(source: Path) -> None:
    """Documents and megabytes of payload a CPU second, by stage, in one worker."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        build(source, out, Path(folder) / "log", "--workers", "1")
        units = [json.loads(line) for line in (out / "work/costs.jsonl").read_text("utf-8").splitlines()]
        ledger = pq.read_table(out / "ledger", columns=["bytes_in"])
    rows, payload = ledger.num_rows, (pc.sum(ledger["bytes_in"]).as_py() or 0) / 1e6
    spent: Counter[str] = Counter()
    for unit in units:
        own = {name: value for name, value in unit.items() if name not in ("unit", "cpu", "peak_mb")}
        spent.update(own)
        spent["frame, in workers"] += unit["cpu"] - sum(own.values())
    print(f"{source.name}: {rows} documents, {payload:.0f} MB of payload; peak memory of the worker "
          f"{max(unit['peak_mb'] for unit in units):.0f} MB")  # fmt: skip
    for name, seconds in spent.most_common():
        if seconds > 0.005:
            print(
                f"{name:<18} {seconds:7.2f} CPU s {rows / seconds:12,.0f} documents/s {payload / seconds:10,.1f} MB/s"
            )


def memory(sources: Sequence[Path]) -> None:
    """The largest worker at each length of input."""
    for source in sources:
        with tempfile.TemporaryDirectory() as folder:
            cost = build(source, Path(folder) / "out", Path(folder) / "log", "--workers", "2")
            rows = json.loads((Path(folder) / "out/manifest.json").read_text("utf-8"))["account"]["read"]
        print(
            f"{source.name}: {rows} documents; largest process {cost.largest_rss_mb:.0f} MiB, "
            f"all together (PSS) {cost.peak_pss_mb:.0f} MiB; CPU {cost.cpu_s:.1f} s, wall {cost.wall_s:.1f} s",
            flush=True,
        )


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("what", choices=["overhead", "ray", "stages", "memory"])
    parser.add_argument("input", type=Path, nargs="+")
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    if chosen.what == "overhead":
        overhead(chosen.input[0], chosen.rounds)
    elif chosen.what == "ray":
        ray(chosen.input[0])
    elif chosen.what == "stages":
        stages(chosen.input[0])
    else:
        memory(chosen.input)


if __name__ == "__main__":
    main()
