"""OpenTelemetry's names and attributes -> ours. Data: the conventions `hw.*` and `system.*` still change.

Old names stay. Where a convention was renamed, the attribute lists hold the new name first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final

from telemetry.vocabulary import METRICS


class Read(Enum):
    """How a number becomes a sample."""

    VALUE = "value"
    ONE_HOT = "one point of 0 or 1 for each state"
    UP_DOWN = "1 is up, 0 is down"
    REST_OF_ONE = "1 - value"
    SKIP = "known, and of no use to us"


@dataclass(frozen=True, slots=True)
class Label:
    """Our label, the attributes that may hold it, and the words that differ."""

    name: str
    attributes: tuple[str, ...]
    words: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class OtlpRule:
    """Applies if each attribute of `where` has one of its values; None among them: or is absent."""

    metric: str
    where: Mapping[str, tuple[str | None, ...]] = MappingProxyType({})
    factor: float = 1
    labels: tuple[Label, ...] = ()
    read: Read = Read.VALUE


DIR: Final = Label(
    "dir",
    ("network.io.direction", "direction", "dir"),
    {"receive": "rx", "transmit": "tx", "received": "rx", "transmitted": "tx"},
)
CAST: Final = Label("cast", ("cast",))
MEMORY: Final = Label("state", ("system.memory.state", "state"))
FILESYSTEM: Final = Label("state", ("system.filesystem.state", "state"))
LIMIT: Final = Label("limit", ("hw.limit_type", "limit_type", "limit"))
_KNOWN_LABELS: Final = {label.name: label for label in (DIR, CAST, LIMIT)}

STATE_ATTRIBUTES: Final = ("hw.state", "state")
STATE_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {"degraded": "warning", "predicted_failure": "warning", "needs_cleaning": "warning"}
)

_SENSOR_TYPES: Final = ("temperature", "voltage", "sensor")
_NETWORK: Final = {"hw.type": ("network",)}

RULES: Final[Mapping[str, tuple[OtlpRule, ...]]] = MappingProxyType(
    {
        "system.uptime": (OtlpRule("device.uptime"),),
        "system.cpu.utilization": (
            OtlpRule("device.cpu.utilization", {"cpu.mode": (None,), "state": (None,)}),
            OtlpRule("device.cpu.utilization", {"cpu.mode": ("idle",)}, read=Read.REST_OF_ONE),
            OtlpRule("device.cpu.utilization", {"state": ("idle",)}, read=Read.REST_OF_ONE),
            OtlpRule("device.cpu.utilization", read=Read.SKIP),  # user, system ...: parts of what idle leaves over
        ),
        "system.memory.usage": (OtlpRule("device.memory.usage", labels=(MEMORY,)),),
        "system.memory.utilization": (
            OtlpRule("device.memory.utilization", {"system.memory.state": (None, "used"), "state": (None, "used")}),
            OtlpRule("device.memory.utilization", read=Read.SKIP),
        ),
        "system.filesystem.usage": (OtlpRule("fs.usage", labels=(FILESYSTEM,)),),
        "system.filesystem.limit": (OtlpRule("fs.limit"),),
        "hw.temperature": (OtlpRule("sensor.temperature"),),
        "hw.temperature.limit": (OtlpRule("sensor.temperature.limit", labels=(LIMIT,)),),
        "hw.voltage": (OtlpRule("sensor.voltage"),),
        "hw.power": (OtlpRule("sensor.power"),),
        "hw.fan.speed": (OtlpRule("fan.speed"),),
        "hw.status": (
            OtlpRule("fan.status", {"hw.type": ("fan",)}, read=Read.ONE_HOT),
            OtlpRule("psu.status", {"hw.type": ("power_supply",)}, read=Read.ONE_HOT),
            OtlpRule("sensor.status", {"hw.type": _SENSOR_TYPES}, read=Read.ONE_HOT),
        ),
        "hw.power_supply.limit": (OtlpRule("poe.limit"),),
        "hw.power_supply.usage": (OtlpRule("poe.usage"),),
        "hw.battery.charge": (OtlpRule("battery.charge"),),
        "hw.battery.time_left": (OtlpRule("battery.time_left"),),
        "hw.network.up": (OtlpRule("if.oper_status", read=Read.UP_DOWN),),
        "hw.network.bandwidth.limit": (OtlpRule("if.speed", factor=8),),  # bytes per second
        "hw.network.io": (OtlpRule("if.io", labels=(DIR,)),),
        "system.network.io": (OtlpRule("if.io", labels=(DIR,)),),
        "hw.network.packets": (OtlpRule("if.packets", labels=(DIR,)),),
        "system.network.packet.count": (OtlpRule("if.packets", labels=(DIR,)),),
        "system.network.packets": (OtlpRule("if.packets", labels=(DIR,)),),
        "hw.errors": (
            OtlpRule("if.crc_errors", {**_NETWORK, "error.type": ("crc",), "network.io.direction": (None, "receive")}),
            OtlpRule("if.errors", {**_NETWORK, "error.type": (None, "all")}, labels=(DIR,)),
        ),
        "system.network.errors": (OtlpRule("if.errors", labels=(DIR,)),),
        "system.network.packet.dropped": (OtlpRule("if.discards", labels=(DIR,)),),
        "system.network.dropped": (OtlpRule("if.discards", labels=(DIR,)),),
        "system.network.connection.count": (OtlpRule("fw.sessions", {"network.connection.state": (None,)}),),
        # our own names, as our Collector configuration sends them
        **{
            metric.name: (
                OtlpRule(
                    metric.name,
                    labels=tuple(_KNOWN_LABELS.get(label) or Label(label, (label,)) for label in metric.labels),
                    read=Read.ONE_HOT if metric.kind == "state" else Read.VALUE,
                ),
            )
            for metric in METRICS.values()
        },
    }
)

# instance, by class: the attributes that may hold its name, best first
INSTANCE: Final = "smartcare.instance"
INSTANCE_BY: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "": (INSTANCE,),
        "if": (INSTANCE, "hw.id", "network.interface.name", "system.device", "device"),
        "cpu": (INSTANCE, "hw.id", "cpu.logical_number", "cpu"),
        "disk": (INSTANCE, "hw.id", "system.filesystem.mountpoint", "mountpoint"),
    }
)
INSTANCE_BY_OTHERS: Final = (INSTANCE, "hw.id")
DEFAULT_INSTANCE: Final[Mapping[str, str]] = MappingProxyType({"pool": "system"})

# identity: the first attribute present wins
DEVICE_ID: Final = ("smartcare.device.id",)
SERIAL: Final = ("hw.serial_number", "device.id", "host.id")
ALIAS: Final = ("host.name", "net.host.name", "snmp.target")
VENDOR: Final = ("device.manufacturer", "hw.vendor")
MODEL: Final = ("device.model.identifier", "hw.model")
IDENTIFYING: Final = frozenset((*DEVICE_ID, *SERIAL, *ALIAS))
DESCRIBING: Final = frozenset((*VENDOR, *MODEL, "os.name", "os.version", "hw.firmware_version"))

# severityNumber -> syslog name, https://opentelemetry.io/docs/specs/otel/logs/data-model/#field-severitynumber
SEVERITY_OF_NUMBER: Final[Mapping[int, str]] = MappingProxyType(
    {
        **dict.fromkeys(range(1, 9), "debug"),
        **dict.fromkeys(range(9, 13), "info"),
        **dict.fromkeys(range(13, 17), "warning"),
        **dict.fromkeys(range(17, 21), "error"),
        **dict.fromkeys(range(21, 25), "critical"),
    }
)
EVENT_CODE: Final = ("syslog.msg_id", "syslog.msgid", "msg_id", "event.name")
EVENT_COMPONENT: Final = (INSTANCE, "hw.id", "network.interface.name")
EVENT_SEVERITY: Final = ("syslog.severity.code", "syslog.severity")
