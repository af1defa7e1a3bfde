"""What a decision leaves behind, fact by fact: the row, the journal, what higher packages are told, and who had to wait."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import time_machine
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from access import accounts, acts, onboarding, requests, sharing
from access.errors import AlreadyGranted, Ended, Invalid, NotAllowed
from access.models import (
    SHAREABLE,
    AuditEntry,
    Category,
    Grant,
    OrganizationStatus,
    Role,
    Scope,
    SiteGroupPermission,
)
from access.principal import acting, job
from access.sharing import Terms
from access.viewer import Viewer
from tests.access.test_sharing import guardian_agrees, in_threads, journal, now, seen, terms
from tests.cast import HEALTH, INVENTORY, TRAFFIC, Company, World

Told = list[tuple[str, str, dict[str, Any]]]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """What packages above hear: act, grant and facts."""
    heard: Told = []

    def hear(act: str) -> Callable[..., None]:
        return lambda grant, **facts: heard.append((act, grant.public_id, facts))

    for act in ("grant.opened", "grant.changed", "grant.narrowed", "grant.ended"):
        monkeypatch.setitem(acts._handlers, act, [hear(act)])
    return heard


def entry(world: World, action: str) -> AuditEntry:
    with job(world.acme.pk):
        found: AuditEntry = AuditEntry.objects.filter(customer=world.acme.pk, action=action).latest("seq")
    return found


def facts_of(grant: Grant, **other: Any) -> dict[str, Any]:
    """As the journal writes them."""
    return {
        "categories": grant.categories,
        "expires_at": str(grant.expires_at),
        "forward_alerts": grant.forward_alerts,
        "purpose": grant.purpose,
        "generation": grant.generation,
        "revoked_at": str(grant.revoked_at) if grant.revoked_at else None,
        "decision": str(grant.decision),
    } | other


# ---- terms


def test_when_an_end_is_this_very_moment_then_it_is_refused_and_366_days_from_it_is_the_last_that_is_not():
    with time_machine.travel(timezone.now(), tick=False):
        at = timezone.now()
        for end in (at, at + timedelta(days=366, microseconds=1)):
            with pytest.raises(Invalid):
                Terms(frozenset({HEALTH}), end).check()
        for end in (at + timedelta(microseconds=1), at + timedelta(days=366)):
            Terms(frozenset({HEALTH}), end).check()


def test_when_terms_are_stored_then_kinds_stand_in_their_fixed_order_and_alerts_need_to_be_asked_for():
    plain = Terms(frozenset(SHAREABLE), timezone.now())

    assert plain.values == [c.value for c in SHAREABLE]
    assert (plain.forward_alerts, plain.purpose) == (False, "")


# ---- giving


def test_when_a_grant_is_opened_then_the_row_the_journal_and_the_others_know_all_of_it(world: World, told: Told):
    ada = world.acme.viewer()
    wanted = terms(HEALTH, INVENTORY, forward_alerts=True, purpose="Winter repairs")

    with acting(ada):
        (given,) = sharing.give(
            partner=world.northwind.organization, sites=[world.acme.sites["hq"]], terms=wanted, by=ada
        )

    row = now(world, given)
    assert (row.customer_id, row.site_id, row.partner_id) == (
        world.acme.pk,
        world.acme.sites["hq"].pk,
        world.northwind.pk,
    )
    assert (row.categories, row.forward_alerts, row.purpose) == (["inventory", "health"], True, "Winter repairs")
    assert (row.expires_at, row.granted_by_id, row.generation) == (wanted.expires_at, ada.user_id, 1)
    assert row.forwarding_since == given.forwarding_since == row.granted_at
    assert (row.request_id, row.revoked_at, row.closed_at) == (None, None, None)
    # The caller's own row is the stored one and holds partner and site.
    assert (given.granted_at, given.partner, given.site) == (
        row.granted_at,
        world.northwind.organization,
        world.acme.sites["hq"],
    )
    written = entry(world, "grant.opened")
    assert (written.object_kind, written.object_id, written.object_words) == ("grant", row.public_id, "Northwind at hq")
    assert written.actor_name == "Ada"
    assert json.loads(written.after) == facts_of(row)
    assert told == [("grant.opened", row.public_id, {"by": ada})]


def test_when_alerts_are_not_to_be_sent_then_no_moment_of_their_beginning_is_kept(world: World):
    assert now(world, world.acme.shares("hq", with_=world.northwind)).forwarding_since is None


def test_when_one_decision_has_terms_for_each_site_then_each_site_gets_its_own_and_all_one_number(world: World):
    ada, sites = world.acme.viewer(), world.acme.sites
    wanted = {sites["hq"]: terms(HEALTH), sites["branch"]: terms(TRAFFIC), sites["depot"]: terms(INVENTORY)}

    with acting(ada):
        grants = sharing.decide(partner=world.northwind.organization, terms=wanted, by=ada)

    assert [(g.site.name, g.categories) for g in grants] == [
        ("branch", ["traffic"]),
        ("depot", ["inventory"]),
        ("hq", ["health"]),
    ]
    assert len({now(world, g).decision for g in grants}) == 1


def test_when_a_decision_is_about_no_site_or_for_no_active_partner_then_the_form_says_where(world: World):
    ada, sam = world.acme.viewer(), Viewer.of_staff(world.sam)
    northwind = world.northwind.organization
    with acting(ada), pytest.raises(Invalid) as nowhere:
        sharing.decide(partner=northwind, terms={}, by=ada)
    with acting(sam):
        onboarding.suspend(northwind, by=sam)
    northwind.status = OrganizationStatus.SUSPENDED

    for company in (northwind, world.globex.organization):
        with acting(ada), pytest.raises(Invalid) as refused:
            sharing.decide(partner=company, terms={world.acme.sites["hq"]: terms(HEALTH)}, by=ada)
        assert refused.value.field == "partner"
    assert nowhere.value.field == "sites"


def locking(queries: CaptureQueriesContext, table: str = "access_site") -> list[str]:
    """Statements that lock rows of a table."""
    return [q["sql"] for q in queries if f'FROM "{table}"' in q["sql"] and "FOR UPDATE" in q["sql"]]


ACTS: dict[str, Callable[[World, Grant, Viewer], Any]] = {
    "give": lambda w, g, v: sharing.give(partner=w.rival.organization, sites=[g.site], terms=terms(HEALTH), by=v),
    "grant": lambda w, g, v: sharing.grant(partner=w.rival.organization, site=g.site, terms=terms(HEALTH), by=v),
    "change": lambda w, g, v: sharing.change(g, terms=terms(TRAFFIC), by=v),
    "revoke": lambda w, g, v: sharing.revoke(g, by=v),
    "stop all": lambda w, g, v: sharing.stop_all(by=v),
}


@pytest.mark.parametrize("act", ACTS)
def test_a7_when_anything_is_decided_then_the_site_is_locked_first_and_sites_in_the_order_of_their_ids(
    world: World, act: str
):
    grant = world.acme.shares("hq", with_=world.northwind, categories={HEALTH})
    ada = world.acme.viewer()

    with acting(ada), CaptureQueriesContext(connection) as queries:
        ACTS[act](world, grant, ada)

    statement = locking(queries)[0]
    assert str(grant.site_id) in statement
    assert statement.startswith('SELECT "access_site"."id" AS')  # column 1
    assert statement.endswith("ORDER BY 1 ASC FOR UPDATE")
    written = [n for n, q in enumerate(queries) if q["sql"].startswith(("INSERT", "UPDATE", "DELETE"))]
    assert queries.captured_queries.index(next(q for q in queries if q["sql"] == statement)) < written[0]


@pytest.mark.parametrize("act", ["give", "change", "revoke", "stop all"])
def test_a7_when_a_grant_is_changed_or_ended_then_its_own_row_is_locked(world: World, act: str):
    grant = world.acme.shares("hq", with_=world.northwind, categories={HEALTH})
    ada = world.acme.viewer()
    changed = ACTS | {
        "give": lambda w, g, v: sharing.give(
            partner=w.northwind.organization, sites=[g.site], terms=terms(TRAFFIC), by=v
        )
    }

    with acting(ada), CaptureQueriesContext(connection) as queries:
        changed[act](world, grant, ada)

    assert all(s.endswith('FOR UPDATE OF "access_grant"') for s in locking(queries, "access_grant"))
    assert locking(queries, "access_grant") != []


# ---- exactly one new one


def grants(world: World, site: str, by: Viewer, partner: Company | None = None) -> Grant:
    with acting(by):
        return sharing.grant(
            partner=(partner or world.northwind).organization, site=world.acme.sites[site], terms=terms(HEALTH), by=by
        )


def test_when_exactly_one_new_grant_is_wanted_then_only_a_live_one_of_the_same_pair_is_in_its_way(world: World):
    ada = world.acme.viewer()
    world.acme.shares("branch", with_=world.northwind)
    world.acme.shares("hq", with_=world.rival)

    made = grants(world, "hq", ada)

    assert (made.site.name, made.partner.name, made.categories) == ("hq", "Northwind", ["health"])
    with pytest.raises(AlreadyGranted, match="Northwind already sees hq"):
        grants(world, "hq", ada)
    world.acme.lets_expire(made)
    assert grants(world, "hq", ada).pk != made.pk


def test_a7_when_two_want_exactly_one_new_grant_at_once_then_the_second_is_told(lasting_world: World):
    world = lasting_world
    world.acme.joins("april", Role.APPROVER)
    both = world.acme.viewer("ada"), world.acme.viewer("april")

    results = in_threads(*(lambda by=by: grants(world, "hq", by) for by in both))  # type: ignore[misc]

    assert sorted(type(r).__name__ for r in results) == ["AlreadyGranted", "Grant"]


# ---- changing


@pytest.fixture
def running(world: World) -> Grant:
    return world.acme.shares(
        "hq", with_=world.northwind, categories={HEALTH, TRAFFIC}, forward_alerts=True, purpose="old"
    )


NEW: dict[str, dict[str, Any]] = {
    "kinds": {"categories": frozenset({HEALTH, TRAFFIC, INVENTORY})},
    "end": {"expires_at": timezone.now() + timedelta(days=200)},
    "words": {"purpose": "new"},
    "alerts": {"forward_alerts": False},
    "fewer kinds": {"categories": frozenset({HEALTH})},
}


@pytest.mark.parametrize("what", NEW)
def test_when_a_grant_is_changed_then_row_journal_and_others_say_what_it_was_and_is(
    world: World, running: Grant, told: Told, what: str
):
    before = facts_of(now(world, running))
    narrowed = what in {"alerts", "fewer kinds"}
    action = "grant.narrowed" if narrowed else "grant.changed"
    with job(world.acme.pk):
        Grant.objects.filter(pk=running.pk).update(reminded_at=timezone.now())

    changed = world.acme.changes(running, **NEW[what])

    row = now(world, running)
    for name, value in NEW[what].items():
        assert (row.category_set if name == "categories" else getattr(row, name)) == value
    assert (row.changed_at is not None, row.reminded_at) == (True, None)
    assert row.changed_at == changed.changed_at  # read back: the caller gets a time, no expression
    assert row.decision != running.decision
    written = entry(world, action)
    assert (written.object_kind, written.object_id, written.object_words) == ("grant", row.public_id, "Northwind at hq")
    assert written.actor_name == "Ada"
    assert json.loads(written.before) == before
    assert json.loads(written.after) == facts_of(row)
    ((act, public_id, facts),) = told
    assert (act, public_id, facts["by"].user_id) == (action, row.public_id, world.acme.viewer().user_id)
    assert facts["before"]["categories"] == before["categories"]
    assert guardian_agrees(world)


def test_when_nothing_would_be_different_then_nothing_is_changed_written_or_told(
    world: World, running: Grant, told: Told
):
    before = now(world, running)

    again = world.acme.changes(running)

    assert (again.pk, again.generation) == (running.pk, 1)
    assert now(world, running).changed_at == before.changed_at
    assert now(world, running).decision == before.decision
    assert (journal(world), told) == (["grant.opened"], [])


def test_a10_when_one_kind_is_exchanged_for_another_then_guardians_rows_of_the_one_that_stays_are_not_touched(
    world: World, running: Grant
):
    def row_of(kind: Category) -> set[int]:
        with job(world.acme.pk):
            rows = SiteGroupPermission.objects.filter(grant=running.pk, permission__codename=kind.codename)
            return set(rows.values_list("pk", flat=True))

    health = row_of(HEALTH)
    world.acme.changes(running, categories=frozenset({HEALTH, INVENTORY}))

    assert row_of(HEALTH) == health
    assert (len(row_of(INVENTORY)), row_of(TRAFFIC)) == (1, set())


def test_given_access_that_runs_when_one_click_decides_about_it_and_another_site_then_both_have_one_number(
    world: World, running: Grant
):
    ada, sites = world.acme.viewer(), world.acme.sites

    with acting(ada):
        given = sharing.give(
            partner=world.northwind.organization, sites=[sites["hq"], sites["branch"]], terms=terms(INVENTORY), by=ada
        )

    assert running.pk in {g.pk for g in given}
    (decision,) = {now(world, g).decision for g in given}
    assert decision != running.decision


@pytest.mark.parametrize("site", ["hq", "branch"])
def test_when_access_answers_a_request_then_it_names_it_even_if_that_changes_nothing_else(
    world: World, running: Grant, site: str
):
    nora, ada = world.northwind.viewer(), world.acme.viewer()
    with acting(nora):
        request = requests.ask(
            by=nora, customer_name="Acme", categories={HEALTH, TRAFFIC}, days=90, reason="Just as before, please."
        )
    same = Terms(running.category_set, running.expires_at, running.forward_alerts, running.purpose)

    with acting(ada):
        (given,) = sharing.give(
            partner=world.northwind.organization, sites=[world.acme.sites[site]], terms=same, by=ada, request=request
        )

    assert given.request_id == now(world, given).request_id == request.pk
    assert (given.pk == running.pk) == (site == "hq")


def test_given_access_without_alerts_when_it_is_changed_then_no_moment_of_their_beginning_is_kept(world: World):
    grant = world.acme.shares("hq", with_=world.northwind, categories={HEALTH})

    world.acme.changes(grant, purpose="new words")

    assert now(world, grant).forwarding_since is None


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"categories": frozenset()}, "categories"),
        ({"categories": frozenset({TRAFFIC})}, "forward_alerts"),
        ({"expires_at": timezone.now() - timedelta(days=1)}, "days"),
        ({"expires_at": timezone.now() + timedelta(days=368)}, "days"),
    ],
    ids=["no kind", "alerts without health", "past", "too long"],
)
def test_when_a_change_makes_no_sense_then_the_form_says_where(
    world: World, running: Grant, wanted: dict[str, Any], field: str
):
    with pytest.raises(Invalid) as refused:
        world.acme.changes(running, **wanted)

    assert refused.value.field == field


def test_given_other_access_that_runs_when_one_past_its_end_is_changed_then_it_has_ended(world: World, running: Grant):
    over = world.acme.shares("branch", with_=world.northwind)
    world.acme.lets_expire(over)

    with pytest.raises(Ended):
        world.acme.changes(over, expires_at=timezone.now() + timedelta(days=30))


# ---- ending


def test_when_an_access_is_stopped_then_row_and_journal_say_by_whom_and_what_it_was(
    world: World, running: Grant, told: Told
):
    before = facts_of(now(world, running))
    ada = world.acme.viewer()

    world.acme.revokes(running)

    row = now(world, running)
    assert (row.revoked_by_id, row.given_back, row.generation, row.cancelled_deliveries) == (ada.user_id, False, 2, 0)
    assert row.revoked_at == row.closed_at
    written = entry(world, "grant.revoked")
    assert (written.object_kind, written.object_id, written.object_words) == ("grant", row.public_id, "Northwind at hq")
    assert written.actor_name == "Ada"
    after = json.loads(written.after)
    assert json.loads(written.before) == before
    assert after == facts_of(row, cancelled_deliveries=0, decision=after["decision"])
    assert UUID(after["decision"]) != UUID(before["decision"])  # stopping is a decision of its own
    ((act, public_id, facts),) = told
    assert (act, public_id, facts["by"].user_id, facts["reason"]) == (
        "grant.ended",
        row.public_id,
        ada.user_id,
        "grant.revoked",
    )


def test_when_deliveries_are_cancelled_by_several_then_receipt_row_and_journal_say_how_many_in_all(
    world: World, running: Grant, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(
        acts._handlers, "grant.ended", [lambda grant, **_: 2, lambda grant, **_: None, lambda g, **_: 3]
    )

    receipt = world.acme.revokes(running)

    assert (receipt.cancelled_deliveries, now(world, running).cancelled_deliveries) == (5, 5)
    assert json.loads(entry(world, "grant.revoked").after)["cancelled_deliveries"] == 5


def test_when_deliveries_of_one_access_are_cancelled_then_the_receipt_of_another_does_not_count_them(
    world: World, running: Grant, monkeypatch: pytest.MonkeyPatch
):
    other = world.acme.shares("branch", with_=world.northwind)
    monkeypatch.setitem(acts._handlers, "grant.ended", [lambda grant, **_: 2])

    world.acme.revokes(running)

    assert now(world, other).cancelled_deliveries == 0


def test_given_an_end_nobody_booked_when_access_is_given_anew_then_the_old_one_ran_out_and_was_not_stopped(
    world: World, running: Grant
):
    world.acme.lets_expire(running)

    world.acme.shares("hq", with_=world.northwind)

    row = now(world, running)
    assert (row.closed_at is not None, row.revoked_at, row.revoked_by_id) == (True, None, None)


def test_when_a_kind_of_data_has_no_permission_then_nothing_is_shared_and_the_way_out_is_said(world: World):
    with pytest.raises(NotAllowed, match=r"manage\.py migrate"):
        sharing._permission_ids(["view_health", "view_nothing_known"])


def test_when_an_end_is_booked_then_it_is_nobodys_decision_and_only_once_and_only_when_it_has_passed(
    world: World, running: Grant
):
    with job(world.acme.pk):
        assert sharing.book_expiry(running.pk) is None
    assert now(world, running).closed_at is None
    world.acme.lets_expire(running)

    with job(world.acme.pk):
        booked = sharing.book_expiry(running.pk)
        again = sharing.book_expiry(running.pk)

    row = now(world, running)
    assert (booked is not None, again) == (True, None)
    assert (row.closed_at is not None, row.revoked_at, row.revoked_by_id, row.generation) == (True, None, None, 2)
    written = entry(world, "grant.expired")
    assert (written.actor_name, written.object_words) == ("SmartCare", "Northwind at hq")
    assert guardian_agrees(world)


def test_when_somebody_was_first_then_the_second_end_is_refused_and_nothing_is_told_twice(
    world: World, running: Grant, told: Told
):
    with job(world.acme.pk):
        held = Grant.objects.select_related("partner", "site").get(pk=running.pk)
    world.acme.revokes(running)
    told.clear()

    with job(world.acme.pk), pytest.raises(Ended):
        sharing._close(held, by=None, revoked=False, action="grant.expired")

    assert (told, now(world, running).generation) == ([], 2)


def gives_back(world: World, grant: Grant, by: Viewer) -> None:
    with acting(by):
        sharing.give_back(grant, by=by)


def test_when_access_is_given_back_then_only_a_person_in_charge_of_that_partner_may(world: World, running: Grant):
    nora, ada = world.northwind.viewer(), world.acme.viewer()
    with acting(nora):
        account, _ = accounts.issue(by=nora, name="script", scope=Scope.WRITE, days=30)
    account.organization = world.northwind.organization
    others = [
        world.northwind.viewer("nils"),
        world.rival.viewer(),
        ada,
        Viewer.of_account(account),
        Viewer.stand_in(ada, world.northwind.organization),
        Viewer(kind="customer", user=nora.user, organization=nora.organization, role=nora.role),
    ]
    for other in others:
        with pytest.raises(NotAllowed):
            gives_back(world, running, other)
    assert seen(world) == {"hq"}

    gives_back(world, running, nora)

    row = now(world, running)
    assert (row.given_back, row.revoked_by_id, row.revoked_at is not None) == (True, nora.user_id, True)
    assert entry(world, "grant.given_back").actor_name == "Nora"
    with pytest.raises(Ended):
        gives_back(world, running, nora)


def test_when_an_approver_stops_an_access_then_it_ends_and_one_of_another_customer_is_refused(world: World):
    world.acme.joins("april", Role.APPROVER)
    grant = world.acme.shares("hq", with_=world.northwind)
    theirs = world.globex.shares("plant", with_=world.northwind)

    april = world.acme.viewer("april")
    with acting(april), pytest.raises(NotAllowed):
        sharing.revoke(theirs, by=april)
    world.acme.revokes(grant, by="april")

    assert seen(world) == {"plant"}


def test_when_all_sharing_is_stopped_then_it_is_one_decision_in_the_journal_and_each_end_says_by_whom(world: World):
    for site in ("hq", "branch"):
        world.acme.shares(site, with_=world.northwind)
    ada = world.acme.viewer()

    with acting(ada):
        stopped = sharing.stop_all(by=ada)

    with job(world.acme.pk):
        entries = list(AuditEntry.objects.filter(customer=world.acme.pk, action="grant.revoked"))
    assert {e.object_words for e in entries} == {"Northwind at hq", "Northwind at branch"}
    assert {e.actor_name for e in entries} == {"Ada"}
    assert len({json.loads(e.after)["decision"] for e in entries}) == 1
    assert {now(world, g).revoked_by_id for g in stopped} == {ada.user_id}


def test_when_a_company_is_closed_then_what_it_gave_or_held_ends_and_nothing_else(world: World):
    acme, northwind, rival = world.acme, world.northwind, world.rival
    for customer, site, partner in (
        (acme, "hq", northwind),
        (acme, "branch", rival),
        (world.globex, "plant", northwind),
    ):
        customer.shares(site, with_=partner)
    acme.revokes(acme.shares("depot", with_=northwind))

    def ends(company: Company) -> list[tuple[str, str]]:
        with job(acme.pk, world.globex.pk), transaction.atomic():
            closed = sharing.close_for_organization(company.organization, by=None)
            found = sorted((g.partner.name, g.site.name) for g in closed)
            transaction.set_rollback(True)
        return found

    assert ends(northwind) == [("Northwind", "hq"), ("Northwind", "plant")]
    assert ends(acme) == [("Northwind", "hq"), ("Rival", "branch")]


# ---- draining


def test_a9_when_an_ended_access_is_drained_then_it_is_noted_once_and_an_unknown_one_never(world: World):
    grant = world.acme.shares("hq", with_=world.northwind)
    world.acme.revokes(grant)

    first = sharing.drain(grant.pk, customer=world.acme.pk)
    second = sharing.drain(grant.pk, customer=world.acme.pk)

    assert first is not None
    assert first == second == now(world, grant).drained_at
    assert journal(world).count("grant.drained") == 1
    written = entry(world, "grant.drained")
    assert (written.object_kind, written.object_id, written.object_words) == (
        "grant",
        grant.public_id,
        "Northwind at hq",
    )
    assert sharing.drain(uuid4(), customer=world.acme.pk) is None


def test_a9_when_one_of_two_is_drained_then_the_other_is_not(world: World):
    one, other = (world.acme.shares(site, with_=world.northwind) for site in ("hq", "branch"))
    for grant in (one, other):
        world.acme.revokes(grant)

    sharing.drain(one.pk, customer=world.acme.pk)

    assert now(world, other).drained_at is None


# ---- a rehearsal


def rehearsed(world: World, draft: dict[Any, Terms | None], by: Viewer | None = None) -> list[Grant]:
    """Northwind's open grants as the draft would leave them, Rival's untouched; then it has not happened."""
    by = by or world.acme.viewer()
    with acting(by), transaction.atomic():
        rivals = set(Grant.objects.live().filter(partner=world.rival.pk).values_list("pk", flat=True))
        sharing.rehearse(partner=world.northwind.organization, terms=draft, by=by)
        rows = Grant.objects.filter(closed_at=None).select_related("site").order_by("site__name")
        found = list(rows.filter(partner=world.northwind.pk))
        assert {g.pk for g in found} == {g.pk for g in Grant.objects.live() if g.partner_id == world.northwind.pk}
        assert {g.pk for g in rows.filter(partner=world.rival.pk)} == rivals
        with job(world.acme.pk, world.globex.pk):
            assert guardian_agrees(world)
        transaction.set_rollback(True)
    return found


def test_a21_when_a_draft_is_rehearsed_then_it_replaces_what_is_open_at_its_sites_alone(world: World, told: Told):
    hq, branch, depot = (world.acme.sites[n] for n in ("hq", "branch", "depot"))
    for site in ("hq", "branch", "depot"):
        world.acme.shares(site, with_=world.northwind, categories={HEALTH})
    world.acme.shares("hq", with_=world.rival, categories={HEALTH})
    told.clear()
    wish = terms(INVENTORY, HEALTH, forward_alerts=True, purpose="perhaps")

    found = rehearsed(world, {hq: wish, branch: None})

    assert [(g.site.name, g.categories) for g in found] == [("depot", ["health"]), ("hq", ["inventory", "health"])]
    drafted = found[1]
    assert (drafted.forward_alerts, drafted.purpose, drafted.expires_at) == (True, "perhaps", wish.expires_at)
    assert (drafted.customer_id, drafted.partner_id) == (world.acme.pk, world.northwind.pk)
    assert rehearsed(world, {branch: None, depot: wish})[0].site == depot
    assert told == []
    assert journal(world) == ["grant.opened"] * 4


def test_a21_when_somebody_else_or_nonsense_is_rehearsed_then_it_is_refused(world: World):
    hq, wish = world.acme.sites["hq"], terms(HEALTH)
    with pytest.raises(NotAllowed):
        rehearsed(world, {hq: wish}, by=world.globex.viewer())
    nora = world.northwind.viewer()
    with pytest.raises(NotAllowed):
        rehearsed(world, {hq: wish}, by=Viewer(kind="partner", user=nora.user, organization=world.acme.organization))
    with pytest.raises(Invalid):
        rehearsed(world, {hq: terms(TRAFFIC, forward_alerts=True)})
