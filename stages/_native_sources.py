"""The digest of the sources of the C core, which names passes in place of their compiled form."""

DIGEST = "8da95af51981a4637c9457b768ec941c"
