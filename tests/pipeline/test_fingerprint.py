"""A change in C is a change of code: passes that use the core are named anew."""

import os
from hashlib import blake2b
from pathlib import Path

from florilegium.pipeline.fingerprint import _module, code_digest

STAGES = Path(__file__).resolve().parents[2] / "stages"


def test_the_c_core_counts_by_its_sources() -> None:
    total = blake2b(digest_size=16)
    for path in sorted((STAGES / "native").glob("*.[ch]")):
        total.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    text = '"""The digest of the sources of the C core, which names passes in place of their compiled form."""\n\n'
    text += f'DIGEST = "{total.hexdigest()}"\n'
    if os.environ.get("UPDATE_GOLDEN"):
        (STAGES / "_native_sources.py").write_text(text, "utf-8")
    assert (STAGES / "_native_sources.py").read_text("utf-8") == text, "run `make bless`"


def test_code_that_uses_the_core_depends_on_that() -> None:
    assert _module("florilegium.stages._native") == ("", ("florilegium.stages._native_sources",))
    assert _module("florilegium.stages._native_sources")[0]
    assert code_digest("florilegium.stages.extract") != code_digest("florilegium.stages.permit")
