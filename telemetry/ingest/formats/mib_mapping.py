"""How the value of a MIB object becomes one of our samples. Data; names and OIDs are in the vocabulary.

Used for names that are MIB objects on the wire: Prometheus's snmp_exporter, and the OpenTelemetry Collector's SNMP
receiver, which has no names of its own. Not here: objects whose meaning needs a second object (hrStorageUsed,
ifLastChange, entPhySensorValue without its type), and ifInOctets, which wraps in 34 s at 1 Gbit/s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from telemetry.vocabulary import IF_STATES, POE_PORT_STATES, STACK_STATES


@dataclass(frozen=True, slots=True)
class MibRule:
    """metric; factor: object's unit -> ours; states: number -> state; instance_by: labels that name the instance."""

    metric: str
    factor: float = 1
    labels: tuple[tuple[str, str], ...] = ()
    bits: int | None = None
    states: Mapping[int, str] = MappingProxyType({})
    instance_by: tuple[str, ...] = ()


def _numbered(states: tuple[str, ...]) -> dict[int, str]:
    return dict(enumerate(states, start=1))


# CiscoEnvMonState: normal, warning, critical, shutdown, notPresent, notFunctioning
_ENVMON_SENSOR: Final = _numbered(("ok", "warning", "critical", "shutdown", "absent", "failed"))
_ENVMON_UNIT: Final = _numbered(("ok", "warning", "failed", "failed", "absent", "failed"))
# CISCO-ENTITY-FRU-CONTROL-MIB, cefcFanTrayOperStatus: unknown, up, down, warning
_FAN_TRAY: Final = {2: "ok", 3: "failed", 4: "warning"}
# PowerOperType: offEnvOther, on, offAdmin, offDenied, offEnvPower, offEnvTemp, offEnvFan, failed, onButFanFail,
# offCooling, offConnectorRating, onButInlinePowerFail
_FRU_POWER: Final = {
    **dict.fromkeys((1, 5, 6, 7, 8, 10, 11), "failed"),
    **dict.fromkeys((3, 4), "absent"),
    2: "ok",
    9: "warning",
    12: "warning",
}

BY_INTERFACE: Final = ("ifName", "ifDescr")
_BY_ENTITY: Final = ("entPhysicalName", "entPhysicalDescr", "entPhysicalIndex", "cpmCPUTotalIndex")
_BY_POOL: Final = ("ciscoMemoryPoolName", "cempMemPoolName", "ciscoMemoryPoolType", "cempMemPoolIndex")
_BY_SENSOR: Final = ("ciscoEnvMonTemperatureStatusDescr", "ciscoEnvMonTemperatureStatusIndex")
_BY_FAN: Final = ("ciscoEnvMonFanStatusDescr", "ciscoEnvMonFanStatusIndex")
_BY_SUPPLY: Final = ("ciscoEnvMonSupplyStatusDescr", "ciscoEnvMonSupplyStatusIndex")
_BY_GROUP: Final = ("pethMainPseGroupIndex",)


def _interface(metric: str, rx: str, tx: str, bits: int, **labels: str) -> dict[str, MibRule]:
    """Two objects of one table: what came in and what went out."""
    shared = tuple(labels.items())
    return {
        name: MibRule(metric, 1, (*shared, ("dir", direction)), bits, instance_by=BY_INTERFACE)
        for name, direction in ((rx, "rx"), (tx, "tx"))
    }


def _memory(prefix: str, suffix: str = "", bits: int = 32) -> dict[str, MibRule]:
    return {
        f"{prefix}{suffix}{state.title()}": MibRule("device.memory.usage", 1, (("state", state),), None, {}, _BY_POOL)
        for state in ("used", "free")
    }


_CPU: Final = MibRule("device.cpu.utilization", 0.01, instance_by=(*_BY_ENTITY, "hrDeviceIndex"))

