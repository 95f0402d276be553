"""The digest of the sources of the C core, which names passes in place of their compiled form."""

DIGEST = "29460bbbe4da71070eafb8c38eee9838"
