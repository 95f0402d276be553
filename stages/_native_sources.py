"""The digest of the sources of the C core, which names passes in place of their compiled form."""

DIGEST = "6c01effd0e9f6876bf982fa8c6c7394f"
