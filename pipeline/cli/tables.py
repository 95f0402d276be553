"""Tables and trails on the terminal."""

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from florilegium.pipeline.account import meaning, meanings

if TYPE_CHECKING:
    import polars as pl

    from florilegium.pipeline.contamination import Benchmark
    from florilegium.pipeline.fitting import Fit
    from florilegium.pipeline.plan import Plan, Status
    from florilegium.pipeline.quality import Trained
    from florilegium.pipeline.run import Built
    from florilegium.pipeline.sample.fates import Check
    from florilegium.pipeline.tokenizer.compare import Compared, Row
    from florilegium.pipeline.tokenizer.sample import Sample
    from florilegium.pipeline.whatif import Answer, Near

LANGUAGES = 12
"""Languages that a finished build shows; web crawls have a hundred."""

CHANGES = 30
"""Rows that what-if shows, the largest changes first."""

PIPE_WIDTH = 110
"""Columns where there is no terminal to ask."""

WIDEST = 1000
"""Columns of a table that must not be cut: on a narrow terminal its lines wrap."""

CONSOLE = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else PIPE_WIDTH)


def print_built(built: "Built", seconds: float) -> None:
    """The account of a build, per language, its costs, and the paths of what it wrote."""
    print_account(built.account, built.beside)
    _print_languages(built.languages)
    work = {name: value for name, value in built.costs.items() if name not in ("cpu", "peak_mb", "driver")}
    total = built.costs.get("cpu", 0.0) + built.costs.get("driver", 0.0)
    if work:
        parts = ", ".join(f"{name} {value:.1f}" for name, value in sorted(work.items(), key=lambda item: -item[1]))
        frame_share = 1 - sum(work.values()) / total if total else 0.0
        CONSOLE.print(
            f"{seconds:.1f} s; CPU {total:.1f} s ({parts}; frame {frame_share:.1%}); "
            f"largest worker {built.costs['peak_mb']:.0f} MB"
        )
    else:
        CONSOLE.print(f"{seconds:.1f} s; everything was done before")
    _print_unclaimed(built.unclaimed)
    for layout, splits in built.tokens.items():
        CONSOLE.print(f"tokens, {layout}: {', '.join(_of_split(split, one) for split, one in splits.items())}")
    if built.tokenizer:
        print_tokenizer(built.tokenizer["name"], built.tokenizer["why"])
    for path in built.files:
        CONSOLE.print(f"  {path}")


def _of_split(split: str, counts: Mapping[str, Any]) -> str:
    filled = f", {counts['tokens'] / counts['room']:.1%} filled" if "room" in counts else ""
    return f"{split} {counts['tokens']:,} in {counts['sequences']:,} sequences{filled}"


def print_left_out(refused: Mapping[str, int], without: int) -> None:
    """Documents that are in no token shard, by reason, and those without a text."""
    from florilegium.pipeline.encoding import REFUSED

    for reason, count in sorted(refused.items()):
        CONSOLE.print(f"left out: {count:,} {reason}: {REFUSED[reason]}")
    if without:
        CONSOLE.print(f"left out: {without:,} without a text")


def print_tokenizer(name: str, why: str | None) -> None:
    """By what a tokenizer encodes, and why it is not the C core, where it is not."""
    by = "encoded by the C core" if why is None else f"encoded by the library `tokenizers`, far slower: {why}"
    CONSOLE.print(f"tokenizer {name}: {by}", markup=False)


def _print_languages(rows: Sequence[Mapping[str, Any]]) -> None:
    """Read, kept, words and bytes of text kept, by language; of many, the largest."""
    table = _table("language", "read", "kept", "words", "bytes", right=(1, 2, 3, 4))
    told = [row for row in rows if row["language"] is not None]
    for row in told[:LANGUAGES]:
        table.add_row(row["language"], *(f"{row[name]:,}" for name in ("read", "kept", "words", "bytes")))
    CONSOLE.print(table)
    if len(told) > LANGUAGES:
        CONSOLE.print(f"and {len(told) - LANGUAGES} more: `florilegium ledger DIR --by language`")


