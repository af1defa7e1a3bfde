"""The API of what leaves the house and of the business around it: destinations, deliveries, contracts, tenders, proposals."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from access import viewing
from access.models import Grant, Membership, Role, ViewingEntry
from access.principal import acting, job
from access.viewing import Look
from partners.forwarding import sending
from partners.models import Delivery
from telemetry import jobs
from tests.callers import Caller, person, program
from tests.cast import CONTRACTS, HEALTH, INVENTORY, TRAFFIC, Company, World

HOOK = {"kind": "webhook", "url": "https://hooks.example.com/in", "name": "Tickets", "minimum_severity": "major"}


def site(world: World, name: str = "hq") -> str:
    return str(world.acme.sites[name].public_id)


def ids(*companies: Company) -> list[str]:
    return [c.organization.public_id for c in companies]


def looks(world: World, company: Company, kind: str) -> int:
    viewer = world.acme.viewer()
    with acting(viewer):
        return ViewingEntry.objects.visible_to(viewer).filter(looker=company.pk, object_kind=kind, way="api").count()


def live(world: World, grant: Grant) -> bool:
    with job(world.acme.pk):
        return Grant.objects.live().filter(pk=grant.pk).exists()


@pytest.fixture
def ada(world: World) -> Caller:
    return person(world.acme, "ada")


@pytest.fixture
def nora(world: World) -> Caller:
    return person(world.northwind, "nora")


@pytest.fixture
def rita(world: World) -> Caller:
    return person(world.rival, "rita")


# ---- who is assigned to some customers only


def test_given_a_colleague_assigned_to_one_customer_then_no_list_shows_another_s(world, ada, nora):
    world.acme.installs("sw", site="hq")
    world.globex.installs("sw", site="plant")
    for company, place in ((world.acme, "hq"), (world.globex, "plant")):
        company.shares(place, with_=world.northwind, categories={HEALTH, INVENTORY})
    asked(ada, world, world.northwind)
    reason = {"categories": ["traffic"], "days": 7, "reason": "So that we can help before it fails"}
    nora.does("POST", "/access-requests", {"customer_name": "Acme"} | reason)
    nora.reads("/devices")
    world.northwind.joins("sally", Role.SALES)
    with job(world.northwind.pk):
        Membership.objects.filter(user=world.northwind.people["sally"]).update(only_customers=[str(world.globex.pk)])
    sally = person(world.northwind, "sally")

    paths = ("sites", "devices", "grants", "tenders", "proposals", "access-requests")
    whole, narrowed = ([len(who.reads(f"/{p}")) for p in paths] for who in (nora, sally))
    looked_at = [{entry["site"] for entry in who.reads("/viewing-log?page_size=200")} for who in (nora, sally)]

    assert whole == [2, 2, 2, 1, 1, 1]
    assert narrowed == [1, 1, 1, 0, 0, 0]
    plant = world.globex.sites["plant"].public_id
    assert (looked_at[0] >= {site(world), plant}, looked_at[1]) == (True, {plant})


def test_given_a_kind_that_was_taken_away_when_own_looks_are_read_then_what_was_of_it_has_no_name(world, nora):
    grant = world.acme.shares("hq", with_=world.northwind, categories={INVENTORY, HEALTH})
    viewer = world.northwind.viewer()
    with acting(viewer):
        hq = world.acme.sites["hq"].pk
        looks = [Look(world.acme.pk, kind, hq, "device", f"canary {kind}", ["dv-1"]) for kind in (INVENTORY, HEALTH)]
        viewing.record(viewer, looks, way="page")
    world.acme.changes(grant, categories={HEALTH})

    told = {e["category"]: (e["object"], e["objects"], e["site"]) for e in nora.reads("/viewing-log?page_size=200")}

    assert told["inventory"] == (None, [], site(world))
    assert told["health"] == ("canary health", ["dv-1"], site(world))


# ---- destinations


def test_when_a_webhook_is_made_then_its_secret_is_in_that_answer_and_in_no_other(world, nora):
    made = nora.does("POST", "/destinations", HOOK)

    assert made["secret"].startswith("whsec_")
    assert (made["kind"], made["address"], made["minimum_severity"]) == ("webhook", HOOK["url"], "major")
    assert made["verified_at"] is None
    for path in ("/destinations", f"/destinations/{made['id']}"):
        assert "whsec_" not in json.dumps(nora.reads(path))


def test_when_a_webhook_s_secret_is_replaced_then_a_new_one_is_shown(world, nora):
    made = nora.does("POST", "/destinations", HOOK)

    assert nora.does("POST", f"/destinations/{made['id']}/secret")["secret"] != made["secret"]


def test_given_mail_when_asked_for_a_secret_or_a_test_then_it_has_none(world, nora):
    mail = next(d for d in nora.reads("/destinations") if d["kind"] == "email")

    for act in ("secret", "test"):
        assert nora.post(f"/destinations/{mail['id']}/{act}").status_code == 400


def test_when_mail_to_a_colleague_is_added_then_it_is_that_person_s_address(world, nora):
    nils = next(m for m in nora.reads("/members") if m["name"] == "Nils")

    made = nora.does("POST", "/destinations", {"kind": "email", "member": nils["id"]})

    assert (made["address"], made["verified_at"] is not None) == ("nils@example.com", True)
    assert "secret" not in made


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "webhook"}, "url"),
        ({"kind": "email"}, "member"),
        ({"kind": "email", "member": "me-2222222222"}, "member"),
        ({"kind": "webhook", "url": "https://hooks.example.com/x", "member": "@nora"}, "member"),
        ({"kind": "pigeon"}, "kind"),
        ({"kind": "webhook", "url": "http://hooks.example.com/x"}, "url"),
        ({"kind": "webhook", "url": "https://127.0.0.1/x"}, "url"),
        ({"kind": "webhook", "url": "https://user:word@hooks.example.com/x"}, "url"),
        ({"kind": "webhook", "url": "nonsense"}, "url"),
        ({"kind": "webhook", "url": "https://hooks.example.com/x", "minimum_severity": "dreadful"}, "minimum_severity"),
        ({"kind": "webhook", "url": "https://hooks.example.com/x", "secret": "whsec_mine"}, "secret"),
    ],
)
def test_given_a_destination_that_cannot_be_then_the_field_is_named(world, nora, body, field):
    if body.get("member") == "@nora":
        body = body | {"member": next(m for m in nora.reads("/members") if m["name"] == "Nora")["id"]}
    response = nora.post("/destinations", body)

    assert response.status_code == 400
    assert field in json.loads(response.content)["errors"]


def test_given_a_member_of_another_company_then_it_is_as_unknown_as_nobody(world, nora, rita):
    theirs = rita.reads("/members")[0]["id"]

    foreign = nora.post("/destinations", {"kind": "email", "member": theirs})
    never = nora.post("/destinations", {"kind": "email", "member": "me-2222222222"})

    assert (foreign.status_code, foreign.content) == (400, never.content)


def test_when_a_webhook_is_tested_then_it_waits_for_its_answer_again(world, nora):
    made = nora.does("POST", "/destinations", HOOK)

    shown = nora.does("POST", f"/destinations/{made['id']}/test")

    assert shown["verified_at"] is None
    events = [d["event"] for d in nora.reads(f"/deliveries?destination={made['id']}")]
    assert events == ["destination.verification"] * 2  # when it was made, and now


def test_when_a_destination_is_changed_and_removed_then_the_answers_say_so(world, nora):
    made = nora.does("POST", "/destinations", HOOK)
    path = f"/destinations/{made['id']}"

    changed = nora.does("PATCH", path, {"name": "Night watch", "enabled": False})
    nora.does("DELETE", path)

    assert (changed["name"], changed["enabled"], changed["minimum_severity"]) == ("Night watch", False, "major")
    assert nora.get(path).status_code == 404
    assert made["id"] not in {d["id"] for d in nora.reads("/destinations")}


# ---- deliveries


@pytest.fixture
def sent(world: World) -> Delivery:
    """An alert of acme's, delivered to nora by mail."""
    grant = world.acme.shares("hq", with_=world.northwind, categories={HEALTH}, forward_alerts=True)
    world.acme.raises(world.acme.installs("sw", site="hq"), title="canary-title")
    jobs.run_due("transition.recorded")
    sending.send_due()
    with job(world.northwind.pk, world.acme.pk):
        return Delivery.objects.get(grant=grant, subject="alert")


