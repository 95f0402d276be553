"""Whose an output folder is: one corpus by name; no build writes into another's folder, or into one that none made."""

import json
from typing import Any

from florilegium.pipeline import store
from florilegium.pipeline.errors import PipelineError
from florilegium.pipeline.recipe import Recipe

OWNER = "work/owner.json"


def check(recipe: Recipe, out: str) -> None:
    """Raises PipelineError when the folder holds another corpus, or anything that no build made, or is an earlier build
    of the recipe, all documents of which would go as duplicates of themselves. Writes nothing.

    It is this recipe's when its name is the same and a source is: limits, options and sources may change. A work folder
    without an owner is a build that was stopped before it had said whose it is.
    """
    if any(_place(out) == _place(earlier) for earlier in recipe.earlier):
        raise PipelineError(
            f"earlier: {out}: is the folder that this build writes",
            "give the new documents another --out; or take the folder out of `earlier` to build it anew",
        )
    found = _owner(out)
    mine = [source.name for source in recipe.sources]
    if found is None:
        if store.holds(out) and store.size(store.join(out, "work/.lock")) is None:
            raise PipelineError(
                f"{out}: holds files that no build has made", "give a new folder as --out, or empty this one"
            )
    elif found["corpus"] != recipe.name:
        raise PipelineError(
            f"{out}: holds the corpus {found['corpus']!r}, and this recipe is called {recipe.name!r}",
            f"give another --out, or write `name: {found['corpus']}` if it is the same corpus, or remove the folder",
        )
    elif not set(found["sources"]) & set(mine):
        raise PipelineError(
            f"{out}: holds {found['corpus']!r} of other sources: {_listed(found['sources'])}; here: {_listed(mine)}",
            "give another --out, or keep the names of sources that are the same, or remove the folder",
        )


def take(recipe: Recipe, out: str) -> None:
    """Write down whose the folder is, if it may be this recipe's: see `check`."""
    check(recipe, out)
    mine = {"corpus": recipe.name, "sources": [source.name for source in recipe.sources]}
    path, content = store.join(out, OWNER), (json.dumps(mine) + "\n").encode()
    found = _content(out, OWNER)
    if found is None and not store.create(path, content):  # another build, on a store without locks, was quicker
        check(recipe, out)
    elif found not in (None, mine):
        store.put_bytes(path, content)


def _owner(out: str) -> dict[str, Any] | None:
    """Name and sources of the corpus: as the last build began, or as the last one ended."""
    found = _content(out, OWNER)
    if found is None and (manifest := _content(out, "manifest.json")):
        return {"corpus": manifest["corpus"], "sources": [one["source"] for one in manifest["inputs"]]}
    return found


def _place(out: str) -> str:
    path = store.local_path(out)
    return out.rstrip("/") if path is None else str(path.resolve())


def _content(out: str, name: str) -> dict[str, Any] | None:
    path = store.join(out, name)
    content = store.read(path)
    try:
        found: dict[str, Any] | None = None if content is None else json.loads(content)
    except ValueError as error:
        raise PipelineError(f"{path}: is damaged", "remove it: the next build writes it anew") from error
    return found


def _listed(names: list[str]) -> str:
    return ", ".join(names[:5]) + (" ..." if len(names) > 5 else "")
