"""The digest of the sources of the C core, which names passes in place of their compiled form."""

DIGEST = "aaa77bd85b9e4d6267c719d0d84a9a97"
