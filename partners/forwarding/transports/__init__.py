"""Ways out: one class per kind of destination, all with the same small contract."""
