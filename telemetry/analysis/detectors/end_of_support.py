"""End of support: dates of the model's lifecycle come closer. From dates, not from readings."""

from telemetry.analysis.context import Support
from telemetry.analysis.facts import DAY
from telemetry.analysis.findings import Finding, Severity
from telemetry.analysis.hysteresis import Tracks

RULE = "end-of-support"
VERSION = 1
KIND = "end_of_support"

SOON_S = 365 * DAY  # a year is what a replacement takes to be budgeted
NEAR_S = 90 * DAY


def evaluate(support: Support, *, now: float) -> Finding | None:
    """What the earlier of the two dates means now; unknown dates mean nothing."""
    known = {
        "end_of_support": support.end_of_support,
        "end_of_security_fixes": support.end_of_security_fixes,
    }
    dates = {name: date for name, date in known.items() if date is not None and date - now <= SOON_S}
    if not dates:
        return None
    name, date = min(dates.items(), key=lambda item: item[1])
    left = date - now
    security = name == "end_of_security_fixes"
    severity: Severity = ("major" if security else "warning") if left <= 0 else "warning" if left <= NEAR_S else "info"
    what = "security fixes" if security else "the vendor's support"
    title = f"The device no longer gets {what}" if left <= 0 else f"The device will soon be without {what}"
    evidence = {"date": round(date), "what": name}
    return Finding(RULE, VERSION, KIND, "", severity, title, evidence, float(date), float(date), float(date))


def watch(tracks: Tracks, support: Support | None, *, now: float) -> None:
    """Dates do not flicker: raised and cleared at once. Nothing is said where nobody knows the dates."""
    finding = evaluate(support, now=now) if support is not None else None
    if finding is None:
        tracks.false(now, (KIND, "", RULE), at_once=True)
    elif tracks.finding((KIND, "", RULE)) != finding:
        tracks.true(now, finding, raise_after=1)
