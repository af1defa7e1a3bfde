"""Any sequence of acts: after each step everybody sees, through the door, the API and plain SQL, exactly what plain sets say (A1-A13).

One long transaction per run, rolled back: the same committed cast at the start of each. `make soak` runs more and longer ones
(SOAK_RUNS, SOAK_STEPS).
"""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from access import accounts, expiry, onboarding, sharing
from access.models import Category, Grant, Membership, Role, Scope, Site
from access.principal import acting, job
from access.sharing import Terms
from access.viewer import Viewer
from partners import contracts
from partners.models import Contract, Delivery
from smartcare.staff import accounts as staff_accounts
from telemetry import alerting, fleet
from telemetry.analysis.findings import Finding
from telemetry.models import Alert, AlertTransition, Device, DeviceInventory, TransitionKind
from tests.cast import Company, Customer, World
from tests.proofs import exits, sight
from tests.proofs.model import KINDS, Change, Model

PARTNERS = ("northwind", "rival")
RULES = ("memory_exhaustion", "cpu_high")
MOST_SITES, MOST_DEVICES = 6, 8
TOLD = {
    TransitionKind.OPENED: "alert.opened",
    TransitionKind.REOPENED: "alert.opened",
    TransitionKind.RESOLVED: "alert.resolved",
}
kinds = st.frozensets(st.sampled_from(KINDS), min_size=1).flatmap(
    lambda some: st.sampled_from([some, some | {"health"}])  # alerts are sent with health alone
)


@dataclass
class Stage:
    """The committed cast, a token for each company, a session of nils, a webhook for everybody; what all runs did together."""

    world: World
    clients: dict[str, Client]
    box: exits.Inbox
    done: Counter[str] = field(default_factory=Counter)

    @property
    def companies(self) -> dict[str, Company]:
        return {name: getattr(self.world, name) for name in ("acme", "globex", *PARTNERS)}


@pytest.fixture
def stage(lasting_world: World, settings: Any, browse: Any) -> Iterator[Stage]:
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}  # nobody is throttled
    with exits.inbox() as box:
        made = Stage(lasting_world, {}, box)
        for name, company in made.companies.items():
            boss = company.viewer()
            with acting(boss):
                _, token = accounts.issue(by=boss, name="script", scope=Scope.READ, days=30)
            made.clients[name] = Client(headers={"Authorization": f"Bearer {token}"})
            exits.webhook(company, box)
        made.clients["nils"] = browse(lasting_world.northwind.people["nils"])
        lasting_world.acme.installs("core", site="hq", serial="SN-core")
        lasting_world.globex.installs("press", site="plant", serial="SN-press")
        yield made


