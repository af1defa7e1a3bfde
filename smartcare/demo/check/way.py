"""The way itself, step by step, as interface.md promises it."""

import re
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from smartcare.demo.check.equipment import Equipment
from smartcare.demo.check.marks import Leaks
from smartcare.demo.check.person import Page, Person
from smartcare.demo.check.postbox import Postbox
from smartcare.demo.check.verdict import Broken, Patience, Tally
from smartcare.demo.stage import Addresses

# Who owns a webhook in this check, the person who adds it, and where.
COMPANIES = {
    "acme": ("ada", "/settings/notifications"),
    "northwind": ("nora", "/p/northwind/settings/webhooks"),
    "rival": ("rita", "/p/rival/settings/webhooks"),
    "third": ("theo", "/p/third/settings/webhooks"),
}
OUTSIDERS = ("rival", "third")
# What befalls them is certain within a day (smartcare/simulator): a link that flaps, storage that fills, restarts.
SHARED, FOREIGN, LATER = "sw-hq-1", "sw-branch", "ap-hq"
SECRET = re.compile(r"whsec_[A-Za-z0-9+/=]+")
WARNING = "2"
QUIET_S = 4.0  # two rounds of the sweep, which finds whatever a lost wake has left


class Way:
    """One walk. Use `walk`, then read `tally` and `leaks`."""

    def __init__(
        self, addresses: Addresses, printed: dict[str, Any], patience: Patience, say: Callable[[str], None]
    ) -> None:
        self.tally, self.leaks = Tally(), Leaks()
        self._addresses, self._printed, self._patience, self._say = addresses, printed, patience, say
        self._post = Postbox(addresses.outside, self.leaks)
        self._equipment = Equipment(addresses.web, printed)
        self._people = {
            name: Person(addresses.web, name, reader="ada" if company == "acme" else company, leaks=self.leaks)
            for company, (name, _) in COMPANIES.items()
        }
        self._ids: dict[str, str] = printed["ids"]
        self._told_at: dict[str, datetime] = {}

    def walk(self) -> None:
        """Raises Broken at the first link that does not hold."""
        self._sign_in()
        self._connect_receivers()
        alert, foreign = self._report_and_be_warned()
        self._require_told(alert, foreign)
        self._require_shown(alert, foreign)
        self._require_looks_on_record()
        self._revoke()
        self._require_gone(alert)
        self._require_nothing_more()
        if self.leaks.found:
            raise Broken(f"somebody saw what is not shared: {self.leaks.words}")

    # ---- before anything happens

    def _sign_in(self) -> None:
        self._say("ada, nora, rita and theo sign in")
        for person in self._people.values():
            found = self._printed["users"][person.name]
            person.sign_in(found["email"], found["password"])

    def _connect_receivers(self) -> None:
        """Also those who hold no access get a webhook that works: silence there means something."""
        self._say("each of their companies connects a webhook")
        for company, (name, home) in COMPANIES.items():
            at = f"{home}/webhook"
            shown = self._people[name].press(
                at, at, url=self._addresses.hook(company), name=f"Check of {company}", minimum=WARNING
            )
            secret = SECRET.search(shown.words)
            if secret is None:
                raise Broken(f"{name} is shown no signing secret for the new webhook")
            self._post.secrets[company] = secret.group()
        for company, (name, home) in COMPANIES.items():
            self._patience.wait(
                f"{company}'s webhook to be verified by a signed challenge",
                partial(self._is_connected, company, self._people[name], home),
                within_s=30,
            )

    def _is_connected(self, company: str, person: Person, home: str) -> bool:
        return self._post.is_verified(company) and _is_on(person.see(home), company)

    # ---- reports, analysis, alerts

    def _report_and_be_warned(self) -> tuple[str, str]:
        self._say(f"{SHARED} and {FOREIGN} report a day of their lives")
        for name in (SHARED, FOREIGN):
            self._tell(name)
        return self._alert_of(SHARED), self._alert_of(FOREIGN)

    def _tell(self, name: str) -> None:
        accepted, self._told_at[name] = self._equipment.tell_a_day(name)
        self.tally.reports_accepted += accepted
        self._patience.wait(f"the reports of {name} to be analysed", lambda: self._is_analysed(name), within_s=40)
        self.tally.reports_analysed += accepted

    def _is_analysed(self, name: str) -> bool:
        """The portal says when the device was last heard: the analysis writes it, after it has read what came."""
        ada, public_id = self._people["ada"], self._ids[name]
        health = ada.read(f"/api/v1/devices/{public_id}").get("health") or {}
        heard = health.get("last_seen_at")
        if heard is None or datetime.fromisoformat(heard) < self._told_at[name]:
            return False
        return "Last report" in ada.see(f"/devices/{public_id}").words

    def _alert_of(self, name: str) -> str:
        """Public id of the first alert that the detectors opened for this device, when ada's page shows it."""
        ada = self._people["ada"]

        def shown() -> str | None:
            listed = ada.read(f"/api/v1/alerts?device={self._ids[name]}")["results"]
            opened = [row["id"] for row in listed if row["state"] == "open"]
            page = ada.see("/alerts")
            return next((a for a in opened if f"/alerts/{a}" in page.text), None)

        alert = self._patience.wait(f"an alert about {name} on ada's page", shown, within_s=30)
        page = ada.see(f"/alerts/{alert}")
        if page.status != 200 or name not in page.words:
            raise Broken(f"ada's page of the alert about {name} does not show it ({page.status})")
        self.tally.alerts_opened += 1
        self._say(f"an alert about {name} was opened: {alert}")
        return alert

    # ---- deliveries

    def _require_told(self, alert: str, foreign: str) -> None:
        self._say("the alert is delivered to acme and northwind, and to nobody else")
        northwind, acme = self._mailbox("northwind"), self._mailbox("acme")
        self._wait_for("the alert at northwind's webhook", self._post.told_by_webhook, "northwind", alert)
        self._wait_for("the alert in nora's mailbox", self._post.told_by_mail, northwind, alert)
        self._wait_for("the alert at acme's webhook", self._post.told_by_webhook, "acme", alert)
        self._wait_for("the alert in ada's mailbox", self._post.told_by_mail, acme, alert)
        self._wait_for("the branch's alert at acme's webhook", self._post.told_by_webhook, "acme", foreign)
        if self._post.told_by_webhook("northwind", foreign) or self._post.told_by_mail(northwind, foreign):
            self.leaks.say("northwind", "webhook or mail", "an alert of the branch, which is not shared")
        self._require_outsiders_heard_nothing()

    def _wait_for(self, what: str, told: Callable[[str, str], list[dict[str, Any]]], reader: str, alert: str) -> None:
        found = self._patience.wait(what, lambda: told(reader, alert) or None, within_s=30)
        self.tally.deliveries_sent += len(found)

    def _mailbox(self, company: str) -> str:
        return str(self._printed["users"][COMPANIES[company][0]]["email"])

    def _require_outsiders_heard_nothing(self) -> None:
        for company in OUTSIDERS:
            self._post.require_silence(company, self._mailbox(company))
        self._post.look_through({c: self._mailbox(c) for c in ("northwind", *OUTSIDERS)})
        if self.leaks.found:
            raise Broken(f"somebody was told what is not shared: {self.leaks.words}")

    # ---- pages

    def _require_shown(self, alert: str, foreign: str) -> None:
        self._say("the alert is on northwind's page, and on no other partner's")
        nora = self._people["nora"]
        if f"/alerts/{alert}" not in nora.see("/p/northwind/alerts").text:
            raise Broken("northwind's list of alerts does not show the alert that it holds access to")
        if SHARED not in nora.see(f"/p/northwind/alerts/{alert}").words:
            raise Broken("northwind's page of the alert does not show it")
        self._require_hidden("nora", "northwind", foreign, "an alert of the branch, which is not shared")
        for company in OUTSIDERS:
            name = COMPANIES[company][0]
            for one in (alert, foreign):
                self._require_hidden(name, company, one, "an alert of acme")

    def _require_hidden(self, name: str, company: str, alert: str, what: str) -> None:
        """Neither listed nor found, by page and by API: 'not yours' looks like 'not there'."""
        person = self._people[name]
        listed = person.see(f"/p/{company}/alerts")
        if listed.status != 200:
            raise Broken(f"{name} cannot open {company}'s list of alerts ({listed.status})")
        if alert in listed.text:
            self.leaks.say(company, "its list of alerts", what)
        for path in (f"/p/{company}/alerts/{alert}", f"/api/v1/alerts/{alert}?acting={company}"):
            page = person.see(path)
            if page.status != 404:
                self.leaks.say(company, path, f"{what} ({page.status})")

    def _require_looks_on_record(self) -> None:
        self._say("what northwind looked at and was sent is in acme's viewing log")

        def recorded() -> bool:
            rows = self._people["ada"].read("/access/log?format=json")
            present = datetime.fromisoformat(self._printed["present"])
            new = [row for row in rows if row["company"] == "Northwind" and _time(row["at"]) > present]
            ways = {row["how"] for row in new}
            return {"Page", "Webhook", "E-mail"} <= ways

        self._patience.wait("northwind's looks in acme's viewing log", recorded, within_s=15)

    # ---- revocation

    def _revoke(self) -> None:
        self._say("ada stops northwind's access")
        page = f"/access/grants/{self._ids['grant-northwind-hq']}"
        ada = self._people["ada"]
        if f'action="{page}/stop"' not in ada.see(page).text:
            raise Broken("northwind's access has ended although ada did not end it")
        ada.press(page, f"{page}/stop")
        self._patience.wait(
            "the receipt to say that nothing is under way any more", lambda: _is_drained(ada.see(page)), within_s=25
        )

    def _require_gone(self, alert: str) -> None:
        self._say("northwind's pages show nothing of it any more")
        self._require_hidden("nora", "northwind", alert, "an alert after its access was stopped")
        nora = self._people["nora"]
        device = f"/p/northwind/devices/{self._ids[SHARED]}"
        if nora.see(device).status != 404:
            self.leaks.say("northwind", device, "a device after its access was stopped")
        for path in ("/p/northwind/triage", "/p/northwind/alerts", "/p/northwind/devices"):
            self.leaks.look_after_the_end("northwind", path, nora.see(path).words)

    def _require_nothing_more(self) -> None:
        """A further alert reaches acme, so deliveries work; northwind does not hear of it."""
        self._say(f"{LATER} fails after that: acme is told, northwind is not")
        self._tell(LATER)
        alert = self._alert_of(LATER)
        acme, northwind = self._mailbox("acme"), self._mailbox("northwind")
        self._wait_for("the further alert at acme's webhook", self._post.told_by_webhook, "acme", alert)
        self._wait_for("the further alert in ada's mailbox", self._post.told_by_mail, acme, alert)
        self._patience.rest(QUIET_S)
        if self._post.told_by_webhook("northwind", alert) or self._post.told_by_mail(northwind, alert):
            self.leaks.say("northwind", "webhook or mail", "an alert after its access was stopped")
        self._require_hidden("nora", "northwind", alert, "an alert after its access was stopped")
        self._require_outsiders_heard_nothing()


def _is_on(page: Page, company: str) -> bool:
    """The settings page shows the webhook of this check as usable."""
    return f"Check of {company}" in page.words and "Waiting for the receiver" not in page.words


def _is_drained(page: Page) -> bool:
    return "Nothing under way since" in page.words and "still finishing" not in page.words


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
