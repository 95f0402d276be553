"""The digest of the sources of the C core, which names passes in place of their compiled form."""

DIGEST = "d78c196c1ca2d1975ffe756ea5a05603"