MIB_RULES: Final[Mapping[str, MibRule]] = MappingProxyType(
    {
        "snmpEngineTime": MibRule("device.uptime"),
        "sysUpTime": MibRule("device.uptime", 0.01),  # hundredths of a second; wraps after 497 days
        "cpmCPUTotal5minRev": _CPU,
        "cpmCPUTotal1minRev": _CPU,
        "hrProcessorLoad": _CPU,
        "rlCpuUtilDuringLastMinute": _CPU,
        **_memory("ciscoMemoryPool"),
        **_memory("cempMemPool"),
        **_memory("cempMemPool", "HC"),
        "ciscoEnvMonTemperatureStatusValue": MibRule("sensor.temperature", instance_by=_BY_SENSOR),
        "ciscoEnvMonTemperatureThreshold": MibRule(
            "sensor.temperature.limit", labels=(("limit", "high.critical"),), instance_by=_BY_SENSOR
        ),
        "ciscoEnvMonTemperatureState": MibRule("sensor.status", states=_ENVMON_SENSOR, instance_by=_BY_SENSOR),
        "entPhySensorOperStatus": MibRule(
            "sensor.status", states={1: "ok", 2: "absent", 3: "failed"}, instance_by=_BY_ENTITY
        ),
        "ciscoEnvMonFanState": MibRule("fan.status", states=_ENVMON_UNIT, instance_by=_BY_FAN),
        "cefcFanTrayOperStatus": MibRule("fan.status", states=_FAN_TRAY, instance_by=_BY_ENTITY),
        "ciscoEnvMonSupplyState": MibRule("psu.status", states=_ENVMON_UNIT, instance_by=_BY_SUPPLY),
        "cefcFRUPowerOperStatus": MibRule("psu.status", states=_FRU_POWER, instance_by=_BY_ENTITY),
        "pethMainPsePower": MibRule("poe.limit", instance_by=_BY_GROUP),
        "pethMainPseConsumptionPower": MibRule("poe.usage", instance_by=_BY_GROUP),
        "pethMainPseOperStatus": MibRule(
            "poe.status", states=_numbered(("on", "off", "faulty")), instance_by=_BY_GROUP
        ),
        "cpeExtPsePortPwrConsumption": MibRule("poe.port.power", 0.001, instance_by=BY_INTERFACE),  # mW
        "pethPsePortDetectionStatus": MibRule(
            "poe.port.status", states=_numbered(POE_PORT_STATES), instance_by=(*BY_INTERFACE, "pethPsePortIndex")
        ),
        "ifAdminStatus": MibRule("if.admin_status", states=_numbered(IF_STATES[:3]), instance_by=BY_INTERFACE),
        "ifOperStatus": MibRule("if.oper_status", states=_numbered(IF_STATES), instance_by=BY_INTERFACE),
        "ifHighSpeed": MibRule("if.speed", 1_000_000, instance_by=BY_INTERFACE),
        **_interface("if.io", "ifHCInOctets", "ifHCOutOctets", 64),
        **_interface("if.packets", "ifHCInUcastPkts", "ifHCOutUcastPkts", 64, cast="unicast"),
        **_interface("if.packets", "ifHCInMulticastPkts", "ifHCOutMulticastPkts", 64, cast="multicast"),
        **_interface("if.packets", "ifHCInBroadcastPkts", "ifHCOutBroadcastPkts", 64, cast="broadcast"),
        **_interface("if.errors", "ifInErrors", "ifOutErrors", 32),
        **_interface("if.discards", "ifInDiscards", "ifOutDiscards", 32),
        "dot3StatsFCSErrors": MibRule("if.crc_errors", bits=32, instance_by=BY_INTERFACE),
        "dot1dStpTopChanges": MibRule("stp.topology_changes", bits=32),
        "cswSwitchState": MibRule(
            "stack.member.status", states=_numbered(STACK_STATES), instance_by=("cswSwitchNumCurrent", *_BY_ENTITY)
        ),
        "upsEstimatedChargeRemaining": MibRule("battery.charge", 0.01),  # percent
        "upsEstimatedMinutesRemaining": MibRule("battery.time_left", 60),
    }
)

REFUSED_OBJECTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ifInOctets": "32-bit octets wrap within seconds; send ifHCInOctets",
        "ifOutOctets": "32-bit octets wrap within seconds; send ifHCOutOctets",
        "ifSpeed": "ends at 4.29 Gbit/s; send ifHighSpeed",
    }
)

# ENTITY-SENSOR-MIB: EntitySensorDataType; 14 is Cisco's extension (dBm)
SENSOR_TYPES: Final[Mapping[int, str]] = MappingProxyType(
    {3: "sensor.voltage", 4: "sensor.voltage", 5: "sensor.current", 6: "sensor.power", 8: "sensor.temperature"}
)
"""Metric by the type that stands beside entPhySensorValue, where the exporter is set up to add it as a label."""
