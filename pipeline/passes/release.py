"""Pass 7, release: the ledger written and balanced, shards published, the manifest last."""

import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from florilegium.pipeline import store, tables
from florilegium.pipeline.account import SCHEMA as LEDGER
from florilegium.pipeline.errors import PipelineError
from florilegium.pipeline.fingerprint import file_hash, frame_digest, version_of
from florilegium.pipeline.passes import line, sketches, tokens
from florilegium.pipeline.passes.decisions import ALL_STAGES, READS, Shard, decided
from florilegium.pipeline.recipe import Recipe, as_json
from florilegium.pipeline.stage import find
from florilegium.pipeline.work import Guard, Made, Record, Unit, digest

ROWS_A_FILE = 250_000
"""Rows of a ledger file, about: some 30 MB."""

TOKENIZER = "tokens/tokenizer.json"
"""The tokenizer that a build's shards were made with stands beside them."""

MEASURED = ("lines_removed", "characters_removed", "words", "text_hash")
"""What the ledger takes from the measures pass."""

Done = Sequence[tuple[Unit, Record]]


def published(unit: Unit, record: Record, suffix: str) -> str:
    """Where a shard stands below the output folder.

    The name holds the start of its hash, so that shards of two builds can stand side by side while the manifest changes
    from one to the other.
    """
    language, _, part = unit.key.rpartition("-")
    return f"corpus/{language}/part-{part}-{record.outputs[suffix].sha256[:8]}{suffix}"


def units(
    recipe: Recipe, corpus: Sequence[Shard], settled: Done, work: str, *, merged: Done, encoded: Done
) -> list[Unit]:
    """One unit a ledger file: whole documents files, together about ROWS_A_FILE rows."""
    suffix = find("stages.write", recipe.write.format).SUFFIX
    addresses = [[published(unit, record, suffix), record.outputs[".address"].sha256] for unit, record in merged]
    own = {
        "frame": frame_digest(__name__),
        "addresses": addresses,
        "shards": decided(corpus, settled),
        "counts": [record.outputs[".counts"].sha256 for _, record in encoded],
    }
    folder = store.join(work, f"release-{digest(own)[:12]}")
    found: list[Unit] = []
    for group in _groups(list(zip(corpus, settled, strict=True))):
        given = {
            "pass": digest(own),
            "first": group[0][0].first,
            "rows": sum(shard.rows for shard, _ in group),
        }
        carry = {
            "shards": [[shard.documents, shard.measures, unit.path(".parquet")] for shard, (unit, _) in group],
            "addresses": [
                [name, unit.path(".address")] for (name, _), (unit, _) in zip(addresses, merged, strict=True)
            ],
            "counts": [unit.path(".counts") for unit, _ in encoded],
        }
        found.append(
            Unit(
                name=f"ledger {len(found):05}",
                folder=folder,
                key=f"{len(found):05}",
                function=f"{__name__}:ledger",
                given=given,
                carry=carry,
                load=given["rows"],
            )
        )
    return found


def ledger(unit: Unit, guard: Guard) -> Made:
    """Write one ledger file: a row for each document, kept rows with the address of their shard and row."""
    del guard
    started = time.process_time()
    first, rows = unit.given["first"], unit.given["rows"]
    parts = [
        tables.beside(tables.read(documents, READS), tables.read(measures, MEASURED), tables.read(decisions))
        for documents, measures, decisions in unit.carry["shards"]
    ]
    table = pa.concat_tables(parts)
    places = []
    for name, path in unit.carry["addresses"]:
        part = tables.between(path, first, first + rows)
        places.append(part.append_column("shard", pa.array([name] * part.num_rows, pa.string())))
    if places:
        placed = pa.concat_tables(places)
        at = pc.index_in(pa.array(range(first, first + rows), pa.int64()), value_set=placed["number"].combine_chunks())
        table = tables.beside(table, pa.table({name: placed[name].take(at) for name in ("shard", "row", "bytes_out")}))
    counted = [tables.between(path, first, first + rows) for path in unit.carry["counts"]]
    if counted:
        found = pa.concat_tables(counted)
        at = pc.index_in(pa.array(range(first, first + rows), pa.int64()), value_set=found["number"].combine_chunks())
        table = tables.beside(table, pa.table({name: found[name].take(at) for name in ("tokens", "tokens_refused")}))
    reason = table["reason"]
    stage = pc.replace_substring_regex(reason, r"\..*$", "")
    columns = {"stage": stage, "value": table["reason_value"], "limit": table["reason_limit"]}
    final = pa.table(
        [
            columns.get(
                field.name, table[field.name] if field.name in table.schema.names else pa.nulls(rows, field.type)
            ).cast(field.type)
            for field in LEDGER
        ],
        schema=LEDGER,
    )
    reasons = Counter(one for one in reason.to_pylist() if one is not None)
    refused = Counter(one for one in final["tokens_refused"].to_pylist() if one is not None)
    counts = {
        "rows": rows,
        "placed": rows - final["shard"].null_count,
        "dropped": dict(sorted(reasons.items())),
        "encoded": rows - final["tokens"].null_count,
        "refused": dict(sorted(refused.items())),
    }
    stored = tables.put_table(unit.path(".parquet"), final)
    return Made({".parquet": stored}, counts, line.spent({}, started))


