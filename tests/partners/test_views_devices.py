"""Devices across customers, and one device: columns and pages follow what is shared."""

import pytest

from access.models import ViewingEntry
from access.principal import acting
from tests.cast import HEALTH, INVENTORY, TRAFFIC, World
from tests.partners.pages import QUERIES_A_PAGE, WEIGHT_GZIPPED, asked, text, weight


@pytest.fixture
def fitted(world: World):
    world.acme.installs("canary-hq", site="hq", serial="CANARYSERIAL1", vendor="Acme", model="canary-model")
    world.acme.installs("canary-branch", site="branch", serial="CANARYSERIAL2", vendor="Acme")
    return world.acme


def devices(world, browse, query=""):
    return browse(world.northwind.people["nora"]).get(f"/p/northwind/devices{query}")


def test_given_inventory_is_shared_then_model_and_serial_are_there_and_no_health(world, browse, fitted):
    fitted.shares("hq", with_=world.northwind, categories={INVENTORY})

    page = text(devices(world, browse))

    assert "canary-model" in page
    assert "CANARYSERIAL1" in page
    assert "Last report" not in page
    assert "canary-branch" not in page


def test_given_health_alone_then_no_serial_is_shown_and_a_search_for_it_finds_nothing(world, browse, fitted):
    fitted.shares("hq", with_=world.northwind, categories={HEALTH})

    assert "CANARYSERIAL1" not in text(devices(world, browse))
    assert "canary-hq" not in text(devices(world, browse, "?q=CANARYSERIAL1"))


def test_given_traffic_alone_then_the_name_is_there_and_neither_health_nor_serial(world, browse, fitted):
    fitted.shares("hq", with_=world.northwind, categories={TRAFFIC})

    page = text(devices(world, browse))

    assert "canary-hq" in page
    assert "CANARYSERIAL" not in page
    assert "canary-model" not in page


def test_given_no_grant_then_there_is_nothing(world, browse, fitted):
    fitted.shares("hq", with_=world.northwind, categories={INVENTORY})

    assert "canary" not in text(browse(world.rival.people["rita"]).get("/p/rival/devices"))


def test_when_exported_then_the_rows_equal_the_page_and_the_log_says_export(world, browse, fitted):
    fitted.shares("hq", with_=world.northwind, categories={INVENTORY})

    rows = devices(world, browse, "?format=json").json()

    assert [(r["label"], r["customer"], r["serial"], r["state"]) for r in rows] == [
        ("canary-hq", "Acme", "CANARYSERIAL1", "")
    ]
    ada = fitted.viewer()
    with acting(ada):
        assert {(e.way, e.category) for e in ViewingEntry.objects.visible_to(ada)} == {("export", "inventory")}


def test_when_a_device_is_opened_then_what_is_not_shared_says_so_and_can_be_asked_for(world, browse, fitted):
    fitted.shares("hq", with_=world.northwind, categories={INVENTORY})
    device = fitted.devices["canary-hq"]

    page = text(devices(world, browse, f"/{device.public_id}"))

    assert "CANARYSERIAL1" in page
    assert "Health and alerts: not shared with you." in page
    site = fitted.sites["hq"].public_id
    assert f"/access/ask?customer={fitted.organization.public_id}&amp;site={site}&amp;cat=health" in page


def test_when_a_device_is_opened_then_the_look_names_it(world, browse, fitted):
    fitted.shares("hq", with_=world.northwind, categories={INVENTORY, HEALTH})

    devices(world, browse, f"/{fitted.devices['canary-hq'].public_id}")

    ada = fitted.viewer()
    with acting(ada):
        looks = {(e.object_words, e.category) for e in ViewingEntry.objects.visible_to(ada)}
    assert looks == {("canary-hq", "inventory"), ("canary-hq", "health")}


def test_a4_given_a_device_of_another_site_and_one_that_never_was_then_the_answers_are_equal(world, browse, fitted):
    fitted.shares("hq", with_=world.northwind, categories={INVENTORY})

    theirs = devices(world, browse, f"/{fitted.devices['canary-branch'].public_id}")
    nobodys = devices(world, browse, "/dv-2222222222")

    assert (theirs.status_code, theirs.content) == (404, nobodys.content)


def test_when_the_device_moves_to_a_site_that_is_not_shared_then_its_page_is_gone(world, browse, fitted):
    from telemetry import fleet

    fitted.shares("hq", with_=world.northwind, categories={INVENTORY, HEALTH})
    device, ada = fitted.devices["canary-hq"], fitted.viewer()

    with acting(ada):
        fleet.move(device, to=fitted.sites["depot"], by=ada)

    assert devices(world, browse, f"/{device.public_id}").status_code == 404


def test_given_thirty_customers_then_queries_and_weight_of_the_list_stay_in_budget(many, browse):
    client = browse(many.northwind.people["nora"])

    with asked() as queries:
        response = client.get("/p/northwind/devices")

    assert len(queries) <= QUERIES_A_PAGE, queries.statements
    assert weight(response) <= WEIGHT_GZIPPED


def test_given_thirty_customers_when_one_device_is_opened_then_it_asks_no_more_than_with_one(
    many, browse, world_of_one
):
    few, lone = world_of_one
    with asked() as with_one:
        browse(lone).get(f"/p/lone/devices/{few.public_id}")
    device = many.customers[0].devices["core"]

    with asked() as with_thirty:
        response = browse(many.northwind.people["nora"]).get(f"/p/northwind/devices/{device.public_id}")

    assert response.status_code == 200
    assert len(with_thirty) <= len(with_one), with_thirty.statements
    assert weight(response) <= WEIGHT_GZIPPED


@pytest.fixture
def world_of_one(db):
    from tests.cast import customer, partner

    company, lone = customer("Single", "sina"), partner("Lone", "lena")
    company.opens("hq")
    company.shares("hq", with_=lone, categories={HEALTH, INVENTORY})
    device = company.installs("core", site="hq", serial="S1", vendor="Acme")
    company.raises(device)
    return device, lone.people["lena"]
