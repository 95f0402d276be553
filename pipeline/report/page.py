"""The provenance report: one HTML page."""
from collections.abc import Mapping, Sequence
from typing import Any


def render(name: str, facts: Mapping[str, Any], account: Mapping[str, Any], ledgers: Sequence[str]) -> str:
    return "<html></html>"
