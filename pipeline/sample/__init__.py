"""A small imaginary Europe to try a build on: a crawl, a register, a recipe, and what should become of each text.

Each language is one file of `europe/` (prose, sites, pages), designs are templates (`pages/`). All places, people and
firms are invented; hosts end in .example (RFC 2606), addresses of persons in .test, so that none can be anyone's.
"""

import json
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from florilegium.pipeline.sample.content import Sample, load
from florilegium.pipeline.sample.fates import REGISTER, crawl_file, entry, fates
from florilegium.pipeline.sample.render import payload
from florilegium.pipeline.sample.warc import capture, warcinfo

__all__ = ["fates", "write_sample"]


def write_sample(folder: Path) -> None:
    """Write the sample into `folder`: crawl/*.warc.gz, records/register.jsonl, fates.jsonl, recipe.yaml, tokens.yaml.

    tokens.yaml is the recipe with token shards, for a tokenizer.json beside it, which is to be trained first.

    The same bytes on every call. Files of these names are replaced.
    """
    sample = load()
    (folder / "crawl").mkdir(parents=True, exist_ok=True)
    (folder / "records").mkdir(exist_ok=True)
    for number in sorted({page.crawl for page in sample.pages}):
        (folder / crawl_file(number)).write_bytes(_crawl(number, sample))
    _write_lines(folder / REGISTER, (entry(passage) for passage in sample.register))
    _write_lines(folder / "fates.jsonl", fates())
    recipe, tokens = ((files(__package__) / name).read_bytes() for name in ("recipe.yaml", "tokens.yaml"))
    (folder / "recipe.yaml").write_bytes(recipe)
    (folder / "tokens.yaml").write_bytes(recipe + b"\n" + tokens)


def _crawl(number: int, sample: Sample) -> bytes:
    pages = [page for page in sample.pages if page.crawl == number]
    members = [warcinfo(crawl_file(number).split("/")[-1], pages[0].captured)]
    for page in pages:
        members += capture(page, sample.sites.get(page.host), payload(page, sample))
    return b"".join(members)


def _write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    path.write_bytes("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode())