def test_when_deliveries_are_read_then_they_say_that_something_was_sent_and_not_what(world, nora, sent):
    listed = nora.reads("/deliveries?state=delivered")
    detail = nora.reads(f"/deliveries/{sent.public_id}")

    assert [d["id"] for d in listed] == [sent.public_id]
    assert (detail["event"], detail["what"], detail["state"]) == ("alert.opened", "An alert was raised", "delivered")
    assert [(t["number"], t["outcome"]) for t in detail["tries"]] == [(1, "delivered")]
    assert "canary" not in json.dumps([listed, detail])


def test_given_a_state_that_does_not_exist_when_filtering_then_it_is_refused(world, nora, sent):
    assert nora.get("/deliveries?state=lost").status_code == 400


def test_when_a_delivery_is_replayed_then_it_waits_again_under_the_gate(world, nora, sent):
    assert nora.does("POST", f"/deliveries/{sent.public_id}/replay")["state"] == "ready"

    with job(world.acme.pk):
        grant = Grant.objects.get(partner=world.northwind.pk, closed_at=None)
    world.acme.revokes(grant)

    assert nora.reads(f"/deliveries/{sent.public_id}")["state"] == "cancelled"
    assert nora.post(f"/deliveries/{sent.public_id}/replay").status_code == 409


