"""The sample crawl's recipe with token shards: every format, every way to pack, two splits."""

from pathlib import Path
from typing import Any

import yaml

from tests.pipeline.prose import BEGIN

LAYOUTS: list[dict[str, Any]] = [
    {"name": "documents"},
    {"name": "packed", "format": "packed", "pack": {"kind": "best-fit", "length": 256}},
    {"name": "stream", "format": "megatron", "pack": {"kind": "concat", "length": 100}},
    {"name": "trove", "format": "ds", "pack": {"kind": "concat", "length": 64}},
    {"name": "tight", "format": "mds", "pack": {"kind": "best-fit-decreasing", "length": 128}},
]

TOKENS: dict[str, Any] = {"bos": BEGIN, "validation": 0.2, "layouts": LAYOUTS}


def with_tokens(europe: Path, folder: Path, tokens: dict[str, Any], **more: Any) -> Path:
    """The sample's recipe with a part about tokens, in a folder of its own."""
    told = yaml.safe_load((europe / "recipe.yaml").read_text("utf-8"))
    for source in told["sources"]:
        source["path"] = str(europe / source["path"])
    folder.mkdir(exist_ok=True)
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump({**told, **more, "tokens": tokens}), "utf-8")
    return path
