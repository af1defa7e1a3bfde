"""Why we think so: reasons with bars, weighed in words (most, some, little), never in percent."""

from collections.abc import Sequence
from typing import NotRequired, TypedDict

from smartcare.charts import scale, svg
from smartcare.charts.states import known
from smartcare.charts.words import ENGLISH, Words

MOST, SOME = 66, 25  # share from which a reason is called most, or some


class Reason(TypedDict):
    """share: 0-100, how much of the finding it explains. value: printed instead of the word."""

    text: str
    share: float
    state: NotRequired[str]
    value: NotRequired[str]


def reason_bars(reasons: Sequence[Reason], *, words: Words = ENGLISH) -> str:
    """One line for each reason, as markup; the words say what the bars show."""
    return f'<div class="bars">{"".join(_line(reason, words) for reason in reasons)}</div>' if reasons else ""


def weight(share: float | None, words: Words = ENGLISH) -> str:
    """The word for a share of 0-100."""
    known_share = scale.finite(share) or 0.0
    if known_share >= MOST:
        return words.most
    return words.some if known_share >= SOME else words.little


def bar(share: float | None, *, state: str = "mute") -> str:
    """The bar alone, hidden from screen readers. share: 0-100."""
    length = min(100.0, max(0.0, scale.finite(share) or 0.0))
    track = svg.element("rect", **svg.paint("none"), width=100, height=4)
    filled = svg.element("rect", **svg.paint(known(state)), width=length, height=4)
    return f'<svg viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">{track}{filled}</svg>'


def _line(reason: Reason, words: Words) -> str:
    said = reason.get("value") or weight(reason["share"], words)
    drawn = bar(reason["share"], state=reason.get("state", "mute"))
    return f'<div class="bi"><span>{svg.words(reason["text"])}</span><b>{svg.words(said)}</b>{drawn}</div>'
