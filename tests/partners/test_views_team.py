"""Colleagues and their customers: an assignment narrows at once, never widens, and only admins make one."""

from access.models import Membership
from access.principal import acting
from tests.cast import HEALTH, World
from tests.partners.pages import text


def membership(company, name: str) -> Membership:
    viewer = company.viewer()
    with acting(viewer):
        return Membership.objects.get(organization=company.pk, user=company.people[name])


def share_both(world: World) -> None:
    for company, site in ((world.acme, "hq"), (world.globex, "plant")):
        company.raises(company.installs(f"canary-{company.organization.name}", site=site))
        company.shares(site, with_=world.northwind, categories={HEALTH})


def test_when_opened_then_colleagues_stand_with_role_and_what_it_may_do_and_no_stranger(world, browse):
    page = text(browse(world.northwind.people["nils"]).get("/p/northwind/team"))

    assert "Nora" in page
    assert "Works on alerts and manages destinations" in page
    assert "Rita" not in page
    assert "Assign" not in page


def test_when_an_admin_assigns_one_customer_then_the_colleague_sees_that_one_alone(world, browse):
    share_both(world)
    nils = membership(world.northwind, "nils")

    browse(world.northwind.people["nora"]).post(
        f"/p/northwind/team/{nils.public_id}", {"customer": [world.acme.organization.public_id]}
    )

    client = browse(world.northwind.people["nils"])
    for path in ("triage", "alerts", "customers", "devices", "access"):
        page = text(client.get(f"/p/northwind/{path}"))
        assert "Acme" in page, path
        assert "Globex" not in page, path
    assert client.get(f"/p/northwind/customers/{world.globex.organization.public_id}").status_code == 404


def test_when_an_admin_opens_all_again_then_the_colleague_sees_both(world, browse):
    share_both(world)
    nils = membership(world.northwind, "nils")
    nora = browse(world.northwind.people["nora"])
    nora.post(f"/p/northwind/team/{nils.public_id}", {"customer": [world.acme.organization.public_id]})

    nora.post(f"/p/northwind/team/{nils.public_id}", {"all_customers": "on"})

    assert "Globex" in text(browse(world.northwind.people["nils"]).get("/p/northwind/customers"))


def test_when_an_admin_chooses_a_customer_the_company_does_not_know_then_it_is_refused(world, browse):
    share_both(world)
    nils = membership(world.northwind, "nils")

    response = browse(world.northwind.people["nora"]).post(
        f"/p/northwind/team/{nils.public_id}", {"customer": [world.rival.organization.public_id]}
    )

    assert "Nothing was saved" in text(response)
    assert membership(world.northwind, "nils").only_customers is None


def test_when_an_engineer_assigns_then_it_is_refused(world, browse):
    nora = membership(world.northwind, "nora")

    response = browse(world.northwind.people["nils"]).post(f"/p/northwind/team/{nora.public_id}", {"customer": []})

    assert response.status_code == 403


def test_when_opening_a_member_of_another_company_then_it_does_not_exist(world, browse):
    rita = membership(world.rival, "rita")

    assert browse(world.northwind.people["nora"]).get(f"/p/northwind/team/{rita.public_id}").status_code == 404
