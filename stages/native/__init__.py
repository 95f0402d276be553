"""The sources of the C core, and the generators of its tables."""
