"""Find an account, read its facts, ask its owners for permission, or look in an emergency."""

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from access import sentences, staff
from access.errors import Invalid, NotAllowed
from access.models import SHAREABLE, Organization, StaffPermission, StaffState
from access.principal import acting
from access.staff import Tenant
from access.viewer import Viewer
from access.views.confirmed import strongly_confirmed
from access.views.pages import PageRequest, acted, for_staff, own_transactions
from smartcare.staff import facts
from smartcare.staff.forms import WORDS, EmergencyForm, LookForm
from smartcare.staff.frame import shown

SHORTEST_SERIAL = 4
PERMISSIONS_SHOWN = 20


@for_staff
def home(request: PageRequest) -> HttpResponse:
    return redirect("staff_search")


@for_staff
def search(request: PageRequest) -> HttpResponse:
    """Accounts by name; a complete serial number answers with its owner's name alone, and the owner finds that in its log."""
    wanted = request.GET.get("q", "").strip()
    serials: list[str] = []
    if len(wanted) >= SHORTEST_SERIAL:
        serials = staff.owners_of_serial(wanted, by=request.viewer)
    found = staff.tenants(wanted, by=request.viewer)
    own = StaffPermission.objects.filter(user=request.viewer.user_id).select_related("customer", "user")
    context = {
        "wanted": wanted,
        "found": [{"row": o, "url": _address(o)} for o in found],
        "serials": serials,
        "permissions": own.order_by("-asked_at")[:5],
    }
    return shown(request, "staff/search.html", context)


def _address(organization: Organization) -> str:
    return reverse("staff_tenant" if organization.is_customer else "staff_partner", args=[organization.public_id])


@for_staff
def page(request: PageRequest, tenant: str) -> HttpResponse:
    found = tenant_of(request, tenant)
    if not found.organization.is_customer:
        return redirect("staff_partner", public_id=tenant)
    newest = facts.last_report(found.organization.pk)
    rows = list(
        StaffPermission.objects.filter(customer=found.organization)
        .select_related("user", "customer")
        .order_by("-asked_at")[:PERMISSIONS_SHOWN]
    )
    looks = facts.looks_under(r.pk for r in rows)
    context = {
        "tenant": found,
        "newest": newest,
        "is_arriving": facts.are_arriving(newest),
        "open": live_of(request.viewer, found.organization),
        "permissions": [{"row": r, "looks": looks.get(r.pk, 0)} for r in rows],
    }
    return shown(request, "staff/tenant.html", context)


def tenant_of(request: PageRequest, public_id: str) -> Tenant:
    try:
        return staff.tenant(public_id, by=request.viewer)
    except Organization.DoesNotExist as error:
        raise Http404 from error


def live_of(viewer: Viewer, customer: Organization) -> StaffPermission | None:
    """The viewer's own permission at this customer that ends last; None: its network data is closed."""
    return next((p for p in reversed(staff.running(viewer)) if p.customer_id == customer.pk), None)


def customer_of(request: PageRequest, public_id: str) -> Organization:
    """A customer by its public id; partners have no network data to ask for."""
    found = Organization.objects.filter(public_id=public_id, kind="customer").first()
    if found is None:
        raise Http404
    return found


@for_staff
def lockbox(request: PageRequest, tenant: str) -> HttpResponse:
    """Ask the customer: preview first, then the button that repeats the act."""
    customer = customer_of(request, tenant)
    form = LookForm(request.POST if request.method == "POST" else None, sites=staff.sites(customer, by=request.viewer))
    if request.method == "POST" and form.is_valid() and not request.POST.get("preview"):
        made: dict[str, StaffPermission] = {}

        def act() -> str:
            made["row"] = staff.ask(by=request.viewer, customer=customer, **_wish(form))
            return f"{customer.name} is asked. You see nothing before somebody there says yes."

        if acted(request, act):
            return redirect("staff_own_permission", public_id=made["row"].public_id)
    waits = StaffPermission.objects.filter(
        customer=customer, user=request.viewer.user_id, state=StaffState.WAITING, ended_at=None
    )
    context = {"customer": customer, "waiting": list(waits.order_by("-asked_at")), **_asked(request, form)}
    return shown(request, "staff/lockbox.html", context)


def _wish(form: LookForm) -> dict[str, Any]:
    said = form.cleaned_data
    return {
        "sites": form.chosen_sites,
        "categories": form.chosen_categories,
        "hours": said["hours"],
        "reason": said["reason"],
        "case": said["case"],
    }


def _asked(request: PageRequest, form: LookForm) -> dict[str, Any]:
    ticked = {c.value for c in form.chosen_categories}
    hours = str(form["hours"].value() or form.lengths[min(1, len(form.lengths) - 1)])
    is_checked = request.method == "POST" and form.is_valid()
    return {
        "form": form,
        "kinds": [{"value": c.value, "label": c.label, "checked": c.value in ticked} for c in SHAREABLE],
        "sites": [{"value": s.public_id, "label": s.name, "checked": s in form.chosen_sites} for s in form.known_sites],
        "lengths": [{"value": h, "label": WORDS[h], "checked": str(h) == hours} for h in form.lengths],
        "sentence": _sentence(request, form) if is_checked else "",
    }


def _sentence(request: PageRequest, form: LookForm) -> str:
    """What the customer will read."""
    names = [s.name for s in form.chosen_sites]
    return sentences.staff_could_look(request.viewer.name, form.chosen_categories, names, form.cleaned_data["hours"])


@own_transactions
@for_staff
@strongly_confirmed
def break_glass(request: PageRequest, tenant: str) -> HttpResponse:
    """An emergency: begins when, and only if, the owners' notice is queued in the same transaction."""
    with acting(request.viewer):
        customer = customer_of(request, tenant)
        form = EmergencyForm(
            request.POST if request.method == "POST" else None, sites=staff.sites(customer, by=request.viewer)
        )
        if request.method == "POST" and form.is_valid() and _begun(request, customer, form):
            return redirect("staff_devices", tenant=customer.public_id)
        return shown(request, "staff/break_glass.html", {"customer": customer, **_asked(request, form)})


def _begun(request: PageRequest, customer: Organization, form: EmergencyForm) -> bool:
    def act() -> str:
        try:
            staff.break_glass(by=request.viewer, customer=customer, **_wish(form))
        except NotAllowed as no:
            raise Invalid(str(no)) from no
        return f"Begun. The owners of {customer.name} are told now; it ends by itself."

    return acted(request, act)
