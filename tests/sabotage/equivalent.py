"""Changes that are no holes: what is taken away is held by something else, by construction. Each with the reason.

One that a test catches after all is an error: it then does not belong here.
"""

EQUIVALENT: dict[str, str] = {}
