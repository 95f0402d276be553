"""Pure functions of a text or a page: measures, recognisers, signals. No input or output."""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # limits and text live in this package; importing them here would go in a circle
    from florilegium.filters.limits import Filter


@cache
def every_filter() -> Mapping[str, "Filter"]:
    """All filters of the tree by `<topic>.<function>`, sorted: what stands in the topic files is what there is."""
    from florilegium.filters.limits import Limits

    found: dict[str, Filter] = {}
    for topic in iter_modules(__path__):
        if topic.ispkg:
            continue
        module = import_module(f"{__name__}.{topic.name}")
        for name, thing in vars(module).items():
            if isinstance(getattr(thing, "limits", None), Limits) and thing.__module__ == module.__name__:
                found[f"{topic.name}.{name}"] = thing
    return dict(sorted(found.items()))
