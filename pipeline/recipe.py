"""A recipe: YAML to a frozen, checked Recipe; all mistakes at once, each with its place and a hint."""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Annotated, Any, cast

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, create_model

from florilegium.pipeline import store
from florilegium.pipeline.errors import PipelineError
from florilegium.pipeline.layouts import tokens_model
from florilegium.pipeline.stage import find, stage_class, writer

LINE: Mapping[str, tuple[str, ...]] = {
    "documents": ("extract", "identify", "scrub"),
    "hosts": ("hosts",),
    "measures": ("measure",),
    "decisions": ("permit", "filter", "deduplicate"),
    "corpus": (),
    "tokens": (),
    "release": (),
}
"""The passes in their fixed order, and the stages of each. Stages of earlier passes may also decide in `decisions`."""

MiB = 1 << 20


class Source(BaseModel):
    """An origin of documents."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[
        str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="unique; part of every document's id")
    ]
    path: Annotated[
        str, Field(min_length=1, description="a file, a folder or a glob; relative to the recipe; any fsspec path")
    ]
    format: Annotated[str | None, Field(description="input format; by default each file's, by its name ending")] = None
    options: Annotated[dict[str, Any], Field(description="options of the input format")] = {}
    licence: Annotated[
        str | None, Field(description="licence declared for the whole source, as an SPDX id where there is one")
    ] = None
    category: Annotated[
        str | None, Field(description="what kind of source it is, for the report: web, law, register ...")
    ] = None


class Write(BaseModel):
    """How the corpus is written."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Annotated[str, AfterValidator(partial(writer, "documents")), Field(description="output format")] = "parquet"
    shard_bytes: Annotated[int, Field(ge=1, description="bytes of text a shard, about; a worker holds it twice")] = (
        64 * MiB
    )


@cache
def stages_model() -> type[BaseModel]:
    """The pydantic model of the key `stages`: one field a stage of the line, whose type is the stage itself."""
    fields = {
        name: (stage_class(name), Field(default_factory=stage_class(name), description=_first_line(stage_class(name))))
        for stages in LINE.values()
        for name in stages
    }
    model: type[BaseModel] = create_model(
        "Stages", __config__=ConfigDict(frozen=True, extra="forbid"), **cast(Any, fields)
    )
    model.__doc__ = "Options of the stages. Their order is fixed; a stage that is left out runs with its defaults."
    return model


class Recipe(BaseModel):
    """What to run: sources, options of the stages, how to write."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="name of the corpus")] = "corpus"
    sources: Annotated[tuple[Source, ...], Field(min_length=1, description="where documents come from")]
    stages: Annotated[Any, Field(default_factory=dict, description="options of the stages")]
    earlier: Annotated[
        tuple[Annotated[str, Field(min_length=1)], ...],
        Field(
            description="output folders of earlier builds: what they published, or nearly the same, is not kept again"
        ),
    ] = ()
    write: Annotated[Write, Field(description="how the corpus is written")] = Write()
    tokens: Annotated[Any, Field(description="token shards of the corpus, for trainers; none by default")] = None
    unit_bytes: Annotated[
        int | None,
        Field(
            ge=1,
            description="input bytes a unit of work; by default a power of two from 4 to 256 MiB, "
            "so that there are at most about 2,000 units",
        ),
    ] = None

    def model_post_init(self, _context: Any) -> None:
        """Turn the raw `stages` mapping into the stages themselves (their model is known only by name)."""
        if not isinstance(self.stages, stages_model()):
            object.__setattr__(self, "stages", stages_model()())

    def stage(self, name: str) -> Any:
        """A stage with its options and what it asks of the sources (`for_sources`): `recipe.stage("extract")`."""
        stage = getattr(self.stages, name)
        return stage.for_sources([s.model_dump() for s in self.sources]) if hasattr(stage, "for_sources") else stage


@cache
def recipe_model() -> type[Recipe]:
    """Recipe with the stages' own model in place: for checking and for the JSON Schema."""
    stages = stages_model()
    tokens: Any = tokens_model() | None
    return create_model(
        "Recipe",
        __base__=Recipe,
        stages=(stages, Field(default_factory=stages)),
        tokens=(tokens, Recipe.model_fields["tokens"]),
    )


