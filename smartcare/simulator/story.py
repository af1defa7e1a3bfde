"""What can happen to a device. The base is the dull life; faults.py and lookalikes.py change parts of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from smartcare.simulator.flows import Nightly
from smartcare.simulator.hardware import ALL_KINDS, Hardware, Kind
from smartcare.simulator.noise import Noise
from smartcare.simulator.site import DAY, Site

NEVER = float("inf")
HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Strain:
    """How far a story bends the readings of one instant; the defaults bend nothing.

    memory, flash: percentage points on top. heat: multiple of the thermal resistance. fan, wobble: share of the nominal
    speed, and its standard deviation. rail_v: volts missing on 12 V. light_db: optical power lost. loss: share of
    packets lost to the gateway. rtt: multiple of the round trip. poe_w: watts drawn on top.
    """

    memory: float = 0.0
    flash: float = 0.0
    heat: float = 1.0
    fan: float = 1.0
    wobble: float = 0.0
    rail_v: float = 0.0
    light_db: float = 0.0
    loss: float = 0.0
    rtt: float = 1.0
    poe_w: float = 0.0


CALM = Strain()


@dataclass(frozen=True, slots=True)
class Boot:
    """A start of the device at `at` (epoch s); nothing was reported for down_s before it."""

    at: float
    reason: str
    down_s: float = 150.0


@dataclass(frozen=True, slots=True)
class Trip:
    """The troubled port lost its link at `at` for down_s; `frames` broke in it."""

    at: float
    down_s: float
    frames: int = 0


@dataclass(frozen=True, slots=True)
class Event:
    """What the device would write into its log; severity is one of the eight syslog names."""

    at: float
    severity: str
    code: str
    text: str
    component: str = ""


@dataclass(frozen=True, slots=True)
class Scene:
    """Where a story plays. present: the instant (epoch s) it leads up to. memory, flash: used % without any story."""

    present: float
    site: Site
    hardware: Hardware
    noise: Noise
    memory: float
    flash: float


class Story:
    """A device to which nothing happens. Everything is a function of time; nothing may depend on earlier questions."""

    name: ClassVar[str] = "healthy"
    kinds: ClassVar[frozenset[Kind]] = ALL_KINDS
    degrades: ClassVar[bool] = False

    ends_at: float = NEVER  # the device reports nothing from then on
    growth_from: float = NEVER  # traffic is multiplied by growth(t) from then on
    broken_from: float = NEVER  # frames of the troubled port break at broken(t) from then on
    upgraded_at: float = NEVER  # the newer software runs from then on
    backup: Nightly | None = None
    rotates_logs: bool = True

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.noise = scene.noise.child("story", self.name)
        self.begin()

    def begin(self) -> None:
        """Draw the story's own figures; subclasses do it here."""

    def strain(self, t: float) -> Strain:
        return CALM

    def boots(self) -> Iterator[Boot]:
        """In time order, perhaps without end."""
        return iter(())

    def trips(self) -> Iterator[Trip]:
        """In time order, perhaps without end."""
        return iter(())

    def events(self) -> Iterator[Event]:
        """Log lines beyond those that boots and trips write themselves; in time order, perhaps without end."""
        return iter(())

    def growth(self, t: float) -> float:
        return 1.0

    def broken(self, t: float) -> float:
        return 0.0

    def powered(self, t: float) -> bool:
        return t < self.ends_at

    def before(self, hours: float, spread: float = 0.0, n: int = 0) -> float:
        """The instant `hours` before the present, moved by up to +-spread hours."""
        return self.scene.present - (hours + self.noise.between(-spread, spread, n)) * HOUR

    def days_since(self, t: float, start: float) -> float:
        return max(0.0, t - start) / DAY
