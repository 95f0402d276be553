"""The golden build: each page of the sample meets the fate written for it, and the account is known to the row."""

import json
import os
from pathlib import Path
from typing import Any

from florilegium.pipeline import account, documents, ledger
from florilegium.pipeline.sample import fates

GOLDEN = Path(__file__).resolve().parents[1] / "golden/sample.json"


def rows(built: Path) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Each fate with its ledger row: both are in input order."""
    found = ledger(str(built)).to_dicts()
    expected = fates()
    assert [(one["url"], one["record_id"]) for one in expected] == [(row["url"], row["record_id"]) for row in found]
    return list(zip(expected, found, strict=True))


def test_each_page_meets_its_fate(built: Path) -> None:
    """reason: any of those named. Pages joined by `twin` are one text: one is kept, whichever the policy prefers."""
    broken = []
    kept_of: dict[str, int] = {}
    for fate, row in rows(built):
        kept = row["reason"] is None
        right = kept == fate["kept"] and (kept or row["reason"] in fate["reason"] or row["stage"] in fate["reason"])
        if fate["twin"] is not None or row["cluster"] is not None:
            right = kept or row["reason"] == "deduplicate.exact"
            kept_of[row["cluster"]] = kept_of.get(row["cluster"], 0) + kept
        if None not in (fate["language"], row["language"]) and row["language"] != fate["language"]:
            right = False
        if not right:
            broken.append(
                (
                    fate["url"],
                    fate["kept"],
                    fate["reason"],
                    fate["language"],
                    row["reason"],
                    row["value"],
                    row["language"],
                )
            )
    assert broken == []
    assert kept_of and set(kept_of.values()) == {1}


def test_what_had_to_be_masked_is_gone_and_nothing_else(built: Path) -> None:
    texts = {row["id"]: row["text"] for row in documents(str(built)).to_table(columns=["id", "text"]).to_pylist()}
    masked = 0
    for fate, row in rows(built):
        text = texts.get(row["id"])
        if text is None:
            continue
        assert [one for one in fate["absent"] if one in text] == [], fate["url"]
        assert [one for one in fate["present"] if one not in text] == [], fate["url"]
        assert dict(row["pii"] or []) == fate["masked"], fate["url"]
        masked += bool(fate["masked"])
    assert masked >= 3


def test_kept_texts_hold_the_prose_that_was_written(built: Path) -> None:
    """Every sentence of the prose survives extraction, but for what was masked."""
    texts = {
        row["id"]: " ".join(row["text"].split())
        for row in documents(str(built)).to_table(columns=["id", "text"]).to_pylist()
    }
    for fate, row in rows(built):
        if row["id"] in texts and not fate["masked"]:
            for paragraph in (fate["text"] or "").split("\n"):
                assert " ".join(paragraph.split()) in texts[row["id"]], (fate["url"], paragraph)


def test_the_account_of_the_sample_is_golden(built: Path) -> None:
    """Languages, reasons and masked kinds; by address and not by offset, which depends on the zlib at hand."""
    frame = ledger(str(built))
    found = {
        "account": account.account(str(built)),
        "documents": [
            " ".join(
                [
                    row["record"].partition("#")[0],
                    str(row["url"]),
                    str(row["record_id"]),
                    str(row["language"]),
                    row["reason"] or "kept",
                    json.dumps(dict(row["pii"] or [])),
                ]
            )
            for row in frame.to_dicts()
        ],
    }
    text = json.dumps(found, indent=1, ensure_ascii=False) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(text, "utf-8")
    assert GOLDEN.read_text("utf-8") == text, "run `make bless` and read the diff"
