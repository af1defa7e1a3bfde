"""The canonical metrics: names, units, kinds, states, data category, and what other worlds call them. Data, not code.

Units are UCUM. OIDs are numeric; `checked=False` marks one that nobody has compared with a live device yet.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

CISCO: Final = "1.3.6.1.4.1.9.9."
MIB2: Final = "1.3.6.1.2.1."

INVENTORY: Final = "inventory"
HEALTH: Final = "health"
TRAFFIC: Final = "traffic"
CONFIGURATION: Final = "configuration"
CONTRACTS: Final = "contracts"
CATEGORIES: Final = (INVENTORY, HEALTH, TRAFFIC, CONFIGURATION, CONTRACTS)

CUSTOM_PREFIX: Final = "custom."
NAME: Final = re.compile(r"[a-z][a-z0-9_.]{0,63}")


@dataclass(frozen=True, slots=True)
class SnmpObject:
    """A MIB object whose value times `factor` is the metric (or whose number names a state).

    `instance_by`: labels that may hold the instance, best first (as snmp_exporter's modules look them up).
    """

    name: str
    oid: str
    factor: float = 1
    labels: tuple[tuple[str, str], ...] = ()
    bits: int = 64
    states: tuple[tuple[int, str], ...] = ()
    instance_by: tuple[str, ...] = ()
    checked: bool = True


@dataclass(frozen=True, slots=True)
class Metric:
    """One canonical quantity. kind: gauge, counter (only grows between resets) or state (one of `states`)."""

    name: str
    kind: str
    unit: str
    category: str = HEALTH
    instance: str = ""  # class part of `class/name`; empty: the device as a whole
    labels: tuple[tuple[str, tuple[str, ...]], ...] = ()  # label -> its values; none listed: free text
    states: tuple[str, ...] = ()
    oids: tuple[str, ...] = ()
    snmp: tuple[SnmpObject, ...] = ()
    otel: tuple[str, ...] = ()


UP_DOWN: Final = ("up", "down")
IF_STATES: Final = ("up", "down", "testing", "unknown", "dormant", "notPresent", "lowerLayerDown")
SENSOR_STATES: Final = ("ok", "warning", "critical", "shutdown", "absent", "failed")
UNIT_STATES: Final = ("ok", "warning", "failed", "absent")
STACK_STATES: Final = (
    "waiting",
    "progressing",
    "added",
    "ready",
    "sdmMismatch",
    "verMismatch",
    "featureMismatch",
    "newMasterInit",
    "provisioned",
    "invalid",
    "removed",
)
POE_PORT_STATES: Final = ("disabled", "searching", "delivering", "fault", "test", "otherFault")

DIR: Final = ("dir", ("rx", "tx"))
CAST: Final = ("cast", ("unicast", "multicast", "broadcast"))
MEMORY_STATE: Final = ("state", ("used", "free"))

BY_IF: Final = ("ifName", "ifDescr", "exported_device", "device")
BY_ENTITY: Final = ("entPhysicalName", "entPhysicalDescr", "entPhysicalIndex")
BY_POOL: Final = ("ciscoMemoryPoolName", "cempMemPoolName", "ciscoMemoryPoolType", "cempMemPoolIndex")


def _numbered(states: tuple[str, ...]) -> tuple[tuple[int, str], ...]:
    return tuple(enumerate(states, start=1))


def _env(column: str, part: str) -> tuple[str, ...]:
    return (f"ciscoEnvMon{part}StatusDescr", f"ciscoEnvMon{part}Descr", f"ciscoEnvMon{part}{column}Index")


# CISCO-ENVMON-MIB, CiscoEnvMonState: normal, warning, critical, shutdown, notPresent, notFunctioning
ENVMON_SENSOR: Final = _numbered(("ok", "warning", "critical", "shutdown", "absent", "failed"))
ENVMON_UNIT: Final = _numbered(("ok", "warning", "failed", "failed", "absent", "failed"))
# CISCO-ENTITY-FRU-CONTROL-MIB: fan tray unknown, up, down, warning; power offEnvOther ... onButInlinePowerFail
FAN_TRAY: Final = ((2, "ok"), (3, "failed"), (4, "warning"))
FRU_POWER: Final = (
    *((number, "failed") for number in (1, 5, 6, 7, 8, 10, 11)),
    *((number, "absent") for number in (3, 4)),
    (2, "ok"),
    (9, "warning"),
    (12, "warning"),
)


def _if(name: str, oid: str, *labels: tuple[str, str], bits: int = 64, factor: float = 1) -> SnmpObject:
    return SnmpObject(name, MIB2 + oid, factor, labels, bits, instance_by=BY_IF)


def _rx_tx(
    rx: tuple[str, str], tx: tuple[str, str], *labels: tuple[str, str], bits: int = 64
) -> tuple[SnmpObject, ...]:
    return (
        _if(*rx, *labels, ("dir", "rx"), bits=bits),
        _if(*tx, *labels, ("dir", "tx"), bits=bits),
    )


METRICS_IN_ORDER: Final = (
    # the device as a whole
    Metric(
        "device.uptime",
        "gauge",
        "s",
        snmp=(
            SnmpObject("snmpEngineTime", "1.3.6.1.6.3.10.2.1.3", checked=False),
            SnmpObject("sysUpTime", MIB2 + "1.3", factor=0.01, bits=32),  # hundredths; wraps after 497 days
        ),
        otel=("system.uptime",),
    ),
    Metric(
        "device.reachable",
        "state",
        "",
        states=UP_DOWN,
        snmp=(SnmpObject("up", "", states=((0, "down"), (1, "up"))),),  # Prometheus's own word for a scrape
    ),
    Metric("icmp.rtt", "gauge", "s", labels=(("target", ()),)),
    Metric("icmp.loss", "gauge", "1", labels=(("target", ()),)),
    Metric(
        "device.cpu.utilization",
        "gauge",
        "1",
        instance="cpu",
        snmp=(
            SnmpObject(
                "cpmCPUTotal5minRev", CISCO + "109.1.1.1.1.8", 0.01, instance_by=("entPhysicalName", "cpmCPUTotalIndex")
            ),
            SnmpObject(
                "cpmCPUTotal1minRev", CISCO + "109.1.1.1.1.7", 0.01, instance_by=("entPhysicalName", "cpmCPUTotalIndex")
            ),
            SnmpObject("hrProcessorLoad", MIB2 + "25.3.3.1.2", 0.01, instance_by=("hrDeviceIndex",)),
            SnmpObject("rlCpuUtilDuringLastMinute", "1.3.6.1.4.1.9.6.1.101.1.8", 0.01),
        ),
        otel=("system.cpu.utilization",),
    ),
    Metric(
        "device.memory.usage",
        "gauge",
        "By",
        instance="pool",
        labels=(MEMORY_STATE,),
        oids=(MIB2 + "25.2.3.1.6", "1.3.6.1.4.1.2021.4"),  # need a second object for their unit: agents only
        snmp=(
            SnmpObject("ciscoMemoryPoolUsed", CISCO + "48.1.1.1.5", 1, (("state", "used"),), 32, instance_by=BY_POOL),
            SnmpObject("ciscoMemoryPoolFree", CISCO + "48.1.1.1.6", 1, (("state", "free"),), 32, instance_by=BY_POOL),
            SnmpObject("cempMemPoolHCUsed", CISCO + "221.1.1.1.1.18", 1, (("state", "used"),), instance_by=BY_POOL),
            SnmpObject("cempMemPoolHCFree", CISCO + "221.1.1.1.1.20", 1, (("state", "free"),), instance_by=BY_POOL),
            SnmpObject("cempMemPoolUsed", CISCO + "221.1.1.1.1.7", 1, (("state", "used"),), 32, instance_by=BY_POOL),
            SnmpObject("cempMemPoolFree", CISCO + "221.1.1.1.1.8", 1, (("state", "free"),), 32, instance_by=BY_POOL),
        ),
        otel=("system.memory.usage",),
    ),
    Metric("device.memory.utilization", "gauge", "1", instance="pool", otel=("system.memory.utilization",)),
    Metric(
        "fs.usage",
        "gauge",
        "By",
        instance="disk",
        labels=(("state", ()),),
        oids=(MIB2 + "25.2.3.1.6", MIB2 + "25.2.3.1.4"),
        otel=("system.filesystem.usage",),
    ),
    Metric("fs.limit", "gauge", "By", instance="disk", oids=(MIB2 + "25.2.3.1.5",), otel=("system.filesystem.limit",)),
    # sensors, fans, power
    Metric(
        "sensor.temperature",
        "gauge",
        "Cel",
        instance="sensor",
        oids=(MIB2 + "99.1.1.1.4", CISCO + "91.1.1.1.1.4"),
        snmp=(
            SnmpObject(
                "ciscoEnvMonTemperatureStatusValue", CISCO + "13.1.3.1.3", instance_by=_env("Status", "Temperature")
            ),
        ),
        otel=("hw.temperature",),
    ),
    Metric(
        "sensor.temperature.limit",
        "gauge",
        "Cel",
        instance="sensor",
        labels=(("limit", ("high.degraded", "high.critical")),),
        oids=(CISCO + "91.1.2",),
        snmp=(
            SnmpObject(
                "ciscoEnvMonTemperatureThreshold",
                CISCO + "13.1.3.1.4",
                labels=(("limit", "high.critical"),),
                instance_by=_env("Status", "Temperature"),
            ),
        ),
        otel=("hw.temperature.limit",),
    ),
    Metric("sensor.voltage", "gauge", "V", instance="sensor", oids=(MIB2 + "99.1.1.1.4",), otel=("hw.voltage",)),
    Metric("sensor.current", "gauge", "A", instance="sensor", oids=(MIB2 + "99.1.1.1.4",)),
    Metric("sensor.power", "gauge", "W", instance="sensor", oids=(MIB2 + "99.1.1.1.4",), otel=("hw.power",)),
    Metric(
        "sensor.status",
        "state",
        "",
        instance="sensor",
        states=SENSOR_STATES,
        snmp=(
            SnmpObject(
                "ciscoEnvMonTemperatureState",
                CISCO + "13.1.3.1.6",
                states=ENVMON_SENSOR,
                instance_by=_env("Status", "Temperature"),
            ),
            SnmpObject(
                "entPhySensorOperStatus",
                MIB2 + "99.1.1.1.5",
                states=((1, "ok"), (2, "absent"), (3, "failed")),
                instance_by=BY_ENTITY,
                checked=False,
            ),
        ),
        otel=("hw.status",),
    ),
    Metric("fan.speed", "gauge", "rpm", instance="fan", oids=(MIB2 + "99.1.1.1.4",), otel=("hw.fan.speed",)),
    Metric(
        "fan.status",
        "state",
        "",
        instance="fan",
        states=UNIT_STATES,
        snmp=(
            SnmpObject(
                "ciscoEnvMonFanState", CISCO + "13.1.4.1.3", states=ENVMON_UNIT, instance_by=_env("Status", "Fan")
            ),
            SnmpObject("cefcFanTrayOperStatus", CISCO + "117.1.4.1.1.1", states=FAN_TRAY, instance_by=BY_ENTITY),
        ),
        otel=("hw.status",),
    ),
    Metric(
        "psu.status",
        "state",
        "",
        instance="psu",
        states=UNIT_STATES,
        snmp=(
            SnmpObject(
                "ciscoEnvMonSupplyState", CISCO + "13.1.5.1.3", states=ENVMON_UNIT, instance_by=_env("Status", "Supply")
            ),
            SnmpObject("cefcFRUPowerOperStatus", CISCO + "117.1.1.2.1.2", states=FRU_POWER, instance_by=BY_ENTITY),
        ),
        otel=("hw.status",),
    ),
    # power over Ethernet
    Metric(
        "poe.limit",
        "gauge",
        "W",
        instance="poe",
        snmp=(SnmpObject("pethMainPsePower", MIB2 + "105.1.3.1.1.2", instance_by=("pethMainPseGroupIndex",)),),
        otel=("hw.power_supply.limit",),
    ),
    Metric(
        "poe.usage",
        "gauge",
        "W",
        instance="poe",
        snmp=(
            SnmpObject("pethMainPseConsumptionPower", MIB2 + "105.1.3.1.1.4", instance_by=("pethMainPseGroupIndex",)),
        ),
        otel=("hw.power_supply.usage",),
    ),
    Metric(
        "poe.status",
        "state",
        "",
        instance="poe",
        states=("on", "off", "faulty"),
        snmp=(
            SnmpObject(
                "pethMainPseOperStatus",
                MIB2 + "105.1.3.1.1.3",
                states=_numbered(("on", "off", "faulty")),
                instance_by=("pethMainPseGroupIndex",),
            ),
        ),
    ),
    Metric(
        "poe.port.power",
        "gauge",
        "W",
        instance="if",
        snmp=(SnmpObject("cpeExtPsePortPwrConsumption", CISCO + "402.1.2.1.9", 0.001, instance_by=BY_IF),),
    ),
    Metric(
        "poe.port.status",
        "state",
        "",
        instance="if",
        states=POE_PORT_STATES,
        snmp=(
            SnmpObject(
                "pethPsePortDetectionStatus",
                MIB2 + "105.1.1.1.6",
                states=_numbered(POE_PORT_STATES),
                instance_by=(*BY_IF, "pethPsePortIndex"),
                checked=False,
            ),
        ),
    ),
    # interfaces
    Metric(
        "if.admin_status",
        "state",
        "",
        instance="if",
        states=IF_STATES,
        snmp=(SnmpObject("ifAdminStatus", MIB2 + "2.2.1.7", states=_numbered(IF_STATES[:3]), instance_by=BY_IF),),
    ),
    Metric(
        "if.oper_status",
        "state",
        "",
        instance="if",
        states=IF_STATES,
        snmp=(SnmpObject("ifOperStatus", MIB2 + "2.2.1.8", states=_numbered(IF_STATES), instance_by=BY_IF),),
        otel=("hw.network.up",),
    ),
    Metric("if.last_change", "gauge", "s", instance="if", oids=(MIB2 + "2.2.1.9",)),  # age: needs sysUpTime as well
    Metric(
        "if.speed",
        "gauge",
        "bit/s",
        instance="if",
        oids=(MIB2 + "2.2.1.5",),  # ifSpeed ends at 4.29 Gbit/s
        snmp=(_if("ifHighSpeed", "31.1.1.1.15", factor=1e6),),
        otel=("hw.network.bandwidth.limit",),
    ),
    Metric(
        "if.io",
        "counter",
        "By",
        category=TRAFFIC,
        instance="if",
        labels=(DIR,),
        oids=(MIB2 + "2.2.1.10", MIB2 + "2.2.1.16"),  # 32 bit: wrap in 34 s at 1 Gbit/s, so not taken from SNMP
        snmp=_rx_tx(("ifHCInOctets", "31.1.1.1.6"), ("ifHCOutOctets", "31.1.1.1.10")),
        otel=("hw.network.io", "system.network.io"),
    ),
    Metric(
        "if.packets",
        "counter",
        "{packet}",
        category=TRAFFIC,
        instance="if",
        labels=(DIR, CAST),
        snmp=(
            *_rx_tx(("ifHCInUcastPkts", "31.1.1.1.7"), ("ifHCOutUcastPkts", "31.1.1.1.11"), ("cast", "unicast")),
            *_rx_tx(
                ("ifHCInMulticastPkts", "31.1.1.1.8"), ("ifHCOutMulticastPkts", "31.1.1.1.12"), ("cast", "multicast")
            ),
            *_rx_tx(
                ("ifHCInBroadcastPkts", "31.1.1.1.9"), ("ifHCOutBroadcastPkts", "31.1.1.1.13"), ("cast", "broadcast")
            ),
        ),
        otel=("hw.network.packets", "system.network.packet.count", "system.network.packets"),
    ),
    Metric(
        "if.errors",
        "counter",
        "{error}",
        instance="if",
        labels=(DIR,),
        snmp=_rx_tx(("ifInErrors", "2.2.1.14"), ("ifOutErrors", "2.2.1.20"), bits=32),
        otel=("hw.errors", "system.network.errors"),
    ),
    Metric(
        "if.discards",
        "counter",
        "{packet}",
        instance="if",
        labels=(DIR,),
        snmp=_rx_tx(("ifInDiscards", "2.2.1.13"), ("ifOutDiscards", "2.2.1.19"), bits=32),
        otel=("system.network.packet.dropped", "system.network.dropped"),
    ),
    Metric(
        "if.crc_errors",
        "counter",
        "{error}",
        instance="if",
        snmp=(SnmpObject("dot3StatsFCSErrors", MIB2 + "10.7.2.1.3", bits=32, instance_by=BY_IF, checked=False),),
        otel=("hw.errors",),
    ),
    Metric("if.flaps", "counter", "{flap}", instance="if"),
    # optics
    Metric("optic.power", "gauge", "dBm", instance="if", labels=(DIR,), oids=(CISCO + "91.1.1.1.1.4",)),
    Metric("optic.temperature", "gauge", "Cel", instance="if"),
    Metric("optic.bias", "gauge", "mA", instance="if"),
    Metric("optic.voltage", "gauge", "V", instance="if"),
    # stack, spanning tree, firewall, VPN, radio, battery
    Metric(
        "stack.member.status",
        "state",
        "",
        instance="chassis",
        states=STACK_STATES,
        snmp=(
            SnmpObject(
                "cswSwitchState",
                CISCO + "500.1.2.1.1.6",
                states=_numbered(STACK_STATES),
                instance_by=("cswSwitchNumCurrent", *BY_ENTITY),
            ),
        ),
    ),
    Metric(
        "stp.topology_changes",
        "counter",
        "{change}",
        snmp=(SnmpObject("dot1dStpTopChanges", MIB2 + "17.2.4", bits=32),),
    ),
    Metric(
        "fw.sessions",
        "gauge",
        "{session}",
        category=TRAFFIC,
        oids=(CISCO + "147.1.2.2.2.1.5.40.6",),
        otel=("system.network.connection.count",),
    ),
    Metric("vpn.tunnels", "gauge", "{tunnel}", category=TRAFFIC, labels=(("type", ()),)),
    Metric("wifi.clients", "gauge", "{client}", category=TRAFFIC, instance="radio", labels=(("ssid", ()),)),
    Metric("wifi.channel_utilization", "gauge", "1", instance="radio"),
    Metric("wifi.noise", "gauge", "dBm", instance="radio"),
    Metric("wifi.signal", "gauge", "dBm", instance="radio", labels=(("ssid", ()),)),
    Metric(
        "battery.charge",
        "gauge",
        "1",
        instance="battery",
        snmp=(SnmpObject("upsEstimatedChargeRemaining", MIB2 + "33.1.2.4", 0.01),),
        otel=("hw.battery.charge",),
    ),
    Metric(
        "battery.time_left",
        "gauge",
        "s",
        instance="battery",
        snmp=(SnmpObject("upsEstimatedMinutesRemaining", MIB2 + "33.1.2.3", 60),),
        otel=("hw.battery.time_left",),
    ),
)

METRICS: Final = MappingProxyType({metric.name: metric for metric in METRICS_IN_ORDER})
SNMP_OBJECTS: Final = MappingProxyType(
    {source.name: (metric, source) for metric in METRICS_IN_ORDER for source in metric.snmp}
)


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
