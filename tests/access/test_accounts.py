"""Service accounts: shown once, kept as a digest, refused from the next request on."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from access import accounts, onboarding
from access.errors import Ended, Invalid, NotAllowed
from access.models import AuditEntry, Membership, Organization, Role, Scope, ServiceAccount, Site, User
from access.principal import acting, job
from access.viewer import Viewer
from partners import destinations
from tests.cast import HEALTH, Company, World


def issues(company: Company, **more) -> tuple[ServiceAccount, str]:
    boss = company.viewer()
    with acting(boss):
        return accounts.issue(by=boss, **({"name": "monitor", "scope": Scope.READ, "days": 30} | more))


def update(company: Company, account: ServiceAccount, **values) -> None:
    with job(company.pk):
        assert ServiceAccount.objects.filter(pk=account.pk).update(**values) == 1


def last_used(company: Company, account: ServiceAccount):
    with job(company.pk):
        return ServiceAccount.objects.get(pk=account.pk).last_used_at


def test_when_an_account_is_issued_then_its_token_opens_the_door_for_its_organization(world: World):
    _, token = issues(world.acme)

    viewer = accounts.authenticate(token)

    assert re.fullmatch(r"sct_[a-z0-9]{12}_[A-Za-z0-9_-]{43}", token)
    with acting(viewer):
        assert {s.name for s in Site.objects.visible_to(viewer)} == {"hq", "branch", "depot"}
    assert (viewer.name, viewer.kind) == ("API key “monitor”", "customer")


def test_given_a_partner_s_account_when_it_reads_then_it_sees_what_the_partner_holds(world: World):
    world.acme.shares("hq", with_=world.northwind, categories={HEALTH})
    _, token = issues(world.northwind)

    viewer = accounts.authenticate(token)

    with acting(viewer):
        assert {s.name for s in Site.objects.visible_to(viewer, HEALTH)} == {"hq"}


def test_when_a_token_is_kept_then_its_secret_is_nowhere_in_the_database(lasting_world: World, behind):
    _, token = issues(lasting_world.acme)
    secret = token.split("_", 2)[2]

    for table in ("access_serviceaccount", "access_auditentry"):
        behind.execute(f"SELECT count(*), count(*) FILTER (WHERE t::text LIKE %s) FROM {table} t", [f"%{secret}%"])
        rows, found = behind.fetchone()
        assert rows > 0
        assert found == 0


@pytest.mark.parametrize("scope", Scope)
def test_when_an_account_is_for_reading_then_it_may_write_nothing(world: World, scope):
    _, token = issues(world.acme, scope=scope)

    viewer = accounts.authenticate(token)

    assert viewer.may_write == viewer.may_decide == (scope == Scope.WRITE)
    assert not viewer.may_manage_people


def spoiled(token: str) -> list[str]:
    head, key_id, secret = token.split("_", 2)
    other = "A" if secret[0] != "A" else "B"
    return [
        "",
        "sct_",
        token[:-1],
        token + "A",
        f" {token}",
        f"{token}\n",
        f"scd_{key_id}_{secret}",
        f"{head}_{key_id}_{other}{secret[1:]}",
        f"{head}_{'2' * 12}_{secret}",
        f"{head}_{key_id.upper()}_{secret}",
        f"{head}_{key_id}_{'ä' * 43}",
    ]


def test_when_a_token_is_wrong_in_any_place_then_it_is_nobody_s(world: World):
    _, token = issues(world.acme)

    assert [t for t in spoiled(token) if accounts.authenticate(t) is not None] == []
    assert accounts.authenticate(token) is not None


def test_given_a_revoked_account_when_it_calls_then_it_is_refused_from_then_on(world: World):
    account, token = issues(world.acme)
    ada = world.acme.viewer()
    viewer = accounts.authenticate(token)

    with acting(ada):
        accounts.revoke(account, by=ada)

    assert accounts.authenticate(token) is None
    with acting(viewer):
        assert not Site.objects.visible_to(viewer).exists()
        assert not Site.unscoped.exists()
    with acting(ada), pytest.raises(Ended):
        accounts.revoke(account, by=ada)


def test_given_an_account_past_its_end_when_it_calls_then_it_is_refused(world: World):
    account, token = issues(world.acme)
    update(world.acme, account, expires_at=timezone.now() - timedelta(seconds=1))

    assert accounts.authenticate(token) is None


def test_given_a_suspended_partner_when_its_account_calls_then_it_is_refused(world: World):
    _, token = issues(world.northwind)
    with acting(Viewer.of_staff(world.sam)):
        Organization.objects.filter(pk=world.northwind.pk).update(status="suspended")

    assert accounts.authenticate(token) is None


def test_when_an_account_calls_often_then_its_use_is_noted_once_a_minute(world: World):
    account, token = issues(world.acme)
    accounts.authenticate(token)
    first = timezone.now() - timedelta(seconds=30)
    update(world.acme, account, last_used_at=first)

    accounts.authenticate(token)
    within = last_used(world.acme, account)
    update(world.acme, account, last_used_at=timezone.now() - timedelta(seconds=61))
    accounts.authenticate(token)

    assert within == first
    assert last_used(world.acme, account) > timezone.now() - timedelta(seconds=30)


def test_given_another_call_that_notes_the_use_when_an_account_calls_then_it_does_not_wait(
    lasting_world: World, behind
):
    account, token = issues(lasting_world.acme)
    behind.execute("BEGIN")
    try:
        behind.execute("SELECT 1 FROM access_serviceaccount WHERE id = %s FOR UPDATE", [str(account.pk)])
        viewer = accounts.authenticate(token)
    finally:
        behind.execute("ROLLBACK")

    assert viewer is not None
    assert last_used(lasting_world.acme, account) is None


def test_when_no_token_is_presented_then_no_question_is_asked(world: World, django_assert_num_queries):
    with django_assert_num_queries(0):
        accounts.authenticate("Bearer nonsense")


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"scope": "admin"}, "scope"),
        ({"days": 367}, "days"),
        ({"days": 0}, "days"),
    ],
)
def test_when_an_account_makes_no_sense_then_the_form_says_where(world: World, wish, field):
    with pytest.raises(Invalid) as error:
        issues(world.acme, **wish)

    assert error.value.field == field


def test_when_somebody_who_is_not_in_charge_issues_or_revokes_then_it_is_refused(world: World):
    account, token = issues(world.acme, scope=Scope.WRITE)
    world.acme.joins("april", Role.APPROVER)

    for viewer in (
        world.acme.viewer("april"),
        world.acme.viewer("alan"),
        world.northwind.viewer("nils"),
        accounts.authenticate(token),
    ):
        with acting(viewer), pytest.raises(NotAllowed):
            accounts.issue(by=viewer, name="mine", scope=Scope.READ, days=1)
        with acting(viewer), pytest.raises(NotAllowed):
            accounts.revoke(account, by=viewer)
    gwen = world.globex.viewer()
    with acting(gwen), pytest.raises(NotAllowed):
        accounts.revoke(account, by=gwen)


def test_when_accounts_come_and_go_then_the_journal_says_so(world: World):
    account, _ = issues(world.acme)
    ada = world.acme.viewer()
    with acting(ada):
        accounts.revoke(account, by=ada)

    with job(world.acme.pk):
        entries = AuditEntry.objects.filter(customer=world.acme.pk, object_kind="service_account").order_by("seq")
        assert list(entries.values_list("action", "object_words")) == [
            ("account.issued", "monitor"),
            ("account.revoked", "monitor"),
        ]


def test_when_another_organization_reads_accounts_then_there_are_none(world: World):
    issues(world.acme)
    nora = world.northwind.viewer()

    with acting(nora), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM access_serviceaccount")
        assert cursor.fetchone() == (0,)


def test_when_somebody_leaves_then_the_keys_that_person_made_stop_and_those_of_others_go_on(world: World):
    world.acme.joins("olaf", Role.OWNER)
    olaf, ada = world.acme.viewer("olaf"), world.acme.viewer("ada")
    tokens = []
    for boss in (olaf, ada):
        with acting(boss):
            tokens.append(accounts.issue(by=boss, name="script", scope=Scope.WRITE, days=300)[1])
    with acting(ada):
        membership = Membership.objects.select_related("organization", "user").get(user=world.acme.people["olaf"])
        onboarding.remove_member(membership, by=ada)

    assert [accounts.authenticate(token) is None for token in tokens] == [True, False]
    with acting(ada):
        [entry] = AuditEntry.objects.filter(customer=world.acme.pk, action="account.revoked")
    assert (entry.actor_name, "no longer a member" in str(entry.after)) == ("Ada", True)


def test_given_somebody_of_two_companies_who_leaves_one_then_the_keys_of_the_other_go_on(world: World):
    ada, gwen = world.acme.people["ada"], world.globex.viewer("gwen")
    with acting(gwen):
        membership = onboarding.add_member(organization=world.globex.organization, user=ada, role=Role.OWNER, by=gwen)
    _, kept = issues(world.acme)
    with acting(gwen):
        onboarding.remove_member(membership, by=gwen)

    assert accounts.authenticate(kept) is not None


def lowers(company: Company, name: str, role: Role) -> None:
    boss = company.viewer()
    with acting(boss):
        row = Membership.objects.select_related("organization", "user").get(
            organization=company.pk, user=company.people[name]
        )
        onboarding.change_role(row, role=role, by=boss)


def key_of(company: Company, name: str, role: Role) -> str:
    """A key for writing, made by a colleague in charge who has this role since."""
    company.joins(name, Role.OWNER if company.organization.is_customer else Role.ADMIN)
    maker = company.viewer(name)
    with acting(maker):
        _, token = accounts.issue(by=maker, name="script", scope=Scope.WRITE, days=300)
    lowers(company, name, role)
    return token


RIGHTS = ("may_write", "may_decide", "may_edit", "may_answer")


@pytest.mark.parametrize("role", [Role.OWNER, Role.APPROVER, Role.VIEWER])
def test_when_who_made_a_key_of_a_customer_gets_another_role_then_the_key_may_do_what_that_role_may(world: World, role):
    program = accounts.authenticate(key_of(world.acme, "olaf", role))

    person = world.acme.viewer("olaf")
    assert {r: getattr(program, r) for r in RIGHTS} == {r: getattr(person, r) for r in RIGHTS}


@pytest.mark.parametrize("role", [Role.ADMIN, Role.ENGINEER, Role.SALES])
def test_when_who_made_a_key_of_a_partner_gets_another_role_then_the_key_may_do_what_that_role_may(world: World, role):
    program = accounts.authenticate(key_of(world.northwind, "olga", role))

    person = world.northwind.viewer("olga")
    assert {r: getattr(program, r) for r in RIGHTS} == {r: getattr(person, r) for r in RIGHTS}
    assert destinations.may_manage(program) == destinations.may_manage(person)


def test_given_a_key_for_reading_when_who_made_it_is_in_charge_then_it_still_only_reads(world: World):
    program = accounts.authenticate(issues(world.acme, scope=Scope.READ)[1])

    assert [r for r in RIGHTS if getattr(program, r)] == []


def test_when_who_made_it_is_owner_again_then_the_key_is_what_it_was(world: World):
    token = key_of(world.acme, "olaf", Role.VIEWER)
    lowers(world.acme, "olaf", Role.OWNER)

    assert accounts.authenticate(token).may_decide


def test_when_who_made_it_is_assigned_to_some_customers_then_the_key_sees_no_others(world: World):
    for company in (world.acme, world.globex):
        company.shares(next(iter(company.sites)), with_=world.northwind, categories={HEALTH})
    token = key_of(world.northwind, "olga", Role.ENGINEER)
    with job(world.northwind.pk):
        Membership.objects.filter(user=world.northwind.people["olga"]).update(only_customers=[str(world.globex.pk)])

    program = accounts.authenticate(token)

    with acting(program):
        assert {s.customer_id for s in Site.objects.visible_to(program, HEALTH)} == {world.globex.pk}


def test_when_who_made_it_is_switched_off_then_the_key_is_refused_and_opens_no_door(world: World):
    token = key_of(world.acme, "olaf", Role.OWNER)
    before = accounts.authenticate(token)
    User.objects.filter(pk=world.acme.people["olaf"].pk).update(is_active=False)

    assert accounts.authenticate(token) is None
    with acting(before):
        assert not Site.objects.visible_to(before).exists()


def test_given_a_key_that_no_person_made_when_it_calls_then_its_scope_alone_decides(world: World):
    account, token = issues(world.acme, scope=Scope.WRITE)
    update(world.acme, account, created_by=None)

    assert accounts.authenticate(token).may_decide


def test_when_keys_are_listed_then_those_say_so_that_may_do_less_since_their_maker_may(world: World, browse):
    issues(world.acme, name="own")
    key_of(world.acme, "olaf", Role.VIEWER)
    page = browse(world.acme.people["ada"]).get("/settings/api").content.decode()

    assert page.count("Made by") == 2
    assert page.count("may do no more than a viewer now") == 1


@pytest.mark.parametrize("why", ["stopped", "lapsed", "its company is suspended"])
def test_given_a_token_that_no_longer_holds_when_its_key_is_looked_up_then_already_the_look_up_finds_nothing(
    world: World, why: str
):
    """What comes after would refuse it too: two lines, and each is asked alone."""
    account, _ = issues(world.acme)
    if why == "its company is suspended":
        with job(world.acme.pk):
            Organization.objects.filter(pk=world.acme.pk).update(status="suspended")
    else:
        past = timezone.now() - timedelta(seconds=1)
        update(world.acme, account, **({"revoked_at": past} if why == "stopped" else {"expires_at": past}))

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM find_token(%s)", [account.key_id])
        assert cursor.fetchone() == (0,)


def test_when_somebody_leaves_a_partner_then_its_group_no_longer_holds_that_person(world: World):
    nils = world.northwind.people["nils"]
    assert nils.groups.filter(pk=world.northwind.organization.group_id).exists()

    world.northwind.loses("nils")

    assert not nils.groups.filter(pk=world.northwind.organization.group_id).exists()


def test_given_a_key_past_its_end_when_keys_are_listed_then_it_is_said_to_have_ended_and_cannot_be_stopped(
    world: World, browse
):
    account, _ = issues(world.acme)
    page = browse(world.acme.people["ada"]).get("/settings/api").content.decode()
    assert f'value="{account.public_id}"' in page
    update(world.acme, account, expires_at=timezone.now() - timedelta(seconds=1))

    page = browse(world.acme.people["ada"]).get("/settings/api").content.decode()

    assert "<td>ended</td>" in page
    assert f'value="{account.public_id}"' not in page