def print_account(found: Mapping[str, Any], beside: Mapping[str, int] | None = None) -> None:
    """Read, kept, and dropped by stage and reason."""
    order = {reason.partition(".")[0]: at for at, reason in enumerate(meanings())}
    table = _table("", "documents", "share", "", right=(1, 2))
    refused = found.get("tokens_refused", {})
    titles = [f"dropped by {reason.partition('.')[0]}" for reason in found["dropped"]]
    widest = max(map(len, [*titles, *(f"  {reason}" for reason in (*found["dropped"], *refused))]), default=0)
    room = max(CONSOLE.width - widest - len("  documents  100.0%  "), 20)  # rich would take it from the figures
    table.add_row("read", f"{found['read']:,}", "", "")
    table.add_row("[bold green]kept", f"[bold green]{found['kept']:,}", _share(found["kept"], found["read"]), "")
    for reason, count in sorted(refused.items(), key=lambda one: (-one[1], one[0])):
        means = _cut(f"in no token shard: {meaning(reason) or ''}", room)
        table.add_row(f"  {reason}", f"{count:,}", _share(count, found["read"]), f"[dim]{means}")
    by_stage = sorted(
        found["dropped"].items(), key=lambda one: (order.get(one[0].partition(".")[0], len(order)), -one[1], one[0])
    )
    before = None
    for reason, count in by_stage:
        stage = reason.partition(".")[0]
        if stage != before:
            gone = sum(number for other, number in by_stage if other.startswith(f"{stage}."))
            table.add_row(f"[bold]dropped by {stage}", f"[bold]{gone:,}", _share(gone, found["read"]), "")
        before = stage
        table.add_row(
            f"  {reason}", f"{count:,}", _share(count, found["read"]), f"[dim]{_cut(meaning(reason) or '', room)}"
        )
    CONSOLE.print(table)
    if beside:
        CONSOLE.print(
            "records beside documents: " + ", ".join(f"{count:,} {kind}" for kind, count in sorted(beside.items()))
        )


def print_frame(frame: "pl.DataFrame") -> None:
    """A frame as a table; a null name is shown as a dash."""
    table = _table(
        *frame.columns,
        right=tuple(at for at, kind in enumerate(frame.dtypes) if kind.is_numeric()),
    )
    for row in frame.iter_rows():
        table.add_row(
            *(f"{value:,}" if isinstance(value, int) else ("–" if value is None else str(value)) for value in row)
        )
    CONSOLE.print(table)


def print_trails(found: Sequence[Mapping[str, Any]]) -> None:
    """One block a document."""
    for trail in found:
        CONSOLE.print(f"[bold]{trail['verdict']}")
        for name, value in trail.items():
            if name != "verdict" and value not in (None, {}, []):
                for line in _lines(value):
                    CONSOLE.print(f"  {name:<16}", end="")
                    CONSOLE.print(line, markup=False)
                    name = ""  # noqa: PLW2901  (it stands before the first line only)


def print_similar(found: Sequence[Mapping[str, Any]]) -> None:
    """One row a document that resembles another."""
    if not found:
        CONSOLE.print("no document resembles it as much; try a lower --least")
        return
    table = _table("similarity", "document", "language", "words", "what became of it", right=(0, 3))
    for row in found:
        name, words = (
            row["url"] or row["record"] or row["id"].hex(),
            "–" if row["words"] is None else f"{row['words']:,}",
        )
        table.add_row(f"{row['similarity']:.2f}", Text(name), row["language"] or "–", words, row["reason"] or "kept")
    CONSOLE.print(table)


def print_contamination(found: Sequence["Benchmark"], examples: int) -> None:
    """A row a benchmark; then the items that stand in the corpus, and where."""
    table = _table(
        "benchmark", "items", "long enough", "in the corpus", "documents with them", "dropped by the build",
        right=(1, 2, 3, 4, 5),
    )  # fmt: skip
    for one in found:
        numbers = (one.items, one.tellable, one.contaminated, one.documents, one.dropped)
        table.add_row(Text(one.name), *(f"{number:,}" for number in numbers))
    CONSOLE.print(table)
    for one in found:
        for item in one.found[:examples]:
            CONSOLE.print(f"{one.name}, item {item.item}, {item.share:.0%} of it: {item.text}", markup=False)
            CONSOLE.print(f"  in {item.url or item.id} ({item.language})", markup=False)
        if len(one.found) > examples:
            CONSOLE.print(f"  and {len(one.found) - examples:,} more items of {one.name}: --examples", markup=False)


def print_pieces(found: Sequence[Mapping[str, Any]]) -> None:
    """One block a piece of a document: where it stands, and what is known of its document."""
    if not found:
        CONSOLE.print("no token shard holds it")
    for piece in found:
        begin, end = piece["first_token"], piece["first_token"] + piece["tokens"]
        CONSOLE.print(f"[bold]{piece['shard']}[/bold]: tokens {begin:,} to {end - 1:,}, sequence {piece['sequence']:,}")
        if "position" in piece:
            CONSOLE.print(f"  token {piece['position']:,} is token {piece['token_of_document']:,} of the document")
        for name in ("begin", "language", "licence", "source"):
            CONSOLE.print(f"  {name:<16}{piece[name]}", markup=False)
        if "document" in piece:
            print_trails([{name: value for name, value in piece["document"].items() if name != "measures"}])


