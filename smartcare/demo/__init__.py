"""The whole product on one machine, for people (`demo`) and for acceptance (`demo --check`)."""
