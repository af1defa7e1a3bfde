"""Names that Prometheus's exporters use beside MIB objects -> ours. Data."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from telemetry.ingest.formats.mib_mapping import MIB_RULES, MibRule

UP: Final = "up"
NAME: Final = "__name__"
ABOUT_THE_SCRAPE: Final = frozenset((NAME, "job", "instance", "device", "exported_device"))
"""Labels that say where a series comes from; the rest belong to a custom series."""

BY_DEVICE: Final = ("exported_device", "device")


def _node_network(direction: str, word: str) -> dict[str, MibRule]:
    labels = (("dir", direction),)
    return {
        f"node_network_{word}_{counter}_total": MibRule(metric, 1, labels, 64, instance_by=BY_DEVICE)
        for counter, metric in (
            ("bytes", "if.io"),
            ("packets", "if.packets"),
            ("errs", "if.errors"),
            ("drop", "if.discards"),
        )
    }


RULES: Final[Mapping[str, MibRule]] = MappingProxyType(
    {
        **MIB_RULES,
        UP: MibRule("device.reachable", states={0: "down", 1: "up"}),
        "probe_icmp_duration_seconds": MibRule("icmp.rtt"),
        "node_hwmon_temp_celsius": MibRule("sensor.temperature", instance_by=("sensor",)),
        "node_filesystem_size_bytes": MibRule("fs.limit", instance_by=("mountpoint",)),
        **_node_network("rx", "receive"),
        **_node_network("tx", "transmit"),
    }
)

# snmp_exporter with `type: EnumAsStateSet` or `EnumAsInfo`: the state stands in a label named like the object, in the
# MIB's own word. These differ from ours:
STATE_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {"normal": "ok", "notPresent": "absent", "notFunctioning": "failed", "deliveringPower": "delivering"}
)
COUNTER_ENDINGS: Final = ("_total", "_count", "_sum", "_bucket")


def is_text_only(name: str, labels: Mapping[str, str]) -> bool:
    """A series that is always 1 and tells a text in a label (`sysDescr`, `node_uname_info`): nothing to measure."""
    told = name.removesuffix("_info")
    return told not in RULES and (name.endswith("_info") or name in labels)
