"""Signing in and up, and the second factor of those who see what belongs to others."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from django.core.management import call_command
from django.template.loader import render_to_string
from django.test import Client
from django.utils import timezone

from access import invitations, onboarding
from access.models import Membership, Organization, Role, User
from access.principal import acting, job, principal
from tests.cast import PASSWORD, World, make_user

MFA = "/accounts/2fa/"


@pytest.fixture(autouse=True)
def as_often_as_a_test_likes(settings: Any) -> None:
    """Thirty sign-ins a minute from one address would be many for a person."""
    settings.ACCOUNT_RATE_LIMITS = False


@pytest.fixture
def required(settings: Any) -> None:
    settings.SECOND_FACTOR = "required"


def sign_in(name: str, password: str = PASSWORD) -> Client:
    """By the form, with an address that was confirmed."""
    user = User.objects.get(email=f"{name}@example.com")
    EmailAddress.objects.get_or_create(user=user, email=user.email, defaults={"verified": True, "primary": True})
    client = Client()
    client.post("/accounts/login/", {"login": f"{name}@example.com", "password": password})
    return client


def switch_on(client: Client) -> Any:
    """Set up an authenticator app as a person does: read the secret off the page, type the code."""
    page = client.get("/accounts/2fa/totp/activate/").content.decode()
    secret = re.search(r'<code class="mono">([A-Z2-7]+)</code>', page)[1]  # type: ignore[index]
    code = totp.format_hotp_value(totp.hotp_value(secret, next(iter(totp.yield_hotp_counters_from_time()))))
    return client.post("/accounts/2fa/totp/activate/", {"code": code})


# ---- the first account of an installation


def test_given_a_fresh_installation_when_its_first_staff_account_is_made_then_mail_and_second_factor_lead_to_the_console(
    db: None, required: None, monkeypatch: pytest.MonkeyPatch, mailoutbox: list[Any]
):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    call_command("createsuperuser", interactive=False, email="Mina@Example.com", name="Mina Koch", verbosity=0)
    client = Client()
    client.post("/accounts/login/", {"login": "mina@example.com", "password": PASSWORD})
    link = re.search(r"http\S+(/accounts/confirm-email/\S+)", mailoutbox[-1].body)
    assert link

    assert client.post(link[1]).status_code == 302
    assert client.get("/staff/search").headers["Location"] == MFA
    switch_on(client)

    assert client.get("/staff/search").status_code == 200


# ---- who must have one


@pytest.mark.parametrize(("name", "page"), [("sam", "/staff/search"), ("nora", "/p/northwind/triage")])
def test_given_a_password_alone_when_staff_or_a_partner_admin_opens_a_page_then_a_second_factor_comes_first(
    world: World, required: None, name: str, page: str
):
    answer = sign_in(name).get(page)

    assert (answer.status_code, answer.headers.get("Location")) == (302, MFA)


@pytest.mark.parametrize("name", ["sam", "nora"])
def test_when_they_are_sent_to_set_it_up_then_the_page_says_why_and_works(world: World, required: None, name: str):
    page = sign_in(name).get(MFA)

    assert page.status_code == 200
    assert "a password alone is not enough" in page.content.decode()


@pytest.mark.parametrize(("name", "page"), [("sam", "/staff/search"), ("nora", "/p/northwind/triage")])
def test_given_an_authenticator_app_when_it_is_switched_on_then_the_pages_open(
    world: World, required: None, name: str, page: str
):
    client = sign_in(name)

    switch_on(client)

    assert client.get(page).status_code == 200


@pytest.mark.parametrize(("name", "page"), [("ada", "/"), ("nils", "/p/northwind/triage")])
def test_when_somebody_else_signs_in_then_a_password_is_enough(world: World, required: None, name: str, page: str):
    assert sign_in(name).get(page).status_code == 200


def test_when_an_engineer_becomes_admin_then_the_next_page_asks_for_it(world: World, required: None):
    nils, boss = sign_in("nils"), world.northwind.viewer("nora")
    with acting(boss):
        membership = Membership.objects.select_related("organization").get(user=world.northwind.people["nils"])
        onboarding.change_role(membership, role=Role.ADMIN, by=boss)

    assert nils.get("/p/northwind/triage").headers.get("Location") == MFA


def test_when_the_app_is_switched_off_again_then_the_pages_close(world: World, required: None):
    nora = sign_in("nora")
    switch_on(nora)

    nora.post("/accounts/2fa/totp/deactivate/")

    assert nora.get("/p/northwind/triage").headers.get("Location") == MFA


def test_given_a_change_when_it_comes_without_a_second_factor_then_nothing_is_done(world: World, required: None):
    nora = sign_in("nora")

    answer = nora.post("/p/northwind/settings/company", {"name": "Changed"})

    assert answer.headers.get("Location") == MFA
    with acting(world.northwind.viewer()):
        world.northwind.organization.refresh_from_db()
    assert world.northwind.organization.name == "Northwind"


def test_when_a_fragment_is_asked_for_then_the_whole_page_is_sent_there(world: World, required: None):
    answer = sign_in("nora").get("/p/northwind/triage", headers={"HX-Request": "true"})

    assert answer.headers["HX-Redirect"] == MFA


def test_when_the_api_is_asked_by_a_session_then_it_says_what_is_missing(world: World, required: None):
    answer = sign_in("nora").get("/api/v1/sites")

    assert (answer.status_code, answer.json()["title"]) == (403, "Set up a second factor first")


def test_given_a_sign_in_of_long_ago_when_it_is_set_up_then_the_password_is_asked_for_again(
    world: World, time_machine: Any
):
    ada = sign_in("ada")
    time_machine.move_to(timezone.now() + timedelta(minutes=16))

    answer = ada.get("/accounts/2fa/totp/activate/")

    assert answer.headers["Location"].startswith("/accounts/reauthenticate/")


def test_given_optional_when_staff_signs_in_then_a_password_is_enough(world: World):
    assert sign_in("sam").get("/staff/search").status_code == 200


# ---- signing in with one


def test_given_an_app_when_signing_in_then_the_password_alone_opens_nothing(world: World, required: None):
    switch_on(sign_in("nora"))

    again = sign_in("nora")

    assert again.get("/p/northwind/triage").headers["Location"].startswith("/accounts/login/")


def test_when_setting_up_then_the_page_shows_codes_for_the_day_the_phone_is_lost(world: World):
    nora = sign_in("nora")
    landing = switch_on(nora)

    page = nora.get(landing.headers["Location"]).content.decode()

    assert len(re.findall(r"<li>\d{8}</li>", page)) == 10


def test_when_a_second_factor_is_set_up_then_the_mailbox_is_told(lasting_world: World, mailoutbox: list[Any]):
    switch_on(sign_in("ada"))

    assert ["ada@example.com"] in [m.to for m in mailoutbox]
    assert any("Was that not you?" in m.body for m in mailoutbox)


# ---- who may open an account


def test_given_a_closed_installation_when_somebody_comes_by_then_only_invitations_open_it(db: None, settings: Any):
    settings.OPEN_SIGNUP = False

    page = Client().get("/accounts/signup/").content.decode()

    assert "by invitation" in page
    assert "<form" not in page


def confirms(client: Client, message: Any) -> Any:
    """Follows the link of a mail, and says that the address is one's own."""
    link = next(word for word in message.body.split() if "/accounts/confirm-email/" in word)
    path = urlsplit(link).path
    assert client.get(path).status_code == 200
    return client.post(path)


