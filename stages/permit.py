"""Permit: the rights of each document under the recipe's policy, decided from evidence alone."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from florilegium.pipeline.schema import Batch, put
from florilegium.pipeline.verdict import drop

UNKNOWN = "unknown"
"""What is recorded where nothing says what is allowed; never read as permission."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Permit:
    """Give each document the licence declared for its source, and drop those whose licence is not allowed."""

    licences: Annotated[
        tuple[str, ...] | None,
        Field(
            description="licences that may enter; by default any, unknown ones included. "
            "A source without a licence counts as `unknown`"
        ),
    ] = None
    declared: Annotated[
        dict[str, str], Field(description="licence of each source; filled from the recipe's sources")
    ] = Field(default_factory=dict)

    writes: ClassVar[tuple[str, ...]] = ("licence", "rights")
    reasons: ClassVar[Mapping[str, str]] = {"permit.licence": "the licence is not among those that the recipe allows"}
    decides: ClassVar[frozenset[str]] = frozenset({"licences", "declared"})
    libraries: ClassVar[tuple[str, ...]] = ()

    def __call__(self, batch: Batch) -> Batch:
        """Fill licence and rights; give permit.licence."""
        known = pa.array(list(self.declared), pa.string())
        at = pc.index_in(batch["source"], value_set=known)
        licence = pa.array(list(self.declared.values()), pa.string()).take(at)
        batch = put(batch, licence=licence, rights=pa.array([UNKNOWN] * batch.num_rows, pa.string()))
        if self.licences is None:
            return batch
        allowed = pa.array(self.licences, pa.string())
        refused = pc.invert(pc.is_in(licence.fill_null(UNKNOWN), value_set=allowed))
        return drop(batch, refused, "permit.licence")

    def files(self) -> Mapping[str, Path]:
        """It opens none."""
        return {}

    def for_sources(self, sources: Sequence[Mapping[str, Any]]) -> "Permit":
        """The same policy, knowing the licence of each source."""
        return replace(self, declared={s["name"]: s["licence"] for s in sources if s["licence"] is not None})