def load(path: str) -> Recipe:
    """The recipe of a YAML file; paths of its sources are made relative to its folder.

    Raises PipelineError that names every mistake: unknown keys, wrong types, unknown formats, filters or languages.
    """
    content = store.read(path)
    if content is None:
        raise PipelineError(f"{path}: there is no such file", "give the path of a recipe (.yaml) or of an input")
    try:
        text = content.decode("utf-8")
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        raw = yaml.safe_load(text)
    except UnicodeDecodeError as error:
        raise PipelineError(f"{path}: not UTF-8 at byte {error.start}", "save the recipe as UTF-8") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" (line {mark.line + 1})" if mark else ""
        problem = getattr(error, "problem", None) or "cannot be read"
        raise PipelineError(
            f"{path}: not valid YAML: {problem}{line}", "check indentation and quotes at that line"
        ) from error
    if not isinstance(raw, dict):
        raise PipelineError(
            f"{path}: expected keys and values, got {_shown(raw)}",
            "start with `sources:`; `florilegium schema` prints every key",
        )
    base = path.rsplit("/", 1)[0] if "/" in path else "."
    return parse(raw, path, base, tree)


def parse(raw: Mapping[str, Any], path: str = "recipe", base: str = ".", tree: yaml.Node | None = None) -> Recipe:
    """A recipe from a mapping. path: for messages. base: the folder that relative source paths start from."""
    mistakes = [_duplicate(path, *found) for found in _duplicate_keys(tree)]
    recipe: Recipe | None = None
    try:
        recipe = recipe_model().model_validate(raw, context={"base": base})
    except ValidationError as error:
        mistakes += [_mistake(path, dict(found), tree) for found in error.errors()]
    mistakes += list(_source_mistakes(path, raw, tree))
    if recipe is not None:
        mistakes += list(_stage_mistakes(path, recipe, tree))
    if mistakes or recipe is None:
        raise PipelineError.of(mistakes)
    found: dict[str, Any] = {
        "sources": tuple(s.model_copy(update={"path": _absolute(s.path, base)}) for s in recipe.sources),
        "earlier": tuple(_absolute(path, base) for path in recipe.earlier),
    }
    if recipe.tokens is not None:
        tokenizer = _absolute(recipe.tokens.tokenizer, base)
        found["tokens"] = recipe.tokens.model_copy(update={"tokenizer": tokenizer})
    return recipe.model_copy(update=found)


def of_path(*paths: str) -> Recipe:
    """The recipe of a .yaml file, or the default recipe over these inputs."""
    if len(paths) == 1 and paths[0].endswith((".yaml", ".yml")):
        return load(paths[0])
    return of_inputs(paths)


def of_inputs(paths: Sequence[str]) -> Recipe:
    """The default recipe over these inputs, one source each."""
    sources = [source.model_dump(exclude_unset=True) for source in sources_of(paths)]
    return parse({"name": sources[0]["name"], "sources": sources}, "command line")


def sources_of(paths: Sequence[str]) -> list[Source]:
    """A source of each path, named after the file (`x`, then `x-2` ...)."""
    named: dict[str, str] = {}
    for path in paths:
        stem = path.rstrip("/").rsplit("/", 1)[-1].split(".")[0]
        name = re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-_") or "input"
        free = next(one for one in (name, *(f"{name}-{n}" for n in range(2, len(paths) + 2))) if one not in named)
        named[free] = path
    return [Source(name=name, path=path) for name, path in named.items()]


def schema() -> dict[str, Any]:
    """The JSON Schema of a recipe."""
    return recipe_model().model_json_schema()


