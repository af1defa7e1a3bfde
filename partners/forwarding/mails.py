"""What a mail says: subject, text and HTML of every kind, from templates/mail/.

Subjects carry what the page behind the link would show this reader, never more. Times are shown in the active time zone
(`timezone.override` with the customer's). Sources of wording: design/ux.md, sections 8 and 17.
"""

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final

from django.template.loader import render_to_string
from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from partners.forwarding.message import (
    AccessFacts,
    AlertEvent,
    AlertFacts,
    Figure,
    require_health,
    require_web_address,
)

LONGEST_SUBJECT: Final = 200  # what mail programs show of a subject is far less
# Controls, line and paragraph separators, and marks that turn the direction of what follows.
UNSEEN: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
QUOTED: Final = frozenset({"reason", "purpose"})  # a person's own words, shown as such, line by line
TURNING: Final = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True, kw_only=True)
class Mail:
    """A rendered mail. With `unsubscribe_url` the reader's mail program offers to stop this kind with one click."""

    subject: str
    text: str
    html: str
    unsubscribe_url: str | None = None


@dataclass(frozen=True, kw_only=True)
class AskFacts:
    """A partner's wish for access: `sentence` says what it could look at, `reason` is in the partner's words."""

    partner_name: str
    site_name: str
    wanted: str
    sentence: str
    reason: str
    lapses_at: datetime
    link: str


@dataclass(frozen=True, kw_only=True)
class InvitationFacts:
    customer_name: str
    inviter_name: str
    expires_at: datetime
    link: str


@dataclass(frozen=True, kw_only=True)
class ColleagueFacts:
    organization_name: str
    role: str
    expires_at: datetime
    link: str


@dataclass(frozen=True, kw_only=True)
class AnswerFacts:
    """What became of a partner's request; of a no it learns only from when on it may ask again."""

    customer_name: str
    answer: str
    link: str


@dataclass(frozen=True, kw_only=True)
class AnchorFacts:
    """The signed heads of a day's journals, hexadecimal."""

    organization_name: str
    day: str
    audit_seq: int
    audit_hash: str
    looks_seq: int
    looks_hash: str
    signature: str
    link: str


@dataclass(frozen=True, kw_only=True)
class VerificationFacts:
    """`organization_name` wants its alerts at the address this mail goes to."""

    organization_name: str
    expires_at: datetime
    link: str


@dataclass(frozen=True, kw_only=True)
class StaffFacts:
    """Somebody of the staff who looks, or asks to look; `sentence` says at what and for how long."""

    staff_name: str
    sentence: str
    reason: str
    until: datetime
    link: str


@dataclass(frozen=True, kw_only=True)
class FirstReportFacts:
    """`seen_by` is the sentence about who may see the device, from access.sentences."""

    device_label: str
    site_name: str
    seen_by: str
    link: str


@dataclass(frozen=True, kw_only=True)
class FailingFacts:
    """`host` only: the rest of a webhook's URL is often its password."""

    host: str
    failing_since: datetime
    waiting: int
    is_disabled: bool
    link: str


@dataclass(frozen=True, slots=True)
class WaitingFacts:
    """A webhook for which nobody answers any more. `person` added it; `host` only, as above."""

    name: str
    host: str
    person: str
    link: str


def alert(
    event: AlertEvent, facts: AlertFacts, *, categories: frozenset[str], unsubscribe_url: str | None = None
) -> Mail:
    """A change of an alert for a reader who holds these categories. Raises NotCovered without health."""
    require_health(categories)
    subject = {
        AlertEvent.OPENED: "%(sentence)s",
        AlertEvent.UPDATED: _("Changed: %(sentence)s"),
        AlertEvent.RESOLVED: _("Over: %(sentence)s"),
    }[event] % {"sentence": facts.headline}
    figures = [(figure.name.replace("_", " "), _shown(figure)) for figure in facts.figures_for(categories)]
    return rendered(
        "alert", subject, facts, unsubscribe_url, event=event.name.lower(), sentence=facts.headline, figures=figures
    )


def access_given(facts: AccessFacts) -> Mail:
    return rendered("access_given", _can_see(facts), facts)


def access_changed(facts: AccessFacts, *, changes: Sequence[str]) -> Mail:
    """`changes`: what is new, longer, shorter or gone, one sentence each."""
    subject = _("Changed: %(rest)s") % {"rest": _can_see(facts)}
    return rendered("access_changed", subject, facts, changes=changes)


def access_ended(facts: AccessFacts, *, reason: str) -> Mail:
    """`reason`: who or what ended it, as one sentence."""
    names = {"partner": facts.partner_name, "site": facts.site_name}
    subject = _("%(partner)s can no longer see %(site)s") % names
    return rendered("access_ended", subject, facts, reason=reason)


def access_requested(facts: AskFacts) -> Mail:
    names = {"partner": facts.partner_name, "wanted": facts.wanted, "site": facts.site_name}
    subject = _("%(partner)s asks to see %(wanted)s for %(site)s") % names
    return rendered("access_requested", subject, facts)


