"""A partner's own looks: everything it looked at, named while it is shared, afterwards site, kind and time; and of nobody else's."""

import csv
import io
import re
from datetime import timedelta

import pytest
from django.utils import timezone

from access import viewing
from access.models import Category, Membership, ViewingEntry
from access.principal import acting
from access.viewing import Look
from partners import own_looks, team
from tests.cast import HEALTH, INVENTORY, TRAFFIC, Company, Customer, World
from tests.partners.pages import asked, text
from tests.partners.tendering import opened

LOG = "/p/northwind/access/log"


def look(
    world: World,
    words: str,
    *,
    by: Company | None = None,
    at: Customer | None = None,
    site: str = "hq",
    kind: Category = HEALTH,
    way: str = "page",
) -> None:
    who, customer = by or world.northwind, at or world.acme
    viewer = who.viewer()
    with acting(viewer):
        seen = Look(customer.pk, Category(kind), customer.sites[site].pk, "device", words, ["dv-1"])
        viewing.record(viewer, [seen], way=way)


@pytest.fixture
def grant(world: World):
    return world.acme.shares("hq", with_=world.northwind, categories={INVENTORY, HEALTH}, purpose="Night watch")


def page(world: World, browse, query: str = "", name: str = "nora") -> str:
    return text(browse(world.northwind.people[name]).get(f"{LOG}{query}"))