def balance(read: int, ledgers: Done, merged: Done, encoded: Done) -> dict[str, Any]:
    """The account: read = kept + dropped, and every kept document stands in exactly one shard row.

    Where there are token shards, kept = encoded + refused, and refused is what their pass refused, reason by reason.
    Raises PipelineError with the figures when it does not balance: the build fails and publishes nothing.
    """
    dropped: Counter[str] = Counter()
    for _, record in ledgers:
        dropped.update(record.counts["dropped"])
    rows = sum(record.counts["rows"] for _, record in ledgers)
    placed = sum(record.counts["placed"] for _, record in ledgers)
    written = sum(record.counts["rows"] for _, record in merged)
    gone = sum(dropped.values())
    if not (rows == read and placed == written and read == written + gone):
        raise PipelineError(
            f"the account does not balance: read {read}, ledger rows {rows}, "
            f"kept {written} (with an address: {placed}), dropped {gone}",
            "this is a bug: nothing was published; run the same command with --verify, and report these figures",
        )
    refused = _balance_tokens(written, ledgers, encoded)
    found = {"read": read, "kept": written, "dropped": dict(sorted(dropped.items()))}
    return found | ({"tokens_refused": refused} if refused else {})


def _balance_tokens(kept: int, ledgers: Done, encoded: Done) -> dict[str, int]:
    """What is in no token shard, by reason, once ledger and shards tell the same."""
    refused: Counter[str] = Counter()
    for _, record in ledgers:
        refused.update(record.counts["refused"])
    there, meant = sum(record.counts["encoded"] for _, record in ledgers), tokens.refused(encoded)
    if dict(refused) != meant or there + sum(meant.values()) != (kept if encoded else 0):
        raise PipelineError(
            f"the account of tokens does not balance: kept {kept}, with tokens {there}, "
            f"refused in the ledger {dict(sorted(refused.items()))}, by the pass {meant}",
            "this is a bug: nothing was published; run the same command with --verify, and report these figures",
        )
    return meant


def report_unit(name: str, facts: Mapping[str, Any], account: Mapping[str, Any], ledgers: Done) -> Unit:
    """The unit that renders the provenance report from the ledger files."""
    page = "florilegium.pipeline.report.page"
    given = {
        "name": name,
        "facts": facts,
        "account": account,
        "ledgers": [record.outputs[".parquet"].sha256 for _, record in ledgers],
        "frame": frame_digest(__name__, page),
        "template": file_hash(Path(str(files("florilegium.pipeline.report") / "provenance.html"))),
    }
    carry = {"ledgers": [unit.path(".parquet") for unit, _ in ledgers]}
    load = sum(record.counts["rows"] for _, record in ledgers)
    return Unit("report", ledgers[0][0].folder, "provenance", f"{__name__}:report", given, carry, load)


def report(unit: Unit, guard: Guard) -> Made:
    """Render the provenance report; count documents and what was kept of them by language, for the screen."""
    del guard
    from florilegium.pipeline.report import figures, page

    started = time.process_time()
    found = figures.gather(unit.carry["ledgers"])
    html = page.render(unit.given["name"], unit.given["facts"], unit.given["account"], found)
    stored = store.put_bytes(unit.path(".html"), html.encode())
    rows = [
        {name: row[name] for name in ("language", "read", "kept", "words", "bytes")} for row in figures.languages(found)
    ]
    return Made({".html": stored}, {"languages": rows}, line.spent({}, started))


