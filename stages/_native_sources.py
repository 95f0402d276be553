"""The digest of the sources of the C core, which names passes in place of their compiled form."""

DIGEST = "bd8a4eed92b7ca982ab27158c49710dd"
