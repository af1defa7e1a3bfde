"""Demo data for the page that shows every component in every state (DEBUG and tests); no real row is read."""

import math
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone

NOW = datetime(2026, 11, 24, 9, 12, tzinfo=UTC)
TODAY = NOW.date()
COMMAND = r"""curl https://smartcare.example/ingest/v1/reports \
  -H 'Authorization: Bearer scd_7k2p_…' \
  -H 'Content-Type: application/json' \
  -d @report.json"""
KINDS = ("inventory", "health", "traffic")


class EveryField(forms.Form):
    """One of each kind of field."""

    name = forms.CharField(label="Site name", help_text="As your colleagues call it.")
    email = forms.EmailField(label="E-mail", required=False)
    password = forms.CharField(label="Password", widget=forms.PasswordInput, help_text="At least 12 characters.")
    zone = forms.ChoiceField(label="Time zone", choices=[("Europe/Paris", "Paris"), ("Europe/Berlin", "Berlin")])
    until = forms.DateField(label="Until", widget=forms.DateInput(attrs={"type": "date"}))
    reason = forms.CharField(label="Reason", widget=forms.Textarea(attrs={"rows": 3}))
    told = forms.BooleanField(label="Tell me by e-mail", required=False, help_text="Once a day at most.")
    role = forms.ChoiceField(
        label="Role",
        widget=forms.RadioSelect,
        choices=[("owner", "Owner"), ("approver", "Approver"), ("viewer", "Viewer")],
    )
    sites = forms.MultipleChoiceField(
        label="Sites",
        widget=forms.CheckboxSelectMultiple,
        required=False,
        choices=[("paris", "Paris HQ"), ("lyon", "Lyon office")],
    )


def samples() -> dict[str, Any]:
    """Everything templates/staff/kitchen_sink.html shows."""
    return {**_components(), **_charts(), "now": NOW, "today": TODAY}


def _wave(count: int, start: float, drift: float, swing: float) -> list[float]:
    """Readings that look like life and are the same on every run."""
    return [
        round(start + drift * i + swing * math.sin(i * 1.7) + swing / 2 * math.sin(i * 0.6), 1) for i in range(count)
    ]


def _bound(**given: str) -> EveryField:
    form = EveryField(given)
    form.full_clean()
    return form