# ---- contracts


def filed(ada: Caller, world: World, **changes: Any) -> dict[str, Any]:
    today = timezone.localdate()
    body = {
        "partner": world.rival.organization.public_id,
        "title": "Care",
        "starts_on": str(today - timedelta(days=9)),
        "ends_on": str(today + timedelta(days=300)),
        "price_cents": 125_000,
        "covers": [
            {"site": site(world), "what": "canary-covers-hq"},
            {"site": site(world, "branch"), "what": "Routers"},
        ],
    }
    return ada.does("POST", "/contracts", body | changes)  # type: ignore[no-any-return]


def test_when_a_contract_is_filed_then_both_parties_read_it_and_the_partner_not_what_it_covers(world, ada, rita, nora):
    made = filed(ada, world)
    theirs = rita.reads(f"/contracts/{made['id']}")

    assert [c["what"] for c in made["covers"]] == ["Routers", "canary-covers-hq"]
    assert (theirs["title"], theirs["price_cents"], theirs["covers"]) == ("Care", 125_000, [])
    assert nora.get(f"/contracts/{made['id']}").status_code == 404
    assert looks(world, world.rival, "contract") == 0


def test_given_the_kind_contracts_at_one_site_then_that_coverage_is_shown_and_the_look_written_down(world, ada, rita):
    made = filed(ada, world)
    world.acme.shares("hq", with_=world.rival, categories={CONTRACTS})

    assert [c["what"] for c in rita.reads(f"/contracts/{made['id']}")["covers"]] == ["canary-covers-hq"]
    assert looks(world, world.rival, "contract") == 1


def test_when_a_contract_is_transferred_then_by_default_every_access_stays(world, ada, rita):
    made = filed(ada, world)
    grant = world.acme.shares("hq", with_=world.rival, categories={HEALTH})

    moved = ada.does("POST", f"/contracts/{made['id']}/transfer", {"partner": world.third.organization.public_id})

    assert moved["contract"]["partner_name"] == "Third"
    assert moved["header"] == "A contract transfer changes who is paid. It does not change who can see data."
    assert moved["grants"] == []
    assert live(world, grant)
    assert [s["name"] for s in rita.reads("/sites")] == ["hq"]
    assert person(world.third).reads("/sites") == []


def test_when_a_contract_is_transferred_then_only_the_customer_learns_who_has_it_now(world, ada, rita):
    made = filed(ada, world)
    moved = ada.does("POST", f"/contracts/{made['id']}/transfer", {"partner": world.third.organization.public_id})

    ours, theirs = ada.reads(f"/contracts/{made['id']}"), rita.reads(f"/contracts/{made['id']}")

    assert ours["transferred_to"] == moved["contract"]["id"]
    assert (theirs["transferred_to"], theirs["state"]) == (None, "ended")
    assert "Third" not in json.dumps(theirs)