def test_given_an_open_one_when_somebody_signs_up_then_their_company_comes_after_the_mail(
    db: None, settings: Any, mailoutbox: list[Any]
):
    settings.OPEN_SIGNUP = True
    client = Client()

    told = client.post("/accounts/signup/", {"email": "New@Example.com", "password1": PASSWORD}, follow=True)
    answer = confirms(client, mailoutbox[0])

    assert "Look into your mail" in told.content.decode()
    assert answer.headers["Location"] == "/welcome"
    assert User.objects.get(email="new@example.com").name == "new"


def test_given_an_address_that_is_not_confirmed_when_signing_in_then_only_a_mail_comes_of_it(
    db: None, settings: Any, mailoutbox: list[Any]
):
    make_user("unsure")

    answer = Client().post("/accounts/login/", {"login": "unsure@example.com", "password": PASSWORD}, follow=True)

    assert "Look into your mail" in answer.content.decode()
    assert [m.to for m in mailoutbox] == [["unsure@example.com"]]


def test_given_somebody_invited_by_mail_when_they_sign_up_with_that_address_then_they_need_no_second_mail(
    world: World, mailoutbox: list[Any]
):
    boss = world.northwind.viewer()
    with acting(boss):
        _, token = invitations.invite_member(by=boss, email="invited@example.com", role=Role.ENGINEER)
    client = Client()
    client.get(f"/invitations/{token}")

    answer = client.post("/accounts/signup/", {"email": "invited@example.com", "password1": PASSWORD})

    assert (answer.status_code, answer.headers["Location"]) == (302, "/welcome")
    assert mailoutbox == []


