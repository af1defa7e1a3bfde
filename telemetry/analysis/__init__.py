"""Pure analysis: typed facts of devices in, findings out. Standard library and NumPy only."""
