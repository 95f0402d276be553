"""A recipe is checked whole before anything runs: every mistake at once, each with its place and a hint."""

from pathlib import Path

import pytest
import yaml

from florilegium.pipeline.errors import PipelineError
from florilegium.pipeline.fingerprint import stage_digest
from florilegium.pipeline.recipe import as_json, format_of, load, of_inputs, schema

GOOD = "sources:\n  - {name: web, path: crawl}\n"

MISTAKES = [
    # (what stands in the file, parts of a message, part of its hint)
    ("", "expected keys and values", "start with `sources:`"),
    ("sources: [", "not valid YAML", "indentation"),
    ("name: x\n", "sources: is required", "add this key"),
    ("sources: []\n", "sources: ", "schema"),
    (
        GOOD + "stages:\n  identify:\n    min_score: high\n",
        "stages.identify.min_score: expected a number, got 'high' (line 5)",
        "write a number",
    ),
    (GOOD + "stages:\n  identfy: {}\n", "stages.identfy: unknown key (line 4)", "did you mean 'identify'?"),
    (
        GOOD + "stages:\n  extract: {max_byte: 3}\n",
        "stages.extract.max_byte: unknown key (line 4)",
        "did you mean 'max_bytes'?",
    ),
    (GOOD + "shard_bytes: 3\n", "shard_bytes: unknown key (line 3)", "known keys here"),
    (GOOD + "name: a\nname: b\n", "name: the key stands twice (line 4)", "keep one"),
    (
        "sources:\n  - {name: web, path: a}\n  - {name: web, path: b}\n",
        "sources[1].name: the name 'web' is used twice (line 3)",
        "name of its own",
    ),
    (
        "sources:\n  - {name: web, path: a, format: wark}\n",
        "sources[0].format: there is no input format called 'wark' (line 2)",
        "use one of",
    ),
    (
        "sources:\n  - {name: web, path: a.warc, options: {nonsense: 1}}\n",
        "sources[0].options.nonsense: unknown key (line 2)",
        "",
    ),
    (GOOD + "stages:\n  filter:\n    limits: {every: {lines.bulets: {high: 1}}}\n", "lines.bulets", ""),
    (GOOD + "stages:\n  identify: {languages: [eu-oficial]}\n", "eu-oficial", ""),
    (GOOD + "write: {shard_bytes: 0}\n", "write.shard_bytes", ""),
    (GOOD + "stages:\n  identify: {model: nowhere.ftz}\n", "stages.identify.model", ""),
    (
        GOOD + "stages:\n  measure:\n    models: {edu: {fasttext: nowhere.bin, label: a}}\n",
        "stages.measure.models.edu.fasttext: ",
        "local file",
    ),
    (
        GOOD + "stages:\n  measure:\n    models: {edu: {fastext: nowhere.bin}}\n",
        "stages.measure.models.edu: expected one of the keys fasttext, kenlm, call (line 5)",
        "write {fasttext: FILE",
    ),
    (
        GOOD + "stages:\n  measure:\n    models: {edu: {call: json.no_such}}\n",
        "stages.measure.models.edu.call: json has no function no_such (line 5)",
        "every worker imports it",
    ),
    (
        GOOD
        + "stages:\n  measure:\n    lists: {bad: recipe.yaml}\n  filter:\n    limits: {every: {list.bed: {high: 0}}}\n",
        "stages.filter.limits.every.list.bed: nothing measures 'list.bed' (line 7)",
        "did you mean list.bad",
    ),
    (
        GOOD + "stages:\n  filter:\n    limits: {every: {model.edu: {low: 0.5}}}\n",
        "stages.filter.limits.every.model.edu: nothing measures 'model.edu' (line 5)",
        "stages.measure",
    ),
    (
        GOOD + "tokens: {tokenizer: t.json, divide: {by: model.edu, edges: [0.5]}}\n",
        "tokens.divide.by: nothing measures 'model.edu' (line 3)",
        "stages.measure",
    ),
]


