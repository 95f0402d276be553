"""A small tokenizer, trained on the prose of the sample."""

from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from florilegium.pipeline.sample.content import load

END, BEGIN = "<|endoftext|>", "<s>"


def write_tokenizer(path: Path, vocabulary: int = 2_000) -> Path:
    """Write a byte-level tokenizer.json with the special tokens END and BEGIN."""
    found = Tokenizer(models.BPE())
    found.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    found.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[END, BEGIN],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    texts = [text for passage in load().passages.values() for text in passage.paragraphs]
    found.train_from_iterator(texts, trainer)
    found.save(str(path))
    return path
