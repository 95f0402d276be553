"""The digest of the sources of the C core, which names passes in place of their compiled form."""

DIGEST = "518f9bf0c496893a13b579d8e3f4a96f"
