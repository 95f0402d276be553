"""The digest of the sources of the C core, which names passes in place of their compiled form."""

DIGEST = "39dadfe4473ff3b3f85f305175b5658c"
