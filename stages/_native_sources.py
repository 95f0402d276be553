"""The digest of the sources of the C core: it stands for their compiled form in the names of passes."""

DIGEST = "96f277950805666f84b43cdfb6ab0b68"
