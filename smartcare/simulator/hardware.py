"""What the simulated devices are made of. Vendor and models are invented; sizes are those of small-business gear."""

from dataclasses import dataclass
from enum import StrEnum

GBIT = 1_000_000_000
MIB = 1024 * 1024


class Kind(StrEnum):
    """What a device is for at its site."""

    EDGE = "edge"
    SWITCH = "switch"
    ACCESS_POINT = "access_point"


ALL_KINDS = frozenset(Kind)

_SPOKEN = {
    "edge": Kind.EDGE,
    "firewall": Kind.EDGE,
    "fw": Kind.EDGE,
    "router": Kind.EDGE,
    "rt": Kind.EDGE,
    "gateway": Kind.EDGE,
    "gw": Kind.EDGE,
    "switch": Kind.SWITCH,
    "sw": Kind.SWITCH,
    "core": Kind.SWITCH,
    "access_point": Kind.ACCESS_POINT,
    "accesspoint": Kind.ACCESS_POINT,
    "ap": Kind.ACCESS_POINT,
    "wifi": Kind.ACCESS_POINT,
}


def kind_of(word: str) -> Kind | None:
    """The kind people mean by a word such as `fw` or `switch`; None if they mean none."""
    return _SPOKEN.get(word.lower())


@dataclass(frozen=True, slots=True)
class Port:
    """share: part of the speed in use at the site's busiest hour."""

    name: str
    speed_bps: int
    share: float
    alias: str
    optic: bool = False

    @property
    def instance(self) -> str:
        return f"if/{self.name}"


@dataclass(frozen=True, slots=True)
class Hardware:
    """A model. ports: the uplink first. poe_w: budget in watts, None without PoE. rpm: None without a fan."""

    kind: Kind
    vendor: str
    model: str
    system: str
    versions: tuple[str, str]  # shipped, and what a firmware upgrade brings
    memory_by: int
    flash_by: int
    ports: tuple[Port, ...]
    rpm: int | None = None
    rail: bool = False
    poe_w: float | None = None
    radios: tuple[str, ...] = ()


EDGE = Hardware(
    kind=Kind.EDGE,
    vendor="Example Networks",
    model="EN-FW60",
    system="EdgeOS",
    versions=("7.4.3", "7.4.5"),
    memory_by=2048 * MIB,
    flash_by=16 * 1024 * MIB,
    ports=(
        Port("wan1", GBIT, 0.25, "to-provider"),
        Port("lan1", GBIT, 0.20, "to-core"),
        Port("lan2", GBIT, 0.06, "servers"),
    ),
    rpm=5200,
    rail=True,
)
SWITCH = Hardware(
    kind=Kind.SWITCH,
    vendor="Example Networks",
    model="EN-SW24P",
    system="SwitchOS",
    versions=("5.10.1", "5.10.4"),
    memory_by=1024 * MIB,
    flash_by=4 * 1024 * MIB,
    ports=(
        Port("Te1/1/1", 10 * GBIT, 0.02, "uplink", optic=True),
        Port("Gi1/0/1", GBIT, 0.10, "ap"),
        Port("Gi1/0/2", GBIT, 0.05, "desk-2"),
        Port("Gi1/0/7", GBIT, 0.04, "desk-7"),
    ),
    rpm=4300,
    rail=True,
    poe_w=370.0,
)
ACCESS_POINT = Hardware(
    kind=Kind.ACCESS_POINT,
    vendor="Example Networks",
    model="EN-AP6",
    system="RadioOS",
    versions=("3.2.0", "3.2.2"),
    memory_by=512 * MIB,
    flash_by=256 * MIB,
    ports=(Port("eth0", GBIT, 0.10, "uplink"),),
    radios=("0", "1"),
)
CATALOGUE = {hardware.kind: hardware for hardware in (EDGE, SWITCH, ACCESS_POINT)}
