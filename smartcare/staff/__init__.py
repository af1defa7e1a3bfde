"""The staff console at /staff/: facts of accounts; network data only under a permission that the customer gave or was told of."""
