"""What follows when staff suspend a partner: its grants stay on paper, nothing more goes out to it, and nothing is under way any more.

Reads and the gate fail on the company's flag from the commit on. What waits is cancelled in that transaction (T6); each pair of a
site and the partner is drained afterwards (T7), by work that is tried again while a sending is just finishing.
"""

from uuid import UUID, uuid4

from access import audit, sharing
from access.models import Grant, Organization, OrganizationStatus
from telemetry import jobs


def queue_drain(partner: Organization) -> None:
    """In the transaction that suspends. Suspended twice, it is drained twice."""
    jobs.enqueue("partner.drain", customer=partner.pk, ref=partner.pk, key=str(uuid4()))


@jobs.handles("partner.drain")
def drain(claim: jobs.Claim) -> None:
    """Wait for what is under way to each site; then say so in the partner's journal. Let go on meanwhile: nothing to say."""
    partner = Organization.objects.get(pk=claim.ref)
    if partner.status != OrganizationStatus.SUSPENDED:
        return
    sites = _sites_of(partner)
    for site in sites:
        sharing.lock_passage(
            site, partner.pk, shared=False
        )  # until the end of this transaction; whoever sends is refused
    audit.record(
        customer=partner.pk,
        by=None,
        action="organization.drained",
        kind="organization",
        id=partner.public_id,
        words=partner.name,
        after={"sites": len(sites)},
    )


def _sites_of(partner: Organization) -> list[UUID]:
    """In id order, so that two who drain do not wait for each other."""
    held = Grant.objects.filter(partner=partner, closed_at=None)
    return list(held.order_by("site_id").values_list("site_id", flat=True).distinct())
