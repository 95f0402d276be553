"""The digest of the sources of the C core, which names passes in place of their compiled form."""

DIGEST = "d39ee7d605c348d912c0100ecda9a22d"
