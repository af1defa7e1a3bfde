"""Forty sites and sixty partners: groups of sites as columns, pages of partners, filters; a cell of several sites leads to all of them."""

import re

import pytest

from access import matrix, sharing, site_groups
from access.lengths import end_after
from access.matrix import Standing, Wanted
from access.models import Site
from access.principal import acting
from access.sharing import Terms
from tests.cast import HEALTH, INVENTORY, World
from tests.crowd import crowd
from tests.partners.pages import QUERIES_A_PAGE, asked, text, weight

ELEMENTS = 1_500


def site(name: str, city: str = "") -> Site:
    return Site(name=name, city=city)


def labels(sites: list[Site]) -> list[tuple[str, int]]:
    return [(g.label, len(g.sites)) for g in site_groups.groups(sites)]


def test_given_twelve_sites_then_there_are_no_groups():
    assert labels([site(f"S{n}", "Lyon") for n in range(12)]) == []


def test_given_sites_in_few_cities_then_a_city_is_a_group_and_those_without_one_come_last():
    sites = [site(f"S{n:02}", ("lyon", "Berlin", "", "Lyon ")[n % 4]) for n in range(16)]

    assert labels(sites) == [("Berlin", 4), ("lyon", 8), ("No city", 4)]


def test_given_a_city_with_more_than_twelve_sites_then_it_is_parted_by_name():
    sites = [site(f"S{n:02}", "Lyon") for n in range(14)] + [site("X", "Gent")]

    assert labels(sites) == [("Gent", 1), ("Lyon: S00 to S06", 7), ("Lyon: S07 to S13", 7)]


def test_given_each_site_in_a_city_of_its_own_then_groups_go_by_name():
    sites = [site(f"S{n:02}", f"City {n}") for n in range(25)]

    assert labels(sites) == [("S00 to S08", 9), ("S09 to S17", 9), ("S18 to S24", 7)]


def test_when_sites_are_grouped_then_each_is_in_one_group_which_its_address_finds_again():
    sites = [site(f"S{n:02}", ("Lyon", "Berlin")[n % 2]) for n in range(30)]

    groups = site_groups.groups(sites)

    assert sorted(s.public_id for g in groups for s in g.sites) == sorted(s.public_id for s in sites)
    assert all(site_groups.group_of(sites, s.public_id) == g for g in groups for s in g.sites)
    assert all(len(g.sites) <= site_groups.MOST for g in groups)


@pytest.fixture
def thirteen(world: World) -> World:
    """Acme with ten more sites: three cities, each of several; hq, branch and depot have cities of their own."""
    acme = world.acme
    for number in range(24):
        acme.opens(f"shop {number:02}")
    with acting(acme.viewer()):
        for number in range(24):
            Site.objects.visible_to(acme.viewer()).filter(pk=acme.sites[f"shop {number:02}"].pk).update(
                city=("Lyon", "Gent", "Graz")[number % 3]
            )
    return world


def of(world: World, **wanted) -> matrix.Matrix:
    viewer = world.acme.viewer()
    with acting(viewer):
        return matrix.matrix(viewer, wanted=Wanted(**wanted), url_of=lambda c: c.site_id)


def row(found: matrix.Matrix, name: str) -> dict[str, str]:
    return {c.site: c.text for c in next(r for r in found.rows if r.name == name).cells}


def test_given_many_sites_then_columns_are_all_and_the_groups_and_cells_count_sites(thirteen: World):
    for name in ("shop 00", "shop 03", "shop 01"):
        thirteen.acme.shares(name, with_=thirteen.northwind, categories={INVENTORY})

    texts = row(of(thirteen), "Northwind")

    assert texts["All sites"] == "3 of 27 sites"
    assert (texts["Lyon"], texts["Gent"], texts["Graz"]) == ("2 of 8 sites", "1 of 8 sites", "Nothing")


def test_given_accesses_of_several_ends_then_the_cell_tells_the_first_and_names_all_kinds_aloud(thirteen: World):
    thirteen.acme.shares("shop 00", with_=thirteen.northwind, categories={INVENTORY}, days=9)
    thirteen.acme.shares("shop 03", with_=thirteen.northwind, categories={HEALTH}, forward_alerts=True)

    cell = next(c for c in of(thirteen).rows[0].cells if c.site == "Lyon")

    assert (cell.state, cell.text, cell.shared) == ("soon", "2 of 8 sites, 9 days left", ("inventory", "health"))
    assert cell.sentence == (
        "Northwind: Lyon, device list, and health and alerts, 2 of 8 sites, the first of them 9 days left, alerts are sent"
    )


def test_when_a_group_is_opened_then_its_sites_are_the_columns(thirteen: World):
    thirteen.acme.shares("shop 03", with_=thirteen.northwind, categories={INVENTORY})
    lyon = [n for n in range(24) if n % 3 == 0]

    found = of(thirteen, group=thirteen.acme.sites["shop 03"].public_id)

    assert [c.label for c in found.columns] == ["All sites", *(f"shop {n:02}" for n in lyon)]
    assert row(found, "Northwind")["shop 03"].startswith("to ")


