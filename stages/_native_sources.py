"""The digest of the sources of the C core, which names passes in place of their compiled form."""

DIGEST = "47302260d154ded69a5ed09277003ec4"
