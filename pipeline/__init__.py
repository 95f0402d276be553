"""The frame: reads, distributes, counts and writes; knows stages, filters and languages by name only.

In a notebook: `from florilegium.pipeline import build, ledger, documents, minhashes`.
"""

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:  # this package is imported by every stage: heavy modules load when a function is called
    from collections.abc import Iterator

    import polars as pl
    import pyarrow.dataset as ds
    from datasketch import LeanMinHash

    from florilegium.pipeline.run import Built

__all__ = ["build", "documents", "ledger", "minhashes"]


def build(
    recipe: "str | dict[str, Any]",
    out: str = "corpus",
    *,
    executor: Literal["local", "ray"] = "local",
    workers: int | None = None,
    ray_address: str | None = None,
    limit: int | None = None,
    verify: bool = False,
    progress: bool = True,
) -> "Built":
    """Build a corpus; answers its account (read, kept, dropped by reason), what was written, and what it cost.

    recipe: path of a recipe, path of an input (the default recipe is used), or a recipe as a mapping.
    out: the output folder, local or any fsspec path. workers: processes (local; default: one a CPU) or units in flight
    (ray). limit: only the first records, in input order.
    Raises PipelineError for mistakes in recipe or inputs, and when the account does not balance.
    """
    from florilegium.pipeline import recipe as recipes
    from florilegium.pipeline.cli.progress import silent, watching
    from florilegium.pipeline.executor import opened
    from florilegium.pipeline.run import build as run

    loaded = recipes.parse(recipe) if isinstance(recipe, dict) else recipes.of_path(recipe)
    with opened(executor, workers, ray_address) as running, watching() if progress else silent() as watch:
        return run(loaded, out, running, watch, limit=limit, verify=verify)


def ledger(path: str) -> "pl.DataFrame":
    """The ledger of a finished build as a polars frame: one row an input document (columns: `account.SCHEMA`)."""
    from florilegium.pipeline.account import ledger as read

    return read(path)


def documents(path: str, language: str | None = None) -> "ds.Dataset":
    """The documents of a finished build as an Arrow dataset; of one language if given (`deu_Latn`).

    Only shards that the manifest names are read. Raises PipelineError when the build or the language is not there.
    """
    from florilegium.pipeline.account import dataset

    return dataset(path, language)


def minhashes(path: str) -> "Iterator[tuple[bytes, LeanMinHash]]":
    """Id and MinHash signature of each document with a text of a finished build, as datasketch's indices take them.

    Raises PipelineError when the build or datasketch is not there.
    """
    from florilegium.pipeline.similar import minhashes as read

    return read(path)
