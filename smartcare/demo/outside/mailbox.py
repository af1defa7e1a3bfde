"""What has arrived, in the order of its arrival; as files too, so that people can read it without us."""

import json
import threading
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

KEPT = 2_000  # of each kind; a demonstration left running over night must not fill memory


class Mailbox:
    """Webhooks and mails. Safe to use from several threads. folder: keeps each mail as NNNN.eml and webhooks as lines."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._webhooks: list[dict[str, Any]] = []
        self._mails: list[dict[str, Any]] = []
        self._number = sum(1 for _ in folder.glob("*.eml"))

    def keep_webhook(self, *, path: str, headers: dict[str, str], body: str, at: float) -> None:
        """body: as received; headers by lower-case name."""
        found = {"at": at, "path": path, "headers": headers, "body": body}
        with self._lock:
            self._webhooks = [*self._webhooks[1 - KEPT :], found]
            with (self.folder / "webhooks.ndjson").open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(found) + "\n")

    def keep_mail(self, *, sender: str, recipients: list[str], content: bytes, at: float) -> None:
        message = message_from_bytes(content, policy=policy.default)
        with self._lock:
            self._number += 1
            name = f"{self._number:04}.eml"
            (self.folder / name).write_bytes(content)
            found = {
                "at": at,
                "file": name,
                "from": sender,
                "to": recipients,
                "subject": str(message["Subject"] or ""),
                "id": str(message["Message-ID"] or ""),
                "text": _text(message),
            }
            self._mails = [*self._mails[1 - KEPT :], found]

    def everything(self) -> dict[str, list[dict[str, Any]]]:
        with self._lock:
            return {"webhooks": list(self._webhooks), "mails": list(self._mails)}


def _text(message: EmailMessage) -> str:
    body = message.get_body(preferencelist=("plain", "html"))
    return str(body.get_content()) if body is not None else ""
