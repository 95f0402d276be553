"""The digest of the sources of the C core, which names passes in place of their compiled form."""

DIGEST = "dead498a4f9f6d4f2ccabaf4f795cb51"
