"""The digest of the sources of the C core, which names passes in place of their compiled form."""

DIGEST = "edfd2e3095c9fa589e871ee4b360bab1"
