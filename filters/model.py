"""Measures that a recipe brings along: scores of fastText and KenLM models, of functions, and datatrove's filters."""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from importlib import import_module
from importlib.util import find_spec
from inspect import signature
from pathlib import Path
from typing import Annotated, Any, Protocol

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Discriminator, Field, Tag, ValidationInfo
from pydantic.dataclasses import dataclass
from pydantic_core import PydanticCustomError

from florilegium.filters.limits import Limits
from florilegium.languages import expand

KINDS: Mapping[str, tuple[Limits, str]] = {
    "contamination": (Limits(high=0.7), "holds text of a benchmark that the recipe names"),
    "datatrove": (Limits(low=1.0), "the filter of datatrove that the recipe names would drop it"),
    "list": (Limits(), "outside the limits for words of a list that the recipe names"),
    "model": (Limits(), "outside the limits for the score of a model that the recipe names"),
}
"""Measures `<kind>.<name>` that a recipe names under stages.measure: default limits, and what their reason means."""

Fault = tuple[str, str, str]
"""What is wrong with an option: its key, a sentence, a hint."""


def kind_of(measure: str) -> str | None:
    """The kind of a measure that a recipe brings along (`model.edu` is of kind model); None of any other name."""
    kind, _, name = measure.partition(".")
    return kind if kind in KINDS and re.fullmatch(NAME, name) else None


NAME = "[A-Za-z0-9_-]+"


def _placed(path: Path, info: ValidationInfo) -> Path:
    """A path of a recipe starts at the recipe's folder, which the validation's context tells."""
    found = Path((info.context or {}).get("base", ".")) / path.expanduser()
    if not found.is_file():
        raise PydanticCustomError(
            "no_file", "{path}: there is no such file", {"path": str(found), "hint": "give the path of a local file"}
        )
    return found


def _installed(package: str, given: Any) -> Any:
    """What is given, once the package that it needs is there: an extra of ours has its name."""
    if find_spec(package) is None:
        raise PydanticCustomError(
            "no_package",
            "needs the package {package}, which is not installed",
            {"package": package, "hint": f"pip install 'florilegium[{package}]'"},
        )
    return given


def _importable(call: str) -> str:
    if _source(call) is None:
        raise PydanticCustomError(
            "no_module",
            "there is no module {module}",
            {"module": call.rpartition(".")[0], "hint": "install it, or put its folder on PYTHONPATH"},
        )
    return call


def _source(call: str) -> Path | None:
    """The source of the module that `package.module.function` is in; None where it has none."""
    try:
        spec = find_spec(call.rpartition(".")[0])
    except (ImportError, ValueError):
        return None
    return Path(spec.origin) if spec and spec.origin and Path(spec.origin).is_file() else None


