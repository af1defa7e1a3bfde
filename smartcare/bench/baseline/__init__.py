"""The usual way to take in reports with this stack, to measure ours against: a DRF ModelSerializer with nested samples,
the token by an ORM query, bulk_create of narrow rows, one Celery task per report. Straightforward, nothing made slow.

Same web server, same PostgreSQL with fsync, same bodies; a database of its own beside ours.
"""
