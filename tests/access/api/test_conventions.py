"""What every operation of the API has in common: slashes, errors, who is let in, what a body may hold."""

import json

import pytest
from django.db import ProgrammingError
from django.test import Client
from django.utils import timezone

from access import onboarding
from access.api.problems import handle
from access.api.throttles import PerViewer
from access.models import Membership, Role, Scope, Site
from access.principal import acting
from smartcare.errors import NOT_FOUND
from tests.callers import Caller, person, program
from tests.cast import HEALTH, INVENTORY, World
from tests.signing_in import sign_in

PROBLEM = "application/problem+json"


def problem(response, status: int) -> dict:
    assert response.status_code == status, response.content
    assert response.headers["Content-Type"] == PROBLEM
    found = json.loads(response.content)
    assert found["type"] == "about:blank"
    assert found["status"] == status
    assert found["title"]
    return found


@pytest.fixture
def ada(world: World) -> Caller:
    return person(world.acme, "ada")


# ---- addresses


@pytest.mark.parametrize("path", ["/sites", "/devices", "/alerts", "/grants", "/contracts", "/partners"])
def test_given_a_path_with_or_without_a_slash_then_both_answer_alike(ada, path):
    without, with_it = ada.get(path), ada.get(f"{path}/")

    assert without.status_code == with_it.status_code == 200
    assert json.loads(without.content)["results"] == json.loads(with_it.content)["results"]


def test_given_a_post_with_a_slash_then_it_is_carried_out_and_not_redirected(world, ada):
    assert ada.post("/sites/", {"name": "Attic"}).status_code == 201


@pytest.mark.parametrize(
    "path", ["/nothing", "/sites/1", "/sites/st-2222222222", "/sites/ST-2222222222", "/sites/st-2222222222/nothing"]
)
def test_a4_given_what_is_not_there_then_it_is_the_same_404_byte_for_byte(ada, path):
    assert problem(ada.get(path), 404)
    assert ada.get(path).content == NOT_FOUND


@pytest.mark.parametrize(
    "path", ["/sites/1", "/sites/ST-2222222222", "/sites/%00", "/sites/st-2222222222?x=%00", "/nothing"]
)
def test_a4_given_an_id_that_cannot_be_then_the_headers_are_those_of_one_that_never_was(ada, path):
    cannot_be, never_was = (
        {name: value for name, value in ada.get(p).headers.items() if name != "X-Request-ID"}
        for p in (path, "/sites/st-2222222222")
    )

    assert cannot_be == never_was
    assert "no-store" in never_was["Cache-Control"]


def test_a4_given_a_foreign_site_when_read_changed_or_closed_then_it_is_the_404_of_one_that_never_was(world, ada):
    theirs = world.globex.sites["plant"].public_id

    for method, path in (("GET", ""), ("PATCH", ""), ("POST", "/close")):
        foreign = ada(method, f"/sites/{theirs}{path}", {"name": "Mine"} if method == "PATCH" else None)
        never = ada(method, f"/sites/st-2222222222{path}", {"name": "Mine"} if method == "PATCH" else None)
        assert foreign.content == never.content == NOT_FOUND


# ---- who is let in


def test_given_nobody_when_calling_then_it_is_a_401_that_says_how_to_sign_in(world):
    response = Caller(Client()).get("/sites")

    assert problem(response, 401)["detail"]
    assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer a b", "Bearer sct_x", "Bearer \u00e9", "bearer " + "sct_aaaaaaaaaaaa_" + "A" * 43]
)
def test_given_a_token_that_is_none_then_it_is_one_and_the_same_401(world, header):
    assert problem(Caller(Client(), {"Authorization": header}).get("/sites"), 401)


def test_given_a_wrong_token_beside_a_session_then_the_token_decides(world, ada):
    assert problem(ada.get("/sites", Authorization="Bearer sct_aaaaaaaaaaaa_" + "A" * 43), 401)


def test_given_a_session_without_csrf_when_changing_then_it_is_refused_and_nothing_is_saved(world):
    ada = person(world.acme, "ada", enforce_csrf_checks=True)

    assert "CSRF" in problem(ada.post("/sites", {"name": "Attic"}), 403)["detail"]
    assert ada.get("/sites").status_code == 200
    assert "Attic" not in ada.get("/sites").content.decode()


