"""The world outside the product, for a demonstration: a receiver of webhooks and a mail server that keeps what it gets.

A program of its own (`python -m smartcare.demo.outside`), standard library only: it knows nothing of the product, and
may be stopped like any partner's server.
"""
