"""One verb a file: what is done to a document."""