def test_given_a_session_with_csrf_when_changing_then_it_is_saved(world):
    ada = person(world.acme, "ada", enforce_csrf_checks=True)
    ada.client.get("/sites/new")
    secret = ada.client.cookies["csrftoken"].value

    assert ada.post("/sites", {"name": "Attic"}, **{"X-CSRFToken": secret}).status_code == 201


def test_given_a_token_that_only_reads_when_it_writes_then_it_is_told_so(world):
    reader = program(world.acme, scope=Scope.READ)

    assert reader.get("/sites").status_code == 200
    assert (
        problem(reader.post("/sites", {"name": "Attic"}), 403)["detail"]
        == "This token may read but not change anything"
    )


def test_given_a_partner_when_changing_nothing_of_a_device_then_it_is_refused_all_the_same(world):
    device = world.acme.installs("sw", site="hq")
    world.acme.shares("hq", with_=world.northwind, categories={INVENTORY})

    assert problem(person(world.northwind, "nora")("PATCH", f"/devices/{device.public_id}", {}), 403)


@pytest.mark.parametrize("how", ["gives", "changes", "approves", "declines"])
def test_given_a_session_whose_password_was_given_20_minutes_ago_when_it_decides_then_it_is_asked_again(world, how):
    grant = world.acme.shares("hq", with_=world.northwind, categories={INVENTORY})
    person(world.rival, "rita").does(
        "POST",
        "/access-requests",
        {"customer_name": "Acme", "categories": ["health"], "days": 7, "reason": "So that we can help before it fails"},
    )
    ada = person(world.acme, "ada")
    [asked] = ada.reads("/access-requests")
    stale = Caller(sign_in(Client(), world.acme.people["ada"], ago_s=20 * 60))
    given = {
        "partner": world.rival.organization.public_id,
        "site": world.acme.sites["branch"].public_id,
        "categories": ["health"],
        "days": 7,
    }
    method, path, body = {
        "gives": ("POST", "/grants", given),
        "changes": ("PATCH", f"/grants/{grant.public_id}", {"days": 300}),
        "approves": ("POST", f"/access-requests/{asked['id']}/approve", {}),
        "declines": ("POST", f"/access-requests/{asked['id']}/decline", None),
    }[how]

    refused = problem(stale(method, path, body), 403)["detail"]

    assert "/accounts/reauthenticate/" in refused
    assert [r["state"] for r in ada.reads("/access-requests")] == ["waiting"]
    assert len(ada.reads("/grants")) == 1
    assert ada(method, path, body).status_code in {200, 201}


def test_given_a_session_whose_password_was_given_20_minutes_ago_when_it_stops_access_then_that_is_done_at_once(world):
    grant = world.acme.shares("hq", with_=world.northwind, categories={INVENTORY})
    stale = Caller(sign_in(Client(), world.acme.people["ada"], ago_s=20 * 60))

    assert stale("DELETE", f"/grants/{grant.public_id}").status_code == 200


def test_given_a_person_of_the_viewer_role_when_writing_then_a_sentence_says_who_may(world):
    world.acme.raises(world.acme.installs("sw", site="hq"))
    alan = person(world.acme, "alan")
    site, alert = world.acme.sites["hq"].public_id, json.loads(alan.get("/alerts").content)["results"][0]["id"]

    for method, path, body in (
        ("POST", "/sites", {"name": "Attic"}),
        ("PATCH", f"/sites/{site}", {"city": "Bern"}),
        ("POST", "/devices", {"label": "sw", "site": site}),
        ("POST", f"/alerts/{alert}/acknowledge", None),
        ("POST", f"/alerts/{alert}/comments", {"text": "Seen"}),
        (
            "POST",
            "/grants",
            {"partner": world.rival.organization.public_id, "site": site, "categories": ["health"], "days": 7},
        ),
        ("POST", "/destinations", {"kind": "webhook", "url": "https://hooks.example.com/x"}),
    ):
        detail = problem(alan(method, path, body), 403)["detail"]
        assert "owners and approvers" in detail or "role" in detail, (path, detail)


