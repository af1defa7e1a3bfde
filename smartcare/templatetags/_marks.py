"""Small marks in running text: icon, chip, avatar. Registered by `charts.py`."""

import hashlib

from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from smartcare.charts.states import STATES, shape
from smartcare.charts.words import ENGLISH

SPRITE = "vendor/icons.svg"
AVATAR_TINTS = 4


def icon(name: str, size: str = "") -> SafeString:
    """Symbol `name` of the sprite, hidden from screen readers. size: "" (18 px) or "lg" (22 px)."""
    classes = f"ic {size}".rstrip()
    return format_html(
        '<svg class="{}" aria-hidden="true"><use href="{}#{}"></use></svg>', classes, static(SPRITE), name
    )


def chip(state: str, text: object = "") -> SafeString:
    """A rounded label: shape, word and colour of a state; `acc` and `plain` are labels without a state.

    Without text a state says its own word.
    """
    if state not in STATES:
        return format_html('<span class="chip {}">{}</span>', "acc" if state == "acc" else "plain", text)
    return format_html('<span class="chip {}">{}{}</span>', state, shape_mark(state, 10), text or ENGLISH.state[state])


def shape_mark(state: str, size: int = 11) -> SafeString:
    """The shape of a state alone, for lists whose words say the state. size: pixels."""
    return mark_safe(shape(state, side=size))  # noqa: S308 - our own constants


def initials(name: str) -> str:
    """Two letters for a person or company: of the first two words, else of the only one."""
    words = [word for word in name.replace("-", " ").split() if word[0].isalnum()]
    if not words:
        return "?"
    letters = words[0][0] + words[1][0] if len(words) > 1 else words[0][:2]
    return letters.upper()


def avatar(name: str, size: str = "") -> SafeString:
    """Initials on a tint that is the same wherever the name appears. size: "" (36 px) or "sm" (28 px).

    Says nothing to a screen reader: print the name beside it.
    """
    tint = hashlib.sha256(name.encode()).digest()[0] % AVATAR_TINTS + 1
    classes = f"av a{tint} {size}".rstrip()
    return format_html('<span class="{}" aria-hidden="true">{}</span>', classes, initials(name))
