"""What a demonstration says to the person at the terminal."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.conf import settings

from smartcare.demo.stage import Addresses
from smartcare.simulator.clock import DAY_S

Say = Callable[[str, str], None]
WHO = {
    "ada": "owns Acme: sees everything, decides who else does",
    "alan": "looks only, also at Acme",
    "gwen": "owns Globex, shares with nobody",
    "nora": "runs Northwind, which sees Acme's headquarters",
    "nils": "engineer at Northwind",
    "rita": "runs Rival, which sold the contract and sees nothing",
    "theo": "runs Third, whose access has ended",
    "sam": "staff: sees nothing until a customer says so",
}


def epoch(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def welcome(addresses: Addresses, printed: dict[str, Any], *, speed: float) -> str:
    people = [f"  {user['email']:<24}{user['password']:<26}{WHO[name]}" for name, user in printed["users"].items()]
    pages = (
        ("Customer portal", f"{addresses.web}/"),
        ("Partner's pages", f"{addresses.web}/p/northwind/triage"),
        ("Staff console", f"{addresses.web}/staff/search"),
        ("REST API", f"{addresses.web}/api/v1/schema/"),
        ("Mails and webhooks", f"{addresses.outside}/"),
    )
    lines = [
        "",
        "SmartCare is ready.",
        "",
        *(f"  {name:<24}{address}" for name, address in pages),
        "",
        "Sign in with",
        *people,
        "",
        *conditions(addresses, speed=speed),
        "Ctrl-C ends it.",
    ]
    return "\n".join(lines)


def conditions(addresses: Addresses, *, speed: float) -> list[str]:
    """In what this differs from an installation for real."""
    catching_up = f"{DAY_S / speed:.0f} s for the day behind them" if speed > 1 else "in real time"
    return [
        f"The devices report {speed:g} times faster until they have caught up ({catching_up}), then in real time.",
        "Set for this demonstration alone: no second factor (SECOND_FACTOR=optional); findings from histories of"
        f" {settings.ANALYSIS_WARM_UP_S / 3600:g} hours (ANALYSIS_WARM_UP_S); webhooks may go to {', '.join(settings.EGRESS_ALLOW)}"
        " (EGRESS_ALLOW); mail goes to a sink.",
        f"Logs and mails lie in {addresses.data}; a second start goes on from there, --fresh begins anew.",
    ]
