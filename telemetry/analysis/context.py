"""What a device's analysis may know that is not the device's own."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from telemetry.analysis.facts import DAY
from telemetry.analysis.trend import Factors

WARM_UP_S = 2 * DAY


@dataclass(frozen=True, slots=True)
class Support:
    """Dates of the model's lifecycle, epoch seconds; None where nobody knows."""

    end_of_support: float | None = None
    end_of_security_fixes: float | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """Facts from outside the device, as known by the end of the block.

    warm_up_s: nothing but levels, restarts and dates of support is raised in this time after a device's first sample.
    Two days by the handbook; less only where somebody wants provisional findings from short histories, as a
    demonstration does. uplinks: interfaces whose load is watched. half_duplex: ports that say they run at half duplex.
    site_common: degrees the site's other devices are above their normal, by hour since the epoch.
    site_boots: (boot, seen) times of the site's other devices. support: the model's lifecycle, None if unknown.
    with_residuals: whether every gauge is also compared with its own rhythm, which explains findings, raises none and
    costs as much as all the rest; back-tests do without.
    """

    warm_up_s: float = WARM_UP_S
    uplinks: frozenset[str] = frozenset()
    half_duplex: frozenset[str] = frozenset()
    site_common: Mapping[int, float] = field(default_factory=dict)
    site_boots: tuple[tuple[float, float], ...] = ()
    factors: Factors = field(default_factory=Factors)
    support: Support | None = None
    with_residuals: bool = True

    @property
    def is_eager(self) -> bool:
        """Whether findings from histories shorter than the handbook's two days are wanted."""
        return self.warm_up_s < WARM_UP_S
