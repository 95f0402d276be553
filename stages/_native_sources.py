"""The digest of the sources of the C core, which names passes in place of their compiled form."""

DIGEST = "8183317426e298297ae47c361463be98"
