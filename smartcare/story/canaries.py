"""Marked words in every text of the cast: whoever finds one where it may not be has found a leak.

Each names whose data it is and what kind; interface.md says who may see which. They stand at the end of a text that
people can read, because the demo shows these very pages.
"""

from access.models import Category

NAME = "name"  # a site's name and city, which staff and the receipt of an ended grant may show


def at_site(customer: str, site: str, category: Category | str, what: str) -> str:
    """'canary-acme-hq-health-title': of one category at one site; Category.ANY for what every grant shows."""
    return f"canary-{customer}-{site}-{category}-{what}"


def inside(customer: str, what: str) -> str:
    """Stays inside the customer: its collectors, destinations and internal comments."""
    return f"canary-{customer}-org-{what}"


def purpose(customer: str, partner: str, what: str) -> str:
    """The words of a grant: of the customer and that partner."""
    return f"canary-{customer}-purpose-{partner}-{what}"


def contract(customer: str, partner: str, what: str) -> str:
    """The paper of both its parties."""
    return f"canary-contract-{customer}-{partner}-{what}"


def tender(customer: str, what: str) -> str:
    """What a customer writes to those it asks for proposals: itself and every partner that is invited."""
    return f"canary-tender-{customer}-{what}"


def own(partner: str, what: str) -> str:
    """A partner's own texts: itself alone."""
    return f"canary-{partner}-own-{what}"


def told(partner: str, what: str) -> str:
    """What a partner said to a customer: itself and that customer."""
    return f"canary-{partner}-told-{what}"
