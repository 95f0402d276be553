"""Run a stage script of datatrove with words split at white space, not by spaCy: the splitter's share of its cost.

usage: PEER_PYTHON benchmarks/whitespace_words.py STAGES.py STAGE      peer_datatrove.py --words whitespace does it

Runs in the peer's environment. Every filter and MinHash that asks datatrove for a word splitter gets this one, whatever
the language; nothing else changes.
"""

import re
import runpy
import sys
from pathlib import Path

from datatrove.utils import word_tokenizers

SENTENCE = re.compile(r"\S.*?(?:[.!?…。！？]+(?=\s)|$)", re.DOTALL)
"""From a character that is no space to the first marks that end a sentence before white space, or to the end."""


class Whitespace(word_tokenizers.WordTokenizer):  # type: ignore[misc]  # its loader lets pass only its own base class
    """Words and sentences as datatrove wants them split."""

    def word_tokenize(self, text: str) -> list[str]:
        """Runs of what is no white space."""
        return text.split()

    def sent_tokenize(self, text: str) -> list[str]:
        """Sentences, marks at their end included."""
        return [found[0].rstrip() for found in SENTENCE.finditer(text)]

    def span_tokenize(self, text: str) -> list[tuple[int, int]]:
        """Where the sentences are; C4 counts these."""
        return [found.span() for found in SENTENCE.finditer(text)]


def load(language: str) -> Whitespace:
    """In the place of datatrove's `load_word_tokenizer`."""
    return Whitespace(language)


if __name__ == "__main__":
    import whitespace_words  # by its name, or a worker could not unpickle the class: the stage script becomes __main__

    word_tokenizers.load_word_tokenizer = whitespace_words.load  # before any step of a pipeline imports it by name
    sys.argv = sys.argv[1:]
    sys.path[0] = str(Path(sys.argv[0]).parent)
    runpy.run_path(sys.argv[0], run_name="__main__")
