"""The stages of a pass as data for a unit, and as functions again in its worker."""

import resource
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow.compute as pc
from pydantic import TypeAdapter

from florilegium.pipeline.fingerprint import stage_digest
from florilegium.pipeline.recipe import Recipe
from florilegium.pipeline.schema import Batch
from florilegium.pipeline.stage import stage_class

Line = list[tuple[str, Any]]

Costs = defaultdict[str, float]
"""CPU seconds by stage."""


def options(recipe: Recipe, names: Iterable[str]) -> dict[str, Any]:
    """The options of these stages, as JSON, in their order."""
    stages = {name: recipe.stage(name) for name in names}
    return {name: TypeAdapter(type(stage)).dump_python(stage, mode="json") for name, stage in stages.items()}


def digests(recipe: Recipe, names: Iterable[str], deciding: bool) -> dict[str, Any]:
    """What determines what these stages write (deciding: what they decide), as JSON."""
    return {name: stage_digest(name, recipe.stage(name), deciding) for name in names}


def built(given: Mapping[str, Any]) -> Line:
    """The stages, by name, from their options."""
    return [(name, TypeAdapter(stage_class(name)).validate_python(found)) for name, found in given.items()]


def through(batch: Batch, line: Line, costs: Costs) -> Batch:
    """Run the stages on a batch, one after the other; adds the CPU seconds of each to costs.

    Raises AssertionError when a stage removed or reordered documents, for that is a bug.
    """
    for name, stage in line:
        before = time.process_time()
        after = stage(batch)
        costs[name] += time.process_time() - before
        if not after["id"].equals(batch["id"]):
            raise AssertionError(f"stage {name} removed or reordered documents")
        batch = after
    return batch


def text_bytes(batch: Batch) -> int:
    """Bytes of UTF-8 text in a batch."""
    lengths = pc.binary_length(batch["text"])  # type: ignore[call-overload]  # the stubs want the type of text known
    found: int = pc.sum(lengths).as_py() or 0
    return found


def spent(costs: Mapping[str, float], started: float) -> dict[str, float]:
    """The costs of a unit: CPU seconds of each stage, of all (`cpu`); the worker's peak memory so far (`peak_mb`)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return dict(costs) | {"cpu": time.process_time() - started, "peak_mb": peak}
