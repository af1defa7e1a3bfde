"""Three years of a proposal: how long until the limit is reached again."""

from smartcare.charts import scale, svg
from smartcare.charts.palette import COLOURS
from smartcare.charts.words import ENGLISH, Words

WIDTH, LEFT, RIGHT = 300, 8, 292
TOP, START, FLOOR = 16, 62, 68


def mini(
    months: float | None, *, horizon: int = 36, first_year: int | None = None, label: str = "", words: Words = ENGLISH
) -> str:
    """A line that climbs to the limit after `months`; None or later than the horizon: it is not reached."""
    reached = scale.finite(months)
    if reached is not None and not 0 < reached <= horizon:
        reached = None if reached > horizon else 0.5
    across = scale.Scale(0, horizon, LEFT, RIGHT)
    steepness = (START - TOP) / (reached or horizon * 1.4)
    points = [(across(month), max(12.0, START - steepness * month)) for month in range(0, horizon + 1, 2)]
    dotted = {"x1": LEFT, "x2": RIGHT, "y1": TOP, "y2": TOP, "stroke_width": 1.25, "stroke_dasharray": "2 3"}
    body = svg.element("line", **svg.paint(stroke="down"), **dotted)
    area = f"{svg.path(points)}L{RIGHT} {FLOOR}L{LEFT} {FLOOR}z"
    body += svg.element("path", class_="f-acc", fill=COLOURS["acc"], opacity="0.12", d=area)
    body += svg.element("path", **svg.paint("", "acc"), stroke_width=2.25, d=svg.path(points))
    if reached is not None:
        body += svg.element("circle", **svg.paint("risk", "surf"), stroke_width=2, cx=across(reached), cy=TOP, r=5)
    if first_year is not None:
        for year in range(horizon // 12):
            body += svg.axis_text(across(year * 12), 82, first_year + year)
    sentence = words.mini_never if reached is None else words.mini
    name = sentence.format(label=label, months=horizon if reached is None else scale.short(reached))
    return svg.picture((WIDTH, 84), name, body, class_="mini")
