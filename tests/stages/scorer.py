"""Functions that a test's recipe takes for models."""


def characters(texts: list[str]) -> list[int]:
    """The length of each text."""
    return [len(text) for text in texts]


def broken(texts: list[str]) -> list[float]:
    """A model that finds no weights."""
    weights: dict[str, float] = {}
    return [weights["weights"] for _ in texts]
