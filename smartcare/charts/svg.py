"""Writing SVG by hand, safely: every attribute and every word passes through here and is escaped."""

import html
import math
from dataclasses import dataclass

from smartcare.charts.palette import COLOURS, FONT


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture, the sentence that names it, and its numbers as a table (a header and rows of text)."""

    svg: str
    name: str = ""
    header: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()

    def __str__(self) -> str:
        """The picture alone, as markup."""
        return self.svg


def words(text: object) -> str:
    """Text of any origin as it may stand in markup: escaped, on one line, without control characters."""
    flat = " ".join(str(text).split())
    return html.escape("".join(char for char in flat if char.isprintable()))


def clipped(text: object, most: int) -> str:
    """At most `most` characters, the last one an ellipsis when something is missing. Not yet escaped."""
    flat = " ".join(str(text).split())
    return flat if len(flat) <= most else flat[: most - 1].rstrip() + "…"


def number(value: float) -> str:
    """A coordinate with one decimal, without a needless zero."""
    if not math.isfinite(value):
        raise ValueError(f"not a coordinate: {value}")
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def element(tag: str, body: str = "", /, **attributes: object) -> str:
    """One element; `class_` becomes class, `stroke_width` stroke-width, None leaves out. body: finished markup."""
    parts = [tag]
    for name, value in attributes.items():
        if value is None:
            continue
        text = number(value) if isinstance(value, int | float) else words(value)
        parts.append(f'{name.rstrip("_").replace("_", "-")}="{text}"')
    opening = " ".join(parts)
    return f"<{opening}>{body}</{tag}>" if body else f"<{opening}/>"


def paint(fill: str | None = None, stroke: str | None = None, *, more: str = "") -> dict[str, object]:
    """Class and literal colour at once, as attributes. fill, stroke: names of the palette; fill "" is hollow."""
    classes = [more] if more else []
    attributes: dict[str, object] = {}
    if fill:
        classes.append(f"f-{fill}")
        attributes["fill"] = COLOURS[fill]
    elif fill == "":
        attributes["fill"] = "none"
    if stroke:
        classes.append(f"k-{stroke}")
        attributes["stroke"] = COLOURS[stroke]
    return {"class_": " ".join(classes) or None, **attributes}


def axis_text(x: float, y: float, text: object, *, anchor: str = "start", bold: bool = False) -> str:
    """Small print at an axis, 11 px; bold is ink instead of grey."""
    return element(
        "text",
        words(text),
        class_="axis b" if bold else "axis",
        x=x,
        y=y,
        text_anchor=None if anchor == "start" else anchor,
        font_size=11,
        font_weight=650 if bold else None,
        fill=COLOURS["ink" if bold else "ink3"],
    )


def label_text(x: float, y: float, text: object, *, colour: str = "ink", size: float = 12.5, anchor: str = "") -> str:
    """A label inside a chart, semibold. size: px."""
    return element(
        "text", words(text), x=x, y=y, font_size=size, font_weight=600, text_anchor=anchor or None, **paint(colour)
    )


def picture(
    size: tuple[float, float], name: str, body: str, *, class_: str | None = None, stretch: bool = False
) -> str:
    """The whole drawing with its accessible name. size: width and height of the box. stretch: fill any shape."""
    width, height = size
    return element(
        "svg",
        body or element("g"),
        class_=class_,
        viewBox=f"0 0 {number(width)} {number(height)}",
        preserveAspectRatio="none" if stretch else None,
        role="img",
        aria_label=name,
        font_family=FONT,
    )


def path(points: list[tuple[float, float]]) -> str:
    """Path data through points."""
    return "M" + "L".join(f"{number(x)} {number(y)}" for x, y in points)
