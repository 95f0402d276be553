"""The digest of the sources of the C core, which names passes in place of their compiled form."""

DIGEST = "f5cc437f51be0ba85a3fb53d9238c4bf"