def _components() -> dict[str, Any]:
    return {
        "crumbs": [{"label": "Sites", "url": "#"}, {"label": "Lyon office", "url": "#"}, {"label": "Firewall"}],
        "form": EveryField(prefix="clean"),
        "bad_form": _bound(email="not an address", reason="too short"),
        "facts": [
            {"label": "Model", "value": "FW-200"},
            {"label": "Serial", "value": "SC7F-21K9-0042", "mono": True},
            {"label": "Partners who see it", "value": "2 partners", "url": "#"},
        ],
        "events": [
            {"state": "risk", "title": "Warning sent", "text": "to you and Northwind IT", "at": NOW},
            {
                "state": "watch",
                "title": "Memory above 80%",
                "text": "for the first time",
                "at": NOW - timedelta(days=2),
            },
            {"state": "down", "title": "Offline 41 minutes", "text": "", "at": NOW - timedelta(days=77)},
            {"state": "ok", "title": "Restarted", "text": "planned", "at": NOW - timedelta(days=122)},
            {"state": "mute", "title": "First health score", "text": "", "at": None},
        ],
        "steps": [
            {"label": "Site: Main workshop", "state": "done"},
            {"label": "Kind: Linux", "state": "done"},
            {"label": "First report", "state": "now", "icon": "wait"},
            {"label": "Who may see it", "icon": "eye"},
        ],
        "code": COMMAND,
        "sentence": [
            {"text": "Brightwire", "mark": True},
            {"text": " can look at "},
            {"text": "device list, health and alerts, and traffic totals", "mark": True},
            {"text": " for "},
            {"text": "Lyon office", "mark": True},
            {"text": " until "},
            {"text": "24 December 2026", "mark": True},
            {"text": "."},
        ],
        "preview": [
            {"icon": "list", "title": "11 devices", "text": "Firewall FW-200 and 10 more", "shared": True},
            {
                "icon": "health",
                "title": "Health 68, 1 warning",
                "text": "Memory runs out about 14 December",
                "shared": True,
            },
            {"icon": "config", "title": "Configuration", "shared": False},
        ],
        "changes": [
            {"icon": "plus", "text": "New for Lyon: traffic totals"},
            {"icon": "clock", "text": "Lyon now ends on 24 December, not 3 December"},
            {"icon": "check", "text": "Nice stays as it is"},
        ],
        "lengths": [
            {"value": "7", "label": "7 days"},
            {"value": "90", "label": "90 days", "checked": True},
            {"value": "365", "label": "1 year", "disabled": True},
        ],
        "filters": [
            {"url": "#", "label": "Needs you", "count": 12, "current": True},
            {"url": "#", "label": "Down", "count": 3, "state": "down"},
            {"url": "#", "label": "All"},
        ],
        "matrix_sites": ["Paris HQ", "Lyon office", "Nice shop"],
        "matrix": [
            _partner("Northwind IT", "Holds your contract", "on", "on", "on"),
            _partner("Brightwire", "Preparing a proposal", "none", "soon", "pend"),
            _partner("SmartCare staff", "Only when you allow it", "none", "none", "none"),
        ],
        "log": [
            _look("Jonas Weber", "Northwind IT", "Lyon firewall, health and forecast", "Page"),
            {
                **_look("Aïcha Benali", "Brightwire", "Nice shop, device list", "Export"),
                "unsealed": True,
                "purpose": "Size the replacement firewall",
            },
        ],
        "keys": [
            {"keys": ["J", "K"], "does": "next and previous row"},
            {"keys": ["g", "d"], "does": "devices"},
            {"keys": ["?"], "does": "this list"},
        ],
        "proposals": [
            _proposal("Brightwire", "€3,260", 88, 12, lowest=True),
            _proposal("Kestrel Networks", "€5,040", 95, 21),
            _proposal("Northwind IT", "€4,180", 92, None),
        ],
        "old": timezone.now() - timedelta(hours=3),
        "soon": timezone.now() + timedelta(hours=4),
    }


def _partner(name: str, note: str, *states: str) -> dict[str, Any]:
    shared = {"on": KINDS, "soon": ("inventory", "health"), "pend": (), "none": ()}
    text = {"on": "to 22 Feb", "soon": "9 days left", "pend": "Asked", "none": "Nothing"}
    cells = [
        {
            "site": site,
            "state": state,
            "shared": shared[state],
            "alerts": state == "on",
            "text": text[state],
            "url": "#",
            "sentence": f"{name}: {site}, {text[state]}",
        }
        for site, state in zip(("Paris HQ", "Lyon office", "Nice shop"), states, strict=True)
    ]
    return {"name": name, "note": note, "cells": cells}


def _look(person: str, company: str, seen: str, how: str) -> dict[str, Any]:
    return {
        "person": person,
        "company": company,
        "object": seen,
        "how": how,
        "allowed_by": "To 22 Feb",
        "allowed_url": "#",
        "at": NOW,
    }


def _proposal(partner: str, price: str, after: int, months: int | None, *, lowest: bool = False) -> dict[str, Any]:
    facts = [
        {"label": "Next limit reached", "value": "Nov 2027"},
        {"label": "Work at night or weekend", "value": "", "badge": ""},
        {"label": "Survives one failure", "value": "Yes", "badge": "Only one"}
        if after == 95
        else {"label": "Survives one failure", "value": "No"},
    ]
    return {
        "partner": partner,
        "summary": "FW-300 plus memory",
        "before": 58,
        "after": after,
        "price": price,
        "price_note": "over 3 years",
        "lowest_price": lowest,
        "facts": facts,
        "limit_title": "Memory use, next 3 years",
        "months": months,
        "first_year": 2026,
        "url": "#",
        "action": f"Choose {partner.split()[0]}",
        "ask_url": "#",
    }


def _charts() -> dict[str, Any]:
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