def _lines(value: Any) -> list[str]:
    """A value of a trail as lines: two to a line where it is a mapping, one to a line where it is a list."""
    if isinstance(value, Mapping):
        pairs = [f"{key} {one:.4g}" for key, one in value.items()]
        return ["".join(f"{pair:<46}" for pair in pairs[at : at + 2]).rstrip() for at in range(0, len(pairs), 2)]
    if isinstance(value, list | tuple):
        return [str(one) for one in value]
    return [value.hex() if isinstance(value, bytes) else str(value)]


def print_fates(checks: "Sequence[Check]", every: bool) -> None:
    """How many expectations hold, by stage; then those that do not, those of one kind on one line unless `every`."""
    from florilegium.pipeline.sample.fates import summed

    rows = summed(checks)
    table = _table("stage", "expectations", "hold", "not reached yet", "broken", right=(1, 2, 3, 4))
    total = tuple(map(sum, zip(*(counts for _, counts in rows), strict=True)))
    for stage, counts in [*rows, ("[bold]all", total)]:
        table.add_row(stage, *(f"{count:,}" if count or at < 2 else "–" for at, count in enumerate(counts)))
    CONSOLE.print(table)
    for state, title in (("broken", "[bold red]broken"), ("later", "[bold]not reached yet")):
        missed = [check for check in checks if check.state == state]
        if missed:
            show = _print_each if every or state == "broken" else _print_grouped
            CONSOLE.print(f"\n{title}")
            show(missed)


def _print_each(checks: "Sequence[Check]") -> None:
    for check in checks:
        CONSOLE.print(f"  {check.expects:<18} {check.wanted} -> {check.found}: [dim]{check.url}")


def _print_grouped(checks: "Sequence[Check]") -> None:
    for (expects, found), count in sorted(Counter((check.expects, check.found) for check in checks).items()):
        first = next(check.url for check in checks if (check.expects, check.found) == (expects, found))
        CONSOLE.print(f"  {expects:<18} {count:>4}  {found}: [dim]{first}{' ...' * (count > 1)}")


def print_plan(plan: "Plan", workers: int) -> None:
    """Passes with units to run and units done, and why; then the estimate."""
    table = _table("pass", "to run", "done before", "folder", "why", right=(1, 2))
    for one in plan.passes:
        table.add_row(one.name, one.to_run, one.done, one.folder, one.why)
    CONSOLE.print(table)
    CONSOLE.print(f"input: {plan.files:,} files, {plan.bytes / 1e6:,.1f} MB, in {plan.units:,} units of work")
    _print_unclaimed(plan.unclaimed)
    if plan.estimate is not None:
        cost = plan.estimate
        CONSOLE.print(
            f"estimate from {cost.sampled:,} records: {cost.documents:,.0f} documents, {cost.cpu_seconds:,.0f} CPU s "
            f"(about {_duration(cost.cpu_seconds / workers)} with {workers} workers), "
            f"{cost.disk / 1e6:,.0f} MB of disk in work and corpus"
        )


def print_status(status: "Status") -> None:
    """Units done by pass folder, and the account if the build is finished."""
    table = _table("folder", "units done", "of", "MB", "used by the finished build", right=(1, 2, 3))
    for one in status.folders:
        table.add_row(
            one.name,
            f"{one.done:,}",
            "" if one.units is None else f"{one.units:,}",
            f"{one.bytes / 1e6:,.1f}",
            "yes" if one.used else "",
        )
    CONSOLE.print(table)
    if status.account is None:
        CONSOLE.print("not finished: run the same build command to go on")
    else:
        print_account(status.account)


def print_languages() -> None:
    """Profiles and named sets."""
    from florilegium.languages import codes, load, sets

    table = _table("code", "name", "own name", "script", "ISO 639-1", "stop words", "limits of its own", right=(5, 6))
    for code in codes():
        one = load(code)
        table.add_row(
            code, one.english, one.own, one.script, one.iso639_1 or "", str(len(one.stop_words)), str(len(one.limits))
        )
    CONSOLE.print(table)
    for name, members in sets().items():
        CONSOLE.print(f"{name}: {' '.join(members)}")


