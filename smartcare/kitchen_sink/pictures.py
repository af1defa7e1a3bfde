"""Demo data of the charts."""

import math
from datetime import date, timedelta
from typing import Any

from smartcare.kitchen_sink.moment import KINDS, NOW, TODAY


def pictures() -> dict[str, Any]:
    days = [NOW - timedelta(days=89 - i) for i in range(90)]
    memory = _wave(90, 61, 0.23, 0.5)
    ahead = [(NOW + timedelta(days=i), 81.4 + 0.45 * i, 81.4 + 0.68 * i, 81.4 + 0.95 * i) for i in range(1, 46)]
    hours = [NOW - timedelta(minutes=30 * (95 - i)) for i in range(96)]
    traffic = [None if 40 <= i < 52 else 2e8 + 1.6e8 * math.sin(i / 7) for i in range(96)]
    year = [NOW - timedelta(days=365 - i) for i in range(365)]
    return {
        "scores": [97, 84, 58, 0, None],
        "wave": _wave(30, 90, -0.6, 2),
        "gappy": [5, 6, None, None, 7, 7, 8, math.nan, 6],
        "level": [99.0] * 30,
        "bars": ["ok"] * 12
        + ["down"]
        + ["ok"] * 27
        + ["mute"] * 2
        + ["ok"] * 30
        + ["watch", "ok", "risk"]
        + ["ok"] * 15,
        "first_day": TODAY - timedelta(days=89),
        "coming": _coming(),
        "memory": list(zip(days, memory, strict=True)),
        "ahead": ahead,
        "runs_out": date(2026, 12, 14),
        "earliest": date(2026, 12, 8),
        "latest": date(2026, 12, 25),
        "day_lines": [
            {"label": "Incoming", "points": list(zip(hours, traffic, strict=True))},
            {"label": "Outgoing", "points": [(at, 9e7 + 3e7 * math.cos(i / 9)) for i, at in enumerate(hours)]},
        ],
        "year_lines": [
            {
                "label": "Temperature",
                "points": [
                    (at, 45 + 6 * math.sin(i / 58), 41 + 6 * math.sin(i / 58), 51 + 7 * math.sin(i / 58))
                    for i, at in enumerate(year)
                ],
            }
        ],
        "access": _access(),
        "access_start": date(2026, 1, 1),
        "access_end": date(2027, 2, 28),
        "nodes": _nodes(),
        "big_nodes": _many_nodes(),
        "tiles": [
            {"label": f"Customer {i}", "state": state, "score": score, "url": "#"}
            for i, (state, score) in enumerate(
                [("down", None), ("risk", 61), ("risk", 66), ("watch", 77), ("mute", None)]
                + [("ok", 86 + i % 14) for i in range(45)]
            )
        ],
        "busy": [
            [
                (0.25 if day % 7 > 4 else 1) * math.exp(-((band - 3.9) ** 2) / 3.2) * (40 + day) if day != 11 else None
                for day in range(30)
            ]
            for band in range(8)
        ],
        "busy_from": TODAY - timedelta(days=29),
        "reasons": [
            {"text": "VPN users grew from 14 to 31", "share": 92, "state": "risk"},
            {"text": "Memory not freed at night", "share": 58, "state": "risk"},
            {"text": "Old software (known leak fixed in 6.4.5)", "share": 37, "state": "watch"},
            {"text": "Traffic volume", "share": 9},
        ],
        "shared": KINDS,
    }


def _coming() -> list[dict[str, Any]]:
    return [
        {
            "at": date(2026, 12, 14),
            "state": "risk",
            "title": "14 Dec: Lyon firewall out of memory",
            "detail": "likely between 8 and 25 Dec",
            "earliest": date(2026, 12, 8),
            "latest": date(2026, 12, 25),
        },
        {
            "at": date(2026, 12, 31),
            "state": "watch",
            "title": "31 Dec: support for 2 old switches ends",
            "detail": "Lille depot, known date",
        },
        {
            "at": date(2027, 1, 29),
            "state": "watch",
            "title": "About 29 Jan: Paris Wi-Fi full at noon",
            "detail": "likely between 12 Jan and 20 Feb",
            "earliest": date(2027, 1, 12),
            "latest": date(2027, 2, 20),
        },
    ]


def _access() -> list[dict[str, Any]]:
    return [
        {
            "name": "Northwind IT",
            "note": "ends 22 Feb",
            "spans": [{"start": date(2026, 2, 22), "end": date(2027, 2, 22), "label": "All sites", "state": "acc"}],
        },
        {
            "name": "Brightwire",
            "note": "ends in 9 days",
            "spans": [
                {"start": date(2026, 6, 10), "end": date(2026, 12, 3), "label": "Lyon and Nice", "state": "watch"}
            ],
        },
        {
            "name": "Kestrel Networks",
            "note": "you stopped it, 3 Aug",
            "spans": [{"start": date(2026, 1, 20), "end": date(2026, 8, 3), "label": "Paris", "state": "mute"}],
        },
        {
            "name": "SmartCare staff",
            "note": "2 hours, 14 Sep",
            "spans": [{"start": date(2026, 9, 14), "end": date(2026, 9, 15), "state": "mute"}],
        },
    ]


def _nodes() -> list[dict[str, Any]]:
    leaves = [("Wi-Fi lobby", "ok"), ("Wi-Fi floor 1", "ok"), ("Wi-Fi floor 2", "watch"), ("Phone switch", "ok")]
    return [
        {"id": "net", "label": "Internet", "state": "mute", "parent": None},
        {"id": "fw", "label": "Firewall", "state": "risk", "parent": "net"},
        {"id": "core", "label": "Core switch", "state": "ok", "parent": "fw"},
        *({"id": label, "label": label, "state": state, "parent": "core"} for label, state in leaves),
    ]


def _many_nodes() -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = [{"id": "fw", "label": "Firewall", "state": "ok", "parent": None}]
    for switch in range(4):
        nodes.append({"id": f"s{switch}", "label": f"Switch {switch + 1}", "state": "ok", "parent": "fw"})
        nodes += [
            {
                "id": f"s{switch}-{i}",
                "label": f"Access point {switch + 1}.{i + 1}",
                "state": "down" if (switch, i) == (2, 5) else "ok",
                "parent": f"s{switch}",
            }
            for i in range(14)
        ]
    return nodes


def _wave(count: int, start: float, drift: float, swing: float) -> list[float]:
    """Readings that look like life and are the same on every run."""
    return [
        round(start + drift * i + swing * math.sin(i * 1.7) + swing / 2 * math.sin(i * 0.6), 1) for i in range(count)
    ]
