"""The digest of the sources of the C core, which names passes in place of their compiled form."""

DIGEST = "c49147f99fc91692d97c32f53bbbcef0"
