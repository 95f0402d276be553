"""The digest of the sources of the C core, which names passes in place of their compiled form."""

DIGEST = "385d2ada3c881d7df6cac38d23611484"
