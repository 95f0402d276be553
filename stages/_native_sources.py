"""The digest of the sources of the C core, which names passes in place of their compiled form."""

DIGEST = "b6b41fdd0e4eef8116d30a3c1b44a998"
