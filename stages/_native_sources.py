"""The digest of the sources of the C core, which names passes in place of their compiled form."""

DIGEST = "7337666c384fb43267395d61d0f170e0"
