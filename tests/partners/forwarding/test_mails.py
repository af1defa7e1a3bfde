"""Mails: wording, what a reader may see, and text that tries to be more than text."""

import re
from dataclasses import fields, replace
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from django.utils import timezone

from partners.forwarding import mails
from partners.forwarding.mails import AlertEvent
from partners.forwarding.message import NotCovered
from tests.partners.forwarding.facts import ACCESS, ALERT, ALL, AT, HEALTH, KINDS, STOP

EVIL = "<b>x</b>\r\nBcc: all@example.com\n\n\u202eevil\x00 & \"quoted\" {{ facts.link }} {% now 'Y' %}"


class Page(HTMLParser):
    """Tags, attributes and text of an HTML mail; `open` holds what was never closed."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.open, self.text, self._attributes = set(), [], [], []
        self.feed(html)

    def values(self, *names):
        return {value for name, value in self._attributes if name in names}

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self._attributes += attrs
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


@pytest.mark.parametrize(
    ("mail", "subject"),
    [
        (KINDS["alert"](), "Lyon firewall: memory full about 14 Dec"),
        (mails.alert(AlertEvent.UPDATED, ALERT, categories=ALL), "Changed: Lyon firewall: memory full about 14 Dec"),
        (mails.alert(AlertEvent.RESOLVED, ALERT, categories=ALL), "Over: Lyon firewall: memory full about 14 Dec"),
        (KINDS["given"](), "Northwind can see 2 kinds of data for Lyon office until 24 Dec 2026"),
        (
            KINDS["given"](categories=HEALTH),
            "Northwind can see 1 kind of data for Lyon office until 24 Dec 2026",
        ),
        (KINDS["changed"](), "Changed: Northwind can see 2 kinds of data for Lyon office until 24 Dec 2026"),
        (KINDS["ended"](), "Northwind can no longer see Lyon office"),
        (KINDS["requested"](), "Northwind asks to see traffic totals for Lyon office"),
        (KINDS["ending soon"](), "Access for Northwind ends on 24 Dec 2026"),
        (KINDS["invitation"](), "Acme invites you to SmartCare"),
        (KINDS["verification"](), "Confirm this address for alerts of Northwind"),
        (KINDS["break glass"](), "SmartCare staff is looking at your data: why and what"),
        (KINDS["lockbox"](), "Bea of SmartCare asks to look at your data"),
        (KINDS["first report"](), "We hear Workshop router"),
        (KINDS["failing"](), "Your webhook at hooks.example is failing"),
        (KINDS["failing"](is_disabled=True), "Your webhook at hooks.example was switched off"),
        (KINDS["tender"](), "Acme asks you for a proposal: Twelve switches"),
        (KINDS["contract filed"](), "Acme filed a contract with you: Care"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_when_a_mail_is_made_then_its_subject_says_what_it_is_about(mail, subject):
    assert mail.subject == subject


every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())


def words(text):
    return set(re.findall(r"\w+", re.sub(r"https?://\S+", "", text)))


@every_kind
def test_when_a_mail_is_made_then_text_and_html_say_the_same_and_link_to_the_same_page(kind):
    mail = kind()
    page = Page(mail.html)

    assert words(mail.text) - words(" ".join(page.text)) <= {"Severity"}  # the page shows it as a chip
    assert len(words(mail.text)) > 20
    assert kind.facts.link in page.values("href")
    assert f"\n{kind.facts.link}\n" in mail.text


@every_kind
def test_when_a_mail_is_made_then_nothing_in_it_is_loaded_runs_or_acts(kind):
    page = Page(kind().html)

    assert page.open == []
    assert not page.tags & {"img", "script", "link", "style", "iframe", "form", "input", "object", "base", "video"}
    assert page.values("href") <= {kind.facts.link, STOP}
    assert not page.values("src", "background", "action", "onclick")
    assert not any("url(" in style for style in page.values("style"))


@every_kind
def test_given_hostile_text_in_every_field_when_a_mail_is_made_then_it_stays_text(kind):
    texts = [field.name for field in fields(kind.facts) if field.type is str and field.name != "link"]

    mail = kind(**dict.fromkeys(texts, EVIL))

    assert not re.search(r"[\x00-\x1f\u202e]", mail.subject)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\u202e]", mail.text + mail.html)
    assert not re.search(r"^\s*Bcc:", mail.text, re.MULTILINE)
    assert "b" not in Page(mail.html).tags
    assert "{{ facts.link }} {% now 'Y' %}" in mail.text  # shown, not rendered


@every_kind
def test_given_an_ampersand_when_a_mail_is_made_then_the_text_part_shows_it_unescaped(kind):
    texts = [field.name for field in fields(kind.facts) if field.type is str and field.name != "link"]

    mail = kind(**dict.fromkeys(texts, "Q&A 'x'"))

    assert "Q&A 'x'" in mail.text
    assert "&amp;" not in mail.text
    assert "&#x27;" not in mail.text
    assert "Q&amp;A &#x27;x&#x27;" in mail.html


@pytest.mark.parametrize("kind", [kind for kind in KINDS.values() if kind.can_be_stopped])
def test_given_a_kind_that_can_be_stopped_when_a_mail_is_made_then_both_parts_say_where(kind):
    mail = kind()

    assert mail.unsubscribe_url == STOP
    assert STOP in mail.text
    assert STOP in Page(mail.html).values("href")


@pytest.mark.parametrize("kind", [kind for kind in KINDS.values() if not kind.can_be_stopped])
def test_given_a_kind_that_always_goes_out_when_a_mail_is_made_then_nothing_offers_to_stop_it(kind):
    mail = kind()

    assert mail.unsubscribe_url is None
    assert "Stop mails" not in mail.text + mail.html


def test_given_a_grant_without_traffic_when_an_alert_is_mailed_then_its_traffic_figures_are_not():
    mail = mails.alert(AlertEvent.OPENED, ALERT, categories=HEALTH)

    assert "canary" not in mail.text + mail.html + mail.subject
    assert "4,711" not in mail.text + mail.html
    assert "4711" not in mail.text + mail.html
    assert "memory used: 91.67 %" in mail.text


def test_given_a_grant_without_health_when_an_alert_should_be_mailed_then_nothing_is_made():
    with pytest.raises(NotCovered):
        mails.alert(AlertEvent.OPENED, ALERT, categories=ALL - HEALTH)


def test_given_a_figure_that_is_no_number_when_mailed_then_it_is_unknown():
    facts = replace(ALERT, figures=(replace(ALERT.figures[0], value=float("nan")),))

    assert "memory used: unknown %" in mails.alert(AlertEvent.OPENED, facts, categories=ALL).text


def test_given_a_resolved_alert_when_mailed_then_it_says_since_when():
    facts = replace(ALERT, resolved_at=AT + timedelta(hours=1))

    mail = mails.alert(AlertEvent.RESOLVED, facts, categories=ALL)

    assert "Over since: 24 Nov 2026, 04:30 UTC" in mail.text
    assert "See what happened" in mail.html


def test_given_the_customers_zone_when_mailed_then_days_are_days_of_that_zone():
    with timezone.override("Pacific/Auckland"):
        mail = mails.ending_soon(ACCESS)

    assert mail.subject == "Access for Northwind ends on 25 Dec 2026"


def test_given_words_of_several_lines_when_mailed_then_every_line_is_quoted():
    mail = KINDS["requested"]()

    assert "> We want to size\n> the new uplink.\n" in mail.text
    assert "We want to size<br>the new uplink." in mail.html


def test_given_a_purpose_of_several_lines_when_mailed_then_every_line_is_quoted():
    assert "> one\n> two\n" in KINDS["given"](purpose="one\ntwo").text


@pytest.mark.parametrize(
    "mark",
    ["\x00", "\x1b", "\x7f", "\x85", "\u2028", "\u2029", "\ud800", "\n", "\r\n", "\t"],
    ids=lambda mark: f"U+{ord(mark[0]):04X}",
)
def test_given_a_mark_nobody_sees_when_put_on_one_line_then_a_blank_takes_its_place(mark):
    assert mails.one_line(f" a{mark}b ") == "a b"


@pytest.mark.parametrize(
    "mark", [*map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A)), "\u200e", "\u200f"]
)
def test_given_a_mark_that_turns_the_text_when_put_on_one_line_then_it_is_gone(mark):
    assert mails.one_line(f"a{mark}b") == "ab"


@every_kind
def test_when_a_mail_is_made_then_its_parts_are_tidy(kind):
    mail = kind()

    assert "\n\n\n" not in mail.text
    assert "\n\n" in mail.text
    assert mail.text.endswith("it.\n")
    assert f"<title>{mail.subject}</title>" in mail.html


def test_given_a_subject_of_the_longest_length_when_mailed_then_it_is_whole():
    subject = KINDS["first report"](device_label="x" * 192).subject

    assert subject == "We hear " + "x" * 192


def test_given_a_very_long_text_when_mailed_then_the_subject_is_cut():
    subject = KINDS["first report"](device_label="x" * 5000).subject

    assert len(subject) == 200
    assert subject.endswith("…")


@pytest.mark.parametrize("link", ["javascript:alert(1)", "/stop", "https://a.example/\r\nX: y"])
def test_given_a_link_that_is_no_web_address_when_mailed_then_it_is_refused(link):
    for kind in KINDS.values():
        with pytest.raises(ValueError, match="link"):
            kind(link=link)
    with pytest.raises(ValueError, match="link"):
        mails.alert(AlertEvent.OPENED, ALERT, categories=ALL, unsubscribe_url=link)


@pytest.mark.parametrize(("waiting", "sentence"), [(1, "1 delivery is waiting"), (3, "3 deliveries are waiting")])
def test_given_deliveries_that_wait_when_a_webhook_fails_then_they_are_counted(waiting, sentence):
    assert sentence in KINDS["failing"](waiting=waiting).text


def test_given_a_disabled_webhook_when_mailed_then_it_says_what_becomes_of_what_waits():
    mail = KINDS["failing"](is_disabled=True)

    assert "It is switched off now." in mail.text
    assert "After 5 days" not in mail.text
