"""The digest of the sources of the C core, which names passes in place of their compiled form."""

DIGEST = "f2303457e629dea87b71b16e6d03af0b"
