"""What this partner's people and programs looked at: the same entries that its customers read, as far as it may name them."""

from django.http import HttpResponse

from access.models import SHAREABLE, Category, Site, Way
from access.views import leaves, log, looks
from access.views.pages import PageRequest, for_partner
from partners import own_looks
from partners.views.frame import shown

FILTERS = ("customer", "site", "person", "kind", "how", "from", "to")


@for_partner
def index(request: PageRequest, partner_slug: str) -> HttpResponse:
    viewer, wanted = request.viewer, request.GET
    found = own_looks.filtered(viewer, wanted)
    if wanted.get("format") in log.FORMATS:
        known = own_looks.Known.of(viewer)
        return log.export(request, (own_looks.shown(e, known) for e in log.every(found)), "own-looks")
    zone = looks.zone_of(viewer)
    page = leaves.leaf(looks.rolled_up(found, zone), wanted, looks.KEY)
    entries, known = own_looks.lines(found, page.rows, viewer)
    sites = Site.objects.visible_to(viewer).order_by("name", "pk").values_list("public_id", "name", "customer")
    names = {pk: c.name for pk, c in known.customers.items()}
    context = {
        "entries": entries,
        "page": page,
        "zone": str(zone),
        "is_filtered": any(wanted.get(name) for name in FILTERS),
        "customers": [(c.public_id, c.name) for c in known.customers.values()],
        "sites": [(public_id, f"{names.get(of, '')}: {name}") for public_id, name, of in sites],
        "kinds": [(c.value, str(c.label)) for c in (Category.ANY, *SHAREABLE)],
        "ways": [(str(value), str(label)) for value, label in Way.choices if value != Way.PREVIEW],
    }
    return shown(request, "partner/own_looks.html", context)
