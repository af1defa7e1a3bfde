"""One module per wire format; each decodes bytes into a CanonicalBatch and knows nothing but its arguments."""
