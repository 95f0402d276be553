"""Texts of files and folders, for what is learned or measured beside a build: .txt, and what readers give as text."""

from collections import Counter
from collections.abc import Iterator

from florilegium.pipeline import inputs, standalone, store
from florilegium.pipeline.errors import PipelineError
from florilegium.pipeline.recipe import Source


def texts(path: str) -> Iterator[str]:
    """Every text below a file, folder or pattern, in the order of the names; blank ones are left out.

    A .txt file (UTF-8) is one text; of Parquet and JSON lines the column or key `text` or `content` is, as `tokenize`
    reads them; so the folder `corpus` of a build can be given too. Nothing is extracted, filtered or masked. Raises
    PipelineError for what cannot be read, for pages instead of texts, and where there is no text at all.
    """
    if not (set(path) & set("*?[") or store.is_folder(path) or store.stat(path)):
        raise PipelineError(f"{path}: there is no such file or folder", "check the path")
    source = Source(name="texts", path=path)
    found = list(inputs.found(source))
    plain = [one for one in found if one.name.lower().endswith(".txt")]
    any_there = False
    for one in plain:
        if (text := _plain(one.path)).strip():
            any_there = True
            yield text
    for file in inputs.input_files([source])[0] if len(plain) < len(found) else ():
        for table in standalone.texts(file, Counter()):
            for text in map(str, table["text"].to_pylist()):
                if text.strip():
                    any_there = True
                    yield text
    if not any_there:
        raise PipelineError(f"{path}: holds no text", "give .txt files, or .jsonl or .parquet with a column `text`")


def _plain(path: str) -> str:
    try:
        return (store.read(path) or b"").decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PipelineError(f"{path}: not UTF-8 at byte {error.start}", "save it as UTF-8") from error
