"""What a person sees while a build runs: a live bar for each pass on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TextIO, TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, track

from florilegium.pipeline.executor import Event

PLAIN_SECONDS = 10
"""How often a plain line is written."""

NAMES = {
    "sketch": "hosts 1/4",
    "count": "hosts 2/4",
    "templates": "hosts 3/4",
    "mark": "hosts 4/4",
    "judge": "decisions 1/6",
    "urls": "decisions url",
    "match": "decisions 2/6",
    "unite": "decisions 3/6",
    "members": "decisions 4/6",
    "elect": "decisions 5/6",
    "settle": "decisions 6/6",
    "gather": "corpus 1/2",
    "merge": "corpus 2/2",
    "ledger": "release 1/2",
    "report": "release 2/2",
}
WIDTH = max(map(len, NAMES.values()))
"""How the passes and their levels are called on the screen."""


T = TypeVar("T")


def walking(items: Sequence[T], what: str) -> Iterator[T]:
    """The items, with a live bar if standard error is a terminal, else with a plain line every PLAIN_SECONDS."""
    if sys.stderr.isatty():
        yield from track(items, f"{what:<{WIDTH}}", console=Console(stderr=True))
        return
    said = time.monotonic()
    for at, item in enumerate(items):
        yield item
        if at + 1 == len(items) or time.monotonic() - said > PLAIN_SECONDS:
            said = time.monotonic()
            sys.stderr.write(f"{what:<{WIDTH}} {at + 1:,} of {len(items):,}\n")


class Silent:
    """Shows nothing."""

    def begin(self, name: str, units: int, cached: int, load: int) -> None:
        """See run.Watch."""

    def event(self, event: Event) -> None:
        """See run.Watch."""

    def end(self, name: str) -> None:
        """See run.Watch."""


class Tally:
    """Sums up what the running pass has done: documents, bytes, dropped, and the part of its input."""

    def __init__(self, units: int, cached: int, load: int) -> None:
        self.units, self.cached, self.load = units, cached, load
        self.any = units + cached > 0  # a pass that the recipe does not ask for has nothing to show
        self.finished = 0
        self.deaths = 0
        self._started = time.monotonic()
        self._of: dict[str, dict[str, Any]] = {}

    def add(self, event: Event) -> None:
        """Take in one event."""
        if event.kind == "progress":
            self._of[event.unit.name] = event.content
        elif event.kind == "died":
            self.deaths += 1
        elif event.kind == "done":
            self.finished += 1
            self._of[event.unit.name] = {**self._of.get(event.unit.name, {}), "load": event.unit.load}

    def sum(self, name: str) -> int:
        """A count over all units so far."""
        return sum(one.get(name, 0) for one in self._of.values())

    @property
    def share(self) -> float:
        """The part of the pass that is done, 0 to 1."""
        return (
            min(1.0, self.sum("load") / self.load) if self.load else (self.finished / self.units if self.units else 1.0)
        )

    def line(self) -> str:
        """Units, documents/s, MB/s, kept share, time left."""
        seconds = max(time.monotonic() - self._started, 1e-3)
        rows, size = self.sum("rows"), self.sum("bytes_in")
        parts = [f"{self.finished}/{self.units} units" + (f" (+{self.cached} done before)" if self.cached else "")]
        if rows:
            parts.append(f"{rows / seconds:,.0f} documents/s")
        if size:
            parts.append(f"{size / 1e6 / seconds:,.1f} MB/s")
        if rows and any("dropped" in one for one in self._of.values()):
            parts.append(f"{1 - self.sum('dropped') / rows:.0%} kept")
        if 0.02 < self.share < 1:
            parts.append(f"{_clock(seconds / self.share - seconds)} left")
        if self.deaths:
            parts.append(f"{self.deaths} worker{'s' * (self.deaths > 1)} restarted")
        return " · ".join(parts)


class Plain:
    """One line when a pass ends, and one every PLAIN_SECONDS in a long one."""

    def __init__(self, to: TextIO) -> None:
        self._to = to
        self._tally = Tally(0, 0, 0)
        self._name = ""
        self._said = 0.0

    def begin(self, name: str, units: int, cached: int, load: int) -> None:
        """See run.Watch."""
        self._tally = Tally(units, cached, load)
        self._name, self._said = name, time.monotonic()

    def event(self, event: Event) -> None:
        """See run.Watch."""
        self._tally.add(event)
        if time.monotonic() - self._said > PLAIN_SECONDS:
            self._said = time.monotonic()
            self._say(f"{self._tally.share:4.0%} ")

    def end(self, name: str) -> None:
        """See run.Watch."""
        del name
        if self._tally.any:
            self._say("done ")

    def _say(self, mark: str) -> None:
        self._to.write(f"{NAMES.get(self._name, self._name):<{WIDTH}} {mark} {self._tally.line()}\n")
        self._to.flush()


class Live:
    """A bar for each pass."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tally = Tally(0, 0, 0)
        self._task: Any = None

    def begin(self, name: str, units: int, cached: int, load: int) -> None:
        """See run.Watch."""
        self._tally = Tally(units, cached, load)
        self._task = self._progress.add_task(
            f"{NAMES.get(name, name):<{WIDTH}}", total=1.0, line="", visible=self._tally.any
        )

    def event(self, event: Event) -> None:
        """See run.Watch."""
        self._tally.add(event)
        self._progress.update(self._task, completed=self._tally.share, line=self._tally.line())

    def end(self, name: str) -> None:
        """See run.Watch."""
        del name
        self._progress.update(self._task, completed=1.0, line=self._tally.line())
        self._progress.stop_task(self._task)


@contextmanager
def watching(to: TextIO | None = None) -> Iterator[Any]:
    """Live bars if the stream is a terminal, else plain lines. to: standard error by default."""
    stream = to or sys.stderr
    if not stream.isatty():
        yield Plain(stream)
        return
    columns = [
        SpinnerColumn(finished_text="[green]✓"),
        TextColumn("{task.description}"),
        BarColumn(bar_width=14),
        TimeElapsedColumn(),
        TextColumn("{task.fields[line]}"),
    ]
    with Progress(*columns, console=Console(file=stream)) as progress:
        yield Live(progress)


@contextmanager
def silent() -> Iterator[Any]:
    """Nothing is shown."""
    yield Silent()


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
