"""Mail, through Django's message API and the operator's mail server.

One mail goes to one recipient from the product's own address; neither can come from the message, so nothing a tenant
writes decides who gets mail from us or in whose name.
"""

import email.policy
import smtplib
import time
from contextlib import suppress
from dataclasses import dataclass
from email.headerregistry import BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import EmailPolicy, Policy
from email.utils import parseaddr
from typing import Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import DNS_NAME, EmailMultiAlternatives, mailers
from django.core.validators import validate_email

from partners.forwarding.mails import Mail
from partners.forwarding.transports.base import Delivered, GiveUp, Hopeless, Outcome, TryLater

# RFC 3463: X.1.x speaks of the address itself; without such a code these three do (RFC 5321, 4.2.3).
BAD_ADDRESS_CODES: Final = frozenset({550, 551, 553})
MAILBOX_FULL: Final = 552  # 5xx by its number, yet it passes


@dataclass(frozen=True, kw_only=True)
class EmailTransport:
    """One mail destination."""

    recipient: str

    def deliver(self, message: Mail, *, delivery_id: str) -> Outcome:
        """Hand the mail to the operator's server; that the mailbox has it is known to nobody."""
        started = time.monotonic()
        try:
            validate_email(self.recipient)
        except ValidationError:
            return GiveUp(reason=Hopeless.RECIPIENT)
        try:
            _send(_written(message, self.recipient, delivery_id))
        except smtplib.SMTPRecipientsRefused as refused:
            code, text = next(iter(refused.recipients.values()))
            return _refused_recipient(code, _text(text), time.monotonic() - started)
        except smtplib.SMTPDataError as refused:
            return _refused_message(refused.smtp_code, time.monotonic() - started)
        except (smtplib.SMTPException, OSError) as error:
            # Our own server, its password, or the sender address it refuses: the operator's to mend, not the reader's.
            return TryLater(error=type(error).__name__, duration_s=time.monotonic() - started)
        return Delivered(duration_s=time.monotonic() - started)


class _Unfolded(UnstructuredHeader, BaseHeader):
    """A header that stays on one line. Python would cut a long URL into encoded words, which no mail program reads."""

    def fold(self, *, policy: Policy) -> str:
        return f"{self.name}: {self}{policy.linesep}"


HEADERS: Final = HeaderRegistry()
HEADERS.map_to_type("list-unsubscribe", _Unfolded)


class _Written(EmailMultiAlternatives):
    def message(self, *, policy: Policy | None = email.policy.default) -> EmailMessage:
        chosen = policy or email.policy.default
        if isinstance(chosen, EmailPolicy):
            chosen = chosen.clone(header_factory=HEADERS)
        return super().message(policy=chosen)


def _written(mail: Mail, recipient: str, delivery_id: str) -> EmailMultiAlternatives:
    sender = settings.DEFAULT_FROM_EMAIL
    domain = parseaddr(sender)[1].rpartition("@")[2] or DNS_NAME
    headers = {
        "Message-ID": f"<{delivery_id}@{domain}>",  # the same at every attempt: mailboxes drop repetitions by it
        "Auto-Submitted": "auto-generated",  # RFC 3834: no holiday replies
    }
    if mail.unsubscribe_url is not None:  # RFC 8058: one click, by POST
        headers["List-Unsubscribe"] = f"<{mail.unsubscribe_url}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    written = _Written(mail.subject, mail.text, sender, [recipient], headers=headers)
    written.attach_alternative(mail.html, "text/html")
    return written


def _send(written: EmailMultiAlternatives) -> None:
    """Raises what smtplib and sockets raise."""
    connection = mailers.default
    try:
        connection.open()
        connection.send_messages([written])
    finally:
        # The server has already said yes or no; a stumble over the good-bye would send the mail a second time.
        with suppress(smtplib.SMTPException, OSError):
            connection.close()


def _text(text: bytes | str) -> str:
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else text


def _refused_recipient(code: int, text: str, duration_s: float) -> Outcome:
    if code < 500 or code == MAILBOX_FULL:
        return TryLater(error=f"recipient_{code}", status_code=code, duration_s=duration_s)
    enhanced = text.split(" ", 1)[0]
    speaks_of_address = enhanced.startswith("5.1.") if enhanced.startswith("5.") else code in BAD_ADDRESS_CODES
    reason = Hopeless.NO_SUCH_MAILBOX if speaks_of_address else Hopeless.REJECTED
    return GiveUp(reason=reason, error=f"recipient_{code}", status_code=code, duration_s=duration_s)


def _refused_message(code: int, duration_s: float) -> Outcome:
    if code < 500 or code == MAILBOX_FULL:
        return TryLater(error=f"message_{code}", status_code=code, duration_s=duration_s)
    return GiveUp(reason=Hopeless.REJECTED, error=f"message_{code}", status_code=code, duration_s=duration_s)
