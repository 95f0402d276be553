"""Token shards of a build, as its manifest, their infos and the layouts of its recipe tell of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Home = tuple[str, int]
"""Language and number of a shard of the corpus: a token shard has those of the one that it was made of."""


@dataclass(frozen=True)
class Shard:
    """A token shard.

    path: local, without endings. stem: below the output folder. pack, format: of its layout. info: as stored.
    """

    path: Path
    stem: str
    layout: str
    split: str
    language: str
    format: str
    pack: Mapping[str, Any]
    info: Mapping[str, Any]

    @property
    def prefix(self) -> str:
        """As trainers name a Megatron pair."""
        return f"{self.path}_text_document"


def home_of(stem: str, language: str) -> Home:
    """Which shard of the corpus a token shard was made of."""
    return language, int(stem.rsplit("_", 1)[1])


def homes(files: Iterable[Mapping[str, Any]]) -> dict[Home, str]:
    """The paths of the corpus shards that a manifest names."""
    return {
        (file["language"], int(file["path"].rsplit("/", 1)[1].split("-")[1])): file["path"]
        for file in files
        if file["path"].startswith("corpus/")
    }