def print_sample(sample: "Sample") -> None:
    """What a tokenizer was trained on, by language, most first; of many languages, the largest."""
    table = _table("language", "bytes", "of", "share of the sample", right=(1, 2, 3))
    whole = sum(sample.taken.values())
    most = sorted(sample.taken.items(), key=lambda one: (-one[1], one[0]))
    for language, taken in most[:LANGUAGES]:
        table.add_row(language, f"{taken:,}", f"{sample.held[language]:,}", _share(taken, whole))
    CONSOLE.print(table)
    if len(most) > LANGUAGES:
        CONSOLE.print(f"and {len(most) - LANGUAGES} more, the least: {most[-1][0]} with {most[-1][1]:,} bytes")
    gave_all = sum(taken == sample.held[language] for language, taken in most)
    CONSOLE.print(f"{whole / 1e6:,.1f} MB; {gave_all} of {len(most)} languages gave all they have\n")


def print_compared(found: "Compared") -> None:
    """Under each of the four figures one number for each tokenizer; a row for each language, then the whole."""
    marks = [chr(ord("A") + at) if at < 26 else str(at) for at in range(len(found.files))]
    for mark, file, vocabulary in zip(marks, found.files, found.vocabularies, strict=True):
        CONSOLE.print(f"{mark}  {file} [dim]({vocabulary:,} tokens)")
    titles = ("tokens/word", "bytes/token", "parity", "single bytes")
    table = _table(
        "\nlanguage",
        "\nwords",
        *(f"{title}\n{_side_by_side(marks)}" for title in titles),
        right=range(1, 2 + len(titles)),
    )
    for row in sorted(found.rows, key=lambda row: row.language):
        table.add_row(row.language, f"{row.words:,}", *_figures(found, row))
    table.add_row("[bold]all", f"[bold]{found.all.words:,}", *(f"[bold]{one}" for one in _figures(found, found.all)))
    table.width = CONSOLE.measure(table, options=CONSOLE.options.update(width=WIDEST)).maximum
    CONSOLE.print(table, crop=False)
    CONSOLE.print(
        f"parity: tokens a word over those of {found.reference}"
        + ("" if any(row.language == found.reference for row in found.rows) else ", of which the corpus holds no text")
    )


def _figures(found: "Compared", row: "Row") -> list[str]:
    places = range(len(found.files))
    numbers = [[row.fertility(at) for at in places], [row.density(at) for at in places]]
    numbers.append([found.parity(row, at) for at in places])
    shown = [["–" if one is None else f"{one:.2f}" for one in figure] for figure in numbers]
    shown.append(["–" if one is None else f"{one:.1%}" for one in map(row.single_share, places)])
    return [_side_by_side(figure) for figure in shown]


def _side_by_side(words: Sequence[str]) -> str:
    return " ".join(f"{word:>5}" for word in words)


def print_what_if(found: "Answer") -> None:
    """What changes by language and reason, the corpus before and after, the documents nearest to each limit."""
    counted = found.whole.tokens is not None
    table = _table(
        "language", "reason", "before", "after", "gained", "lost", "words", *["tokens"] * counted, right=range(2, 8)
    )
    for row in found.rows[:CHANGES]:
        numbers = [row.words, *([row.tokens or 0] if counted else [])]
        shown = [f"{one:,}" for one in (row.before, row.after, row.gained, row.lost)]
        table.add_row(row.language, row.reason, *shown, *(f"{one:+,}" for one in numbers))
    if found.rows:
        CONSOLE.print(table)
    else:
        CONSOLE.print("no document changes")
    if len(found.rows) > CHANGES:
        CONSOLE.print(f"and {len(found.rows) - CHANGES} more with smaller changes: --json")
    whole = found.whole
    for name, (before, after) in {
        "documents": whole.documents,
        "words": whole.words,
        "tokens": whole.tokens or (0, 0),
    }.items():
        if name != "tokens" or counted:
            CONSOLE.print(f"corpus: {before:,} {name} before, {after:,} after ({after - before:+,})")
    if whole.duplicates or whole.replaced:
        CONSOLE.print(
            f"{whole.duplicates:,} of {whole.gained:,} gained are duplicates; "
            f"a duplicate takes the place of {whole.replaced:,} of {whole.lost:,} lost"
        )
    if whole.gained:
        CONSOLE.print("near duplicates of what is gained are found by a build")
    for near in found.near:
        _print_near(near)
    import yaml

    told = {"stages": {"filter": {"limits": _plain(found.limits)}}}
    CONSOLE.print(f"\nto build so:\n{yaml.safe_dump(told, sort_keys=False).rstrip()}", markup=False)


