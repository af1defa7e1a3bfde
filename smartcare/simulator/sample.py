"""One value of one series, in the canonical names and units of the report format."""

from collections.abc import Mapping
from typing import NamedTuple

Labels = Mapping[str, str]

RX: Labels = {"dir": "rx"}
TX: Labels = {"dir": "tx"}
RX_UNICAST: Labels = {"dir": "rx", "cast": "unicast"}
TX_UNICAST: Labels = {"dir": "tx", "cast": "unicast"}
USED: Labels = {"state": "used"}
FREE: Labels = {"state": "free"}


class Sample(NamedTuple):
    """value: a number in the metric's unit, or the name of a state. counter: it counts since the last boot."""

    metric: str
    instance: str
    value: float | str
    labels: Labels | None = None
    counter: bool = False
