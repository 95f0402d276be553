"""Every command helps with an example, docs and help are one text, and a user's mistake is two lines and status 2."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer import Typer
from typer.testing import CliRunner

from florilegium.pipeline.cli import app

Run = Callable[..., subprocess.CompletedProcess[str]]
DOCS = Path(__file__).resolve().parents[2] / "docs/commands.md"


def names(group: Typer) -> Iterator[str]:
    """The commands of a group and of the groups in it, as typed after `florilegium`."""
    yield from (one.name or one.callback.__name__ for one in group.registered_commands if one.callback)
    for inner in group.registered_groups:
        assert inner.typer_instance is not None
        title = inner.typer_instance.info.name
        if inner.typer_instance.info.invoke_without_command:
            yield str(title)
        yield from (f"{title} {name}" for name in names(inner.typer_instance))


def help_pages() -> dict[str, str]:
    """The help of each command, as printed."""
    runner = CliRunner(env={"COLUMNS": "110", "TERMINAL_WIDTH": "110"})
    pages = {}
    for name in sorted(names(app)):
        shown = runner.invoke(app, [*name.split(), "--help"], prog_name="florilegium")
        assert shown.exit_code == 0, shown.output
        pages[name] = "\n".join(line.rstrip() for line in shown.output.splitlines()).strip()
    return pages


def test_every_command_has_a_sentence_an_example_and_explained_options() -> None:
    pages = help_pages()
    assert {
        "build",
        "plan",
        "clean",
        "status",
        "explain",
        "fates",
        "filters",
        "filters train",
        "ledger",
        "limits fit",
        "report",
        "sample",
        "schema",
        "validate",
        "languages",
        "tokenizer compare",
        "tokenizer train",
        "version",
        "what-if",
    } <= set(pages)
    for name, page in pages.items():
        assert f"florilegium {name}" in page, f"{name}: no example"
        assert "Example" in page, name


def test_docs_say_what_help_says() -> None:
    text = "# Commands\n\nThe same as `florilegium COMMAND --help`; made by `make bless`.\n"
    text += "".join(f"\n## florilegium {name}\n\n```\n{page}\n```\n" for name, page in help_pages().items())
    if os.environ.get("UPDATE_GOLDEN"):
        DOCS.write_text(text, "utf-8")
    assert DOCS.read_text("utf-8") == text, "run `make bless`"


def test_the_short_form_builds_one_file(europe: Path, run: Run, tmp_path: Path) -> None:
    done = run("build", europe / "crawl/europe-00000.warc.gz", "--out", tmp_path / "out")
    assert str(tmp_path / "out/reports/provenance.html") in done.stdout
    assert "documents" in done.stderr
    assert "\r" not in done.stderr, "plain lines in a pipe"
    found = json.loads(run("ledger", tmp_path / "out", "--json").stdout)
    assert found["read"] == found["kept"] + sum(found["dropped"].values()) > 20
    assert set(found) == {"read", "kept", "dropped"}
    shown = [tuple(line.split()[:2]) for line in done.stdout.splitlines()]
    for name, count in {"read": found["read"], "kept": found["kept"], **found["dropped"]}.items():
        assert (name, str(count)) in shown, f"the table does not say {name} {count}:\n{done.stdout}"


def test_the_account_can_be_broken_down(built: Path, run: Run) -> None:
    broken = json.loads(run("ledger", built, "--by", "language,stage", "--json").stdout)
    assert sum(row["documents"] for row in broken["by"]) == broken["read"]
    assert sum(row["kept"] for row in broken["by"]) == broken["kept"]
    assert {"language", "stage"} <= set(broken["by"][0])
    assert "deu_Latn" in run("ledger", built, "--by", "language").stdout


def test_explain_gives_the_trail_of_a_kept_and_of_a_dropped_document(built: Path, run: Run) -> None:
    from florilegium.pipeline import ledger

    frame = ledger(str(built))
    kept = frame.filter(frame["reason"].is_null() & frame["url"].is_not_null()).row(0, named=True)
    by_url = json.loads(run("explain", built, kept["url"], "--json").stdout)
    by_id = json.loads(run("explain", built, kept["id"].hex(), "--json").stdout)
    assert by_id[0] in by_url
    assert by_id[0]["verdict"].startswith("kept: row") and len(by_id[0]["text"]) > 50
    dropped = frame.filter(frame["reason"] == "deduplicate.exact").row(0, named=True)
    shown = run("explain", built, dropped["url"]).stdout
    assert "dropped by deduplicate" in shown and "(kept)" in shown


def test_plan_says_what_a_build_would_do_and_writes_nothing(
    europe: Path, built: Path, run: Run, tmp_path: Path
) -> None:
    fresh = run("plan", europe / "recipe.yaml", "--out", tmp_path / "out").stdout
    assert "never run here" in fresh and "estimate" in fresh
    assert not (tmp_path / "out").exists()
    done = run("plan", europe / "recipe.yaml", "--out", built, "--no-sample").stdout
    assert "never run here" not in done and "done" in done


def test_status_of_a_finished_build(built: Path, run: Run) -> None:
    shown = run("status", built).stdout
    assert "documents-" in shown and "kept" in shown


def test_report_names_or_renders_the_page(built: Path, run: Run, tmp_path: Path) -> None:
    named = run("report", built).stdout.strip()
    run("report", built, "--out", tmp_path / "again.html")
    assert (tmp_path / "again.html").read_bytes() == Path(named).read_bytes()


def test_validate_languages_version_schema(europe: Path, run: Run) -> None:
    assert "good; 5 input files" in run("validate", europe / "recipe.yaml").stdout
    assert "deu_Latn" in run("languages").stdout and "eu-official" in run("languages").stdout
    assert run("version").stdout.startswith("florilegium 0.")
    assert json.loads(run("schema").stdout)["title"] == "Recipe"


MISTAKES = [
    (["build", "nowhere.yaml", "--out", "{out}"], "nowhere.yaml: there is no such file"),
    (["build", "nowhere.warc.gz", "--out", "{out}"], "no such file or folder"),
    (["build", "{empty}", "--out", "{out}"], "no file matches"),
    (["build", "{europe}/recipe.yaml", "--out", "{out}", "--workers", "0"], "--workers 0"),
    (["build", "{europe}/recipe.yaml", "--out", "{out}", "--ray-address", "auto"], "--ray-address"),
    (["build", "{europe}/recipe.yaml", "--out", "/proc/nowhere"], "/proc/nowhere"),
    (["ledger", "{empty}"], "holds no finished build"),
    (["ledger", "{built}", "--by", "colour"], "--by colour"),
    (["explain", "{built}", "https://nowhere.example/"], "no document has"),
    (["status", "{empty}"], "holds no build"),
    (["clean", "{empty}"], "no build is finished"),
]


@pytest.mark.parametrize(("arguments", "message"), MISTAKES)
def test_a_mistake_is_two_lines_and_status_2(
    europe: Path, built: Path, run: Run, tmp_path: Path, arguments: list[str], message: str
) -> None:
    (tmp_path / "empty").mkdir()
    places = {"europe": europe, "built": built, "out": tmp_path / "out", "empty": tmp_path / "empty"}
    failed = run(*(argument.format(**places) for argument in arguments), status=2)
    error, hint = failed.stderr.strip().splitlines()[-2:]
    assert error.startswith("error: ") and message in error
    assert hint.startswith("hint: ")
    assert "Traceback" not in failed.stderr
