"""The digest of the sources of the C core, which names passes in place of their compiled form."""

DIGEST = "96f277950805666f84b43cdfb6ab0b68"
