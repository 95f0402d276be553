"""The digest of the sources of the C core, which names passes in place of their compiled form."""

DIGEST = "70720d7510544574c97763c0dcb1f565"
