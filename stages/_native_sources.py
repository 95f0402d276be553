"""The digest of the sources of the C core, which names passes in place of their compiled form."""

DIGEST = "abc54b2d1c3181bed6bb2927bf553aa0"
