"""Pure functions of a text or a page: measures, recognisers, signals. No input or output."""
