"""The five states of anything we look after: shape, word and colour together, never colour alone."""

from smartcare.charts.palette import COLOURS

STATES = ("ok", "watch", "risk", "down", "mute")
HEALTHY, WATCH = 85, 70  # score from which a thing is healthy, or merely to be watched

SHAPES = {
    "ok": '<circle cx="5" cy="5" r="5"/>',
    "watch": '<path d="M5 .4 9.8 9.4H.2z"/>',
    "risk": '<path d="M5 0 10 5 5 10 0 5z"/>',
    "down": '<rect x=".5" y=".5" width="9" height="9" rx="1.2"/>',
    "mute": '<path d="M5 0a5 5 0 1 1 0 10A5 5 0 0 1 5 0zm0 2.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6z"/>',
}
"""Drawn in a box of 10 x 10."""


def known(state: str) -> str:
    """The state itself, or `mute` for a word that is none of the five."""
    return state if state in SHAPES else "mute"


def state_of_score(score: float | None) -> str:
    """State a health score of 0-100 stands for; no score is no report."""
    if score is None:
        return "mute"
    if score >= HEALTHY:
        return "ok"
    return "watch" if score >= WATCH else "risk"


def worst(states: list[str]) -> str:
    """The state that needs somebody most; `mute` when there is none."""
    return min((known(state) for state in states), key=("down", "risk", "watch", "mute", "ok").index, default="mute")


def shape(state: str, *, side: int = 10) -> str:
    """A small drawing of a state; says nothing to a screen reader, the word beside it does. side: pixels."""
    state = known(state)
    return (
        f'<svg class="sh f-{state}" viewBox="0 0 10 10" width="{side}" height="{side}" fill="{COLOURS[state]}"'
        f' aria-hidden="true">{SHAPES[state]}</svg>'
    )
