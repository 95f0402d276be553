"""The digest of the sources of the C core, which names passes in place of their compiled form."""

DIGEST = "de09eb7fc118859c09709fdef560178d"
