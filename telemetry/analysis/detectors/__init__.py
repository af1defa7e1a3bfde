"""One detector a file: rows of state, how an hour enters them, and what they say when asked."""
