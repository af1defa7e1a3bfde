"""The two lines of defence, each to be taken away as a whole: the other one alone must show nobody a row too many."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from tests.sabotage.bench import Bench
from tests.sabotage.holes import Edit

DOORS = (
    Edit(
        "access/models/tenancy.py",
        "    if viewer.is_customer:\n        return Site.unscoped.filter(still_acting(viewer), customer_id=viewer.organization_id)\n",
        "    return Site.unscoped.all()\n",
    ),
    Edit(
        "access/models/tenancy.py",
        "        model: Any = self.model\n        wanted = category or model.CATEGORY\n",
        "        return super().get_queryset()\n        model: Any = self.model\n        wanted = category or model.CATEGORY\n",
    ),
    Edit(
        "access/models/sharing.py",
        '        """A customer sees all grants it gave; a partner those it holds or held; nobody else any."""\n',
        "        return self\n",
    ),
    Edit(
        "access/models/sharing.py",
        '    def visible_to(self, viewer: "Viewer") -> "AccessRequestQuerySet":\n',
        '    def visible_to(self, viewer: "Viewer") -> "AccessRequestQuerySet":\n        return self\n',
    ),
    Edit(
        "access/models/journal.py",
        '        """A customer sees its own journal; nobody else does."""\n',
        "        return self\n",
    ),
    Edit(
        "access/models/journal.py",
        '        """A customer sees all looks at its data; a partner its own organization\'s; staff none here."""\n',
        "        return self\n",
    ),
    Edit(
        "partners/models/forwarding.py",
        '        """An organization sees its own; nobody sees another\'s, not even the customer whose alert was sent."""\n',
        "        return self\n",
    ),
    Edit(
        "partners/models/business.py",
        '        """A contract\'s header is the paper of both its parties."""\n',
        "        return self\n",
    ),
    Edit(
        "partners/models/business.py",
        '        """The customer sees what was sent to it; a partner its own, drafts included, and never a rival\'s or their number."""\n',
        "        return self\n",
    ),
    Edit(
        "partners/models/business.py",
        "        return self.filter(owner=viewer.organization_id) if viewer.is_partner else self.none()\n",
        "        return self\n",
    ),
    Edit(
        "partners/tenders.py",
        '    found = Tender.objects.select_related("customer")  # without the site: a partner may hold nothing there\n',
        '    return Tender.objects.select_related("customer")\n',
    ),
    Edit(
        "telemetry/summaries.py",
        "    own = Q(author_organization=viewer.organization_id)\n    if viewer.preview_of",
        "    return found\n    own = Q(author_organization=viewer.organization_id)\n    if viewer.preview_of",
    ),
)


@contextmanager
def open_doors(bench: Bench) -> Iterator[None]:
    with bench.planted(DOORS):
        yield


@contextmanager
def no_row_level_security(bench: Bench) -> Iterator[None]:
    """In the template, so in every database of this bench until the end."""
    with bench.altered(
        "DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY", "ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY"
    ):
        yield


Line = Callable[[Bench], AbstractContextManager[None]]
LINES: dict[str, tuple[str, Line]] = {
    "row-level security off on every table": ("filters", no_row_level_security),
    "the door returns everything, and so does every list of its kind": ("policies", open_doors),
}
TESTS = ("tests/sabotage/test_lines.py", "tests/matrix/test_pages.py", "tests/matrix/test_api.py")