def test_given_decisions_with_a_transfer_then_each_is_carried_out_and_says_what_became_of_it(world, ada):
    made = filed(ada, world)
    kept = world.acme.shares("hq", with_=world.rival, categories={HEALTH})
    ended = world.acme.shares("branch", with_=world.rival, categories={HEALTH, INVENTORY}, forward_alerts=True)
    narrowed = world.acme.shares("depot", with_=world.rival, categories={HEALTH, INVENTORY}, forward_alerts=True)

    answer = ada.does(
        "POST",
        f"/contracts/{made['id']}/transfer",
        {
            "partner": world.third.organization.public_id,
            "grants": [
                {"grant": kept.public_id},
                {"grant": ended.public_id, "action": "end"},
                {"grant": narrowed.public_id, "action": "narrow", "categories": ["inventory"]},
            ],
        },
    )

    assert [g["outcome"] for g in answer["grants"]] == ["kept", "ended", "narrowed"]
    assert answer["grants"][1]["revoked_at"]
    assert answer["grants"][1]["drained_at"]
    assert [live(world, g) for g in (kept, ended, narrowed)] == [True, False, True]
    with job(world.acme.pk):
        narrowed.refresh_from_db()
    assert (narrowed.categories, narrowed.forward_alerts) == (["inventory"], False)


@pytest.mark.parametrize(
    "wish",
    [
        {"action": "narrow"},
        {"action": "end", "categories": ["health"]},
        {"action": "narrow", "categories": ["traffic"]},
        {"action": "burn"},
        {"grant": "gr-2222222222"},
    ],
)
def test_given_a_decision_that_cannot_be_when_transferring_then_nothing_happens_at_all(world, ada, wish):
    made = filed(ada, world)
    grant = world.acme.shares("hq", with_=world.rival, categories={HEALTH})
    body = {"partner": world.third.organization.public_id, "grants": [{"grant": grant.public_id} | wish]}

    assert ada.post(f"/contracts/{made['id']}/transfer", body).status_code == 400
    assert ada.reads(f"/contracts/{made['id']}")["state"] == "running"
    assert live(world, grant)


def test_given_another_partner_s_access_when_transferring_then_it_is_no_part_of_this(world, ada):
    made = filed(ada, world)
    other = world.acme.shares("hq", with_=world.northwind, categories={HEALTH})
    body = {"partner": world.third.organization.public_id, "grants": [{"grant": other.public_id, "action": "end"}]}

    assert ada.post(f"/contracts/{made['id']}/transfer", body).status_code == 400
    assert live(world, other)


def test_when_a_contract_is_ended_then_its_state_says_so_and_access_stays(world, ada):
    made = filed(ada, world)
    grant = world.acme.shares("hq", with_=world.rival, categories={HEALTH})

    assert ada.does("POST", f"/contracts/{made['id']}/end")["state"] == "ended"
    assert ada.post(f"/contracts/{made['id']}/end").status_code == 409
    assert live(world, grant)


# ---- tenders


def asked(ada: Caller, world: World, *partners: Company, **changes: Any) -> dict[str, Any]:
    body = {"site": site(world), "title": "Twelve switches", "wish": "Built in", "days": 14, "partners": ids(*partners)}
    return ada.does("POST", "/tenders", body | changes)  # type: ignore[no-any-return]


def sent_by(caller: Caller, tender: str, **values: Any) -> str:
    own = caller.reads(f"/proposals?tender={tender}")[0]["id"]
    caller.does("PATCH", f"/proposals/{own}", {"summary": "We can"} | values)
    caller.does("POST", f"/proposals/{own}/send")
    return str(own)


def test_when_a_tender_is_opened_then_the_customer_reads_at_once_what_the_invited_will_read(world, ada, nora, rita):
    world.acme.installs("canary-label", site="hq", serial="canary-serial", vendor="Edge", model="canary-model")

    made = asked(ada, world, world.northwind, world.rival)

    assert made["facts"]["devices"] == 1
    assert [i["partner_name"] for i in made["invited"]] == ["Northwind", "Rival"]
    for partner in (nora, rita):
        theirs = partner.reads(f"/tenders/{made['id']}")
        assert theirs["facts"] == made["facts"]
        assert (theirs["invited"], theirs["proposals"], theirs["site"]) == ([], [], None)
        assert "canary" not in json.dumps(theirs)


