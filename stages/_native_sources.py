"""The digest of the sources of the C core, which names passes in place of their compiled form."""

DIGEST = "a889e67c2ac749db288d4384ecba4b65"
