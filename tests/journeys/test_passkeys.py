"""A passkey in a real browser with a virtual authenticator: added, used to sign in, and explained where it cannot work."""

from typing import Any
from urllib.parse import urlsplit

from allauth.account.models import EmailAddress

from tests.browsing import window
from tests.cast import World

INSIDE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def with_authenticator(page: Any) -> Any:
    """The page's context has an authenticator that says yes to everything."""
    wire = page.context.new_cdp_session(page)
    wire.send("WebAuthn.enable")
    wire.send("WebAuthn.addVirtualAuthenticator", {"options": INSIDE})
    return page


def by_name(address: str) -> str:
    """Passkeys belong to a name: no browser takes them for an address of numbers."""
    return f"http://localhost:{urlsplit(address).port}"


def test_given_a_passkey_when_its_owner_comes_back_then_it_alone_signs_in(
    lasting_world: World, address: str, browser: Any
) -> None:
    ada = lasting_world.acme.people["ada"]
    EmailAddress.objects.create(user=ada, email=ada.email, verified=True, primary=True)
    with window(browser, by_name(address), ada) as page:
        with_authenticator(page).goto("/accounts/2fa/webauthn/add/")
        page.get_by_label("Sign in with it alone").check()
        with page.expect_navigation():
            page.get_by_role("button", name="Add it").click()
        page.context.clear_cookies()
        page.goto("/accounts/login/")
        with page.expect_navigation():
            page.get_by_role("button", name="Sign in with a passkey").click()

        page.goto("/settings/people")
        assert "Ada" in page.locator("main").inner_text()


def test_given_an_address_of_numbers_when_a_passkey_is_asked_for_then_the_page_says_what_to_do(
    lasting_world: World, address: str, browser: Any
) -> None:
    with window(browser, address, lasting_world.acme.people["ada"]) as page:
        with_authenticator(page).goto("/accounts/2fa/webauthn/add/")
        page.get_by_role("button", name="Add it").click()

        said = page.get_by_role("alert")
        said.wait_for()
        assert "Use your password and your app" in said.inner_text()
        assert page.url.endswith("/accounts/2fa/webauthn/add/")
