"""The digest of the sources of the C core, which names passes in place of their compiled form."""

DIGEST = "cc6ce8b092152addd2af00505f00d64b"