def told(page: str) -> str:
    """The page in words."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_given_no_looks_then_the_page_says_so(world, browse):
    assert "Nobody of your company has looked at a customer’s data yet." in page(world, browse)


def test_given_a_look_at_what_no_grant_covers_then_it_is_not_called_ended(world, browse):
    tender = opened(world, world.northwind, title="Secret title")
    assert "Secret title" in text(
        browse(world.northwind.people["nora"]).get(f"/p/northwind/tenders/{tender.public_id}")
    )

    words = told(page(world, browse))

    assert "A request for proposals At least one kind" in words
    assert ("No longer shared" in words, "Secret title" in words) == (False, False)


def test_given_a_look_under_a_live_grant_then_it_is_named_with_person_customer_site_and_purpose(world, grant, browse):
    look(world, "Core switch")

    words = told(page(world, browse))

    assert "Nora Acme Core switch hq , Health and alerts. “Night watch” Page" in words


def test_given_an_access_that_ended_then_site_kind_and_time_are_left(world, grant, browse):
    look(world, "Core switch")
    world.acme.revokes(grant)

    words = told(page(world, browse))

    assert "Core switch" not in words
    assert "Nora Acme No longer shared hq , Health and alerts" in words


def test_given_an_end_that_passed_without_a_sweep_then_nothing_is_named_any_more(world, grant, browse):
    look(world, "Core switch")
    world.acme.lets_expire(grant)

    assert "Core switch" not in page(world, browse)


def test_given_an_access_that_was_narrowed_then_what_it_took_away_has_no_name_and_the_rest_has(world, grant, browse):
    look(world, "Seen in health", kind=HEALTH)
    look(world, "Seen in inventory", kind=INVENTORY)
    world.acme.changes(grant, categories={INVENTORY})

    shown = page(world, browse)

    assert "Seen in inventory" in shown
    assert "Seen in health" not in shown


def test_given_a_new_access_to_the_same_site_then_earlier_looks_have_their_names_again(world, grant, browse):
    look(world, "Core switch")
    world.acme.revokes(grant)
    world.acme.shares("hq", with_=world.northwind, categories={HEALTH})

    assert "Core switch" in page(world, browse)


def test_given_looks_of_another_partner_then_they_are_not_there(world, grant, browse):
    world.acme.shares("hq", with_=world.rival, categories={HEALTH})
    look(world, "Rival's look", by=world.rival)

    assert "Rival" not in page(world, browse)


def test_given_the_file_when_an_access_has_ended_then_it_says_no_more_than_the_page(world, grant, browse):
    look(world, "Core switch")
    world.acme.shares("branch", with_=world.northwind, categories={TRAFFIC})
    look(world, "Branch line", site="branch", kind=TRAFFIC)
    world.acme.revokes(grant)
    client = browse(world.northwind.people["nora"])

    table = list(csv.DictReader(io.StringIO(client.get(f"{LOG}?format=csv").content.decode())))
    lines = client.get(f"{LOG}?format=json").json()

    assert [(r["site"], r["object"]) for r in table] == [("branch", "Branch line"), ("hq", "")]
    assert [(r["site"], r["object"]) for r in lines] == [("branch", "Branch line"), ("hq", "")]


@pytest.fixture
def two(world: World, grant):
    """Looks at two customers, in two ways, at two kinds of data."""
    world.globex.shares("plant", with_=world.northwind, categories={INVENTORY})
    look(world, "First look")
    look(world, "Second look", at=world.globex, site="plant", kind=INVENTORY, way="export")
    return world


@pytest.mark.parametrize("of", ["customer", "site", "kind", "how"])
def test_given_looks_that_differ_when_filtered_then_the_other_is_not_there(two, browse, of):
    value = {
        "customer": two.globex.organization.public_id,
        "site": two.globex.sites["plant"].public_id,
        "kind": "inventory",
        "how": "export",
    }[of]

    shown = page(two, browse, f"?{of}={value}")

    assert "Second look" in shown
    assert "First look" not in shown


@pytest.mark.parametrize(
    "query", ["?person=nobody", "?to=2020-01-01", "?customer=none", "?site=none", "?kind=traffic", "?from=2999-01-01"]
)
def test_given_filters_that_nothing_fits_then_it_says_so(two, browse, query):
    shown = page(two, browse, query)

    assert "No look fits these filters." in shown
    assert "First look" not in shown


def test_given_a_site_that_is_not_shared_any_more_when_asked_for_by_its_address_then_nothing_is_found(
    world, grant, browse
):
    look(world, "Core switch")
    world.acme.revokes(grant)

    assert "No look fits these filters." in page(world, browse, f"?site={world.acme.sites['hq'].public_id}")


@pytest.mark.parametrize("query", ["?from=yesterday", "?older=x~y", "?newer=~", "?page=-1", "?how=teleport"])
def test_given_an_address_that_no_link_has_then_the_page_is_there(two, browse, query):
    assert "First look" in page(two, browse, query)


def test_given_a_colleague_who_is_assigned_to_one_customer_then_looks_at_others_are_not_there(two, browse):
    nora = two.northwind.viewer()
    with acting(nora):
        (nils,) = [m for m in team_members(two) if m.user.name == "Nils"]
        team.assign(nils, only=[two.globex.organization], by=nora)

    shown = page(two, browse, name="nils")

    assert "Second look" in shown
    assert "First look" not in shown
    assert "Acme" not in shown


def team_members(world: World) -> list[Membership]:
    return list(Membership.objects.filter(organization=world.northwind.pk).select_related("user"))


def test_given_a_program_that_reads_often_then_its_day_is_one_line(world, grant, browse):
    for number in range(3):
        look(world, f"Call {number}", way="api")

    shown = page(world, browse)

    assert "3 reads" in shown
    assert len(re.findall(r'<th scope="row"', shown)) == 1


def test_given_more_looks_than_a_page_then_its_pages_have_each_once(world, grant, browse):
    for number in range(55):
        look(world, f"Look {number:02}")
    client = browse(world.northwind.people["nora"])

    first = text(client.get(LOG))
    older = re.search(r'href="(\?older=[^"]+)"', first)[1].replace("&amp;", "&")
    second = text(client.get(LOG + older))

    seen = re.findall(r"Look \d\d", first + second)
    assert sorted(set(seen)) == sorted(seen) == [f"Look {n:02}" for n in range(55)]


def test_given_more_looks_and_sites_then_no_more_is_asked(two, browse):
    client = browse(two.northwind.people["nora"])
    client.get(LOG)
    with asked() as few:
        client.get(LOG)
    for site in ("branch", "depot"):
        two.acme.shares(site, with_=two.northwind, categories={HEALTH})
        look(two, "More", site=site)
        look(two, "More by program", site=site, way="api")
    two.acme.revokes(two.acme.shares("depot", with_=two.rival))

    with asked() as many:
        client.get(LOG)

    assert len(many) <= len(few) + 2  # names of ended accesses and the count of programs, where there are any
    assert len(many) <= 12


def test_when_another_partner_opens_the_address_then_it_is_not_there(two, browse):
    assert browse(two.rival.people["rita"]).get(LOG).status_code == 404


def test_given_the_filters_alone_when_an_access_has_ended_then_they_name_nothing_either(world, grant):
    """Of an entry already read: the words are held back by what is live now, not by what the database would show."""
    look(world, "Core switch")
    world.acme.revokes(grant)
    nora = world.northwind.viewer()

    with acting(nora):
        entry = ViewingEntry.objects.visible_to(nora).select_related("grant", "site").get()
        known = own_looks.Known.of(nora)

        assert not known.names(entry)
        assert own_looks.shown(entry, known)["object"] == ""
        assert own_looks.shown(entry, known)["site"] == "hq"
    assert entry.at > timezone.now() - timedelta(minutes=5)
