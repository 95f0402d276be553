"""The digest of the sources of the C core, which names passes in place of their compiled form."""

DIGEST = "835fb63f10245bcb2e27ab9777d12247"
