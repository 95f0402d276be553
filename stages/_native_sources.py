"""The digest of the sources of the C core, which names passes in place of their compiled form."""

DIGEST = "fb89fcc7348d4ca586b99a46c77e6021"
