"""Every page of the product as people get it: read by machines for those who cannot see, narrow, dark, without scripts, light."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from access import staff
from access.models import Category, User
from access.principal import acting, principal
from access.viewer import Viewer
from smartcare.story import seed
from tests.browsing import DESKTOP, PHONE, Look, Visit, server, visit, window
from tests.conftest import empty_everything
from tests.matrix.table import ROWS, Row
from tests.matrix.test_pages import path_of

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("pages")]
EVERY_DAY = (
    Look(DESKTOP, "light", whole=True),
    Look(DESKTOP, "dark", whole=False),
    Look(PHONE, "light", whole=False),
    Look(PHONE, "dark", whole=True),
)
THOROUGH = tuple(Look(size, theme, whole=True) for size in (DESKTOP, PHONE) for theme in ("light", "dark"))
WEIGHT, ELEMENTS = 15_000, 1_500  # bytes of gzipped HTML; nodes of the document
ACTORS = {"customer": "ada", "partner": "nora", "staff": "sam", "nobody": ""}
OF_THE_LIBRARY = {
    "nobody": ("login/", "signup/", "password/reset/", "password/reset/done/"),
    "customer": (
        *("2fa/", "2fa/totp/activate/", "2fa/webauthn/add/", "2fa/webauthn/", "email/", "password/change/", "logout/"),
        "reauthenticate/",
    ),
    "partner": (),
    "staff": (),
}
NOT_PAGES = ("healthz", "readyz", "metrics", "api/", "ingest/", "home", "switch/", "welcome", "access/preview")
DOWNLOADS = ("access/log/journal", "access/log/script")


@dataclass
class Site:
    """The seeded cast behind a running server. visits: by actor, filled as they are asked for."""

    url: str
    ids: dict[str, str]
    people: dict[str, User]
    visits: dict[str, list[Visit]] = field(default_factory=dict)

    def paths(self, actor: str) -> list[str]:
        """What this actor opens: every page of the table of the matrix, those of signing in, one that is not there."""
        rows = [self._path(row) for row in ROWS if is_page(row) and reads(row, actor)]
        extra = {
            "customer": (
                f"/access/grant?partner={self.ids['northwind']}&site={self.ids['hq']}&days=90",
                f"/devices/{self.ids['rt-hq']}",
                "/alerts?state=resolved",
                f"/access/staff/{self.ids['permission']}",
            ),
            "partner": (
                f"/p/northwind/access/ask?customer={self.ids['acme']}",
                f"/p/northwind/devices/{self.ids['rt-hq']}",
                "/p/northwind/customers/none",
            ),
            "staff": (
                f"/staff/tenants/{self.ids['acme']}/devices",
                f"/staff/tenants/{self.ids['acme']}/devices/{self.ids['fw-hq']}",
                f"/staff/tenants/{self.ids['acme']}/alerts/{self.ids['hq-open']}",
                f"/staff/permissions/{self.ids['permission']}",
                "/staff/search?q=acme",
            ),
            "nobody": ("/welcome/northwind",),
        }[actor]
        library = [f"/accounts/{path}" for path in OF_THE_LIBRARY[actor]]
        return list(dict.fromkeys([*rows, *extra, *library, "/not/there"]))

    def _path(self, row: Row) -> str:
        return path_of(row, self.ids, "northwind")

    def user(self, actor: str) -> User | None:
        return self.people.get(ACTORS[actor])


def is_page(row: Row) -> bool:
    return not row.posts and not row.route.startswith(NOT_PAGES + DOWNLOADS) and not row.route.endswith("/readings")


def reads(row: Row, actor: str) -> bool:
    if actor == "partner":
        return row.who == "partner" and (not row.ids or "northwind" in row.readers)
    if actor == "nobody":
        return row.who == "public"
    wanted = {"customer": {"customer", "member", "signed-in", "public"}, "staff": {"staff"}}[actor]
    return row.who in wanted


@pytest.fixture(scope="module")
def site(django_db_setup: None, django_db_blocker: Any) -> Iterator[Site]:
    """Seeded and committed once; staff has a permission that runs."""
    with django_db_blocker.unblock():
        printed = seed(lambda _: None, days=2)
        people = {name: User.objects.get(email=user["email"]) for name, user in printed["users"].items()}
        printed["ids"]["permission"] = allowed_to_staff(people)
        with server() as url:
            yield Site(url, printed["ids"], people)
        empty_everything()


def allowed_to_staff(people: dict[str, User]) -> str:
    """Public id of a permission that sam asked for and ada gave."""
    ada, sam = people["ada"], Viewer.of_staff(people["sam"])
    with principal(kind="login", user=ada.pk):
        membership = ada.memberships.select_related("organization").get()
    membership.user = ada
    owner = Viewer.of_membership(membership)
    with acting(sam):
        row = staff.ask(
            by=sam,
            customer=membership.organization,
            sites=[],
            categories=[Category.INVENTORY, Category.HEALTH],
            hours=4,
            reason="You told us that the firewall shows no readings.",
        )
    with acting(owner):
        staff.allow(row, by=owner)
    return row.public_id


@pytest.fixture
def visits(site: Site, browser: Any, actor: str) -> list[Visit]:
    """Each page of the actor, looked at once for all tests."""
    if actor not in site.visits:
        user = site.user(actor)
        with (
            window(browser, site.url, user) as page,
            window(browser, site.url, user, java_script_enabled=False) as plain,
        ):
            site.visits[actor] = [visit(page, p, EVERY_DAY, without_scripts=plain) for p in site.paths(actor)]
    return site.visits[actor]


by_everybody = pytest.mark.parametrize("actor", ACTORS)


@by_everybody
def test_when_a_page_is_opened_then_it_is_there(visits: list[Visit], actor: str):
    absent = [f"{v.path}: {v.status}" for v in visits if v.status != 200]

    expected = {"partner": ["/p/northwind/customers/none: 404"]}.get(actor, [])
    assert absent == [*expected, "/not/there: 404"]


@by_everybody
def test_when_a_machine_reads_a_page_in_both_sizes_and_themes_then_it_finds_no_barrier(visits: list[Visit], actor: str):
    barriers = [line for v in visits for line in v.axe]

    assert not barriers, "\n".join(barriers)


@by_everybody
def test_when_a_page_is_opened_then_the_browser_has_nothing_to_complain_of(visits: list[Visit], actor: str):
    assert [line for v in visits for line in v.console] == []


@by_everybody
def test_when_the_window_is_narrow_then_no_page_scrolls_sideways(visits: list[Visit], actor: str):
    assert {v.path: v.wider for v in visits if v.wider} == {}


@by_everybody
def test_when_a_page_is_read_on_a_phone_then_no_cell_of_a_table_is_one_letter_wide(visits: list[Visit], actor: str):
    assert {v.path: v.squeezed for v in visits if v.squeezed} == {}


@by_everybody
def test_when_a_page_is_sent_then_it_is_light(visits: list[Visit], actor: str):
    heavy = {v.path: (v.weight, v.elements) for v in visits if v.weight > WEIGHT or v.elements > ELEMENTS}

    assert heavy == {}


@by_everybody
def test_given_no_scripts_when_a_page_is_opened_then_everything_to_read_and_to_press_is_still_there(
    visits: list[Visit], actor: str
):
    assert {v.path: v.gone for v in visits if v.gone} == {}


@pytest.mark.soak
@by_everybody
def test_when_a_machine_reads_every_page_by_all_its_rules_then_it_finds_no_barrier(
    site: Site, browser: Any, actor: str
):
    with window(browser, site.url, site.user(actor)) as page:
        barriers = [line for path in site.paths(actor) for line in visit(page, path, THOROUGH).axe]

    assert not barriers, "\n".join(barriers)