def test_given_staff_and_somebody_without_a_company_then_they_act_for_nobody(world):
    client = Client()
    client.force_login(world.sam, backend="allauth.account.auth_backends.AuthenticationBackend")

    assert problem(Caller(client).get("/sites"), 403)["detail"] == "You act for no company here"


def test_given_a_person_of_two_companies_then_the_query_says_for_which_it_acts(world):
    world.acme.shares("hq", with_=world.northwind, categories={HEALTH})
    boss = world.rival.viewer()
    with acting(boss):
        onboarding.add_member(
            organization=world.rival.organization, user=world.northwind.people["nora"], role=Role.ENGINEER, by=boss
        )
    nora = person(world.northwind, "nora")

    sites = [json.loads(nora.get(f"/sites?acting={slug}").content)["results"] for slug in ("northwind", "rival")]
    assert [len(found) for found in sites] == [1, 0]
    assert problem(nora.get("/sites?acting=third"), 403)


def test_given_an_ex_member_with_a_live_session_then_it_acts_for_nobody(world):
    nils = person(world.northwind, "nils")
    assert nils.get("/sites").status_code == 200

    world.northwind.loses("nils")

    assert problem(nils.get("/sites"), 403)


# ---- what cannot be answered


def test_given_a_method_that_is_not_there_then_it_is_a_405_that_names_those_that_are(ada):
    response = ada("PUT", "/sites")

    assert problem(response, 405)
    assert {"GET", "POST"} <= set(response.headers["Allow"].split(", "))


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "image/png;q=0.9"])
def test_given_an_accept_we_cannot_serve_then_it_is_a_406(ada, accept):
    assert problem(ada.get("/sites", Accept=accept), 406)


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/csv"]
)
def test_given_a_body_that_is_no_json_then_it_is_a_415(ada, kind):
    assert problem(ada.post("/sites", b"name=Attic", content_type=kind), 415)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[",
        b'{"name": NaN}',
        b'{"name": Infinity}',
        b"\xff\xfe",
        b'{"name": "\xff"}',
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"9" * 6_000,
    ],
)
def test_given_a_body_that_does_not_parse_then_it_is_a_400(ada, body):
    assert problem(ada.post("/sites", body), 400)["detail"]


def test_given_a_number_of_thousands_of_digits_then_the_refusal_does_not_tell_how_to_set_up_python(ada):
    detail = problem(ada.post("/sites", b'{"name": ' + b"9" * 6_000 + b"}"), 400)["detail"]

    assert detail == "JSON parse error: a number has too many digits"


@pytest.mark.parametrize("kind", ["application/json; charset=bz2_codec", "application/json; charset=no-such"])
def test_given_a_charset_that_is_none_then_it_is_a_400(ada, kind):
    assert ada.post("/sites", b'{"name": "Attic"}', content_type=kind).status_code in {201, 400}


def test_given_a_body_of_many_megabytes_then_it_is_a_413(ada):
    assert problem(ada.post("/sites", b'{"name": "' + b"x" * 3_000_000 + b'"}'), 413)


@pytest.mark.parametrize("body", [[], [1], "text", 7, None, True, [{"name": "Attic"}]])
def test_given_json_that_is_no_object_then_it_is_a_400(ada, body):
    assert problem(ada("POST", "/sites", json.dumps(body).encode()), 400)


@pytest.mark.parametrize("text", ["a\x00b", "\ud800", "\udfff x", "\ud800\ud800"])
@pytest.mark.parametrize("place", ["value", "name of a field", "deep inside"])
def test_given_nul_or_half_a_pair_of_surrogates_then_it_is_a_400_in_words(ada, text, place):
    body = {"value": {"name": text}, "name of a field": {text: 1}, "deep inside": {"name": {"x": [[text]]}}}[place]

    assert "stored" in problem(ada.post("/sites", body), 400)["detail"]


@pytest.mark.parametrize("value", [None, True, [], {}, [1], {"a": 1}])
def test_given_a_value_of_another_type_then_the_field_is_named(world, ada, value):
    found = problem(ada.post("/sites", {"name": value}), 400)

    assert found["errors"]["name"]


