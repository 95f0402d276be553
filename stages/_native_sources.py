"""The digest of the sources of the C core, which names passes in place of their compiled form."""

DIGEST = "c3ca2a7c034a08c1e8735fb41671ed34"
