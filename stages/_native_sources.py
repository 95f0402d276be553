"""The digest of the sources of the C core, which names passes in place of their compiled form."""

DIGEST = "8f8ad9aea6f44b20bd3a4a04a8e0bc08"
