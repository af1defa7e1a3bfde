"""What `seed --json` prints: how everybody of the cast signs in, and what everything is called from outside."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from access.models import AccessRequest, AuditEntry, Grant, Membership, Role, Scope, ServiceAccount, User
from partners.models import Contract, Delivery, Destination, PartnerNote, Proposal, Tender
from smartcare.story import credentials
from smartcare.story.business import SOLD, TENDERS
from smartcare.story.cast import COMPANIES, CUSTOMERS, MACHINES, SAM, Company
from smartcare.story.equipment import SITES
from smartcare.story.world import World
from telemetry.models import Alert, Collector, DeviceKey, Forecast

TOKENS_LIVE = timedelta(days=365)
Named = Iterator[tuple[str, str]]


def everything(world: World, *, just_told: bool = False) -> dict[str, Any]:
    """Plain types. Sets passwords, tokens and keys anew where they are not the ones printed (SECRET_KEY has changed).

    just_told: the passwords have been set a moment ago; to look takes as long as to sign in.
    """
    return {
        "users": dict(_users(world, look=not just_told)),
        "tokens": dict(_tokens(world)),
        "device_keys": dict(_keys(world, {m.key: m.customer for m in MACHINES if m.reports}, "scd")),
        "collector_keys": dict(_keys(world, {f"collector-{site}": customer for customer, site in SITES}, "scc")),
        "ids": dict(_ids(world)),
        "present": world.present.isoformat(),
    }


# ---- people and programs


def _users(world: World, *, look: bool) -> Iterator[tuple[str, dict[str, str]]]:
    for company in COMPANIES:
        organization = world.organizations[company.key]
        for person in company.people:
            user = world.viewers[person.key].user
            assert user is not None
            password = credentials.password(organization.pk, person.key)
            yield person.key, _signs_in(user, password, company.key, look=look)
    yield SAM, _signs_in(world.sam, credentials.password(world.sam.pk, SAM), "", look=look)


def _signs_in(user: User, password: str, organization: str, *, look: bool) -> dict[str, str]:
    if look and not user.check_password(password):
        user.set_password(password)
        user.save(update_fields=["password"])
    return {"email": user.email, "password": password, "organization": organization}


def _tokens(world: World) -> Named:
    """One for each person, who may do with it what the person may, and one that writes for each company."""
    for company in COMPANIES:
        for person in company.people:
            scope = Scope.READ if person.role == Role.VIEWER else Scope.WRITE
            yield person.key, _token(world, company, person.key, scope)
        yield company.key, _token(world, company, company.key, Scope.WRITE)


def _token(world: World, company: Company, name: str, scope: Scope) -> str:
    owner = world.organizations[company.key].pk
    key_id, secret = credentials.key_id(owner, f"token:{name}"), credentials.secret(owner, f"token:{name}")
    with world.acting(company.boss.key):
        account, _ = ServiceAccount.objects.get_or_create(
            key_id=key_id,
            defaults={
                "organization_id": owner,
                "name": f"Script of {name}",
                "scope": scope,
                "digest": b"",
                "created_by": world.viewers[company.boss.key].user,
                "expires_at": timezone.now() + TOKENS_LIVE,
            },
        )
        if bytes(account.digest) != credentials.digest(secret):
            ServiceAccount.objects.filter(pk=account.pk).update(digest=credentials.digest(secret))
    return f"sct_{key_id}_{secret}"


def _keys(world: World, holders: dict[str, str], prefix: str) -> Named:
    for name, customer in holders.items():
        owner = world.organizations[customer].pk
        key_id, secret = credentials.key_id(owner, name), credentials.secret(owner, name)
        with world.job(customer):
            row = DeviceKey.unscoped.filter(key_id=key_id).first()
            if row is None:
                continue
            if bytes(row.digest) != credentials.digest(secret):
                DeviceKey.unscoped.filter(pk=row.pk).update(digest=credentials.digest(secret))
        yield name, f"{prefix}_{key_id}_{secret}"


# ---- names


def _ids(world: World) -> Named:
    for name, organization in world.organizations.items():
        yield name, organization.public_id
    for name, site in world.sites.items():
        yield name, site.public_id
        yield name.partition("/")[2], site.public_id
    for name, device in world.devices.items():
        yield name, device.public_id
    for customer in CUSTOMERS:
        with world.job(customer.key):
            yield from _of_customer(world, customer)
    for company in COMPANIES:
        with world.acting(company.boss.key):
            yield from _of_company(world, company)


def _of_customer(world: World, company: Company) -> Named:
    owner = world.organizations[company.key].pk
    partners = {world.organizations[c.key].pk: c.key for c in COMPANIES if not c.places}
    for site in (site for customer, site in SITES if customer == company.key):
        for word, rule in (("open", "flash_exhaustion"), ("resolved", "uplink_capacity")):
            yield from _one(f"{site}-{word}", Alert.unscoped, credentials.row_id(owner, f"{word}:{site}"))
            forecast = credentials.row_id(owner, f"forecast:{rule}:{site}")
            yield from _one(f"forecast-{site}-{word}", Forecast.unscoped, forecast)
        key = DeviceKey.unscoped.filter(key_id=credentials.key_id(owner, f"collector-{site}")).first()
        if key:
            yield from _one(f"collector-{site}", Collector.unscoped, key.collector_id)
    for grant in Grant.objects.filter(customer=owner).select_related("site").order_by("-granted_at"):
        # Backwards: of several for one pair the first is the story's.
        name = next((n for n, s in world.sites.items() if s.pk == grant.site_id), "").partition("/")[2]
        yield f"grant-{partners.get(grant.partner_id, 'other')}-{name}", grant.public_id
    decided = (
        AuditEntry.objects.filter(customer=owner, object_kind="grant", action="grant.opened").order_by("seq").first()
    )
    if decided is not None:
        yield f"receipt-{company.key}", str(decided.seq)
    for request in AccessRequest.objects.filter(customer=owner).order_by("-asked_at"):
        yield f"request-{partners.get(request.partner_id, 'other')}-{company.key}", request.public_id
    for customer, partner in SOLD:
        if customer == company.key:
            yield from _one(f"contract-{customer}-{partner}", Contract.objects, credentials.row_id(owner, "contract"))
    for site, *_ in TENDERS if company.key == "acme" else ():
        yield from _one(f"tender-{site}", Tender.objects, credentials.row_id(owner, f"tender:{site}"))


def _of_company(world: World, company: Company) -> Named:
    owner = world.organizations[company.key].pk
    acme = world.organizations["acme"].pk
    for person in company.people:
        user = world.viewers[person.key].user_id
        yield f"member-{person.key}", Membership.objects.get(organization=owner, user=user).public_id
    for name in (*(person.key for person in company.people), company.key):
        account = ServiceAccount.objects.filter(key_id=credentials.key_id(owner, f"token:{name}"))
        yield from ((f"account-{name}", row.public_id) for row in account)
    mail = Destination.objects.filter(owner=owner, kind="email").order_by("created_at").first()
    if mail:
        yield f"destination-{company.key}-mail", mail.public_id
    webhook = credentials.row_id(owner, "webhook")
    yield from _one(f"destination-{company.key}-webhook", Destination.objects, webhook)
    yield from _one(f"delivery-{company.key}", Delivery.objects, credentials.row_id(owner, "told"))
    if not company.places:
        yield from _one(f"note-{company.key}", PartnerNote.objects, credentials.row_id(owner, "note"))
        for site, *_ in TENDERS:
            proposal = credentials.row_id(acme, f"proposal:{site}:{company.key}")
            yield from _one(f"proposal-{site}-{company.key}", Proposal.objects, proposal)


def _one(name: str, rows: Any, pk: UUID | None) -> Named:
    """The name and public id of a row, nothing if it is gone."""
    found = rows.filter(pk=pk).values_list("public_id", flat=True).first()
    if found:
        yield name, found
