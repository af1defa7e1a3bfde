"""Who may read which marked word of the seed (interface.md). The rule is written here from the text, not taken from the code."""

import re

CANARY = re.compile(rb"canary-[a-z0-9-]+")
STAFF = "sam"


def found_in(*chunks: bytes) -> set[str]:
    return {word.decode() for chunk in chunks for word in CANARY.findall(chunk)}


def may_read(actor: str, word: str) -> bool:
    """actor: an organization of the cast ('acme', …), 'sam', or 'nobody'."""
    rules = {
        "acme": r"canary-(acme-|contract-acme-|tender-acme-|(northwind|rival|third)-told-(?!.*-globex$))",
        # what a partner said to globex is marked so at its end
        "globex": r"canary-(globex-|contract-globex-|tender-globex-|(northwind|rival|third)-told-.*-globex$)",
        "northwind": (
            r"canary-(acme-hq-(inventory|health|any|name)-|acme-purpose-northwind-"
            r"|northwind-|tender-acme-|contract-globex-northwind-)"
        ),
        "rival": r"canary-(rival-|contract-acme-rival-|tender-acme-)",
        # an ended grant's receipt may name the site, and carries its own purpose
        "third": r"canary-(third-|acme-(hq|branch)-name-|acme-purpose-third-|tender-acme-)",
        STAFF: r"canary-[a-z]+-[a-z]+-name-",
        "nobody": r"(?!)",
    }
    return re.match(rules[actor], word) is not None


def leaks(actor: str, *chunks: bytes) -> set[str]:
    """Marked words in these bytes that the actor may not have."""
    return {word for word in found_in(*chunks) if not may_read(actor, word)}
