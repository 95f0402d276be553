"""The digest of the sources of the C core, which names passes in place of their compiled form."""

DIGEST = "cf929fe0e056271fefd28250d6a9f3fe"