def test_when_a_cell_of_a_group_is_opened_then_its_sites_are_ticked_and_nothing_else(thirteen: World, browse):
    client = browse(thirteen.acme.people["ada"])
    thirteen.acme.shares("hq", with_=thirteen.northwind, categories={INVENTORY})
    page = text(client.get("/access"))
    address = re.search(r'href="(/access/grant\?partner=[^"]+)" aria-label="Northwind: Lyon,', page)[1]

    form = text(client.get(address.replace("&amp;", "&")))

    ticked = re.findall(r'name="site" value="([^"]+)" checked', form)
    lyon = {thirteen.acme.sites[f"shop {n:02}"].public_id for n in range(24) if n % 3 == 0}
    assert set(ticked) == lyon
    assert not re.search(r'name="cat" value="\w+" checked', form)


def test_when_the_cell_of_all_sites_is_opened_then_every_open_site_is_ticked(thirteen: World, browse):
    form = text(browse(thirteen.acme.people["ada"]).get("/access/grant?partner=none&site=all"))

    assert len(re.findall(r'name="site" value="[^"]+" checked', form)) == 27


def test_given_the_very_same_at_every_site_of_a_cell_then_its_form_starts_as_it_is_today(thirteen: World, browse):
    ada, lyon = thirteen.acme.viewer(), [thirteen.acme.sites[f"shop {n:02}"] for n in range(0, 24, 3)]
    terms = Terms(frozenset({INVENTORY}), end_after(30, thirteen.acme.organization), forward_alerts=False, purpose="")
    with acting(ada):
        sharing.give(partner=thirteen.northwind.organization, sites=lyon, terms=terms, by=ada)
    group, partner = thirteen.acme.sites["shop 00"].public_id, thirteen.northwind.organization.public_id

    form = text(browse(thirteen.acme.people["ada"]).get(f"/access/grant?partner={partner}&group={group}"))

    assert re.findall(r'name="cat" value="(\w+)" checked', form) == ["inventory"]
    assert re.search(r'name="days" value="keep" checked', form)


@pytest.fixture
def many(db: None):
    return crowd()


@pytest.fixture
def few_more(db: None):
    """Just as many as need groups and pages."""
    return crowd(sites=16, partners=46)


def partners_on(page: str) -> list[str]:
    return re.findall(r"<span>(Partner \d\d Networks)", page)


def test_given_forty_sites_and_sixty_partners_then_every_page_is_light_and_together_they_have_all(many, browse):
    owner, _ = many
    client, seen, number = browse(owner.people["olga"]), [], 1
    client.get("/access")

    while True:
        with asked() as queries:
            answer = client.get(f"/access?page={number}")
        page = text(answer)
        assert len(queries) <= QUERIES_A_PAGE
        assert weight(answer) <= 15_000
        assert page.count("</") + page.count("<input") < ELEMENTS
        seen += partners_on(page)
        number += 1
        if 'rel="next"' not in page:
            break

    assert len(seen) == len(set(seen)) == 42  # 40 see or saw something, two of the others ask
    assert seen == sorted(seen)


def test_when_the_rows_are_filtered_then_the_number_on_the_link_is_what_one_finds(few_more, browse):
    owner, _ = few_more
    viewer, client = owner.viewer(), browse(owner.people["olga"])

    for standing in Standing:
        with acting(viewer):
            found = matrix.matrix(viewer, wanted=Wanted(standing=standing))
        page = text(client.get(f"/access?show={standing}"))

        assert len(found.found) == found.counts[standing] > 0
        assert set(partners_on(page)) == {r.name for r in found.rows}


def test_when_a_partner_is_looked_for_by_name_then_its_row_is_there_alone_also_in_the_file(few_more, browse):
    client = browse(few_more[0].people["olga"])

    page = text(client.get("/access?q=partner 03"))
    lines = client.get("/access?q=partner 03&format=json").json()
    nothing = text(client.get("/access?q=nobody"))

    assert partners_on(page) == ["Partner 03 Networks"]
    assert {line["partner"] for line in lines} == {"Partner 03 Networks"}
    assert 'No partner fits these filters. <a href="/access">Show all</a>' in nothing


def test_when_the_file_is_asked_for_one_group_then_it_has_no_other_sites(few_more, browse):
    owner, _ = few_more
    berlin = next(s for name, s in owner.sites.items() if name.startswith("Berlin"))

    lines = browse(owner.people["olga"]).get(f"/access?group={berlin.public_id}&format=json").json()

    assert lines
    assert all(line["site"].startswith("Berlin") for line in lines)


@pytest.mark.parametrize("query", ["?page=99", "?page=0", "?show=everything", "?group=st-none"])
def test_when_the_address_says_what_no_link_says_then_the_page_is_there(thirteen, browse, query):
    assert browse(thirteen.acme.people["ada"]).get(f"/access{query}").status_code == 200