def as_json(recipe: Recipe) -> dict[str, Any]:
    """The recipe with all defaults, as JSON; without the paths of its inputs, which differ from place to place.

    Of models and lists the names of their files stand there.
    """
    found: dict[str, Any] = TypeAdapter(recipe_model()).dump_python(recipe, mode="json")
    for name, options in found["stages"].items():
        places = {str(path): path.name for path in recipe.stage(name).files().values()}
        found["stages"][name] = _renamed(places, options)
    for source in found["sources"]:
        del source["path"]
    del found["earlier"]
    if found["tokens"] is not None:
        del found["tokens"]["tokenizer"]
    return found


def _renamed(places: Mapping[str, str], options: Any) -> Any:
    """Options with names in place of paths."""
    if isinstance(options, dict):
        return {key: _renamed(places, one) for key, one in options.items()}
    if isinstance(options, list):
        return [_renamed(places, one) for one in options]
    return places.get(options, options) if isinstance(options, str) else options


def format_of(name: str) -> str | None:
    """The input format of a file, by the ending of its name; None when no format has it."""
    from florilegium.pipeline.stage import names

    found = {
        suffix: reader
        for reader in names("stages.read")
        for suffix in find("stages.read", reader).SUFFIXES
        if name.lower().endswith(suffix)
    }
    return found[max(found, key=len)] if found else None


def _absolute(path: str, base: str) -> str:
    return (
        path
        if "://" in path or path.startswith(("/", "~"))
        else str(Path(base) / path)
        if "://" not in base
        else f"{base}/{path}"
    )


def _source_mistakes(path: str, raw: Mapping[str, Any], tree: yaml.Node | None) -> Iterator[tuple[str, str]]:
    """Mistakes that need the tree of formats: unknown formats and options, names used twice."""
    sources = raw.get("sources")
    seen: set[str] = set()
    for at, source in enumerate(sources if isinstance(sources, list) else []):
        if not isinstance(source, dict):
            continue
        name = source.get("name")
        if isinstance(name, str) and name in seen:
            yield (
                _place(path, ("sources", at, "name"), tree, f"the name {name!r} is used twice"),
                "give each source a name of its own: ids contain it",
            )
        seen.add(str(name))
        kind = source.get("format") or format_of(str(source.get("path", "")))
        if kind is None:
            continue
        try:
            reader = find("stages.read", str(kind))
        except PipelineError as error:
            yield (_place(path, ("sources", at, "format"), tree, error.message), error.hint)
            continue
        try:
            TypeAdapter(reader.Options).validate_python(source.get("options") or {})
        except ValidationError as error:
            for found in error.errors():
                detail = dict(found) | {"loc": ("sources", at, "options", *found["loc"])}
                yield _mistake(path, detail, tree)


def _stage_mistakes(path: str, recipe: Recipe, tree: yaml.Node | None) -> Iterator[tuple[str, str]]:
    """Mistakes that only show beside the other stages, or when files are opened: what a stage's `mistakes` says."""
    stages = {name: recipe.stage(name) for names in LINE.values() for name in names}
    for name, stage in stages.items():
        for loc, sentence, hint in stage.mistakes(stages) if hasattr(stage, "mistakes") else ():
            yield _place(path, ("stages", name, *loc), tree, sentence), hint
    divide = None if recipe.tokens is None else recipe.tokens.divide
    if divide is not None and divide.edges and divide.by not in stages["measure"].names():
        sentence = f"nothing measures {divide.by!r}"
        yield _place(path, ("tokens", "divide", "by"), tree, sentence), "name it under stages.measure"


EXPECTED = {
    "float": "a number", "int": "a whole number", "bool": "true or false", "string": "text", "dict": "keys and values",
    "list": "a list", "tuple": "a list", "model": "keys and values", "dataclass": "keys and values",
    "mapping": "keys and values",
}  # fmt: skip
"""What pydantic's error types expect, in the user's words."""


