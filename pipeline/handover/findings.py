"""What a hand-over check found: how much was looked at by each rule, what breaks it, what a trainer would warn of."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

CHECKS: Mapping[str, str] = {
    "files": "every file stands with the bytes and the SHA-256 of the manifest, and no other beside them",
    "format": "opens by the exact layout: Megatron-LM's assertions, titan-oellm's bounds and its pair check follow",
    "dtype": "uint16 for a vocabulary below 65,500, else int32; one a layout",
    "vocabulary": "ids are in the vocabulary",
    "runs": "no sequence holds more than 50 equal tokens in a row",
    "ends": "a document ends with EOS once and begins with BOS, if there is one, wherever it is cut",
    "sidecar": "pieces are the sequences of the shard, token for token",
    "documents": "each document of the corpus is whole, once, on its side, cut only as the layout may, or was refused",
    "info": "info.json tells the hashes and counts that are there",
    "totals": "manifest and ledger count what the shards hold",
    "text": "random ranges are the tokens of their document's Parquet text, and read as it does",
    "blend": "weights sum to 1, and every prefix is a pair of this build",
}
"""The rules, in the order in which they are shown, and what each asks."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What breaks a rule. file: path below the output folder; place: where in it, in words, or empty."""

    check: str
    file: str
    place: str
    what: str

    def __str__(self) -> str:
        """As one line."""
        return f"{self.check}: {self.file}: {self.place + ': ' if self.place else ''}{self.what}"


class Findings:
    """Collects what is found; `good` when nothing breaks a rule."""

    def __init__(self) -> None:
        self.looked: Counter[str] = Counter()
        """Things that each rule was held against: files, tokens, documents, ranges."""
        self.faults: list[Fault] = []
        self.warnings: list[Fault] = []

    @property
    def good(self) -> bool:
        """Whether every rule holds."""
        return not self.faults

    def fault(self, check: str, file: str, what: str, place: str = "") -> None:
        """A rule is broken."""
        self.faults.append(Fault(check, file, place, what))

    def warn(self, check: str, file: str, what: str, place: str = "") -> None:
        """A trainer would warn, or leave something out."""
        self.warnings.append(Fault(check, file, place, what))

    def same(self, check: str, file: str, what: str, said: Any, found: Any) -> bool:
        """Hold one stated value against what is there; answers whether they are the same."""
        self.looked[check] += 1
        if said != found:
            self.fault(check, file, f"says {said!r}, and it is {found!r}", what)
        return bool(said == found)

    def as_json(self) -> dict[str, Any]:
        """Everything, for other programs."""
        broken = Counter(fault.check for fault in self.faults)
        return {
            "good": self.good,
            "checks": {name: {"looked_at": self.looked[name], "faults": broken[name]} for name in CHECKS},
            "faults": [asdict(fault) for fault in self.faults],
            "warnings": [asdict(warning) for warning in self.warnings],
        }
