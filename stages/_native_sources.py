"""The digest of the sources of the C core, which names passes in place of their compiled form."""

DIGEST = "e42c913e654ff37e9d05874ffbd55b49"
