"""A fleet of simulated devices that report over HTTP as real ones would.

A stranger to the product: it knows the public wire format and nothing else of it, and imports none of its packages.
The values are made up (see model.py), the way they are sent is not (see agent.py).
"""
