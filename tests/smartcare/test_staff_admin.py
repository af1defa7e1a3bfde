"""Django's admin at /staff/admin/: tables that are about no customer, for staff alone, in the frame of the other staff pages."""

import re
from datetime import date

import pytest
from django.contrib.admin import AdminSite, ModelAdmin, TabularInline
from django.contrib.admin.models import LogEntry
from django.core.checks.registry import registry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from access.models import Site
from smartcare.staff.admin import checks
from smartcare.staff.admin.site import site
from telemetry.models import Alert, ModelLifecycle
from tests.cast import World
from tests.partners.pages import QUERIES_A_PAGE, asked, text
from tests.signing_in import sign_in

LISTS = ["/staff/admin/", "/staff/admin/partners/", "/staff/admin/staff/", "/staff/admin/models/", "/staff/admin/log/"]
PAGES = [*LISTS, "/staff/admin/models/add/"]
SWITCH = {"vendor": "Example", "model": "EN-1", "end_of_sale": "", "end_of_support": "2031-05-01", "source": "a notice"}


@pytest.fixture
def sam(world: World) -> Client:
    return sign_in(Client(), world.sam)


@pytest.fixture
def en1(db) -> ModelLifecycle:
    return ModelLifecycle.objects.create(vendor="Example", model="EN-1", end_of_support=date(2030, 1, 1))


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("stranger", ["ada", "nora"])
def test_given_somebody_who_is_not_staff_then_the_answer_is_that_of_any_staff_page(world, browse, path, stranger):
    client = browse(world.acme.people.get(stranger) or world.northwind.people[stranger])

    one, other = (client.get(p, headers={"X-Request-ID": "the-same-id"}) for p in (path, "/staff/partners"))

    assert one.status_code == other.status_code == 404
    assert one.content == other.content


@pytest.mark.parametrize("path", PAGES)
def test_given_nobody_signed_in_then_one_is_sent_to_our_own_sign_in(world, client, path):
    assert client.get(path)["Location"].startswith("/accounts/login/?next=")


@pytest.mark.parametrize("path", PAGES)
def test_given_staff_without_a_second_factor_then_it_is_set_up_first(world, sam, settings, path):
    settings.SECOND_FACTOR = "required"

    assert sam.get(path)["Location"] == "/accounts/2fa/"


@pytest.mark.parametrize("rest", ["login/", "logout/", "password_change/", "jsi18n/", "autocomplete/", "r/1/1/"])
def test_when_a_page_of_the_library_that_we_have_ourselves_is_opened_then_it_does_not_exist(world, sam, rest):
    assert sam.get(f"/staff/admin/{rest}").status_code == 404


@pytest.mark.parametrize("path", PAGES)
def test_when_opened_then_nothing_is_inline_and_the_policy_of_every_page_is_sent(world, sam, path):
    answer = sam.get(path)

    assert answer["Content-Security-Policy"] == sam.get("/staff/partners")["Content-Security-Policy"]
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)|javascript:", text(answer))


@pytest.mark.parametrize("path", PAGES)
def test_when_opened_then_the_database_answers_for_staff_and_is_asked_little(world, sam, en1, path):
    sam.get(path)
    with CaptureQueriesContext(connection) as captured, asked() as found:
        assert sam.get(path).status_code == 200

    told = [q["sql"] for q in captured if "set_config('app.kind'" in q["sql"]]
    assert any("set_config('app.kind', 'staff', true)" in statement for statement in told)
    assert len(found) <= QUERIES_A_PAGE


def test_when_partners_are_listed_then_no_customer_is(world, sam):
    page = text(sam.get("/staff/admin/partners/"))

    assert f'href="/staff/partners/{world.northwind.organization.public_id}"' in page
    assert world.acme.organization.public_id not in page
    assert "Acme" not in page


def test_when_partners_are_searched_then_only_those_are_listed(world, sam):
    page = text(sam.get("/staff/admin/partners/?q=riva"))

    assert "Rival" in page
    assert "Northwind" not in page


@pytest.mark.parametrize(
    ("place", "wanted"),
    [
        ("partners", "group__name__startswith"),
        ("partners", "memberships__user__email__startswith"),
        ("partners", "grants__purpose__startswith"),
        ("partners", "name__startswith"),
        ("staff", "password__startswith"),
        ("staff", "password__regex"),
        ("staff", "email"),
    ],
)
def test_when_a_list_is_filtered_by_what_it_does_not_show_then_it_is_refused(world, sam, place, wanted):
    answer = sam.get(f"/staff/admin/{place}/?{wanted}=a")

    assert answer.status_code == 400