def test_a18_given_several_invited_then_no_partner_learns_of_another_or_their_number(world, ada, nora, rita):
    made = asked(ada, world, world.northwind, world.rival)
    alone = asked(ada, world, world.northwind, title="Another")
    sent_by(rita, made["id"], price_cents=777)

    both, one = nora.reads(f"/tenders/{made['id']}"), nora.reads(f"/tenders/{alone['id']}")

    assert {k for k in both if both[k] != one[k]} <= {"id", "title", "opened_at", "answers_until", "proposal", "facts"}
    assert "777" not in json.dumps([both, nora.reads("/proposals"), nora.reads("/tenders")])
    assert "Rival" not in json.dumps([both, nora.reads("/proposals"), nora.reads("/tenders")])


def test_given_an_invited_partner_without_access_when_it_reads_then_the_look_is_written_down(world, ada, rita):
    made = asked(ada, world, world.rival)

    rita.reads("/tenders")
    rita.reads(f"/tenders/{made['id']}")

    assert looks(world, world.rival, "tender") == 2


def test_when_a_question_is_answered_then_all_read_it_and_nobody_who_asked(world, ada, nora, rita):
    made = asked(ada, world, world.northwind, world.rival)
    question = nora.does("POST", f"/tenders/{made['id']}/questions", {"question": "How many ports?"})
    assert rita.reads(f"/tenders/{made['id']}/questions") == []

    ada.does("POST", f"/tenders/{made['id']}/questions/{question['id']}/answer", {"answer": "Forty-eight"})

    read = [c.reads(f"/tenders/{made['id']}/questions") for c in (ada, nora, rita)]
    assert read[0] == read[1] == read[2]
    assert (read[0][0]["question"], read[0][0]["answer"]) == ("How many ports?", "Forty-eight")
    assert "orthwind" not in json.dumps(read)


@pytest.mark.parametrize("bad", ["x", "00000000-0000-0000-0000-000000000000", "7"])
def test_given_a_question_that_is_none_then_it_is_the_usual_404(world, ada, bad):
    made = asked(ada, world, world.northwind)

    assert ada.post(f"/tenders/{made['id']}/questions/{bad}/answer", {"answer": "Yes"}).status_code == 404


def test_when_proposals_are_sent_then_the_customer_compares_them_by_the_same_rows(world, ada, nora, rita):
    world.acme.shares("hq", with_=world.northwind, categories={HEALTH})
    made = asked(ada, world, world.northwind, world.rival)
    sent_by(rita, made["id"], price_cents=100, yearly_cents=10, survives_one_failure=False)
    sent_by(nora, made["id"], price_cents=50, yearly_cents=10, work_hours=8)

    rows = ada.reads(f"/tenders/{made['id']}")["proposals"]

    assert [r["partner_name"] for r in rows] == ["Northwind", "Rival"]
    assert [r["cost_3_years_cents"] for r in rows] == [80, 130]
    assert [r["labels"] for r in rows] == [["lowest_price"], []]
    assert [r["sees"] for r in rows] == [["health"], []]
    assert [r["survives_one_failure"] for r in rows] == [None, False]


@pytest.mark.parametrize(
    ("prices", "note"),
    [
        ({"price_cents": 50}, "no yearly price stated"),
        ({"yearly_cents": 1}, "no price once stated"),
        ({}, "no price stated"),
    ],
)
def test_given_a_part_left_out_when_proposals_are_compared_then_the_sum_is_null_and_says_why(
    world, ada, nora, rita, prices, note
):
    made = asked(ada, world, world.northwind, world.rival)
    sent_by(nora, made["id"], **prices)
    sent_by(rita, made["id"], price_cents=100, yearly_cents=10)

    incomplete, whole = ada.reads(f"/tenders/{made['id']}")["proposals"]

    assert (incomplete["cost_3_years_cents"], incomplete["cost_3_years_note"]) == (None, note)
    assert (whole["cost_3_years_cents"], whole["cost_3_years_note"]) == (130, "")
    assert "lowest_price" not in incomplete["labels"]


def test_given_a_draft_when_the_customer_lists_proposals_then_it_is_not_among_them(world, ada, nora):
    made = asked(ada, world, world.northwind)
    own = nora.reads("/proposals")[0]["id"]
    nora.does("PATCH", f"/proposals/{own}", {"summary": "canary-draft"})

    assert ada.reads("/proposals") == []
    assert ada.get(f"/proposals/{own}").status_code == 404
    assert "canary" not in json.dumps(ada.reads(f"/tenders/{made['id']}"))


