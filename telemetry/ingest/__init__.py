"""What devices and collectors send: read within bounds, decoded into one canonical batch, kept, answered."""
