"""Which paths below /ingest/ there are, what each takes, and who reads it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from telemetry.ingest.batch import (
    CALLHOME,
    NATIVE,
    OTLP_LOGS,
    OTLP_METRICS,
    PROMETHEUS,
    CanonicalBatch,
    RequestMeta,
)
from telemetry.ingest.body import HTTP_ENCODINGS, SNAPPY_ONLY
from telemetry.ingest.formats import callhome, native, otlp, prometheus

type Decode = Callable[[bytes, RequestMeta], CanonicalBatch]


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """One path and format. content_types: none listed, any is fine. encodings: none listed, the body is read as it came."""

    name: str
    decode: Decode
    content_types: tuple[str, ...] = ()
    default_type: str = ""
    refuses_type: Callable[[str], bool] | None = None
    encodings: tuple[str, ...] = HTTP_ENCODINGS
    key_in_path: bool = False


DOORS: Final[Mapping[str, Door]] = MappingProxyType(
    {
        "v1/reports": Door(
            name=NATIVE, decode=native.decode, content_types=native.CONTENT_TYPES, default_type=native.JSON_TYPE
        ),
        "otlp/v1/metrics": Door(
            name=OTLP_METRICS,
            decode=otlp.decode_metrics,
            content_types=otlp.CONTENT_TYPES,
            default_type=otlp.PROTOBUF_TYPE,
        ),
        "otlp/v1/logs": Door(
            name=OTLP_LOGS, decode=otlp.decode_logs, content_types=otlp.CONTENT_TYPES, default_type=otlp.PROTOBUF_TYPE
        ),
        "prometheus/v1/write": Door(
            name=PROMETHEUS,
            decode=prometheus.decode,
            content_types=prometheus.CONTENT_TYPES,
            default_type=prometheus.CONTENT_TYPES[0],
            refuses_type=prometheus.refuses_type,
            encodings=SNAPPY_ONLY,
        ),
    }
)
CALLHOME_DOOR: Final = Door(name=CALLHOME, decode=callhome.decode, encodings=(), key_in_path=True)
ROOT: Final = "/ingest/"
CALLHOME_PREFIX: Final = "callhome/v1/"
ENROL_PATH: Final = "/ingest/v1/enrol"


def find_door(path: str) -> tuple[Door, str] | None:
    """The door of a path and the key in it (empty where keys travel in the header); None if there is no such door."""
    rest = path[len(ROOT) :]
    door = DOORS.get(rest)
    if door is not None:
        return door, ""
    if rest.startswith(CALLHOME_PREFIX):
        return CALLHOME_DOOR, rest[len(CALLHOME_PREFIX) :].rstrip("/")
    return None


def door_named(name: str) -> Door:
    """Raises KeyError."""
    return _BY_NAME[name]


_BY_NAME: Final = {door.name: door for door in (*DOORS.values(), CALLHOME_DOOR)}
