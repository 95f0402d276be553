"""A unit of work: what to run on which inputs, and the record that makes it done.

A unit is done when its record stands: outputs are stored first, the record last and create-only. The record holds a
fingerprint of all that determines the unit, the digest of each output, and what was counted. Resume, caching and
provenance follow from it. No time, host or process id stands in it.
"""

import json
import os
import resource
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from importlib import import_module
from typing import Any

from florilegium.pipeline import memory, store
from florilegium.pipeline.store import Stored

Say = Callable[[str, Any], None]
"""How a running unit reports: `say("progress", {...})`, `say("at", place)`, `say("held", memory)`."""

OVER = signal.SIGUSR1
"""By this signal a worker ends itself in a place that took too much memory."""


@dataclass(frozen=True)
class Unit:
    """A unit of work: pickles, holds no closures, and is pure: same unit, same bytes.

    name: for people ("documents 00017"). folder: where its files go. key: stem of its files.
    function: "module:function", called with the unit and a Guard; answers Made.
    given: all that determines its bytes, JSON only: options, digests of code, models, inputs. It makes the fingerprint.
    carry: what it needs beside that, JSON only: paths of inputs and the like, which differ from place to place.
    load: bytes of input, for ordering (largest first) and progress; no part of the fingerprint.
    cpu_seconds, memory_mb: the backstop: a document that takes more is dropped by killing the worker; 0 is off.
    struck: documents that have killed a worker, place -> reason; kept in the record and replayed.
    """

    name: str
    folder: str
    key: str
    function: str
    given: Mapping[str, Any]
    carry: Mapping[str, Any] = field(default_factory=dict)
    load: int = 0
    cpu_seconds: int = 0
    memory_mb: int = 0
    struck: Mapping[str, str] = field(default_factory=dict)

    def fingerprint(self) -> str:
        """128-bit BLAKE2b (hex) of function and givens."""
        return digest({"function": self.function, "given": self.given})

    def path(self, suffix: str) -> str:
        """The path of one of its files."""
        return store.join(self.folder, self.key + suffix)


@dataclass(frozen=True)
class Made:
    """What a unit made: outputs (suffix -> Stored), counts (JSON), costs (CPU seconds, memory; not in the record)."""

    outputs: Mapping[str, Stored]
    counts: Mapping[str, Any]
    costs: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Record:
    """The stored form of a finished unit."""

    fingerprint: str
    outputs: Mapping[str, Stored]
    counts: Mapping[str, Any]
    struck: Mapping[str, str]


class Guard:
    """What a running unit holds its CPU time and memory against: documents that kill the worker are left out.

    careful: batches (by place) to be run one document at a time. struck: documents to leave out, with their reason.
    memory_mb: how much more a place may hold at its peak than at its start, in MiB of resident memory. That is looked
    at when the place is left, so that it matters little what a library makes of a failed allocation; until then
    a wall, at twice as much, keeps the machine.
    """

    def __init__(
        self, cpu_seconds: int, careful: frozenset[str], struck: Mapping[str, str], say: Say, memory_mb: int = 0
    ) -> None:
        self.cpu_seconds = cpu_seconds
        self.careful = careful
        self.struck = struck
        self.say = say
        self._most = memory_mb << 20
        self._began: memory.Held | None = None

    def enter(self, place: str) -> None:
        """Say where the worker is, and give this place its CPU seconds and memory."""
        self._weigh()
        self.say("at", place)
        if self._most and (began := memory.given_back()):
            self._began = began
            self.say("held", began)
            memory.wall(began.data + 2 * self._most)
        if self.cpu_seconds:
            used = resource.getrusage(resource.RUSAGE_SELF)
            soft = int(used.ru_utime + used.ru_stime) + self.cpu_seconds + 1
            hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
            resource.setrlimit(resource.RLIMIT_CPU, (soft if hard < 0 else min(soft, hard), hard))

    def leave(self) -> None:
        """Lift the limits. A death from here on is no document's fault."""
        self._weigh()
        self.say("at", None)
        if self.cpu_seconds:
            hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
            resource.setrlimit(resource.RLIMIT_CPU, (hard, hard))

    def failed(self, error: Exception) -> None:
        """Leave after an error. Memory that was not to be had within a place ends the worker: the place is to blame."""
        if isinstance(error, MemoryError) and self._began:
            os.kill(os.getpid(), OVER)
        self.leave()

    def _weigh(self) -> None:
        """End the worker if the place took too much memory, and take the wall away."""
        if self._began and (now := memory.held()):
            if now.peak > max(self._began.peak, self._began.now + self._most):
                os.kill(os.getpid(), OVER)
            memory.wall(None)
        self._began = None


def digest(content: Any) -> str:
    """128-bit BLAKE2b (hex) of JSON with sorted keys."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return blake2b(text.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()


def look(unit: Unit, verify: bool = False) -> tuple[Record | None, Unit]:
    """The unit's record if it is done, and the unit as it is to be run if it is not.

    Done: the fingerprint is equal and every output has the recorded size (with verify: the recorded hash). If only an
    output is damaged, the documents that killed a worker before are left out again.
    """
    content = store.read(unit.path(".json"))
    if content is None:
        return None, unit
    found = json.loads(content)
    outputs = {suffix: Stored(**stored) for suffix, stored in found["outputs"].items()}
    record = Record(found["fingerprint"], outputs, found["counts"], found["struck"])
    if record.fingerprint != unit.fingerprint():
        return None, unit
    whole = all(_stands(unit.path(suffix), stored, verify) for suffix, stored in outputs.items())
    return (record, unit) if whole else (None, replace(unit, struck=record.struck))


def _stands(path: str, stored: Stored, verify: bool) -> bool:
    return store.size(path) == stored.size and (not verify or store.sha256(path) == stored.sha256)


def perform(unit: Unit, guard: Guard) -> Mapping[str, float]:
    """Run a unit and store its record; answers its costs. A unit that another process finished meanwhile is left so."""
    module, function = unit.function.split(":")
    made: Made = getattr(import_module(module), function)(unit, guard)
    content = {
        "fingerprint": unit.fingerprint(),
        "outputs": {s: {"sha256": o.sha256, "size": o.size} for s, o in sorted(made.outputs.items())},
        "counts": made.counts,
        "struck": dict(unit.struck),
    }
    line = json.dumps(content, sort_keys=True, ensure_ascii=False) + "\n"
    if not store.create(unit.path(".json"), line.encode()) and look(unit)[0] is None:
        store.put_bytes(unit.path(".json"), line.encode())  # a record of another fingerprint or of damaged outputs
    return made.costs
