"""The digest of the sources of the C core, which names passes in place of their compiled form."""

DIGEST = "7d35589adc38febfaed953e1b7e4d19a"
