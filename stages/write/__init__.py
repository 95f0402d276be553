"""Output formats: each file of this folder writes one shard of documents."""