class Consent(RuleBasedStateMachine):
    """stage is set by the test on a subclass."""

    stage: Stage
    contracts = Bundle("contracts")

    def __init__(self) -> None:
        super().__init__()
        self.world, self.model = self.stage.world, Model()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.ids: dict[str, dict[Any, str]] = {"sites": {}, "devices": {}}  # by key and public id, the name
        self.sites: dict[str, Site] = {}
        self.devices: dict[str, Device] = {}
        self.viewers = {name: company.viewer() for name, company in self.stage.companies.items()}
        self.viewers["nils"] = self.world.northwind.viewer("nils")
        self.model.members = {name: name for name in self.stage.companies} | {"nils": "northwind"}
        self.stage.box.arrived.clear()

    @initialize()
    def begin(self) -> None:
        for company in (self.world.acme, self.world.globex):
            for site in list(company.sites.values()):
                self._know_site(site, company)
            for device in list(company.devices.values()):
                self._know_device(device)

    def teardown(self) -> None:
        self.stage.done["runs"] += 1
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)

    # ---- the customer decides

    @rule(partner=st.sampled_from(PARTNERS), data=st.data(), what=kinds, forwards=st.booleans())
    def gives(self, partner: str, data: st.DataObject, what: frozenset[str], forwards: bool) -> None:
        site, forwards = self._a_site(data), forwards and "health" in what
        customer = self._owner_of(site)
        terms = self._terms(what, forwards, days=90)
        by = self.viewers[customer]
        with acting(by):
            organization = self.stage.companies[partner].organization
            if partner in self.model.suspended:
                with pytest.raises(sharing.Invalid):
                    sharing.give(partner=self._now(organization), sites=[self.sites[site]], terms=terms, by=by)
                return
            (grant,) = sharing.give(partner=organization, sites=[self.sites[site]], terms=terms, by=by)
        self.model.give((partner, site), str(grant.pk), what, forwards=forwards)

    @precondition(lambda self: self._live())
    @rule(data=st.data(), what=kinds, forwards=st.booleans(), days=st.sampled_from([30, 90, 120]))
    def changes(self, data: st.DataObject, what: frozenset[str], forwards: bool, days: int) -> None:
        """Extend, widen, narrow."""
        pair = data.draw(st.sampled_from(self._live()))
        grant, forwards = self._grant(pair), forwards and "health" in what
        terms, by = self._terms(what, forwards, days=days), self.viewers[self._owner_of(pair[1])]
        with acting(by):
            sharing.change(grant, terms=terms, by=by)
        self.model.change(pair, what, forwards=forwards, shorter=terms.expires_at < grant.expires_at)

    @precondition(lambda self: self.model.grants)
    @rule(data=st.data())
    def stops(self, data: st.DataObject) -> None:
        pair = data.draw(st.sampled_from(sorted(self.model.grants)))
        by = self.viewers[self._owner_of(pair[1])]
        with acting(by):
            sharing.revoke(self._grant(pair), by=by)
        self.model.end(pair)

    @rule()
    def stops_all(self) -> None:
        by = self.viewers["acme"]
        with acting(by):
            sharing.stop_all(by=by)
        for pair in [p for p in self.model.grants if self.model.sites[p[1]] == "acme"]:
            self.model.end(pair)

    @precondition(lambda self: self._may_give_back())
    @rule(data=st.data())
    def gives_back(self, data: st.DataObject) -> None:
        pair = data.draw(st.sampled_from(self._may_give_back()))
        by = self.viewers[pair[0]]
        grant = self._grant(pair)
        with acting(by):
            sharing.give_back(grant, by=by)
        self.model.end(pair)

    # ---- the clock

    @precondition(lambda self: self._live())
    @rule(data=st.data())
    def time_passes(self, data: st.DataObject) -> None:
        """The end of one access passes; nothing else happens."""
        pair = data.draw(st.sampled_from(self._live()))
        now = timezone.now()
        with job(self.stage.companies[self._owner_of(pair[1])].pk):
            dates = {"granted_at": now - timedelta(days=91), "expires_at": now - timedelta(seconds=1)}
            Grant.objects.filter(pk=self.model.grants[pair].grant).update(**dates)
        self.model.grants[pair].overdue = True

    @rule()
    def sweeps(self) -> None:
        expiry.book_expired()
        expiry.remind()
        expiry.drain_closed()
        self.model.book()
        with job(*self._customers()):
            assert not Grant.objects.filter(closed_at__isnull=False, drained_at=None).exists()

    # ---- places, devices, people

    @precondition(lambda self: len(self.sites) < MOST_SITES)
    @rule(customer=st.sampled_from(["acme", "globex"]))
    def opens_a_site(self, customer: str) -> None:
        company, by = self.stage.companies[customer], self.viewers[customer]
        assert isinstance(company, Customer)
        with acting(by):
            site = onboarding.open_site(name=f"site {len(self.sites)}", by=by)
        self._know_site(site, company)

    @precondition(lambda self: len(self.devices) < MOST_DEVICES)
    @rule(data=st.data())
    def installs(self, data: st.DataObject) -> None:
        site = self._a_site(data)
        by = self.viewers[self._owner_of(site)]
        with acting(by):
            label = f"device {len(self.devices)}"
            self._know_device(fleet.register(site=self.sites[site], label=label, by=by, serial=f"SN {label}"))

    @rule(data=st.data())
    def moves(self, data: st.DataObject) -> None:
        label = self._a_device(data)
        was = self.model.devices[label]
        others = [s for s, customer in self.model.sites.items() if customer == self._owner_of(was) and s != was]
        if not others:
            return
        to = data.draw(st.sampled_from(others))
        by = self.viewers[self._owner_of(was)]
        with acting(by):
            fleet.move(self.devices[label], to=self.sites[to], by=by)
        self.model.devices[label] = to
        self._note_changes()

    @rule()
    def nils_joins_or_leaves(self) -> None:
        nora, northwind = self.viewers["northwind"], self.world.northwind
        if "northwind" in self.model.suspended:
            return  # who is suspended changes nothing
        with acting(nora):
            if "nils" in self.model.members:
                rows = Membership.objects.select_related("organization", "user")
                row = rows.get(user=northwind.people["nils"], organization=northwind.pk)
                onboarding.remove_member(row, by=nora)
                del self.model.members["nils"]
            else:
                user = northwind.people["nils"]
                onboarding.add_member(organization=northwind.organization, user=user, role=Role.ENGINEER, by=nora)
                self.model.members["nils"] = "northwind"

    @rule(partner=st.sampled_from(PARTNERS))
    def staff_suspend_or_resume(self, partner: str) -> None:
        sam = Viewer.of_staff(self.world.sam)
        row = self._now(self.stage.companies[partner].organization)
        with acting(sam):
            if partner in self.model.suspended:
                staff_accounts.resume(row, by=sam)
                self.model.suspended.remove(partner)
            else:
                staff_accounts.suspend(row, by=sam)
                self.model.suspend(partner)

    # ---- contracts: nothing of the model changes

    @precondition(lambda self: "rival" not in self.model.suspended)
    @rule(target=contracts)
    def signs(self) -> Any:
        by = self.viewers["acme"]
        with acting(by):
            paper = contracts.Paper("Care", date(2026, 1, 1), date(2029, 12, 31))
            covers = [contracts.Cover(s, "all") for n, s in self.sites.items() if self._owner_of(n) == "acme"]
            return contracts.open(partner=self.world.rival.organization, paper=paper, covers=covers, by=by)

    @precondition(lambda self: "northwind" not in self.model.suspended)
    @rule(target=contracts, contract=contracts)
    def hands_over(self, contract: Contract) -> Any:
        by, northwind = self.viewers["acme"], self.world.northwind.organization
        if contract.ended_at is not None or contract.partner_id == northwind.pk:
            return multiple()
        with acting(by):
            return contracts.transfer(contract, to=northwind, starts_on=timezone.now().date(), by=by)

    @rule(contract=contracts)
    def ends_contract(self, contract: Contract) -> None:
        by = self.viewers["acme"]
        if contract.ended_at is None:
            with acting(by):
                contracts.end(contract, by=by)

    # ---- devices report, alerts are told

    @rule(data=st.data(), which=st.sampled_from(RULES))
    def reports_trouble(self, data: st.DataObject, which: str) -> None:
        self._applied(self._a_device(data), which, troubled=True)

    @rule(data=st.data(), which=st.sampled_from(RULES))
    def reports_health(self, data: st.DataObject, which: str) -> None:
        self._applied(self._a_device(data), which, troubled=False)

    @rule()
    def plans(self) -> None:
        exits.plan()
        self.model.plan()
        self._compare_tellings()

    @rule()
    def tells(self) -> None:
        self.plans()
        self.sends()

    @rule()
    def sends(self) -> None:
        self.stage.box.arrived.clear()
        exits.send()
        gone = self.model.send()
        self._compare_tellings()
        with job(*(c.pk for c in self.stage.companies.values())):
            wanted = Delivery.objects.filter(transition__in=[t.change for t in gone], destination__kind="webhook")
            out = {(str(d.transition_id), str(d.owner_id)): str(d.pk) for d in wanted}
        owners = {name: str(company.pk) for name, company in self.stage.companies.items()}
        expected = {out[t.change, owners[t.owner]] for t in gone}
        assert set(self.stage.box.ids()) == expected
        self.stage.done["sent"] += len(expected)

    # ---- after each step

    @invariant()
    def everybody_sees_what_plain_sets_say(self) -> None:
        if not self.sites:
            return
        self.model.step += 1
        self.stage.done["steps"] += 1
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        for person, viewer in self.viewers.items():
            expected = self.model.sight(person)
            with acting(viewer):
                assert self._through_the_door(viewer) == expected, person
                assert self._past_the_door() == expected, person
            assert self._by_api(person) == expected, person
            self.stage.done["answers"] += 3

    @invariant()
    def guardian_holds_the_rows_of_unclosed_grants_alone(self) -> None:
        if self.sites:
            assert sight.guardian_faults(self.world.acme, self.world.globex) == []

    def _through_the_door(self, viewer: Viewer) -> dict[str, set[str]]:
        inventory = DeviceInventory.objects.visible_to(viewer).values_list("device", flat=True)
        return {
            "sites": {self.ids["sites"][pk] for pk in Site.objects.visible_to(viewer).values_list("pk", flat=True)},
            "devices": {
                self.ids["devices"][pk] for pk in Device.objects.visible_to(viewer).values_list("pk", flat=True)
            },
            "alerts": set(Alert.objects.visible_to(viewer).values_list("public_id", flat=True)),
            "inventory": {self.ids["devices"][pk] for pk in inventory},
        }

    def _past_the_door(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        with connection.cursor() as cursor:
            for name, column, table in (
                ("sites", "public_id", "access_site"),
                ("devices", "public_id", "telemetry_device"),
                ("alerts", "public_id", "telemetry_alert"),
                ("inventory", "device_id", "telemetry_deviceinventory"),
            ):
                cursor.execute(f"SELECT {column} FROM {table}")
                rows = (row[0] for row in cursor.fetchall())
                names = self.ids["sites" if name == "sites" else "devices"]
                found[name] = set(rows) if name == "alerts" else {names[row] for row in rows}
        return found

    def _by_api(self, person: str) -> dict[str, set[str]]:
        """Lists, and a detail of one thing in sight and one out of sight."""
        sites, devices, alerts = (self._listed(person, what) for what in ("sites", "devices", "alerts"))
        named = self.ids["devices"]
        return {
            "sites": {self.ids["sites"][row["id"]] for row in sites},
            "devices": {named[row["id"]] for row in devices},
            "alerts": {row["id"] for row in alerts},
            "inventory": {named[row["id"]] for row in devices if row.get("inventory")},
        }

    def _listed(self, person: str, what: str) -> list[dict[str, Any]]:
        client = self.stage.clients[person]
        acting_for = "&acting=northwind" if person == "nils" else ""
        with transaction.atomic():  # a refusal rolls back the transaction it finds: this one, not the whole run
            answer = client.get(f"/api/v1/{what}?page_size=200{acting_for}")
        if answer.status_code in {401, 403}:  # a suspended company's token, a person who left
            return []
        assert answer.status_code == 200, answer.content
        return list(answer.json()["results"])

    # ---- words

    def _know_site(self, site: Site, company: Customer) -> None:
        self.sites[site.name] = site
        self.model.sites[site.name] = company.organization.name.lower()
        self.ids["sites"] |= {site.pk: site.name, site.public_id: site.name}

    def _know_device(self, device: Device) -> None:
        self.devices[device.label] = device
        self.model.devices[device.label] = self.ids["sites"][device.site_id]
        self.ids["devices"] |= {device.pk: device.label, device.public_id: device.label}

    def _a_site(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(sorted(self.sites)))

    def _a_device(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(sorted(self.devices)))

    def _owner_of(self, site: str) -> str:
        return self.model.sites[site]

    def _customers(self) -> list[Any]:
        return [self.world.acme.pk, self.world.globex.pk]

    def _live(self) -> list[tuple[str, str]]:
        return sorted(pair for pair, terms in self.model.grants.items() if not terms.overdue)

    def _may_give_back(self) -> list[tuple[str, str]]:
        return sorted(pair for pair in self.model.grants if pair[0] not in self.model.suspended)

    def _terms(self, what: frozenset[str], forwards: bool, *, days: int) -> Terms:
        return Terms(frozenset(map(Category, what)), timezone.now() + timedelta(days=days), forwards)

    def _grant(self, pair: tuple[str, str]) -> Grant:
        with job(*self._customers()):
            return Grant.objects.select_related("partner", "site").get(pk=self.model.grants[pair].grant)

    def _now(self, organization: Any) -> Any:
        with acting(Viewer.of_staff(self.world.sam)):
            return type(organization).objects.get(pk=organization.pk)

    def _applied(self, label: str, which: str, *, troubled: bool) -> None:
        """Through the product's state machine of alerts, as the worker does it."""
        site = self.model.devices[label]
        with job(self.stage.companies[self._owner_of(site)].pk):
            device = Device.unscoped.get(pk=self.devices[label].pk)
            place = alerting.Place(device.customer_id, device.site_id, device.pk)
            title, at = f"{label}: {which}", timezone.now()
            found = [Finding(rule=which, version=1, kind=which, subject="", severity="major", title=title, evidence={})]
            alerting.apply(place, found if troubled else [], observed_at=at, rules=frozenset({which}))
            for alert in Alert.unscoped.filter(device=device):
                self.model.alerts.setdefault(alert.public_id, self.ids["sites"][alert.site_id])
        self._note_changes()

    def _note_changes(self) -> None:
        """Changes of alerts since the last look: where, and what is told of them."""
        with job(*self._customers()):
            for t in AlertTransition.unscoped.exclude(pk__in=self.model.changes).select_related("alert"):
                site, device = self.ids["sites"][t.site_id], self.ids["devices"][t.alert.device_id]
                self.model.changes[str(t.pk)] = Change(site, device, TOLD[TransitionKind(t.kind)], self.model.step)

    def _compare_tellings(self) -> None:
        """Each is in the state the model says, at both destinations of its owner."""
        names = {company.pk: name for name, company in self.stage.companies.items()}
        with job(*names):
            rows = Delivery.objects.filter(subject="alert").values_list("transition", "owner", "state", "reason")
            found = Counter((str(change), names[owner], state) for change, owner, state, _ in rows)
            why = {(str(change), names[owner], state): reason for change, owner, state, reason in rows}
        expected = Counter({(t.change, t.owner, t.state): 2 for t in self.model.tellings})
        assert found == expected, {key: why.get(key) for key in (found - expected)}


def prove(stage: Stage, *, runs: int, steps: int) -> None:
    machine = type("Run", (Consent,), {"stage": stage})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=runs,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    print(f"state machine: {dict(stage.done)}")


def test_after_any_short_sequence_of_acts_oracle_door_api_and_database_agree(stage: Stage):
    prove(stage, runs=4, steps=20)


@pytest.mark.soak
def test_after_any_long_sequence_of_acts_oracle_door_api_and_database_agree(stage: Stage):
    prove(stage, runs=int(os.environ.get("SOAK_RUNS", "100")), steps=int(os.environ.get("SOAK_STEPS", "50")))
