"""A customer with many sites and many partners, as no seed has: for pages that must still be read then."""

from access import onboarding, requests, sharing
from access.lengths import end_after
from access.models import SHAREABLE, Grant, Organization, OrganizationKind
from access.principal import acting
from access.sharing import Terms
from tests.cast import Customer, Partner, customer, make_user

CITIES = ("Berlin", "Gent", "Graz", "Lyon", "Oslo", "Porto", "Turin", "")
LENGTHS = (9, 30, 90, 365)
REASON = "We want to size the new line by what flows through it."


def crowd(*, sites: int = 40, partners: int = 60) -> tuple[Customer, list[Partner]]:
    """Every third partner sees something at some sites, every third did, every tenth asks.

    The others have no row. Accesses are given in one decision each, of varying kinds and lengths.
    """
    owner = customer("Many Sites Ltd", "olga")
    for number in range(sites):
        city = CITIES[number % len(CITIES)]
        with acting(boss := owner.viewer()):
            name = f"{city or 'Depot'} {number:02}"
            owner.sites[name] = onboarding.open_site(name=name, by=boss, city=city)
    found = [_partner(number) for number in range(partners)]
    for number, one in enumerate(found):
        if number % 3 != 2:
            given = _gives(owner, one.organization, number)
            if number % 3 == 1:
                with acting(boss := owner.viewer()):
                    for grant in given:
                        sharing.revoke(grant, by=boss)
        if number % 10 == 2:
            _asks(one, owner.organization)
    return owner, found


def _partner(number: int) -> Partner:
    user = make_user(f"crowd{number:02}")
    organization, _ = onboarding.open_organization(
        kind=OrganizationKind.PARTNER, name=f"Partner {number:02} Networks", first_member=user
    )
    return Partner(organization, {user.name: user})


def _gives(owner: Customer, partner: Organization, number: int) -> list[Grant]:
    boss, sites = owner.viewer(), list(owner.sites.values())
    chosen = sites[number % 7 :: 5 + number % 11]
    kinds = frozenset(SHAREABLE[: 1 + number % 4])
    end = end_after(LENGTHS[number % len(LENGTHS)], owner.organization)
    with acting(boss):
        return sharing.give(
            partner=partner, sites=chosen, terms=Terms(kinds, end, forward_alerts=False, purpose=""), by=boss
        )


def _asks(one: Partner, of: Organization) -> None:
    viewer = one.viewer()
    with acting(viewer):
        requests.ask(by=viewer, customer_name=of.name, categories={SHAREABLE[2]}, days=30, reason=REASON)
