"""Demo data of everything on the page that is no chart."""

from datetime import timedelta
from typing import Any

from django import forms
from django.utils import timezone

from smartcare.kitchen_sink.moment import KINDS, NOW

COMMAND = r"""curl https://smartcare.example/ingest/v1/reports \
  -H 'Authorization: Bearer scd_7k2p_…' \
  -H 'Content-Type: application/json' \
  -d @report.json"""


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


def _bound(**given: str) -> EveryField:
    form = EveryField(given)
    form.full_clean()
    return form


def components() -> dict[str, Any]:
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
        "matrix_sites": [{"label": "Paris HQ"}, {"label": "Lyon office"}, {"label": "Nice shop"}],
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