def publish(
    recipe: Recipe,
    out: str,
    account: Mapping[str, Any],
    facts: Mapping[str, Any],
    *,
    judged: Done,
    settled: Done,
    merged: Done,
    encoded: Done,
    ledgers: Done,
    reports: Done,
) -> None:
    """Make shards, ledger, report and sketches stand below `out`, then the manifest; remove what it does not name."""
    suffix = find("stages.write", recipe.write.format).SUFFIX
    listed: list[dict[str, Any]] = []
    for unit, record in merged:
        name = published(unit, record, suffix)
        store.make_folder(store.join(out, name.rsplit("/", 1)[0]))
        store.copy(unit.path(suffix), store.join(out, name))
        one = record.outputs[suffix]
        listed.append(
            {"path": name, "sha256": one.sha256, "bytes": one.size, "language": name.split("/")[1], **record.counts}
        )
    listed += _token_shards(recipe, out, encoded)
    store.make_folder(store.join(out, "ledger"))
    for number, (unit, record) in enumerate(ledgers):
        one = record.outputs[".parquet"]
        name = f"ledger/part-{number:05}-{one.sha256[:8]}.parquet"
        store.copy(unit.path(".parquet"), store.join(out, name))
        listed.append({"path": name, "sha256": one.sha256, "bytes": one.size, "rows": record.counts["rows"]})
    store.make_folder(store.join(out, sketches.EARLIER), private=True)
    for name, path, one in sketches.published(judged, settled):
        store.copy(path, store.join(out, name))
        listed.append({"path": name, "sha256": one.sha256, "bytes": one.size})
    store.make_folder(store.join(out, "reports"))
    for unit, record in reports:
        name, one = f"reports/{unit.key}.html", record.outputs[".html"]
        store.copy(unit.path(".html"), store.join(out, name))
        listed.append({"path": name, "sha256": one.sha256, "bytes": one.size})
    manifest = {
        "corpus": recipe.name,
        "florilegium": version("florilegium"),
        "libraries": {
            name: version_of(name)
            for name in sorted({"pyarrow", *(lib for s in _stages(recipe) for lib in s.libraries)})
        },
        "models": {name: file_hash(path) for s in _stages(recipe) for name, path in sorted(s.files().items())}
        | ({} if recipe.tokens is None else {"tokenizer": file_hash(Path(recipe.tokens.tokenizer))}),
        "recipe": as_json(recipe),
        **facts,
        "duplicates": recipe.stage("deduplicate").comparable(),
        "account": account,
        "files": listed,
    }
    store.put_bytes(
        store.join(out, "manifest.json"), (json.dumps(manifest, indent=1, ensure_ascii=False) + "\n").encode()
    )
    named = {file["path"] for file in listed}
    for top in ("corpus", "ledger", "tokens", sketches.EARLIER):
        for old in store.listing(store.join(out, top)):
            if f"{top}/{old.name}" not in named:
                store.remove(old.path)


def _token_shards(recipe: Recipe, out: str, encoded: Done) -> list[dict[str, Any]]:
    """Make token shards, their sidecars and what is known of them stand in the output folder; answers what to list."""
    listed: list[dict[str, Any]] = []
    for shard in tokens.published(encoded):
        store.make_folder(store.join(out, shard.stem.rpartition("/")[0]))
        for end, one in shard.files.items():
            if "/" in end:
                store.make_folder(store.join(out, (shard.stem + end).rpartition("/")[0]))
            store.copy(shard.work + end, store.join(out, shard.stem + end))
            listed.append({"path": shard.stem + end, "sha256": one.sha256, "bytes": one.size, **shard.facts})
        info = json.dumps(tokens.info(recipe, shard), indent=1, sort_keys=True).encode() + b"\n"
        stored = store.put_bytes(store.join(out, f"{shard.stem}.info.json"), info)
        listed.append({"path": f"{shard.stem}.info.json", "sha256": stored.sha256, "bytes": stored.size, **shard.facts})
    if listed:
        stored = store.put_bytes(store.join(out, TOKENIZER), store.read(recipe.tokens.tokenizer) or b"")
        listed += _indices(recipe, out, listed)
        listed.append({"path": TOKENIZER, "sha256": stored.sha256, "bytes": stored.size})
    return listed


def _indices(recipe: Recipe, out: str, listed: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One `index.json` a language for formats whose readers open a folder of shards by it (they have `index`)."""
    formats = {layout.name: find("stages.write", layout.format) for layout in recipe.tokens.layouts}
    folders: dict[str, list[Mapping[str, Any]]] = {}
    for file in listed:
        writer = formats[file["layout"]]
        if hasattr(writer, "index") and file["path"].endswith(writer.SUFFIX):
            folders.setdefault(file["path"].rsplit("/", 2)[0], []).append(file)
    found = []
    for folder, inner in folders.items():
        parts = {file["path"].rsplit("/", 2)[1]: store.read(store.join(out, file["path"])) or b"" for file in inner}
        stored = store.put_bytes(store.join(out, f"{folder}/index.json"), formats[inner[0]["layout"]].index(parts))
        facts = {name: inner[0][name] for name in ("layout", "split", "language")}
        found.append({"path": f"{folder}/index.json", "sha256": stored.sha256, "bytes": stored.size, **facts})
    return found


def _stages(recipe: Recipe) -> list[Any]:
    return [recipe.stage(name) for name in ALL_STAGES]


def _groups(shards: list[Any]) -> list[list[Any]]:
    groups: list[list[Any]] = []
    held = 0
    for pair in shards:
        if not groups or held + pair[0].rows > ROWS_A_FILE:
            groups.append([])
            held = 0
        groups[-1].append(pair)
        held += pair[0].rows
    return groups
