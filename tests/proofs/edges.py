"""Cases that hardly ever are, each of which one forgotten condition would open: who was suspended, left, lapsed, waits, asks twice.

They stand in the house beside the seeded cast; the rows that no product function writes are written by the owner.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from django.utils import timezone

from access import accounts, onboarding, sharing, staff
from access.models import Category, Organization, OrganizationKind, Role, Scope, ServiceAccount, Site, User
from access.onboarding import open_organization
from access.principal import acting
from access.sharing import Terms
from access.viewer import Viewer
from tests.proofs.truth import Eyes

ViewerOf = Callable[[User, str], Viewer]
REASON = "A flood in the building: which devices still answer over there?"


def build(printed: dict[str, Any], viewer_of: ViewerOf) -> None:
    """People and companies, by what the product does."""
    ids = printed["ids"]
    ada, gwen = (User.objects.get(email=printed["users"][name]["email"]) for name in ("ada", "gwen"))
    for name, bosses in (("ines", [(ada, "acme")]), ("greta", [(ada, "acme"), (gwen, "globex")])):
        person = User.objects.create_user(f"{name}@example.com", "x" * 20, name=name.capitalize())
        for boss, company in bosses:
            _joins(viewer_of(boss, ids[company]), person)
    User.objects.filter(email="ines@example.com").update(is_active=False)
    _joins(
        viewer_of(gwen, ids["globex"]), User.objects.get(email="bea@smartcare.example")
    )  # staff, and a member somewhere
    shuna = User.objects.create_user("shuna@example.com", "x" * 20, name="Shuna")
    shut, _ = open_organization(kind=OrganizationKind.CUSTOMER, name="Shut", first_member=shuna)
    ida = User.objects.create_user("ida@example.com", "x" * 20, name="Ida")
    idle, _ = open_organization(kind=OrganizationKind.PARTNER, name="Idle", first_member=ida)
    ids |= {"shut": shut.public_id, "idle": idle.public_id}
    by = viewer_of(shuna, shut.public_id)
    with acting(by):
        ids["store"] = onboarding.open_site(name="store", by=by, city="").public_id
    _share(viewer_of(shuna, shut.public_id), "brightwire", ids)
    _share(viewer_of(ada, ids["acme"]), "idle", ids, site=ids["hq"])
    _share(viewer_of(gwen, ids["globex"]), "third", ids, site=ids["plant"])
    _staff(ids)


def _joins(boss: Viewer, person: User) -> None:
    with acting(boss):
        assert boss.organization is not None
        onboarding.add_member(organization=boss.organization, user=person, role=Role.VIEWER, by=boss)


def _share(by: Viewer, partner: str, ids: dict[str, str], site: str = "") -> None:
    terms = Terms(frozenset({Category.HEALTH}), timezone.now() + timedelta(days=30))
    with acting(by):
        places = Site.objects.visible_to(by)
        place = places.get(public_id=site) if site else places.get()
        to = Organization.objects.get(public_id=ids[partner])
        sharing.give(partner=to, sites=[place], terms=terms, by=by)


def _staff(ids: dict[str, str]) -> None:
    """Two who were let in, and are staff no more, or no more active."""
    for name in ("stan", "steve"):
        person = User.objects.create_user(f"{name}@smartcare.example", "x" * 20, name=name.capitalize(), is_staff=True)
        viewer = Viewer.of_staff(person)
        with acting(viewer):
            globex = Organization.objects.get(public_id=ids["globex"])
            staff.break_glass(by=viewer, customer=globex, sites=[], categories=[Category.HEALTH], reason=REASON)
    User.objects.filter(email="stan@smartcare.example").update(is_active=False)
    User.objects.filter(email="steve@smartcare.example").update(is_staff=False)


# Written by the owner, after everything else; %(shut)s and so on are public ids.
ORGANIZATION = "(SELECT id FROM access_organization WHERE public_id = %({})s)"
PERMISSION = (
    "INSERT INTO access_staffpermission SELECT (jsonb_populate_record(p, jsonb_build_object('id', gen_random_uuid(), 'public_id',"
    " left(gen_random_uuid()::text, 16), 'sites', jsonb_build_array(s.id), 'customer_id', s.customer_id, 'ended_at', NULL,"
    " 'starts_at', now(), 'expires_at', now() + interval '1 h') || jsonb_build_object({}))).* FROM access_staffpermission p"
    " JOIN access_user u ON u.id = p.user_id, access_site s"
    " WHERE u.email = 'bea@smartcare.example' AND s.public_id = %({})s LIMIT 1"
)
ROWS = (
    # suspended: a customer with a grant it gave, a partner with one it holds
    "UPDATE access_organization SET status = 'suspended' WHERE public_id IN (%(shut)s, %(idle)s)",
    # third's grant ran out and nobody has booked it
    "UPDATE access_grant SET granted_at = now() - interval '60 days', expires_at = now() - interval '1 day'"
    f" WHERE closed_at IS NULL AND partner_id = {ORGANIZATION.format('third')} AND customer_id = {ORGANIZATION.format('globex')}",
    # a revoked grant whose permission rows stayed behind by accident
    "INSERT INTO access_sitegrouppermission (content_object_id, grant_id, group_id, permission_id)"
    " SELECT g.site_id, g.id, o.group_id, c.id FROM access_grant g"
    " JOIN access_organization o ON o.id = g.partner_id, auth_permission c WHERE g.revoked_at IS NOT NULL"
    " AND c.codename IN ('view_traffic', 'view_health') ON CONFLICT DO NOTHING",
    # staff permissions that have ended, run out, or not begun, each at a site where nothing else lets bea in
    PERMISSION.format("'ended_at', now()", "depot"),
    PERMISSION.format("'starts_at', now() - interval '5 h', 'expires_at', now() - interval '1 h'", "branch"),
    PERMISSION.format("'starts_at', now() + interval '1 h', 'expires_at', now() + interval '2 h'", "plant"),
    # one that is for all sites of a customer, and something to see there
    "INSERT INTO telemetry_device SELECT (jsonb_populate_record(d, jsonb_build_object('id', gen_random_uuid(), 'public_id',"
    " left(gen_random_uuid()::text, 13), 'customer_id', s.customer_id, 'site_id', s.id, 'retired_at', NULL))).*"
    " FROM telemetry_device d, access_site s WHERE s.public_id = %(store)s LIMIT 1",
    PERMISSION.format("'all_sites', true, 'sites', '[]'::jsonb", "store"),
    # a device that is not in use any more
    "UPDATE telemetry_device SET retired_at = now() WHERE id = (SELECT id FROM telemetry_device ORDER BY label DESC LIMIT 1)",
    # looks at a customer as a whole
    "INSERT INTO access_viewingentry SELECT (jsonb_populate_record(NULL::access_viewingentry, to_jsonb(v) || jsonb_build_object('id',"
    " gen_random_uuid(), 'site_id', NULL,"
    " 'grant_id', NULL, 'staff_permission_id', NULL, 'number', 1000000 + row_number() OVER (), 'customer_id', o.id))).*"
    " FROM (SELECT * FROM access_viewingentry LIMIT 1) v, access_organization o WHERE o.kind = 'customer'",
    # a summary that is counted for a partner, as if it were a customer
    "INSERT INTO access_ownreadsummary (id, customer_id, person_name, day, category, reads) SELECT gen_random_uuid(), id, 'x',"
    " current_date, 'traffic', 1 FROM access_organization WHERE kind = 'partner'",
    # rival is invited by globex, with which it has nothing else to do; third asks there uninvited
    "INSERT INTO partners_proposal (id, public_id, state, summary, text, currency, customer_id, partner_id, tender_id)"
    f" SELECT gen_random_uuid(), left(gen_random_uuid()::text, 16), 'invited', '', '', 'EUR', customer_id, {ORGANIZATION.format('rival')},"
    f" id FROM partners_tender WHERE customer_id = {ORGANIZATION.format('globex')} LIMIT 1",
    "INSERT INTO partners_tenderquestion (id, customer_id, tender_id, asked_by_id, question, answer) SELECT gen_random_uuid(), customer_id,"
    f" id, {ORGANIZATION.format('third')}, 'Uninvited?', '' FROM partners_tender WHERE customer_id = {ORGANIZATION.format('globex')}",
    # a customer asks in its own tender, as if it were invited
    "INSERT INTO partners_tenderquestion (id, customer_id, tender_id, asked_by_id, question, answer) SELECT gen_random_uuid(), customer_id,"
    " id, customer_id, 'Why not?', '' FROM partners_tender",
    # comments by those who may not see the alert, or not any more
    "INSERT INTO telemetry_alertcomment (id, public_id, author_name, audience, text, alert_id, author_organization_id, customer_id,"
    " site_id) SELECT gen_random_uuid(), left(gen_random_uuid()::text, 16), 'x', 'partners', 'x', a.id, o.id, a.customer_id, a.site_id"
    " FROM telemetry_alert a, access_organization o WHERE o.kind = 'partner'",
)


def fill(behind: Any, ids: dict[str, str]) -> None:
    for statement in ROWS:
        behind.execute(statement, ids)
        assert behind.rowcount > 0, statement


def eyes(printed: dict[str, Any], org: dict[str, str], viewer_of: ViewerOf) -> Iterator[Eyes]:
    """org: keys of organizations by name."""
    ids = printed["ids"]
    nora, ada = (User.objects.get(email=printed["users"][name]["email"]) for name in ("nora", "ada"))
    nora_at_work = viewer_of(nora, ids["northwind"])

    def person(email: str) -> User:
        return User.objects.get(email=email)

    for name, company, kind in (
        ("ines", "acme", "customer"),
        ("shuna", "shut", "customer"),
        ("ida", "idle", "partner"),
    ):
        user = person(f"{name}@example.com")
        viewer = viewer_of(user, ids[company])
        yield Eyes(f"{name} of {company}", kind, organization=org[company], user=str(user.pk), viewer=viewer)
    bea = person("bea@smartcare.example")
    yield Eyes(
        "bea for globex", "customer", organization=org["globex"], user=str(bea.pk), viewer=viewer_of(bea, ids["globex"])
    )
    for name in ("stan", "steve"):
        user = person(f"{name}@smartcare.example")
        yield Eyes(f"{name}, no more of staff", "staff", user=str(user.pk), viewer=Viewer.of_staff(user))
    sam = person(printed["users"]["sam"]["email"])
    yield Eyes("sam signing in", "login", user=str(sam.pk))
    yield Eyes("a user without a kind", "", user=str(nora.pk))
    yield Eyes("work of northwind", "job", customers=(org["northwind"],))
    yield Eyes(
        "nora with work left over", "partner", organization=org["northwind"], user=str(nora.pk), customers=(org["globex"],),
        viewer=nora_at_work,
    )  # fmt: skip
    greta = person("greta@example.com")
    yield from _previews(org, viewer_of, {"greta": greta, "ada": ada}, person, ids)
    yield from _programs(org, nora_at_work)


def _previews(
    org: dict[str, str],
    viewer_of: ViewerOf,
    people: dict[str, User],
    person: Callable[[str], User],
    ids: dict[str, str],
) -> Iterator[Eyes]:
    bo = person("bo@brightwire.example")
    brightwire = viewer_of(bo, ids["brightwire"]).organization
    assert brightwire is not None
    greta = Viewer.stand_in(viewer_of(people["greta"], ids["globex"]), brightwire)
    for called, user, partner, of, viewer in (
        ("greta as brightwire at globex", people["greta"], "brightwire", "globex", greta),
        ("shuna as brightwire at shut", person("shuna@example.com"), "brightwire", "shut", None),
        ("ines as northwind at acme", person("ines@example.com"), "northwind", "acme", None),
        ("greta as third at globex", people["greta"], "third", "globex", None),
        ("greta as third at acme", people["greta"], "third", "acme", None),
        ("ada as rival at acme", people["ada"], "rival", "acme", None),
        ("ada as idle at acme", people["ada"], "idle", "acme", None),
    ):
        yield Eyes(called, "preview", organization=org[partner], user=str(user.pk), preview_of=org[of], viewer=viewer)


def _programs(org: dict[str, str], boss: Viewer) -> Iterator[Eyes]:
    with acting(boss):
        other, _ = accounts.issue(by=boss, name="elsewhere", scope=Scope.READ, days=30)
        lapsed, _ = accounts.issue(by=boss, name="lapsed", scope=Scope.READ, days=30)
        over = timezone.now() - timedelta(days=1)
        ServiceAccount.objects.filter(pk=lapsed.pk).update(expires_at=over)
    lapsed.organization = boss.organization
    yield Eyes(
        "a lapsed program of northwind", "partner", organization=org["northwind"], account=str(lapsed.pk),
        viewer=Viewer.of_account(lapsed),
    )  # fmt: skip
    yield Eyes("northwind's program for rival", "partner", organization=org["rival"], account=str(other.pk))