def _mistake(path: str, error: dict[str, Any], tree: yaml.Node | None) -> tuple[str, str]:
    """One pydantic error as a sentence with its place, and a hint."""
    loc = tuple(
        part
        for part in error["loc"]
        if isinstance(part, int) or not part.startswith(("function-", "lax-or", "tuple[", "kind:"))
    )
    kind = error["type"]
    if kind in ("missing", "missing_argument"):
        error = {"msg": "is required", "ctx": {"hint": "add this key; `florilegium schema` prints what it may hold"}}
    if hint := error.get("ctx", {}).get("hint"):  # a check that knows what to do
        return _place(path, loc, tree, str(error["msg"])), hint
    if kind in ("extra_forbidden", "unexpected_keyword_argument", "unexpected_property"):
        close = difflib.get_close_matches(str(loc[-1]), _siblings(loc), 1)
        known = ", ".join(_siblings(loc))
        other = f"known keys here: {known}" if known else "`florilegium schema` prints what may stand there"
        hint = f"did you mean {close[0]!r}?" if close else other
        return _place(path, loc, tree, "unknown key"), hint
    got = _shown(error.get("input"))
    expected = EXPECTED.get(kind.split("_")[0]) if kind.endswith(("_type", "_parsing", "_from_float")) else None
    if expected:
        return _place(path, loc, tree, f"expected {expected}, got {got}"), f"write {expected} there"
    if kind == "literal_error":
        return _place(path, loc, tree, f"expected {error['ctx']['expected']}, got {got}"), "choose one of these"
    if kind == "value_error":  # a stage's own check, in its own words
        sentence, _, meant = str(error["msg"]).removeprefix("Value error, ").partition("; did you mean ")
        hint = f"did you mean {meant}" if meant else "`florilegium schema` prints what each key may hold"
        return _place(path, loc, tree, sentence), hint
    sentence = str(error["msg"])
    return _place(path, loc, tree, f"{sentence[:1].lower()}{sentence[1:]}, got {got}"), (
        "`florilegium schema` prints what each key may hold"
    )


def _siblings(loc: tuple[Any, ...]) -> list[str]:
    """The keys that are known beside an unknown one, read from the models."""
    known: Any = recipe_model()
    for part in loc[:-1]:
        fields = _fields(known)
        if isinstance(part, int):
            continue
        if part == "sources":
            known = Source
        elif part in fields:
            known = fields[part]
        else:
            return []
    return sorted(_fields(known))


def _fields(model: Any) -> dict[str, Any]:
    found = getattr(model, "model_fields", None) or getattr(model, "__pydantic_fields__", None) or {}
    return {name: field.annotation for name, field in found.items()}


def _place(path: str, loc: Sequence[str | int], tree: yaml.Node | None, message: str) -> str:
    dotted = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc).lstrip(".")
    line = _line(tree, loc)
    return f"{path}: {dotted}: {message}" + (f" (line {line})" if line else "")


def _line(node: yaml.Node | None, loc: Sequence[str | int]) -> int | None:
    """The line (from 1) where a place of the recipe stands, or the nearest place around it."""
    line = None
    for part in loc:
        if isinstance(node, yaml.MappingNode):
            pairs = {key.value: (key, value) for key, value in node.value}
            if part not in pairs:
                break
            key, node = pairs[part]
            line = key.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            break
    return line


def _duplicate_keys(
    node: yaml.Node | None, loc: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], int]]:
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            if key.value in seen:
                yield (*loc, key.value), key.start_mark.line + 1
            seen.add(key.value)
            yield from _duplicate_keys(value, (*loc, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for at, value in enumerate(node.value):
            yield from _duplicate_keys(value, (*loc, at))


def _duplicate(path: str, loc: tuple[str | int, ...], line: int) -> tuple[str, str]:
    return f"{_place(path, loc, None, 'the key stands twice')} (line {line})", "keep one of the two"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _first_line(thing: Any) -> str:
    return (thing.__doc__ or "").strip().splitlines()[0] if thing.__doc__ else ""
