"""The canonical metrics: names, units, kinds, states, data category, and what other worlds call them. Data, not code.

Units are UCUM. A value of `labels` that lists nothing is free text. How a MIB object's or an OpenTelemetry metric's
numbers become ours is told beside their decoders: ingest/formats/mib_mapping.py, ingest/formats/otlp_mapping.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

INVENTORY: Final = "inventory"
HEALTH: Final = "health"
TRAFFIC: Final = "traffic"
CONFIGURATION: Final = "configuration"
CONTRACTS: Final = "contracts"
CATEGORIES: Final = (INVENTORY, HEALTH, TRAFFIC, CONFIGURATION, CONTRACTS)

CUSTOM_PREFIX: Final = "custom."
NAME: Final = re.compile(r"[a-z][a-z0-9_.]{0,63}")

E: Final = "1.3.6.1.4.1.9.9."  # Cisco's management MIBs
M: Final = "1.3.6.1.2.1."  # MIB-2


@dataclass(frozen=True, slots=True)
class Metric:
    """One canonical quantity. kind: gauge, counter (only grows between resets) or state (one of `states`).

    instance: the class part of `class/name`; empty for the device as a whole.
    mib: SNMP object -> OID. otel: names in OpenTelemetry's semantic conventions, old ones included.
    """

    name: str
    kind: str
    unit: str = ""
    instance: str = ""
    category: str = HEALTH
    labels: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    states: tuple[str, ...] = ()
    mib: Mapping[str, str] = MappingProxyType({})
    otel: tuple[str, ...] = ()


IF_STATES: Final = ("up", "down", "testing", "unknown", "dormant", "notPresent", "lowerLayerDown")
SENSOR_STATES: Final = ("ok", "warning", "critical", "shutdown", "absent", "failed")
UNIT_STATES: Final = ("ok", "warning", "failed", "absent")
POE_PORT_STATES: Final = ("disabled", "searching", "delivering", "fault", "test", "otherFault")
STACK_STATES: Final = (
    *("waiting", "progressing", "added", "ready", "sdmMismatch", "verMismatch", "featureMismatch"),
    *("newMasterInit", "provisioned", "invalid", "removed"),
)

ANY: Final[tuple[str, ...]] = ()
DIR: Final = {"dir": ("rx", "tx")}
CAST: Final = {"cast": ("unicast", "multicast", "broadcast")}
LIMITS: Final = {"limit": ("high.degraded", "high.critical")}
USED_FREE: Final = {"state": ("used", "free")}
ENTITY_SENSOR: Final = {"entPhySensorValue": M + "99.1.1.1.4", "entSensorValue": E + "91.1.1.1.1.4"}

DEVICE: Final = (
    Metric(
        *("device.uptime", "gauge", "s"),
        mib={"snmpEngineTime": "1.3.6.1.6.3.10.2.1.3", "sysUpTime": M + "1.3"},  # the first: not checked on a device
        otel=("system.uptime",),
    ),
    Metric("device.reachable", "state", states=("up", "down")),
    Metric("icmp.rtt", "gauge", "s", labels={"target": ANY}),
    Metric("icmp.loss", "gauge", "1", labels={"target": ANY}),
    Metric(
        *("device.cpu.utilization", "gauge", "1", "cpu"),
        mib={
            "cpmCPUTotal5minRev": E + "109.1.1.1.1.8",
            "cpmCPUTotal1minRev": E + "109.1.1.1.1.7",
            "hrProcessorLoad": M + "25.3.3.1.2",
            "rlCpuUtilDuringLastMinute": "1.3.6.1.4.1.9.6.1.101.1.8",
        },
        otel=("system.cpu.utilization",),
    ),
    Metric(
        *("device.memory.usage", "gauge", "By", "pool"),
        labels=USED_FREE,
        mib={
            "ciscoMemoryPoolUsed": E + "48.1.1.1.5",
            "ciscoMemoryPoolFree": E + "48.1.1.1.6",
            "cempMemPoolUsed": E + "221.1.1.1.1.7",
            "cempMemPoolFree": E + "221.1.1.1.1.8",
            "cempMemPoolHCUsed": E + "221.1.1.1.1.18",
            "cempMemPoolHCFree": E + "221.1.1.1.1.20",
        },
        otel=("system.memory.usage",),
    ),
    Metric("device.memory.utilization", "gauge", "1", "pool", otel=("system.memory.utilization",)),
    Metric(
        *("fs.usage", "gauge", "By", "disk"),
        labels={"state": ANY},
        mib={"hrStorageUsed": M + "25.2.3.1.6"},
        otel=("system.filesystem.usage",),
    ),
    Metric(
        *("fs.limit", "gauge", "By", "disk"), mib={"hrStorageSize": M + "25.2.3.1.5"}, otel=("system.filesystem.limit",)
    ),
)

HARDWARE: Final = (
    Metric(
        *("sensor.temperature", "gauge", "Cel", "sensor"),
        mib={"ciscoEnvMonTemperatureStatusValue": E + "13.1.3.1.3", **ENTITY_SENSOR},
        otel=("hw.temperature",),
    ),
    Metric(
        *("sensor.temperature.limit", "gauge", "Cel", "sensor"),
        labels=LIMITS,
        mib={"ciscoEnvMonTemperatureThreshold": E + "13.1.3.1.4", "entSensorThresholdValue": E + "91.1.2.1.1.4"},
        otel=("hw.temperature.limit",),
    ),
    Metric("sensor.voltage", "gauge", "V", "sensor", mib=ENTITY_SENSOR, otel=("hw.voltage",)),
    Metric("sensor.current", "gauge", "A", "sensor", mib=ENTITY_SENSOR),
    Metric("sensor.power", "gauge", "W", "sensor", mib=ENTITY_SENSOR, otel=("hw.power",)),
    Metric(
        *("sensor.status", "state", "", "sensor"),
        states=SENSOR_STATES,
        mib={"ciscoEnvMonTemperatureState": E + "13.1.3.1.6", "entPhySensorOperStatus": M + "99.1.1.1.5"},
        otel=("hw.status",),
    ),
    Metric("fan.speed", "gauge", "rpm", "fan", mib=ENTITY_SENSOR, otel=("hw.fan.speed",)),
    Metric(
        *("fan.status", "state", "", "fan"),
        states=UNIT_STATES,
        mib={"ciscoEnvMonFanState": E + "13.1.4.1.3", "cefcFanTrayOperStatus": E + "117.1.4.1.1.1"},
        otel=("hw.status",),
    ),
    Metric(
        *("psu.status", "state", "", "psu"),
        states=UNIT_STATES,
        mib={"ciscoEnvMonSupplyState": E + "13.1.5.1.3", "cefcFRUPowerOperStatus": E + "117.1.1.2.1.2"},
        otel=("hw.status",),
    ),
    Metric(
        *("poe.limit", "gauge", "W", "poe"),
        mib={"pethMainPsePower": M + "105.1.3.1.1.2"},
        otel=("hw.power_supply.limit",),
    ),
    Metric(
        *("poe.usage", "gauge", "W", "poe"),
        mib={"pethMainPseConsumptionPower": M + "105.1.3.1.1.4"},
        otel=("hw.power_supply.usage",),
    ),
    Metric(
        *("poe.status", "state", "", "poe"),
        states=("on", "off", "faulty"),
        mib={"pethMainPseOperStatus": M + "105.1.3.1.1.3"},
    ),
    Metric("poe.port.power", "gauge", "W", "if", mib={"cpeExtPsePortPwrConsumption": E + "402.1.2.1.9"}),
    Metric(
        *("poe.port.status", "state", "", "if"),
        states=POE_PORT_STATES,
        mib={"pethPsePortDetectionStatus": M + "105.1.1.1.6"},
    ),
    Metric(
        "battery.charge",
        "gauge",
        "1",
        "battery",
        mib={"upsEstimatedChargeRemaining": M + "33.1.2.4"},
        otel=("hw.battery.charge",),
    ),
    Metric(
        "battery.time_left",
        "gauge",
        "s",
        "battery",
        mib={"upsEstimatedMinutesRemaining": M + "33.1.2.3"},
        otel=("hw.battery.time_left",),
    ),
    Metric(
        *("stack.member.status", "state", "", "chassis"),
        states=STACK_STATES,
        mib={"cswSwitchState": E + "500.1.2.1.1.6"},
    ),
)

LINKS: Final = (
    Metric("if.admin_status", "state", "", "if", states=IF_STATES, mib={"ifAdminStatus": M + "2.2.1.7"}),
    Metric(
        *("if.oper_status", "state", "", "if"),
        states=IF_STATES,
        mib={"ifOperStatus": M + "2.2.1.8"},
        otel=("hw.network.up",),
    ),
    Metric("if.last_change", "gauge", "s", "if", mib={"ifLastChange": M + "2.2.1.9"}),  # ours is an age
    Metric(
        *("if.speed", "gauge", "bit/s", "if"),
        mib={"ifHighSpeed": M + "31.1.1.1.15", "ifSpeed": M + "2.2.1.5"},  # ifSpeed ends at 4.29 Gbit/s
        otel=("hw.network.bandwidth.limit",),
    ),
    Metric(
        *("if.io", "counter", "By", "if", TRAFFIC),
        labels=DIR,
        mib={
            "ifHCInOctets": M + "31.1.1.1.6",
            "ifHCOutOctets": M + "31.1.1.1.10",
            "ifInOctets": M + "2.2.1.10",
            "ifOutOctets": M + "2.2.1.16",
        },
        otel=("hw.network.io", "system.network.io"),
    ),
    Metric(
        *("if.packets", "counter", "{packet}", "if", TRAFFIC),
        labels={**DIR, **CAST},
        mib={
            "ifHCInUcastPkts": M + "31.1.1.1.7",
            "ifHCInMulticastPkts": M + "31.1.1.1.8",
            "ifHCInBroadcastPkts": M + "31.1.1.1.9",
            "ifHCOutUcastPkts": M + "31.1.1.1.11",
            "ifHCOutMulticastPkts": M + "31.1.1.1.12",
            "ifHCOutBroadcastPkts": M + "31.1.1.1.13",
        },
        otel=("hw.network.packets", "system.network.packet.count", "system.network.packets"),
    ),
    Metric(
        *("if.errors", "counter", "{error}", "if"),
        labels=DIR,
        mib={"ifInErrors": M + "2.2.1.14", "ifOutErrors": M + "2.2.1.20"},
        otel=("hw.errors", "system.network.errors"),
    ),
    Metric(
        *("if.discards", "counter", "{packet}", "if"),
        labels=DIR,
        mib={"ifInDiscards": M + "2.2.1.13", "ifOutDiscards": M + "2.2.1.19"},
        otel=("system.network.packet.dropped", "system.network.dropped"),
    ),
    Metric(
        *("if.crc_errors", "counter", "{error}", "if"),
        mib={"dot3StatsFCSErrors": M + "10.7.2.1.3"},  # not checked on a device
        otel=("hw.errors",),
    ),
    Metric("if.flaps", "counter", "{flap}", "if"),
    Metric("optic.power", "gauge", "dBm", "if", labels=DIR, mib=ENTITY_SENSOR),
    Metric("optic.temperature", "gauge", "Cel", "if", mib=ENTITY_SENSOR),
    Metric("optic.bias", "gauge", "mA", "if", mib=ENTITY_SENSOR),
    Metric("optic.voltage", "gauge", "V", "if", mib=ENTITY_SENSOR),
    Metric("stp.topology_changes", "counter", "{change}", mib={"dot1dStpTopChanges": M + "17.2.4"}),
)

SERVICES: Final = (
    Metric(
        *("fw.sessions", "gauge", "{session}", "", TRAFFIC),
        mib={"cfwConnectionStatValue": E + "147.1.2.2.2.1.5"},  # index .40.6: in use now
        otel=("system.network.connection.count",),
    ),
    Metric("vpn.tunnels", "gauge", "{tunnel}", "", TRAFFIC, labels={"type": ANY}),
    Metric("wifi.clients", "gauge", "{client}", "radio", TRAFFIC, labels={"ssid": ANY}),
    Metric("wifi.channel_utilization", "gauge", "1", "radio"),
    Metric("wifi.noise", "gauge", "dBm", "radio"),
    Metric("wifi.signal", "gauge", "dBm", "radio", labels={"ssid": ANY}),
)


def _by_name(metrics: Iterable[Metric]) -> Mapping[str, Metric]:
    return MappingProxyType({metric.name: metric for metric in metrics})


METRICS: Final = _by_name((*DEVICE, *HARDWARE, *LINKS, *SERVICES))


def lookup(name: str) -> Metric | None:
    """The canonical metric of this name; None for `custom.` names and for names nobody agreed on."""
    return METRICS.get(name)


def is_custom(name: str) -> bool:
    """A name of the sender's own: kept only where the customer allows it."""
    return name.startswith(CUSTOM_PREFIX) and len(name) > len(CUSTOM_PREFIX) and NAME.fullmatch(name) is not None


def category_of(name: str) -> str:
    """Which data category a metric belongs to; decides who may see it. Raises KeyError for an unknown name."""
    metric = METRICS.get(name)
    if metric is not None:
        return metric.category
    if is_custom(name):
        return HEALTH
    raise KeyError(name)


def custom_name(foreign: str) -> str | None:
    """`custom.<name>` for a metric of another vocabulary, or None if nothing sensible can be made of it."""
    name = CUSTOM_PREFIX + re.sub(r"[^a-z0-9_.]", "_", foreign.lower())
    return name if is_custom(name) else None
