"""The simulated clock: begins in the past, runs faster until it has caught up, then shows real time."""

from dataclasses import dataclass

DAY_S = 86400.0


@dataclass(frozen=True, slots=True)
class Clock:
    """began: real instant (epoch s) of the start. history_s: how far back the clock begins. speed: 1 is real time.

    At speed 1 it would never catch up, so there is no history then.
    """

    began: float
    speed: float = 1.0
    history_s: float = DAY_S

    def __post_init__(self) -> None:
        if self.speed < 1 or self.history_s < 0:
            raise ValueError("The speed is at least 1 and the history not negative")

    @property
    def start(self) -> float:
        """The first instant the clock shows."""
        return self.began - self.history_s if self.speed > 1 else self.began

    @property
    def present(self) -> float:
        """The instant the stories lead up to: the end of the history, or of the first day where that is later."""
        return max(self.began, self.start + DAY_S)

    def shows(self, real: float) -> float:
        """What the clock shows at a real instant; never ahead of it."""
        return min(real, self.start + max(0.0, real - self.began) * self.speed)

    def reaches(self, simulated: float) -> float:
        """The real instant at which the clock shows `simulated`, or a millisecond later: rounding must not miss it."""
        return max(simulated, self.began + (simulated - self.start) / self.speed) + 1e-3
