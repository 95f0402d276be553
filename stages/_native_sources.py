"""The digest of the sources of the C core, which names passes in place of their compiled form."""

DIGEST = "470b1deface2dc4ddc11a5f73f75c035"
