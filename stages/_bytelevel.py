"""Byte-level BPE (GPT-2, Llama-3, Qwen, Tekken ...) in C: from a tokenizer.json to an engine."""

from typing import Any

from florilegium.stages._engine import Engine, Unsupported


def load(tokenizer: dict[str, Any]) -> Engine:
    """The engine. Raises Unsupported, naming the part, for what it cannot reproduce exactly."""
    raise Unsupported(f"{tokenizer.get('model', {}).get('type')}: not in C yet")