def test_when_one_is_chosen_then_each_partner_reads_its_own_outcome_and_that_it_is_over(world, ada, nora, rita):
    made = asked(ada, world, world.northwind, world.rival)
    chosen, other = sent_by(nora, made["id"]), sent_by(rita, made["id"])

    over = ada.does("POST", f"/tenders/{made['id']}/choose", {"proposal": chosen})

    assert (over["tender"]["state"], over["grants"]) == ("chosen", [])
    assert nora.reads(f"/proposals/{chosen}")["state"] == "chosen"
    assert rita.reads(f"/proposals/{other}")["state"] == "not_chosen"
    assert [c.reads(f"/tenders/{made['id']}")["state"] for c in (nora, rita)] == ["closed", "closed"]


def test_given_accesses_named_when_a_tender_is_closed_then_these_end_and_no_other(world, ada):
    made = asked(ada, world, world.northwind, world.rival)
    ends = world.acme.shares("hq", with_=world.rival, categories={INVENTORY})
    stays = world.acme.shares("hq", with_=world.northwind, categories={INVENTORY, TRAFFIC})

    over = ada.does("POST", f"/tenders/{made['id']}/close", {"end_grants": [ends.public_id]})

    assert [(g["grant"], g["outcome"]) for g in over["grants"]] == [(ends.public_id, "ended")]
    assert (live(world, ends), live(world, stays)) == (False, True)


def test_given_an_access_elsewhere_when_a_tender_is_closed_with_it_then_the_tender_stays_open(world, ada):
    made = asked(ada, world, world.rival)
    elsewhere = world.acme.shares("branch", with_=world.rival, categories={INVENTORY})

    assert ada.post(f"/tenders/{made['id']}/close", {"end_grants": [elsewhere.public_id]}).status_code == 400
    assert ada.reads(f"/tenders/{made['id']}")["state"] == "open"
    assert live(world, elsewhere)


def test_given_a_program_when_it_opens_a_tender_then_it_may_as_its_company_may(world):
    robot = program(world.acme)

    assert asked(robot, world, world.rival)["state"] == "open"


@pytest.mark.parametrize("partners", [[], ["or-2222222222"], ["@globex"], ["@rival", "@rival"], ["@rival"] * 21])
def test_given_partners_that_cannot_be_when_opening_then_the_field_is_named(world, ada, partners):
    known = {"@globex": world.globex, "@rival": world.rival}
    named = [known[p].organization.public_id if p in known else p for p in partners]

    response = ada.post("/tenders", {"site": site(world), "title": "x", "wish": "y", "days": 7, "partners": named})

    assert response.status_code == 400
    assert json.loads(response.content)["errors"]["partners"]


# ---- with transactions that really commit


def test_given_commits_when_a_contract_is_transferred_with_an_end_then_the_transfer_is_committed_before_it(
    lasting_world: World,
):
    world, ada = lasting_world, person(lasting_world.acme, "ada")
    made = filed(ada, world)
    grant = world.acme.shares("hq", with_=world.rival, categories={HEALTH}, forward_alerts=True)
    rita = program(world.rival)
    assert len(rita.reads("/sites")) == 1

    answer = ada.does(
        "POST",
        f"/contracts/{made['id']}/transfer",
        {"partner": world.third.organization.public_id, "grants": [{"grant": grant.public_id, "action": "end"}]},
    )

    assert [(g["outcome"], bool(g["drained_at"])) for g in answer["grants"]] == [("ended", True)]
    assert rita.reads("/sites") == []
    assert ada.reads(f"/contracts/{made['id']}")["transferred_to"] == answer["contract"]["id"]


def test_given_commits_when_a_grant_is_deleted_then_the_receipt_says_when_the_last_of_it_was_over(lasting_world: World):
    world, ada = lasting_world, person(lasting_world.acme, "ada")
    grant = world.acme.shares("hq", with_=world.rival, categories={HEALTH})

    receipt = ada.does("DELETE", f"/grants/{grant.public_id}")

    assert set(receipt) == {"id", "revoked_at", "drained_at", "cancelled_deliveries"}
    assert receipt["revoked_at"] <= receipt["drained_at"]
