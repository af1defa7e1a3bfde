"""Companies, people and sites, through the product's own functions."""

from allauth.account.models import EmailAddress

from access import onboarding
from access.models import Membership, Organization, Site, User
from access.principal import acting
from access.viewer import Viewer
from smartcare.story import canaries, credentials
from smartcare.story.cast import COMPANIES, CUSTOMER, SAM, SAM_EMAIL, SAM_NAME, Company, Person, Place


def open_all() -> None:
    """Everybody of the cast, and sam, who belongs to no company."""
    for company in COMPANIES:
        _open(company)
    sam = User.objects.create_user(SAM_EMAIL, name=SAM_NAME, is_staff=True)
    _may_sign_in(sam, credentials.password(sam.pk, SAM))


def _open(company: Company) -> None:
    boss = _person(company, company.boss)
    organization, membership = onboarding.open_organization(
        kind=company.kind, name=company.name, first_member=boss, city=company.city, profile=company.profile
    )
    _may_sign_in(boss, credentials.password(organization.pk, company.boss.key))
    membership.user = boss
    viewer = Viewer.of_membership(membership)
    with acting(viewer):
        for person in company.people[1:]:
            _join(company, organization, person, by=viewer)
        for place in company.places:
            _open_site(company, place, by=viewer)
        if company.kind == CUSTOMER:
            Organization.objects.filter(pk=organization.pk).update(keep_configuration=True)


def _join(company: Company, organization: Organization, person: Person, *, by: Viewer) -> Membership:
    user = _person(company, person)
    _may_sign_in(user, credentials.password(organization.pk, person.key))
    return onboarding.add_member(organization=organization, user=user, role=person.role, by=by)


def _person(company: Company, person: Person) -> User:
    timezone = company.places[0].timezone if company.places else "Europe/Zurich"
    return User.objects.create_user(company.email(person), name=person.name, timezone=timezone)


def _may_sign_in(user: User, password: str) -> None:
    user.set_password(password)
    user.save(update_fields=["password"])
    # Proved already: nobody reads mail at example addresses.
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)


def _open_site(company: Company, place: Place, *, by: Viewer) -> Site:
    return onboarding.open_site(
        name=f"{place.name} {canaries.at_site(company.key, place.key, canaries.NAME, 'site')}",
        city=f"{place.city} {canaries.at_site(company.key, place.key, canaries.NAME, 'city')}",
        timezone=place.timezone,
        by=by,
    )
