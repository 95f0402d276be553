"""Reasons: how a stage drops a document, and how the frame parts kept from dropped."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from florilegium.pipeline.schema import VERDICT, Batch, put


def drop(batch: Batch, where: pa.BooleanArray, reason: str, value: Any = None, limit: Any = None) -> Batch:
    """Give `reason` to the rows where `where` is true and none was given before: the first reason stays.

    where: boolean per row, null counts as false. value, limit: a number, or one per row; null where the rule has none.
    """
    fresh = pc.and_(pc.is_null(batch["reason"]), where.fill_null(False))  # type: ignore[arg-type]  # still booleans
    given = (reason, value, limit)
    columns = {
        name: pc.if_else(fresh, _scalar_or_array(new, batch[name].type), batch[name])
        for name, new in zip(VERDICT, given, strict=True)
    }
    return put(batch, **columns)


def split(batch: Batch) -> tuple[Batch, Batch]:
    """The kept rows and the dropped rows, each in their order."""
    kept = pc.is_null(batch["reason"])
    return batch.filter(kept), batch.filter(pc.invert(kept))


def _scalar_or_array(value: Any, kind: pa.DataType) -> Any:
    return value.cast(kind) if isinstance(value, pa.Array) else pa.scalar(value, kind)
