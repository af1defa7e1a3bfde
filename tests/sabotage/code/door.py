# ruff: noqa: E501  one hole, one line
"""The door: each of its conditions forgotten, each manager without its filter."""

from tests.sabotage.code.words import function, hole
from tests.sabotage.holes import CodeHole

# fmt: off

TENANCY = "access/models/tenancy.py"
ALONE = "tests/access/test_door_alone.py"
FILTERS = "tests/proofs/test_rowlevel.py::test_a15_given_no_row_level_security_when_everybody_asks_for_lists_then_each_shows_what_is_ones_own"
ROOMS = (
    "tests/proofs/test_rowlevel.py::test_a15_given_no_row_level_security_when_everybody_asks_the_door"
    "_then_its_filters_alone_show_no_row_too_many"
)

PARTNER = (
    hole("the door ignores the grant's end", TENANCY, "        grant__expires_at__gt=Now(),\n", "", ALONE),
    hole("the door ignores that a grant was stopped", TENANCY, "        grant__revoked_at=None,\n", "", ALONE),
    hole("the door ignores the kind of data", TENANCY, "        permission__codename__in=category.codenames,\n", "", ALONE),
    hole("the door ignores whose grant it is", TENANCY, "        grant__partner=viewer.organization_id,\n", "", ALONE),
    hole("the door ignores whose group it is", TENANCY, "        group=partner.group_id if partner else None,\n", "", ALONE),
    hole("every kind of data opens every table", TENANCY, "        return [c.codename for c in SHAREABLE] if self is Category.ANY else [self.codename]",
         "        return [c.codename for c in SHAREABLE]", ALONE),
    hole("a colleague's customers are not narrowed", TENANCY, "        held = held.filter(grant__customer__in=viewer.only_customers)\n",
         "        pass\n", ALONE),
    hole("a suspended partner is looked at all the same", TENANCY, "        held = held.filter(grant__partner__status=OrganizationStatus.ACTIVE)\n",
         "        pass\n", ALONE),
)
WHO = (
    hole("a customer sees every site", TENANCY, "filter(still_acting(viewer), customer_id=viewer.organization_id)", "filter(still_acting(viewer))", ALONE),
    hole("an ex-member of a customer sees on", TENANCY, "filter(still_acting(viewer), customer_id=viewer.organization_id)",
         "filter(customer_id=viewer.organization_id)", ALONE),
    hole("an ex-member of a partner reads rows on", TENANCY, "return rows.filter(still_acting(viewer), IsAnyOf(model.SITE_PATH, held_sites(viewer, wanted)))",
         "return rows.filter(IsAnyOf(model.SITE_PATH, held_sites(viewer, wanted)))", ALONE),
    hole("an ex-member of a partner sees sites on", TENANCY, 'filter(still_acting(viewer), IsAnyOf("pk", held_sites(viewer, category)))',
         'filter(IsAnyOf("pk", held_sites(viewer, category)))', ALONE),
    hole("an inactive member sees on", TENANCY, "        user=user,\n        user__is_active=True,\n", "        user=user,\n", ALONE),
    hole("members of a suspended company see on", TENANCY, "        organization=organization,\n        organization__status=OrganizationStatus.ACTIVE,\n",
         "        organization=organization,\n", ALONE),
    hole("a member of any company acts for this one", TENANCY, "        organization=organization,\n        organization__status", "        organization__status", ALONE),
    hole("a stopped program sees on", TENANCY, "                revoked_at=None,\n                expires_at__gt=Now(),\n",
         "                expires_at__gt=Now(),\n", ALONE),
    hole("a lapsed program sees on", TENANCY, "                revoked_at=None,\n                expires_at__gt=Now(),\n",
         "                revoked_at=None,\n", ALONE),
    hole("a program acts for any company", TENANCY, "                organization=viewer.organization_id,\n", "", ALONE),
    hole("a program of a suspended company sees on", TENANCY, "                organization__status=OrganizationStatus.ACTIVE,\n", "", ALONE),
    hole("whoever previews need not be the customer's", TENANCY, "return Exists(_memberships(viewer.user_id, viewer.preview_of.pk))",
         "return Exists(Membership.objects.all())", ALONE),
    hole("a table of the customer alone opens to others", TENANCY, "        if model.CUSTOMER_ONLY and not viewer.is_customer:\n            return rows.none()\n", "", ALONE),
    hole("a tenant table can be read for nobody", TENANCY, '        raise UnscopedQuery(f"{self.model.__name__}: use objects.visible_to(viewer)")\n',
         "        return super().get_queryset()\n", "tests/access/test_door.py"),
)
OF_STAFF = (
    hole("staff: somebody else's permission counts", TENANCY, "        user=viewer.user_id,\n        user__is_active", "        user__is_active", ROOMS),
    hole("staff: an inactive person's permission counts", TENANCY, "        user__is_active=True,\n        user__is_staff=True,\n", "        user__is_staff=True,\n", ALONE),
    hole("staff: who left the staff sees on", TENANCY, "        user__is_active=True,\n        user__is_staff=True,\n", "        user__is_active=True,\n", ALONE),
    hole("staff: the permission's end is ignored", TENANCY, "        expires_at__gt=Now(),\n        ended_at=None,\n", "        ended_at=None,\n", ALONE),
    hole("staff: an ended permission counts", TENANCY, "        expires_at__gt=Now(),\n        ended_at=None,\n", "        expires_at__gt=Now(),\n", ALONE),
    hole("staff: a permission counts before it begins", TENANCY, "        starts_at__lte=Now(),\n", "", ALONE),
    hole("staff: the kind of data is ignored", TENANCY, "    if category is not Category.ANY:\n        live = live.filter", "    if False:\n        live = live.filter", ALONE),
    hole("staff: sites are ignored", TENANCY, '        Q(all_sites=True) | Q(sites__contains=[OuterRef("pk")]),\n', "", ALONE),
    hole("staff: the customer is ignored", TENANCY, '        customer=OuterRef("customer"),\n', "", ALONE),
)
SHARING, JOURNAL, BUSINESS = "access/models/sharing.py", "access/models/journal.py", "partners/models/business.py"
LISTS = (
    hole("grants: a customer sees everybody's", SHARING, 'nobody else any."""\n        if viewer.is_customer:\n            return self.filter(customer=viewer.organization_id)\n',
         'nobody else any."""\n        if viewer.is_customer:\n            return self\n', FILTERS),
    hole("grants: a partner sees everybody's", SHARING, "            own = self.filter(partner=viewer.organization_id)\n", "            own = self\n", FILTERS),
    hole("grants: a colleague's customers are not narrowed", SHARING, "            return own if viewer.only_customers is None else own.filter(customer_id__in=viewer.only_customers)\n",
         "            return own\n", "tests/access", "tests/partners/test_api.py", "tests/partners/test_views_access.py"),
    hole("requests: everybody sees all", SHARING, '    def visible_to(self, viewer: "Viewer") -> "AccessRequestQuerySet":\n',
         '    def visible_to(self, viewer: "Viewer") -> "AccessRequestQuerySet":\n        return self\n', FILTERS),
    hole("journals: everybody reads all", JOURNAL, '        """A customer sees its own journal; nobody else does."""\n', "        return self\n", FILTERS),
    hole("looks: everybody reads all", JOURNAL, "            return self.filter(looker=viewer.organization_id)\n", "            return self\n", FILTERS),
    hole("looks: a customer reads everybody's", JOURNAL, "        if viewer.is_customer:\n            return self.filter(customer=viewer.organization_id)\n        if viewer.is_partner:\n            return self.filter(looker",
         "        if viewer.is_customer:\n            return self\n        if viewer.is_partner:\n            return self.filter(looker", FILTERS),
    hole("destinations and deliveries: everybody sees all", "partners/models/forwarding.py", "            return self.filter(owner=viewer.organization_id)\n", "            return self\n", FILTERS),
    hole("contracts: a partner sees everybody's", BUSINESS, "            return self.filter(customer=viewer.organization_id)\n        if viewer.is_partner:\n            return self.filter(partner=viewer.organization_id)\n",
         "            return self.filter(customer=viewer.organization_id)\n        if viewer.is_partner:\n            return self\n", FILTERS),
    hole("proposals: a customer reads drafts", BUSINESS, "filter(customer=viewer.organization_id).exclude(state=ProposalState.DRAFT)", "filter(customer=viewer.organization_id)", FILTERS),
    hole("proposals: a partner reads its rivals'", BUSINESS, "exclude(state=ProposalState.DRAFT)\n        if viewer.is_partner:\n            return self.filter(partner=viewer.organization_id)\n",
         "exclude(state=ProposalState.DRAFT)\n        if viewer.is_partner:\n            return self\n", FILTERS),
    hole("notes: a partner reads another's", BUSINESS, "        return self.filter(owner=viewer.organization_id) if viewer.is_partner else self.none()\n", "        return self\n", FILTERS),
)
COMMENTS = "telemetry/summaries.py"
WORDS = (
    hole("comments: a partner reads what another wrote for itself", COMMENTS, "    return found.filter(own | Q(audience=CommentAudience.PARTNERS))\n",
         "    return found\n", ROOMS),
    hole("comments: a customer reads what a partner keeps", COMMENTS,
         "        return found.filter(own | Q(audience=CommentAudience.CUSTOMER) | Q(audience=CommentAudience.PARTNERS))\n", "        return found\n", ROOMS),
    hole("comments: a preview shows what the partner keeps", COMMENTS, "        return found.filter(audience=CommentAudience.PARTNERS)\n",
         "        return found\n", ROOMS),
)
TOKENS = (
    function("a stopped token still opens", "find_token", "a.revoked_at IS NULL", "true", "tests/access/test_accounts.py"),
    function("a lapsed token still opens", "find_token", "a.expires_at > statement_timestamp()", "true", "tests/access/test_accounts.py"),
    function("a token of a suspended company still opens", "find_token", "o.status = 'active'", "true", "tests/access/test_accounts.py"),
    hole("any secret opens a known token", "access/accounts.py", "hmac.compare_digest(", "(lambda *_: True)(", "tests/access/test_accounts.py"),
)
HOLES: tuple[CodeHole, ...] = (*PARTNER, *WHO, *OF_STAFF, *LISTS, *WORDS, *TOKENS)
