"""Word lists of the languages, which are data of their own licence (README.md), and what makes them."""
