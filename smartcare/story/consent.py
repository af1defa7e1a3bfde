"""Who may see what, who asks, and who has looked: northwind now, third in the past, rival never."""

from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone

from access import requests, sharing
from access.models import Category, Grant
from access.sharing import Terms
from smartcare.story import canaries, credentials
from smartcare.story.cast import CONFIGURATION, HEALTH, INVENTORY, TRAFFIC
from smartcare.story.world import World
from telemetry import alerting, looks, summaries
from telemetry.models import Alert, CommentAudience, Device, Job

LENGTH = timedelta(days=90)
GIVEN = timedelta(days=1)  # before the story is told; alerts opened since then were forwarded
EXPIRED_GIVEN, REVOKED_GIVEN = timedelta(days=95), timedelta(days=40)
REVOKED_AFTER = timedelta(days=30)


def settle(world: World) -> None:
    """Grants of the past first: each partner speaks and looks while it may."""
    expired = _give(world, "third", "branch", {INVENTORY, HEALTH}, "a check of the branch")
    revoked = _give(world, "third", "hq", {HEALTH}, "a second opinion")
    _visit(world, "theo", "third", "branch")
    _visit(world, "theo", "third", "hq")
    _let_expire(world, expired)
    _revoke(world, revoked)
    given = _give(world, "northwind", "hq", {INVENTORY, HEALTH}, "looking after headquarters", forward=True)
    _backdate(world, given, given_at=timezone.now() - GIVEN)
    _visit(world, "nora", "northwind", "hq")
    _visit(world, "nils", "northwind", "hq", talks=False)
    with world.acting("ada"):
        _look(world, "ada", "hq")
    _ask(world)


def _give(
    world: World, partner: str, site: str, categories: set[Category], what_for: str, *, forward: bool = False
) -> Grant:
    by = world.viewers["ada"]
    terms = Terms(
        frozenset(categories),
        timezone.now() + LENGTH,
        forward,
        f"For {what_for} {canaries.purpose('acme', partner, site)}",
    )
    with world.acting("ada"):
        grants = sharing.give(
            partner=world.organizations[partner], sites=[world.sites[f"acme/{site}"]], terms=terms, by=by
        )
    return grants[0]


def _backdate(world: World, grant: Grant, *, given_at: datetime) -> None:
    with world.job("acme"):
        Grant.objects.filter(pk=grant.pk).update(
            granted_at=given_at,
            expires_at=given_at + LENGTH,
            forwarding_since=given_at if grant.forward_alerts else None,
        )


def _let_expire(world: World, grant: Grant) -> None:
    _backdate(world, grant, given_at=timezone.now() - EXPIRED_GIVEN)
    with world.job("acme"):
        sharing.book_expiry(grant.pk)
        _tell_nobody(grant)
        _end(grant, timezone.now() - EXPIRED_GIVEN + LENGTH)


def _revoke(world: World, grant: Grant) -> None:
    with world.acting("ada"):
        sharing.revoke(grant, by=world.viewers["ada"])
    given_at = timezone.now() - REVOKED_GIVEN
    _backdate(world, grant, given_at=given_at)
    with world.job("acme"):
        _tell_nobody(grant)
        _end(grant, given_at + REVOKED_AFTER)


def _end(grant: Grant, at: datetime) -> None:
    """Closed and drained then; revoked then if it was revoked."""
    ended = Grant.objects.filter(pk=grant.pk)
    ended.update(closed_at=at, drained_at=at + timedelta(seconds=1))
    ended.exclude(revoked_at=None).update(revoked_at=at)


def _tell_nobody(grant: Grant) -> None:
    """Mails about an access that was over long ago would be news to nobody."""
    Job.unscoped.filter(ref=grant.pk).delete()


def _visit(world: World, person: str, partner: str, site: str, *, talks: bool = True) -> None:
    """What somebody of a partner does with access: look, and perhaps say something."""
    with world.acting(person):
        _look(world, person, site)
        if not talks:
            return
        viewer = world.viewers[person]
        alert = Alert.objects.visible_to(viewer).get(pk=alert_id(world, "acme", f"{site}-open"))
        told = f"We can free space this week. {canaries.told(partner, f'comment-{site}')}"
        alerting.comment(alert, text=told, audience=CommentAudience.CUSTOMER, by=viewer)
        own = f"Worth an offer. {canaries.own(partner, f'comment-{site}')}"
        alerting.comment(alert, text=own, audience=CommentAudience.COMPANY, by=viewer)


def _look(world: World, person: str, site: str) -> None:
    viewer, place = world.viewers[person], world.sites[f"acme/{site}"]
    looks.device_list(viewer, summaries.devices(viewer, sites=[place.pk]), way="page")
    looks.alert_list(viewer, summaries.alerts(viewer, Alert.objects.visible_to(viewer).filter(site=place)), way="page")
    for device in Device.objects.visible_to(viewer).filter(site=place).order_by("label")[:2]:
        looks.device(viewer, device, [HEALTH], way="page")


def alert_id(world: World, customer: str, name: str) -> UUID:
    """Primary key of 'hq-open' or 'hq-resolved'."""
    site, _, word = name.partition("-")
    return credentials.row_id(world.organizations[customer].pk, f"{word}:{site}")


def _ask(world: World) -> None:
    """Requests that wait for an answer; asking shows nobody anything."""
    wishes: tuple[tuple[str, str, str, str, list[Category], list[str]], ...] = (
        ("nora", "northwind", "acme", "Acme", [TRAFFIC, CONFIGURATION], [world.sites["acme/hq"].public_id]),
        ("nora", "northwind", "globex", "Globex", [INVENTORY], []),
        ("rita", "rival", "acme", "Acme", [INVENTORY, HEALTH], []),
        ("theo", "third", "globex", "Globex", [HEALTH], []),
    )
    for person, partner, customer, name, categories, sites in wishes:
        reason = f"So that we can help before something fails. {canaries.told(partner, f'reason-{customer}')}"
        with world.acting(person):
            requests.ask(
                by=world.viewers[person],
                customer_name=name,
                categories=categories,
                days=30,
                reason=reason,
                sites=sites,
            )
