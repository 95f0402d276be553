"""The digest of the sources of the C core, which names passes in place of their compiled form."""

DIGEST = "ae431ccfeca6570da0c5616bc7fffb0a"
