"""The passes: each a module whose `units` says what there is to do and whose functions do one unit of it."""