def test_when_staff_are_listed_then_nobody_else_is(world, sam):
    page = text(sam.get("/staff/admin/staff/"))

    assert world.sam.email in page
    assert "ada@" not in page
    assert "nora@" not in page


@pytest.mark.parametrize("place", ["partners", "staff", "log"])
@pytest.mark.parametrize("rest", ["add/", "1/change/", "1/delete/", "1/history/"])
def test_given_a_table_that_services_write_when_writing_past_them_then_there_is_no_such_page(world, sam, place, rest):
    assert sam.post(f"/staff/admin/{place}/{rest}", {"name": "x"}).status_code == 404


def test_when_a_model_is_added_then_it_is_in_the_catalogue_and_in_the_log(world, sam):
    answer = sam.post("/staff/admin/models/add/", SWITCH, follow=True)

    row = ModelLifecycle.objects.get()
    assert (row.vendor, row.model, row.end_of_support) == ("Example", "EN-1", date(2031, 5, 1))
    assert "Example EN-1" in text(answer)
    assert LogEntry.objects.get().user_id == world.sam.pk
    assert "Example EN-1" in text(sam.get("/staff/admin/log/"))


def test_when_a_model_is_changed_then_its_history_says_by_whom(world, sam, en1):
    sam.post(f"/staff/admin/models/{en1.pk}/change/", SWITCH)

    en1.refresh_from_db()
    assert en1.end_of_support == date(2031, 5, 1)
    history = text(sam.get(f"/staff/admin/models/{en1.pk}/history/"))
    assert world.sam.name in history
    assert "End of support" in history


def test_when_a_model_is_deleted_then_it_is_asked_for_first(world, sam, en1):
    assert "Example EN-1" in text(sam.get(f"/staff/admin/models/{en1.pk}/delete/"))
    assert ModelLifecycle.objects.exists()

    sam.post(f"/staff/admin/models/{en1.pk}/delete/", {"post": "yes"})

    assert not ModelLifecycle.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"vendor": ""}, "This field is required"),
        ({"end_of_sale": "soon"}, "Enter a valid date"),
        ({}, "already exists"),
    ],
)
def test_when_the_form_is_wrong_then_it_says_so_in_words_and_nothing_is_saved(world, sam, en1, wrong, words):
    page = text(sam.post("/staff/admin/models/add/", SWITCH | wrong))

    assert words in page
    assert ModelLifecycle.objects.count() == 1


def test_given_many_models_then_the_next_page_has_the_rest(world, sam):
    ModelLifecycle.objects.bulk_create(ModelLifecycle(vendor="Example", model=f"EN-{n:03}") for n in range(60))

    first, second = (text(sam.get(f"/staff/admin/models/{rest}")) for rest in ("", "?p=2"))

    assert 'href="?p=2"' in first
    assert "EN-059" not in first
    assert "EN-059" in second


@pytest.mark.parametrize("path", ["999999/change/", "999999/delete/", "999999/history/", "none/change/"])
def test_given_a_model_that_is_not_there_when_opened_then_it_does_not_exist(world, sam, path):
    assert sam.get(f"/staff/admin/models/{path}").status_code == 404


def test_when_staff_look_at_the_menu_then_the_admin_is_in_it(world, sam):
    assert 'href="/staff/admin/"' in text(sam.get("/staff/search"))


def test_given_the_admin_as_it_is_then_no_table_of_a_customer_is_in_it():
    assert checks.faults([site]) == []
    assert checks.about_no_customer in registry.registered_checks
    assert set(site._registry) == set(checks.ALLOWED)


@pytest.mark.parametrize("model", [Alert, Site])
def test_when_somebody_registers_a_table_of_a_customer_then_the_start_is_stopped(model):
    theirs = AdminSite("theirs")
    theirs.register(model)

    found = checks.faults([theirs])

    assert [error.id for error in found] == ["smartcare.E001"]
    assert model.__name__ in found[0].msg


def test_when_somebody_shows_a_table_of_a_customer_inside_another_then_the_start_is_stopped():
    class Alerts(TabularInline):
        model = Alert

    class Models(ModelAdmin):
        inlines = (Alerts,)

    theirs = AdminSite("theirs")
    theirs.register(ModelLifecycle, Models)

    assert "Alert" in checks.faults([theirs])[0].msg
