"""The digest of the sources of the C core, which names passes in place of their compiled form."""

DIGEST = "a24d0f98414a122dd01383eafdfcc717"