@pytest.mark.parametrize("days", [10**30, -(10**30), 10**400, 1.5, "7.5", "seven", True, None, [7], 1e308])
def test_given_a_number_that_cannot_be_then_the_field_is_named(world, ada, days):
    body = {
        "partner": world.rival.organization.public_id,
        "site": world.acme.sites["hq"].public_id,
        "categories": ["health"],
        "days": days,
    }

    assert problem(ada.post("/grants", body), 400)["errors"]["days"]


def test_given_fields_that_do_not_exist_then_each_is_named_and_nothing_is_saved(world, ada):
    found = problem(ada.post("/sites", {"name": "Attic", "nmae": "x", "customer": "or-2222222222"}), 400)

    assert set(found["errors"]) == {"nmae", "customer"}
    assert "Attic" not in ada.get("/sites").content.decode()


@pytest.mark.parametrize(
    "query", ["page_size=0", "page_size=-1", "page_size=x", "page_size=" + "9" * 5_000, "page_size=%C2%B2"]
)
def test_given_a_page_size_that_is_none_then_the_usual_one_is_taken(ada, query):
    assert ada.get(f"/sites?{query}").status_code == 200


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "%00",
        "cD1hYmM=",
        "cD0lMDA=",
        "cj14",
        "bz0tMQ==",
        "cD0xJm89OTk5OTk5OTk5OTk5OTk5OTk5",
        "%F0%9F%92%A9",
        "cD0lRUQlQTAlODA=",
    ],
)
@pytest.mark.parametrize("path", ["/sites", "/grants", "/audit-log", "/viewing-log", "/devices"])
def test_given_a_cursor_that_is_none_of_ours_then_it_is_no_fault_of_the_server(ada, path, cursor):
    response = ada.get(f"{path}?cursor={cursor}")

    assert response.status_code in {200, 400, 404}
    assert response.status_code == 200 or response.headers["Content-Type"] == PROBLEM


# ---- how often


def test_given_more_calls_than_are_allowed_then_the_next_is_told_when_to_come_back(world, ada, monkeypatch):
    monkeypatch.setattr(PerViewer, "rate", "2/min", raising=False)

    answers = [ada.get("/sites") for _ in range(3)]

    assert [a.status_code for a in answers] == [200, 200, 429]
    assert problem(answers[2], 429)["detail"]
    assert 1 <= int(answers[2].headers["Retry-After"]) <= 60


def test_given_a_colleague_who_called_too_often_then_others_are_not_held_up(world, monkeypatch):
    monkeypatch.setattr(PerViewer, "rate", "1/min", raising=False)
    ada, alan = person(world.acme, "ada"), person(world.acme, "alan")

    assert [ada.get("/sites").status_code, ada.get("/sites").status_code, alan.get("/sites").status_code] == [
        200,
        429,
        200,
    ]


def test_given_a_cache_that_is_away_then_the_api_goes_on(world, ada, settings):
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:1/0"}
    }

    assert ada.get("/sites").status_code == 200


# ---- the rest


def test_given_a_membership_that_ends_between_two_statements_then_nothing_is_written(world):
    """Row-level security is the last to say no, and it is a 403, not a fault."""
    viewer = world.northwind.viewer()
    with pytest.raises(ProgrammingError) as refused, acting(viewer):
        Site(customer=world.acme.organization, name="Not theirs").save(force_insert=True)

    assert handle(refused.value, {}).status_code == 403


def test_when_a_site_is_closed_by_its_customer_then_the_answer_says_when(world, ada):
    closed = json.loads(ada.post(f"/sites/{world.acme.sites['depot'].public_id}/close").content)

    assert closed["closed_at"][:10] == str(timezone.now().date())


def test_given_members_when_listed_then_they_are_the_own_company_s(world):
    listed = json.loads(person(world.northwind, "nora").get("/members").content)["results"]

    assert [m["name"] for m in listed] == ["Nora", "Nils"]
    with acting(world.northwind.viewer()):
        assert {m["id"] for m in listed} == set(Membership.objects.values_list("public_id", flat=True))
