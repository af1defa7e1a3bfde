"""Webhooks: a signed JSON body, posted to an address that was checked."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from django.utils import timezone

from partners.forwarding import egress, signing
from partners.forwarding.message import verification_body
from partners.forwarding.transports.base import Delivered, GiveUp, Hopeless, Outcome, TryLater

GONE: Final = 410
UNANSWERED: Final = "challenge_not_answered"


@dataclass(frozen=True, kw_only=True)
class WebhookTransport:
    """One webhook destination. `secrets`: the current one first, the former one while it is being replaced.

    `allow` is the setting EGRESS_ALLOW. `post` is the way out, replaced in tests of a resolver or a certificate.
    """

    url: str
    secrets: Sequence[str] = field(repr=False)  # a traceback with local variables must not show them
    allow: Sequence[str] = ()
    deadline_s: float = 15.0
    post: egress.Post = field(default=egress.post, repr=False)

    def deliver(self, message: bytes, *, delivery_id: str) -> Outcome:
        """2xx is success, 410 says never again; everything else, redirects too, is tried later."""
        reply = self._reply(message, delivery_id)
        return _outcome(reply) if isinstance(reply, egress.Reply) else reply

    def verify(self, challenge: str, *, delivery_id: str) -> Outcome:
        """Send the challenge; Delivered only if the receiver answers 2xx with it in the body."""
        reply = self._reply(verification_body(challenge, at=timezone.now()), delivery_id)
        if not isinstance(reply, egress.Reply):
            return reply
        outcome = _outcome(reply)
        if isinstance(outcome, Delivered) and challenge.encode() not in reply.body_head:
            return TryLater(error=UNANSWERED, status_code=reply.status, duration_s=reply.duration_s)
        return outcome

    def _reply(self, body: bytes, delivery_id: str) -> egress.Reply | TryLater | GiveUp:
        signed = signing.headers(self.secrets, message_id=delivery_id, timestamp=timezone.now(), body=body)
        headers = {"Content-Type": "application/json", **signed}
        started = time.monotonic()
        try:
            return self.post(self.url, body, headers, deadline_s=self.deadline_s, allow=self.allow)
        except egress.Refused as refused:
            return GiveUp(reason=Hopeless.ADDRESS, error=refused.reason, duration_s=time.monotonic() - started)
        except egress.Unreachable as unreachable:
            return TryLater(error=unreachable.kind, duration_s=time.monotonic() - started)


def _outcome(reply: egress.Reply) -> Outcome:
    if 200 <= reply.status < 300:
        return Delivered(status_code=reply.status, duration_s=reply.duration_s)
    if reply.status == GONE:
        return GiveUp(reason=Hopeless.GONE, status_code=reply.status, duration_s=reply.duration_s)
    return TryLater(
        error=f"status_{reply.status // 100}xx",
        wait_s=reply.retry_after_s,
        status_code=reply.status,
        duration_s=reply.duration_s,
    )