def test_given_a_mail_server_that_is_away_when_somebody_signs_up_then_the_page_is_the_same(
    db: None, settings: Any, monkeypatch: pytest.MonkeyPatch
):
    settings.OPEN_SIGNUP = True
    settings.MAILERS = {
        "default": {
            "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
            "OPTIONS": {"host": "127.0.0.1", "port": 1, "timeout": 1},
        }
    }

    answer = Client().post("/accounts/signup/", {"email": "away@example.com", "password1": PASSWORD}, follow=True)

    assert "Look into your mail" in answer.content.decode()


# ---- a partner's referral link


def test_given_a_referral_link_when_its_reader_founds_a_company_then_that_is_its_own_and_shares_nothing(
    world: World, settings: Any, mailoutbox: list[Any]
):
    settings.OPEN_SIGNUP = False
    client = Client()
    assert "Northwind sent you here" in client.get("/welcome/northwind", follow=True).content.decode()
    client.post("/accounts/signup/", {"email": "new@example.com", "password1": PASSWORD})
    confirms(client, mailoutbox[0])

    page = client.get("/welcome").content.decode()
    client.post("/welcome", {"name": "Newco", "your_name": "New", "timezone": "UTC", "site": "Attic"})

    assert "Northwind told you about SmartCare" in page
    with principal(kind="login", user=User.objects.get(email="new@example.com").pk):
        [membership] = Membership.objects.filter(user__email="new@example.com").select_related("organization")
    assert (membership.role, membership.organization.referred_by_id) == ("owner", world.northwind.pk)
    nora = sign_in("nora")
    for path in ("triage", "customers", "devices", "alerts", "access", "contracts"):
        assert "Newco" not in nora.get(f"/p/northwind/{path}", follow=True).content.decode(), path
    with acting(world.northwind.viewer()):
        assert not Organization.objects.filter(name="Newco").exists()


@pytest.mark.parametrize("slug", ["nobody", "suspended", "acme"])
def test_given_a_closed_installation_when_a_link_is_no_partner_s_then_it_opens_nothing(
    world: World, settings: Any, slug: str
):
    settings.OPEN_SIGNUP = False
    with job(world.rival.pk):
        Organization.objects.filter(pk=world.rival.pk).update(status="suspended")
    links = {"nobody": "nobody", "suspended": world.rival.slug, "acme": world.acme.organization.slug}
    client = Client()

    answer = client.get(f"/welcome/{links[slug]}", follow=True)

    assert "by invitation" in answer.content.decode()
    assert client.post("/accounts/signup/", {"email": "new@example.com", "password1": PASSWORD}).status_code == 200
    assert not User.objects.filter(email="new@example.com").exists()


def test_given_somebody_signed_in_when_a_referral_link_is_opened_then_it_leads_home(world: World):
    assert sign_in("ada").get("/welcome/northwind").headers["Location"] == "/home"


def test_when_a_partner_opens_its_settings_then_its_referral_link_is_there_and_a_customer_has_none(world: World):
    partner = sign_in("nora").get("/p/northwind/settings/company").content.decode()
    customer = sign_in("ada").get("/settings/company").content.decode()

    assert ("/welcome/northwind" in partner, "/welcome/" in customer) == (True, False)


# ---- people


def test_when_an_invitation_is_taken_back_on_the_page_then_its_link_is_dead(world: World):
    ada = sign_in("ada")
    boss = world.acme.viewer("ada")
    with acting(boss):
        row, token = invitations.invite_member(by=boss, email="late@example.com", role=Role.VIEWER)

    page = ada.post("/settings/people", {"withdraw": row.public_id}, follow=True).content.decode()

    assert "no longer works" in page
    assert invitations.read(token) is None


@pytest.mark.parametrize("name", ["alan", "gwen", "nora"])
def test_given_somebody_who_may_not_when_an_invitation_is_taken_back_then_its_link_stays(world: World, name: str):
    boss = world.acme.viewer("ada")
    with acting(boss):
        row, token = invitations.invite_member(by=boss, email="late@example.com", role=Role.VIEWER)

    answer = sign_in(name).post("/settings/people", {"withdraw": row.public_id})

    assert answer.status_code == (403 if name == "alan" else 404)
    assert invitations.read(token) is not None


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("company", {"name": "Mine", "timezone": "UTC", "claim_words": "someone"}),
        ("people/{ada}", {"role": "viewer"}),
        ("people/{ada}", {"remove": "1"}),
        ("people/invite", {"email": "friend@example.com", "role": "viewer"}),
        ("api", {"name": "Mine", "scope": "read", "days": "30"}),
    ],
)
def test_given_a_colleague_who_only_reads_when_changing_a_setting_then_a_sentence_says_who_may(
    world: World, path: str, data: dict[str, str]
):
    boss = world.acme.viewer("ada")
    with acting(boss):
        ada = Membership.objects.get(user=world.acme.people["ada"], organization=world.acme.pk)

    answer = sign_in("alan").post(f"/settings/{path.format(ada=ada.public_id)}", data)

    assert (answer.status_code, "Only owners and admins" in answer.content.decode()) == (403, True)


