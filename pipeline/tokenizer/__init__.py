"""Tokenizers: a balanced sample of a corpus, one trained on it, and how it compares with others."""
