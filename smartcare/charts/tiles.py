"""Many customers at a glance: one tile each, worst first; a list of links, not a picture."""

from collections.abc import Sequence
from typing import NotRequired, TypedDict

from smartcare.charts import scale, svg
from smartcare.charts.states import SHAPES, known
from smartcare.charts.words import ENGLISH, Words

STRENGTHS = ((97, " v4"), (93, " v3"), (89, " v2"))
"""From which score a healthy tile is drawn in a stronger green."""


class Tile(TypedDict):
    """One customer. score: 0-100 or None."""

    label: str
    state: str
    url: str
    score: NotRequired[float | None]


def tiles(items: Sequence[Tile], *, rest_url: str = "", words: Words = ENGLISH) -> str:
    """The list. On phones the healthy ones become one tile that leads to rest_url."""
    healthy = sum(known(item["state"]) == "ok" for item in items)
    body = "".join(_tile(item, words) for item in items)
    if healthy and rest_url:
        rest = words.tiles_rest.format(count=healthy)
        body += f'<li class="only-s rest"><a href="{svg.words(rest_url)}">{svg.words(rest)}</a></li>'
    return f'<ol class="tiles">{body}</ol>' if body else ""


def _tile(item: Tile, words: Words) -> str:
    state = known(item["state"])
    score = scale.finite(item.get("score"))
    told = words.no_score if score is None else str(round(score))
    name = svg.words(f"{item['label']}: {words.state[state]}, {told}")
    strength = next((class_ for least, class_ in STRENGTHS if state == "ok" and score and score >= least), "")
    mark = "" if state == "ok" else f'<svg class="sh" viewBox="0 0 10 10" aria-hidden="true">{SHAPES[state]}</svg>'
    return (
        f'<li><a class="tile {state}{strength}" href="{svg.words(item["url"])}" title="{name}">'
        f'<span class="vh">{name}</span>{mark}</a></li>'
    )