def test_given_a_role_that_does_not_exist_when_it_is_posted_then_nobody_is_lowered(world: World):
    ada, boss = sign_in("ada"), world.acme.viewer("ada")
    with acting(boss):
        alan = Membership.objects.get(user=world.acme.people["alan"])
        onboarding.change_role(alan, role=Role.APPROVER, by=boss)

    ada.post(f"/settings/people/{alan.public_id}", {"role": "king"})

    with acting(boss):
        assert Membership.objects.get(pk=alan.pk).role == Role.APPROVER


@pytest.mark.parametrize("open_signup", [True, False])
def test_when_the_sign_in_page_is_shown_then_it_offers_an_account_only_where_one_can_be_made(
    db: None, settings: Any, open_signup: bool
):
    settings.OPEN_SIGNUP = open_signup

    assert ("Create an account" in Client().get("/accounts/login/").content.decode()) is open_signup


# ---- where people land


@pytest.mark.parametrize(("name", "page"), [("ada", "/"), ("nora", "/p/northwind/triage"), ("sam", "/staff/search")])
def test_when_somebody_has_signed_in_then_they_are_where_they_belong(world: World, name: str, page: str):
    client = sign_in(name)

    assert client.get("/home").headers["Location"] == page


def test_given_no_company_when_somebody_signs_in_then_they_found_one(db: None):
    make_user("lone")

    assert sign_in("lone").get("/home").headers["Location"] == "/welcome"


# ---- every page of the sign-in library in our look


@pytest.mark.parametrize(
    "path",
    [
        "/accounts/password/change/",
        "/accounts/email/",
        MFA,
        "/accounts/2fa/totp/activate/",
        "/accounts/2fa/webauthn/add/",
        "/accounts/2fa/webauthn/",
        "/accounts/logout/",
    ],
)
def test_when_a_signed_in_person_opens_a_page_of_the_library_then_it_is_in_our_look(world: World, path: str):
    page = sign_in("ada").get(path)

    assert page.status_code == 200
    assert '<main id="main"' in page.content.decode()
    assert "Menu:" not in page.content.decode()


def test_when_an_unknown_and_a_known_address_ask_for_a_new_password_then_the_answers_are_alike(world: World):
    told = [
        Client().post("/accounts/password/reset/", {"email": f"{name}@example.com"}, follow=True)
        for name in ("ada", "nobody-we-know")
    ]

    one, other = (re.sub(r'value="[^"]*"', "", t.content.decode()) for t in told)
    assert one == other


@pytest.mark.parametrize("email", ["ada@example.com", "nobody@example.com"])
def test_when_a_password_is_wrong_then_the_page_says_what_to_do_and_not_whether_the_address_is_known(
    world: World, email: str
):
    page = Client().post("/accounts/login/", {"login": email, "password": "not this one"}).content.decode()

    assert "E-mail address and password do not fit each other. Try again, or use “Forgot your password?”." in page
    assert "Forgot your password?</a>" in page


@pytest.mark.parametrize("done", ["added", "removed"])
def test_when_a_passkey_is_added_or_removed_then_page_and_mail_use_the_word_of_the_pages(done: str):
    names = [
        f"messages/webauthn_{done}.txt",
        f"email/webauthn_{done}_subject.txt",
        f"email/webauthn_{done}_message.txt",
    ]

    for said in [render_to_string(f"mfa/{name}") for name in names]:
        assert "passkey" in said.lower()
        assert done in said
        assert "security key" not in said.lower()


def test_given_a_passkey_when_it_is_asked_for_again_then_it_is_offered_as_a_passkey(world: World):
    ada = world.acme.people["ada"]
    Authenticator.objects.create(user=ada, type=Authenticator.Type.WEBAUTHN, data={})

    offered = [str(m["description"]) for m in get_adapter().get_reauthentication_methods(ada)]

    assert "Use a passkey" in offered
    assert "Use a security key" not in offered