def _known(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        expand(name)
    return names


File = Annotated[Path, AfterValidator(_placed)]
"""A local file that a recipe names: relative to the recipe."""
Languages = Annotated[tuple[str, ...], AfterValidator(_known)]
CONFIG = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class Scorer(Protocol):
    """Something that gives each text a number."""

    @property
    def languages(self) -> tuple[str, ...]:
        """Codes or sets of the languages whose texts it scores; empty is all."""

    @property
    def libraries(self) -> tuple[str, ...]:
        """Distributions whose version may change its numbers."""

    def files(self) -> Mapping[str, Path]:
        """What it opens, by name."""

    def faults(self) -> Iterator[Fault]:
        """What is wrong with it and takes opening it to tell: asked once, before a build."""

    def numbers(self, texts: Sequence[str], codes: Sequence[str]) -> Sequence[float | None]:
        """A number for each text. codes: their languages. None: it cannot judge the language.

        Raises ValueError that says why there is none.
        """


@dataclass(frozen=True, config=CONFIG)
class FastText:
    """A supervised fastText model (Joulin et al., arXiv:1607.01759): the probability of one label, 0 to 1."""

    fasttext: File
    """A model file (.bin, .ftz), relative to the recipe."""
    label: str
    """The label whose probability is the score: `__label__keep`."""
    languages: Languages = ()
    """Codes or sets of languages whose texts it scores; by default all."""

    libraries = ("fasttext",)

    def files(self) -> Mapping[str, Path]:
        """The model file."""
        return {self.fasttext.name: self.fasttext}

    def faults(self) -> Iterator[Fault]:
        """A file that is no model, and a label that the model does not know."""
        try:
            known = _fasttext_opened(str(self.fasttext)).get_labels()
        except ValueError as error:
            yield "fasttext", f"{self.fasttext}: {error}", "give a model that fastText has written"
            return
        if self.label not in known:
            yield "label", f"the model has no label {self.label!r}", f"its labels: {', '.join(sorted(known)[:20])}"

    def numbers(self, texts: Sequence[str], codes: Sequence[str]) -> Sequence[float]:
        """The probability of the label for each text; 0 for one without words."""
        del codes
        model = _fasttext(str(self.fasttext)).f
        found = [dict(map(reversed, model.predict(one_line(text) + "\n", -1, 0.0, "strict"))) for text in texts]
        return [min(1.0, max(0.0, scores.get(self.label, 0.0))) for scores in found]  # rounding goes beyond 1


@dataclass(frozen=True, config=CONFIG)
class KenLM:
    """An n-gram model (Heafield 2011): perplexity a word, as CCNet has it (arXiv:1911.00359): low is like its texts."""

    kenlm: Annotated[File, AfterValidator(partial(_installed, "kenlm"))]
    """A model file (.arpa, .bin), relative to the recipe."""
    lower: bool = True
    """Whether the model was trained on lower-case text."""
    languages: Languages = ()
    """Codes or sets of languages whose texts it scores; by default all."""

    libraries = ("kenlm",)

    def files(self) -> Mapping[str, Path]:
        """The model file."""
        return {self.kenlm.name: self.kenlm}

    def faults(self) -> Iterator[Fault]:
        """A file that is no model."""
        import kenlm

        try:
            kenlm.Model(str(self.kenlm))
        except (OSError, RuntimeError) as error:
            yield "kenlm", f"{self.kenlm}: {str(error).splitlines()[0]}", "give a model that KenLM has written"

    def numbers(self, texts: Sequence[str], codes: Sequence[str]) -> Sequence[float]:
        """10 to the power of minus the mean log10 probability of a word; each line is a sentence; 0 without words."""
        del codes
        model = _kenlm(str(self.kenlm))
        return [self._perplexity(model, text.lower() if self.lower else text) for text in texts]

    def _perplexity(self, model: Any, text: str) -> float:
        lines = [" ".join(words) for words in map(_words().findall, text.split("\n")) if words]
        length = sum(line.count(" ") + 2 for line in lines)  # its words and its end
        mean = sum(model.score(line) for line in lines) / length if length else 0.0
        return 10.0 ** min(-mean, MOST_DIGITS) if length else 0.0


MOST_DIGITS = 30.0
"""A perplexity ends at 1e30, so that it is finite as a 32-bit number."""


@dataclass(frozen=True, config=CONFIG)
class Call:
    """A Python function that takes a list of texts and gives a number for each."""

    call: Annotated[str, Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$"), AfterValidator(_importable)]
    """`package.module.function`, to be found by every worker (installed, or on PYTHONPATH)."""
    languages: Languages = ()
    """Codes or sets of languages whose texts it scores; by default all."""

    libraries = ()

    def files(self) -> Mapping[str, Path]:
        """The source of the function's module: another source is another score."""
        source = _source(self.call)
        return {} if source is None else {self.call: source}

    def faults(self) -> Iterator[Fault]:
        """A module that cannot be imported or lacks the function."""
        try:
            self._function()
        except ValueError as error:
            yield "call", str(error), "give package.module.function; every worker imports it"

    def numbers(self, texts: Sequence[str], codes: Sequence[str]) -> Sequence[float]:
        """What the function gives; ValueError names what it raised."""
        del codes
        try:
            return [float(number) for number in self._function()(list(texts))]
        except ValueError as error:
            raise ValueError(f"{self.call}: {error}") from error
        except (Exception, SystemExit) as error:
            raise ValueError(f"{self.call}: raised {type(error).__name__}: {error}") from error

    def _function(self) -> Callable[[list[str]], Sequence[float]]:
        module, _, name = self.call.rpartition(".")
        try:
            found = getattr(import_module(module), name, None)
        except Exception as error:
            raise ValueError(f"{module} cannot be imported: {type(error).__name__}: {error}") from error
        if not callable(found):
            raise ValueError(f"{module} has no function {name}")
        return found  # type: ignore[no-any-return]


@dataclass(frozen=True, config=CONFIG)
class Datatrove:
    """A filter of datatrove (Penedo et al.): 1 where it would keep the document, else 0."""

    datatrove: Annotated[str, Field(pattern=f"^{NAME}$"), AfterValidator(partial(_installed, "datatrove"))]
    """The name of a class in datatrove.pipeline.filters."""
    options: dict[str, Any] = Field(default_factory=dict)
    """What it is made with. `language` is taken from each document, if it has one."""
    languages: Languages = ()
    """Codes or sets of languages whose texts it judges; by default all."""

    libraries = ("datatrove", "spacy")  # the second parts words

    def files(self) -> Mapping[str, Path]:
        """It opens none of ours."""
        return {}

    def faults(self) -> Iterator[Fault]:
        """A class that is not there, and options that it does not take."""
        try:
            self._made("eng_Latn")
        except ValueError as error:
            yield "datatrove", str(error), "give a class of datatrove.pipeline.filters, and options that it takes"

    def numbers(self, texts: Sequence[str], codes: Sequence[str]) -> Sequence[float | None]:
        """1 or 0 for each text; None where datatrove has no word splitter for the language.

        Where datatrove divides by zero, as for texts without words, it keeps nothing: 0.
        """
        made = {code: self._made(code) for code in sorted(set(codes))}
        return [
            None if made[code] is None else self._keeps(made[code], text, code)
            for text, code in zip(texts, codes, strict=True)
        ]

    def _keeps(self, made: Any, text: str, code: str) -> float:
        from datatrove.data import Document

        try:
            verdict = made.filter(Document(text=text, id=""))
        except ZeroDivisionError:
            return 0.0
        except Exception as error:
            raise ValueError(f"{self.datatrove}: {code}: raised {type(error).__name__}: {error}") from error
        return float(verdict[0] if isinstance(verdict, tuple) else verdict)

    def _made(self, code: str) -> Any:
        try:
            return _datatrove(self.datatrove, json.dumps(self.options, sort_keys=True), code)
        except Exception as error:
            raise ValueError(f"{self.datatrove}: {type(error).__name__}: {error}") from error


def _by_key(given: Any) -> str | None:
    """Which kind of model it is: the key that it alone has."""
    has = given.__contains__ if isinstance(given, Mapping) else lambda key: hasattr(given, key)
    return next((f"kind:{key}" for key in ("fasttext", "kenlm", "call") if has(key)), None)


Model = Annotated[
    Annotated[FastText, Tag("kind:fasttext")] | Annotated[KenLM, Tag("kind:kenlm")] | Annotated[Call, Tag("kind:call")],
    Discriminator(
        _by_key,
        custom_error_type="no_kind",
        custom_error_message="expected one of the keys fasttext, kenlm, call",
        custom_error_context={
            "hint": "write {fasttext: FILE, label: LABEL}, {kenlm: FILE} or {call: PACKAGE.MODULE.FUNCTION}"
        },
    ),
]
"""A model as a recipe has it: told by the key that it has."""


def _long_form(given: Any) -> Any:
    """`datatrove:NAME` is {datatrove: NAME}."""
    tool, colon, name = given.partition(":") if isinstance(given, str) else ("", "", "")
    if isinstance(given, str) and (tool != "datatrove" or not colon):
        raise PydanticCustomError(
            "no_tool", "{given} is no filter of another tool", {"given": given, "hint": "write datatrove:NAME"}
        )
    return {"datatrove": name} if isinstance(given, str) else given


Foreign = Annotated[Datatrove, BeforeValidator(_long_form)]
"""A filter of another tool: `datatrove:NAME`, or with options {datatrove: NAME, options: {...}}."""


def scores(name: str, model: Scorer, texts: Sequence[str], codes: Sequence[str]) -> Sequence[float | None]:
    """The number of each text, None where its language is none of the model's. codes: their languages.

    Raises ValueError, with the name, when the model gives too few numbers, or one that a 32-bit number cannot hold.
    """
    wanted = {code for language in model.languages for code in expand(language)}
    chosen = [at for at, code in enumerate(codes) if not wanted or code in wanted]
    found: list[float | None] = [None] * len(texts)
    if not chosen:
        return found
    try:
        numbers = model.numbers([texts[at] for at in chosen], [codes[at] for at in chosen])
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    if len(numbers) != len(chosen):
        raise ValueError(f"{name}: gave {len(numbers)} numbers for {len(chosen)} texts")
    for at, number in zip(chosen, numbers, strict=True):
        if number is not None and (not math.isfinite(number) or abs(number) > LARGEST):
            raise ValueError(f"{name}: gave {number}, not a finite 32-bit number, for the text {texts[at][:60]!r}")
        found[at] = number
    return found


LARGEST = 3.4e38
"""About the largest 32-bit number."""


def one_line(text: str) -> str:
    """The text as fastText takes it: line breaks as blanks."""
    return text.replace("\n", " ")


@cache
def _words() -> re.Pattern[str]:
    """Words and punctuation marks apart, as KenLM's models of web text were trained (after a tokenizer)."""
    return re.compile(r"\w+|[^\w\s]")


@cache
def _fasttext(path: str) -> Any:
    return _fasttext_opened(path)


def _fasttext_opened(path: str) -> Any:
    import fasttext

    return fasttext.load_model(path)


@cache
def _kenlm(path: str) -> Any:
    import kenlm

    return kenlm.Model(path)


@cache
def _datatrove(name: str, options: str, code: str) -> Any:
    """A filter of datatrove for one language, whose code it knows as ours; None if it cannot part its words."""
    from datatrove.utils.word_tokenizers import load_tokenizer_assignments

    made = getattr(import_module("datatrove.pipeline.filters"), name)
    given = json.loads(options)
    if "language" in signature(made).parameters and "language" not in given:
        if code not in load_tokenizer_assignments():
            return None
        given["language"] = code
    return made(**given)
