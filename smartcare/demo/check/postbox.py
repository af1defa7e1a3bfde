"""What has arrived outside: webhooks and mails, as the receiver (smartcare/demo/outside) tells over HTTP."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
from standardwebhooks import Webhook, WebhookVerificationError

from smartcare.demo.check.marks import Leaks
from smartcare.demo.check.verdict import Broken

TIMEOUT_S = 5
ABOUT_ALERTS = "alert."


@dataclass(slots=True)
class Postbox:
    """address: of the receiver. secrets: by company, as its person was shown them once."""

    address: str
    leaks: Leaks
    secrets: dict[str, str] = field(default_factory=dict)

    def webhooks(self, company: str) -> list[dict[str, Any]]:
        """Bodies of what came to this company's address, each with a signature that holds. Raises Broken."""
        return [self._opened(company, w) for w in self._received()["webhooks"] if w["path"] == f"/hook/{company}"]

    def mails(self, address: str) -> list[dict[str, Any]]:
        return [mail for mail in self._received()["mails"] if address in mail["to"]]

    def is_verified(self, company: str) -> bool:
        """Its address has been asked for a proof: the receiver gives it, so whatever is meant for this company arrives."""
        return any(w["type"] == "destination.verification" for w in self.webhooks(company))

    def told_by_webhook(self, company: str, alert: str) -> list[dict[str, Any]]:
        return [
            w for w in self.webhooks(company) if w["type"].startswith(ABOUT_ALERTS) and w["data"]["alert_id"] == alert
        ]

    def told_by_mail(self, address: str, alert: str) -> list[dict[str, Any]]:
        return [mail for mail in self.mails(address) if f"/alerts/{alert}" in mail["text"]]

    def require_silence(self, company: str, address: str) -> None:
        """Whoever holds no access hears of no alert: anything else is a leak."""
        for webhook in self.webhooks(company):
            if webhook["type"] != "destination.verification":
                self.leaks.say(company, "its webhook", webhook["type"])
        for mail in self.mails(address):
            if "/alerts/" in mail["text"]:
                self.leaks.say(company, "its mailbox", mail["subject"])

    def look_through(self, readers: Mapping[str, str]) -> None:
        """Search all that has arrived for marks that its reader must not have. readers: company -> mail address."""
        for company, address in readers.items():
            for webhook in self.webhooks(company):
                self.leaks.look(company, f"webhook {webhook['type']}", json.dumps(webhook, ensure_ascii=False))
            for mail in self.mails(address):
                self.leaks.look(company, f"mail {mail['file']}", mail["subject"] + mail["text"])

    def _received(self) -> dict[str, list[dict[str, Any]]]:
        try:
            found: dict[str, list[dict[str, Any]]] = requests.get(f"{self.address}/received", timeout=TIMEOUT_S).json()
        except (requests.RequestException, ValueError) as error:
            raise Broken(f"the receiver of webhooks and mails does not answer: {type(error).__name__}") from error
        return found

    def _opened(self, company: str, received: dict[str, Any]) -> dict[str, Any]:
        """By another implementation of the standard than the one that signed."""
        try:
            Webhook(self.secrets[company]).verify(received["body"], received["headers"])
        except (WebhookVerificationError, KeyError) as error:
            raise Broken(f"the signature of a webhook to {company} does not hold: {error}") from error
        body: dict[str, Any] = json.loads(received["body"])
        return body
