"""The digest of the sources of the C core, which names passes in place of their compiled form."""

DIGEST = "e66a1c5d0577054e015c103c9b5c4d6f"
