"""Where units run: processes of this machine, or a Ray cluster. The only file that imports ray.

Both run a unit in a killable child process (worker.py) and yield the same events, so that bytes cannot depend on the
choice. State is files: an executor carries paths and costs, never text, and may be killed at any moment.
"""

import logging
import os
import queue
import secrets
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

from florilegium.pipeline.errors import PipelineError
from florilegium.pipeline.work import Unit
from florilegium.pipeline.worker import PATIENCE, Killable


@dataclass(frozen=True)
class Event:
    """Something that a unit reports. kind: done (content: its costs), progress, died (content: exit status, place)."""

    unit: Unit
    kind: str
    content: Any


class Executor(Protocol):
    """Runs units; what they make stands in the store."""

    workers: int

    def run(self, units: Sequence[Unit]) -> Iterator[Event]:
        """Run all units, largest first, and yield events until the last is done. Raises what a unit raised."""

    def close(self) -> None:
        """End every process that was started."""


class Local:
    """Processes of this machine, one unit each at a time."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._mine = threading.local()
        self._children: list[Killable] = []
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="florilegium")

    def run(self, units: Sequence[Unit]) -> Iterator[Event]:
        """See Executor."""
        events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        futures = [self._threads.submit(self._perform, unit, events) for unit in largest_first(units)]
        for future in futures:
            future.add_done_callback(lambda _: events.put(None))
        left = len(futures)
        try:
            while left:
                event = events.get()
                if event is not None:
                    yield event
                    continue
                left -= 1
                _raise_first(futures)
        finally:
            for future in futures:
                future.cancel()

    def close(self) -> None:
        """See Executor."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for child in self._children:
            child.close()

    def _perform(self, unit: Unit, events: "queue.SimpleQueue[Event | None]") -> None:
        child: Killable | None = getattr(self._mine, "child", None)
        if child is None:
            child = self._mine.child = Killable()
            self._children.append(child)
        costs = child.run(unit, lambda kind, content: events.put(Event(unit, kind, content)))
        events.put(Event(unit, "done", costs))


class Ray:
    """A Ray cluster: the one at `address`, or one started on this machine for this run.

    workers: units in flight; with an address and no number given, as many as the cluster has CPUs.
    """

    def __init__(self, workers: int | None, address: str | None = None) -> None:
        # Ray reads these when it is imported: nothing is sent anywhere, and nothing is kept in the user's home.
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        if address is None:
            os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
        import ray

        own: dict[str, Any] = {"include_dashboard": False, "num_cpus": workers or os.cpu_count()}
        try:
            ray.init(
                address=address or "local",
                log_to_driver=False,
                logging_level=logging.ERROR,
                configure_logging=False,
                **(own if address is None else {}),
            )
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise PipelineError(
                f"ray: no cluster at {address or 'this machine'}: {str(error).splitlines()[0]}",
                "start one with `ray start --head`, or leave --ray-address out to start one for this run",
            ) from error
        self._ray = ray
        self.workers = workers or int(ray.cluster_resources().get("CPU", 1))  # type: ignore[no-untyped-call]  # as Ray has it
        # Exceptions of ours are bugs and are not retried; a dead process or node is no one's fault.
        self._remote = ray.remote(num_cpus=1, max_retries=PATIENCE)(_on_ray)

    def run(self, units: Sequence[Unit]) -> Iterator[Event]:
        """See Executor."""
        # What still runs when this ends early is ended by `close`: Ray ends the tasks of a driver that leaves.
        # To cancel them by force races with their end inside Ray 2.60 and can abort this process.
        waiting = largest_first(units)[::-1]
        running: dict[Any, Unit] = {}
        while waiting or running:
            while waiting and len(running) < self.workers:
                unit = waiting.pop()
                running[self._remote.options(name=unit.name).remote(unit)] = unit
            done, costs = self._next(running)
            yield Event(running.pop(done), "done", costs)

    def close(self) -> None:
        """See Executor."""
        self._ray.shutdown()

    def _next(self, running: Mapping[Any, Unit]) -> tuple[Any, Any]:
        """The next reference that is done, and its costs."""
        from ray.exceptions import RayError, RayTaskError

        done = None
        try:
            (done,), _ = self._ray.wait(list(running), num_returns=1)
            return done, self._ray.get(done)
        except RayTaskError as error:
            raise (error.cause if isinstance(error.cause, PipelineError) else error) from None
        except RayError as error:  # workers, nodes or the cluster itself died more often than Ray runs a task again
            what = "the cluster" if done is None else running[done].name
            raise PipelineError(
                f"{what}: Ray gave up on it: {str(error).splitlines()[0]}",
                "see to the cluster (memory, nodes), then run the same command: it resumes",
            ) from error


@contextmanager
def opened(kind: str, workers: int | None = None, address: str | None = None) -> Iterator[Executor]:
    """An executor by name, local or ray, closed at the end. workers: by default one for each CPU."""
    if workers is not None and workers < 1:
        raise PipelineError(f"--workers {workers}: at least one is needed", "leave it out to use every CPU")
    if kind == "ray":
        running: Executor = Ray(workers, address)
    elif address is not None:
        raise PipelineError("--ray-address is for the ray executor", "add --executor ray")
    else:
        running = Local(workers or len(os.sched_getaffinity(0)))
    try:
        yield running
    finally:
        running.close()


def largest_first(units: Sequence[Unit]) -> list[Unit]:
    """The order in which units start: by bytes of input, so that the last to end is a small one."""
    return sorted(units, key=lambda unit: (-unit.load, unit.name))


@cache
def _child_of_ray_worker() -> Killable:
    return Killable()


def _on_ray(unit: Unit) -> Any:
    return _child_of_ray_worker().run(unit, lambda _kind, _content: None)


def _raise_first(futures: Sequence[Future[None]]) -> None:
    for future in futures:
        if future.done() and not future.cancelled() and (error := future.exception()):
            raise error
