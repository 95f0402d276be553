"""The golden build: each page of the sample meets the fate written for it, and the account is known to the row."""

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from florilegium.pipeline import account, ledger
from florilegium.pipeline import sample as package
from florilegium.pipeline.errors import PipelineError
from florilegium.pipeline.sample.fates import Check, fates, held, summed, unreached

GOLDEN = Path(__file__).resolve().parents[1] / "golden/sample.json"
UNREACHED = Path(package.__file__).parent / "unreached.jsonl"


@pytest.fixture(scope="module")
def checks(built: Path) -> list[Check]:
    return held(str(built))


def test_what_no_build_reaches_is_listed_exactly(checks: list[Check]) -> None:
    """No expectation fails unlisted, none is listed and holds."""
    missed = [
        {"record_id": check.record_id, "url": check.url, "expects": check.expects, "found": check.found}
        for check in checks
        if check.state != "holds"
    ]
    if os.environ.get("UPDATE_GOLDEN"):
        UNREACHED.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in missed), "utf-8")
    known = unreached()
    assert [row for row in missed if row not in known] == [], "broken: mend it, or `make bless` and read the diff"
    assert [row for row in known if row not in missed] == [], "reached at last: `make bless` takes it off the list"


def test_nothing_that_a_finished_stage_should_do_is_put_off(checks: list[Check]) -> None:
    """Reading, masking of what is known today, exact duplicates: these hold for every page."""
    missed = Counter(check.expects for check in checks if check.state != "holds")
    of = Counter(check.expects for check in checks)
    for done in ("scrub.email", "scrub.ip", "deduplicate.exact", "extract.too_deep"):
        assert of[done] and not missed[done], done
    assert not any(expects.startswith("read.") for expects in missed)
    assert {row[0] for row in summed(checks)} >= {
        "read",
        "extract",
        "identify",
        "scrub",
        "filter",
        "deduplicate",
        "kept",
    }


def test_sums_are_those_of_the_checks(checks: list[Check]) -> None:
    rows = summed(checks)
    assert sum(counts[0] for _, counts in rows) == len(checks)
    assert all(total == holds + later + broken for _, (total, holds, later, broken) in rows)
    assert len(checks) > 4 * len(fates())


def test_a_build_of_something_else_is_refused(run: object, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"id": "1", "text": "The ferry crosses."}\n', "utf-8")
    run("build", tmp_path / "a.jsonl", "--out", tmp_path / "out", "--workers", 1)  # type: ignore[operator]
    with pytest.raises(PipelineError, match="is not a build of this version's sample"):
        held(str(tmp_path / "out"))


def test_a_wrong_build_breaks_its_fates(europe: Path, run: object, tmp_path: Path) -> None:
    """The comparison can fail: with another limit, pages that should be kept are not, and the command says so."""
    recipe = (europe / "recipe.yaml").read_text("utf-8").replace("min_score: 0.5", "min_score: 0.999")
    (tmp_path / "recipe.yaml").write_text(recipe.replace("path: ", f"path: {europe}/"), "utf-8")
    run("build", tmp_path / "recipe.yaml", "--out", tmp_path / "out")  # type: ignore[operator]
    broken = [check for check in held(str(tmp_path / "out")) if check.state == "broken"]
    assert ("kept", "identify.uncertain") in {(check.expects, check.found) for check in broken}
    done = run("fates", tmp_path / "out", status=1)  # type: ignore[operator]
    assert "broken" in done.stdout and broken[0].url in done.stdout


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