def ending_soon(facts: AccessFacts, *, unsubscribe_url: str | None = None) -> Mail:
    names = {"partner": facts.partner_name, "day": _day(facts.expires_at)}
    subject = _("Access for %(partner)s ends on %(day)s") % names
    return rendered("ending_soon", subject, facts, unsubscribe_url)


def invitation(facts: InvitationFacts) -> Mail:
    subject = _("%(customer)s invites you to SmartCare") % {"customer": facts.customer_name}
    return rendered("invitation", subject, facts)


def colleague(facts: ColleagueFacts) -> Mail:
    return rendered("colleague", _("Join %(name)s on SmartCare") % {"name": facts.organization_name}, facts)


def answered(facts: AnswerFacts) -> Mail:
    return rendered("answered", _("%(name)s answered your request") % {"name": facts.customer_name}, facts)


def anchor(facts: AnchorFacts) -> Mail:
    subject = _("Checksum of your journals, %(day)s") % {"day": facts.day}
    return rendered("anchor", subject, facts)


def verification(facts: VerificationFacts) -> Mail:
    subject = _("Confirm this address for alerts of %(organization)s") % {"organization": facts.organization_name}
    return rendered("verification", subject, facts)


def break_glass(facts: StaffFacts) -> Mail:
    return rendered("break_glass", _("SmartCare staff is looking at your data: why and what"), facts)


def lockbox_request(facts: StaffFacts) -> Mail:
    subject = _("%(name)s of SmartCare asks to look at your data") % {"name": facts.staff_name}
    return rendered("lockbox_request", subject, facts)


def first_report(facts: FirstReportFacts, *, unsubscribe_url: str | None = None) -> Mail:
    return rendered("first_report", _("We hear %(device)s") % {"device": facts.device_label}, facts, unsubscribe_url)


def webhook_failing(facts: FailingFacts, *, unsubscribe_url: str | None = None) -> Mail:
    subject = (
        _("Your webhook at %(host)s was switched off")
        if facts.is_disabled
        else _("Your webhook at %(host)s is failing")
    )
    return rendered("webhook_failing", subject % {"host": facts.host}, facts, unsubscribe_url)


def webhook_waits(facts: WaitingFacts, *, unsubscribe_url: str | None = None) -> Mail:
    subject = _("Your webhook %(name)s waits for one of you") % {"name": facts.name}
    return rendered("webhook_waits", subject, facts, unsubscribe_url)


def one_line(text: str) -> str:
    """Text of any origin as one visible line: no breaks, no controls, nothing that turns the direction of the rest."""
    seen = "".join(" " if unicodedata.category(mark) in UNSEEN else mark for mark in text if mark not in TURNING)
    return " ".join(seen.split())


def _clean(value: Any, *, keeps_lines: bool = False) -> Any:
    match value:
        case str() if keeps_lines:
            return "\n".join(map(one_line, value.splitlines()))
        case str():
            return one_line(value)
        case list() | tuple():
            return [_clean(part) for part in value]
        case _:
            return value


def _shown(figure: Figure) -> str:
    value = figure.value
    if isinstance(value, float):
        value = round(value, 2) if math.isfinite(value) else _("unknown")
    return f"{formats.localize(value)} {figure.unit}".strip()


def _can_see(facts: AccessFacts) -> str:
    count = len(facts.categories)
    sentence = ngettext(
        "%(partner)s can see %(count)d kind of data for %(site)s until %(day)s",
        "%(partner)s can see %(count)d kinds of data for %(site)s until %(day)s",
        count,
    )
    names = {"partner": facts.partner_name, "site": facts.site_name}
    return sentence % {**names, "count": count, "day": _day(facts.expires_at)}


def _day(at: datetime) -> str:
    return formats.date_format(timezone.localtime(at), "j M Y")


def rendered(name: str, subject: str, facts: Any, unsubscribe_url: str | None = None, **more: object) -> Mail:
    require_web_address(facts.link)
    if unsubscribe_url is not None:
        require_web_address(unsubscribe_url)
    line = one_line(subject)
    shown = {field.name: getattr(facts, field.name) for field in fields(facts)}
    context = {
        "subject": line,
        "facts": {key: _clean(value, keeps_lines=key in QUOTED) for key, value in shown.items()},
        "unsubscribe_url": unsubscribe_url,
        **{key: _clean(value) for key, value in more.items()},
    }
    return Mail(
        subject=line if len(line) <= LONGEST_SUBJECT else line[: LONGEST_SUBJECT - 1] + "…",
        text=_tidy(render_to_string(f"mail/{name}.txt", context)),
        html=render_to_string(f"mail/{name}.html", context),
        unsubscribe_url=unsubscribe_url,
    )


def _tidy(text: str) -> str:
    """Templates leave runs of blank lines where an optional paragraph is absent."""
    lines: list[str] = []
    for line in (line.rstrip() for line in text.strip().splitlines()):
        if line or (lines and lines[-1]):
            lines.append(line)
    return "\n".join(lines) + "\n"