def _plain(limits: Any) -> Any:
    """Limits as a person writes them: 50, not 50.0."""
    if isinstance(limits, Mapping):
        return {name: _plain(one) for name, one in limits.items()}
    return int(limits) if isinstance(limits, float) and limits.is_integer() else limits


def _print_near(near: "Near") -> None:
    one = near.setting
    ends = [("off" if end is None else f"{end:.10g}") for end in (one.before, one.after)]
    CONSOLE.print(f"\n[bold]{one.language} {one.measure} {one.end}: {ends[0]} -> {ends[1]}")
    if one.before == one.after:
        CONSOLE.print("it is so already")
        return
    table = _table("value", "", "id", "text and address", right=(0,))
    for example in near.examples:
        fate = "[green]kept" if example.kept else "[red]dropped"
        table.add_row(f"{example.value:.4g}", fate, example.id, Text(f"{example.text}\n{example.url or ''}".rstrip()))
    CONSOLE.print(table if near.examples else "no document is near it")


def print_filters(found: Sequence[Mapping[str, Any]]) -> None:
    """The measures with their limits, and what each says."""
    table = _table("measure", "low", "high", "", right=(1, 2))
    for row in found:
        ends = ["" if row[end] is None else f"{row[end]:g}" for end in ("low", "high")]
        table.add_row(row["measure"], *ends, Text(row["meaning"], style="dim"))
    CONSOLE.print(table)
    CONSOLE.print("a recipe adds model.NAME, list.NAME and datatrove.NAME: docs/filters.md")


def print_fitted(found: "Fit") -> None:
    """The limits now and new, with the reference texts that each would drop."""
    table = _table("measure", "end", "now", "new", "drops now", "drops new", right=range(2, 6))
    for one in found.ends:
        now = "" if one.now is None else f"{one.now:g}"
        dropped = [f"{number:,}" for number in (one.dropped_now, one.dropped_new)]
        table.add_row(one.measure, one.end, now, f"{one.new:g}", *dropped)
    CONSOLE.print(table)
    CONSOLE.print(
        f"{found.texts:,} texts in {found.language}: the limits now would drop {found.dropped_now:,} "
        f"({_share(found.dropped_now, found.texts)}), the new ones {found.dropped_new:,} "
        f"({_share(found.dropped_new, found.texts)}); {found.method}"
    )


def print_trained(found: "Trained", lines: str) -> None:
    """What a classifier learned from, what it makes of held-out texts, and the lines of a recipe that use it."""
    counts = found.texts
    CONSOLE.print(
        f"learned from {counts['learn.keep']:,} texts to keep and {counts['learn.drop']:,} to drop, "
        f"{found.words:,} words; held out {counts['held.keep']:,} and {counts['held.drop']:,}; "
        f"left out {found.duplicates:,} duplicates and {found.in_both:,} that stand in both"
    )
    CONSOLE.print(f"AUC {found.auc:.4f}, average precision {found.average_precision:.4f}\n")
    table = _table("score", "texts", "mean score", "share to keep", right=(1, 2, 3))
    for one in found.calibration:
        table.add_row(f"{one.low:.1f} to {one.high:.1f}", f"{one.texts:,}", f"{one.score:.3f}", f"{one.keep:.3f}")
    CONSOLE.print(table)
    CONSOLE.print(f"expected calibration error {found.expected_calibration_error:.4f}\n")
    table = _table(f"with low = {found.limit:g}", "kept", "dropped", right=(1, 2))
    for side in ("keep", "drop"):
        table.add_row(f"to {side}", *(f"{found.confusion[f'{side}.{fate}']:,}" for fate in ("kept", "dropped")))
    CONSOLE.print(table)
    CONSOLE.print(
        f"\n{found.path}: {found.bytes:,} bytes, sha256 {found.sha256[:16]}; in a recipe:\n{lines}", markup=False
    )


def _print_unclaimed(files: Sequence[str]) -> None:
    if files:
        CONSOLE.print(f"not read: {len(files)} files with an ending that no format claims, the first: {files[0]}")


def _table(*columns: str, right: Sequence[int] = ()) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for at, column in enumerate(columns):
        # fold: an address that is cut cannot be opened or asked about
        table.add_column(column, justify="right" if at in right else "left", no_wrap=at in right, overflow="fold")
    return table


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: room - 1] + "…"


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else ""


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
