"""The digest of the sources of the C core, which names passes in place of their compiled form."""

DIGEST = "b0bd6b7c6f3056b23c937d96932d3d7b"
