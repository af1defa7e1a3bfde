from hypothesis import settings

# No deadline for one example: the machine that runs the tests is shared, and slowness is measured elsewhere.
settings.register_profile("ingest", deadline=None)
settings.load_profile("ingest")
