"""The digest of the sources of the C core, which names passes in place of their compiled form."""

DIGEST = "467d0d12f58c5809838b5f15f1a96fea"