@pytest.mark.parametrize(("text", "message", "hint"), MISTAKES)
def test_a_mistake_is_named_with_its_place_and_a_hint(tmp_path: Path, text: str, message: str, hint: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(PipelineError) as caught:
        load(str(path))
    assert message in str(caught.value)
    assert hint in str(caught.value)
    assert str(caught.value).startswith(f"error: {path}: ")


def test_all_mistakes_are_named_at_once(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(
        "sources:\n  - {name: 'a b', path: x, format: nope}\nstages: {identify: {min_score: 7}}\ntypo: 1\n", "utf-8"
    )
    with pytest.raises(PipelineError) as caught:
        load(str(path))
    lines = str(caught.value).splitlines()
    assert [line for line in lines[::2] if not line.startswith("error: ")] == []
    assert [line for line in lines[1::2] if not line.startswith("hint: ")] == []
    places = ("sources[0].name", "sources[0].format", "min_score", "typo")
    assert [place for place in places if place not in str(caught.value)] == []


def test_paths_start_at_the_recipe_and_do_not_enter_its_identity(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "recipe.yaml").write_text(GOOD, "utf-8")
    one, two = (load(str(tmp_path / folder / "recipe.yaml")) for folder in ("one", "two"))
    assert one.sources[0].path == str(tmp_path / "one/crawl")
    assert as_json(one) == as_json(two)


def test_models_start_at_the_recipe_and_stand_in_it_by_their_hash(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "words.txt").write_text("poker\n", "utf-8")
        (tmp_path / folder / "recipe.yaml").write_text(
            GOOD + "stages: {measure: {lists: {spam: words.txt}}}\n", "utf-8"
        )
    one, two = (load(str(tmp_path / folder / "recipe.yaml")) for folder in ("one", "two"))
    assert one.stage("measure").files()["list.spam: words.txt"] == tmp_path / "one/words.txt"
    assert as_json(one) == as_json(two)
    assert as_json(one)["stages"]["measure"]["lists"] == {"spam": "words.txt"}
    digests = [stage_digest("measure", recipe.stage("measure"), deciding=False) for recipe in (one, two)]
    assert digests[0] == digests[1] != stage_digest("measure", of_inputs(["x.warc"]).stage("measure"), deciding=False)


def test_a_recipe_survives_its_own_json(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(GOOD + "stages: {identify: {min_score: 0.7, languages: [eu-official]}}\n", "utf-8")
    content = as_json(load(str(path)))
    content["sources"][0]["path"] = "crawl"
    path.write_text(yaml.safe_dump(content), "utf-8")
    assert as_json(load(str(path))) == as_json(load(str(path)))
    assert as_json(load(str(path)))["stages"]["identify"]["min_score"] == 0.7


def test_the_short_form_names_sources_after_their_files() -> None:
    recipe = of_inputs(["/data/CC-MAIN-1.warc.gz", "pages*.jsonl", "a/x.warc", "b/x.warc", "*.html"])
    assert [source.name for source in recipe.sources] == ["CC-MAIN-1", "pages", "x", "x-2", "input"]


def test_the_schema_describes_every_key() -> None:
    found = schema()
    assert set(found["properties"]) == {"name", "sources", "earlier", "stages", "tokens", "write", "unit_bytes"}
    stages = found["$defs"]["Stages"]["properties"]
    assert {"extract", "identify", "scrub", "hosts", "measure", "permit", "filter", "deduplicate"} == set(stages)
    assert found["additionalProperties"] is False
    for name, one in found["$defs"].items():
        for key, field in one.get("properties", {}).items():
            assert "$ref" in field or field.get("description"), f"{name}.{key} is not explained"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.warc.gz", "warc"),
        ("A.WARC", "warc"),
        ("b.jsonl.zst", "jsonl"),
        ("c.htm", "html"),
        ("d.parquet", "parquet"),
        ("e.gz", None),
        ("f", None),
    ],
)
def test_the_format_of_a_file_is_told_by_its_ending(name: str, kind: str | None) -> None:
    assert format_of(name) == kind
