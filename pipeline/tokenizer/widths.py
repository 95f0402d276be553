"""How wide the tokens of a vocabulary are stored, and where its readers are not of one mind."""

SMALL = 65_500
"""Vocabularies below this are uint16, others int32: the limit of Megatron-LM's builder (`DType.optimal_dtype`)."""

GUESSED = 1 << 16
"""Up to this vocabulary readers that guess, rather than read it from an index, take tokens for uint16."""

ADVICE = "choose a vocabulary of less than 65,500 (65,408 is a multiple of 128) or more than 65,536"


def dtype(vocabulary: int) -> str:
    """The type of tokens that are below `vocabulary`."""
    return "uint16" if vocabulary < SMALL else "int32"


def clash(vocabulary: int) -> str | None:
    """What readers disagree on, in a sentence with advice; None where they are of one mind."""
    if not SMALL <= vocabulary <= GUESSED:
        return None
    return (
        f"{vocabulary:,} tokens are stored as int32, as Megatron-LM's builder does from 65,500 on; megatron-core with "
        f"--per-dataset-sequences-path, NeMo and datatrove take up to 65,536 for uint16: "
        f"leave that option out, or {ADVICE}"
    )
