# ruff: noqa: E501  one hole, one line
"""What a decision may and may not do: give, answer, narrow, stop; and what staff may give themselves."""

from tests.sabotage.code.words import function, hole
from tests.sabotage.holes import CodeHole

# fmt: off

SHARING, REQUESTS, ANSWERS, STAFF = "access/sharing.py", "access/requests.py", "access/answering.py", "access/staff.py"
OF_SHARING, OF_REQUESTS, OF_STAFF = (
    "tests/access/test_sharing.py",
    "tests/access/test_requests.py",
    "tests/access/test_staff.py",
)
GATES = "tests/access/test_policy.py"

GIVING = (
    hole("anybody shares a site", SHARING, '        require(may_share(by, site), "Only owners and approvers of your company can share a site")\n', "", OF_SHARING),
    hole("whoever may decide anywhere shares any site", "access/policy.py",
         "        and site.customer_id == viewer.organization_id\n        and sites_visible_to(viewer, Category.ANY).filter(pk=site.pk, closed_at=None).exists()\n",
         "", GATES),
    hole("a removed approver still shares", "access/policy.py",
         "        and sites_visible_to(viewer, Category.ANY).filter(pk=site.pk, closed_at=None).exists()\n", "", GATES),
    hole("viewers decide as well", "access/viewer.py", '        """May answer requests and give, change and stop access for its customer."""\n        return self.is_customer and self.may_write and self.rank in {Role.OWNER, Role.APPROVER}',
         '        """May answer requests and give, change and stop access for its customer."""\n        return self.is_customer and self.may_write', OF_SHARING),
    hole("a key does what its maker may no longer", "access/viewer.py", "        return self.maker_role or (Role.OWNER if self.is_customer else Role.ADMIN)\n",
         "        return Role.OWNER if self.is_customer else Role.ADMIN\n", "tests/access/test_accounts.py"),
    hole("access lasts longer than a year", SHARING, "        if self.expires_at > now + LONGEST:\n", "        if False:\n", OF_SHARING),
    hole("access ends in the past", SHARING, "        if self.expires_at <= now:\n", "        if False:\n", OF_SHARING),
    hole("alerts are sent without health", SHARING, "        if self.forward_alerts and Category.HEALTH not in self.categories:\n", "        if False:\n", OF_SHARING),
    hole("a suspended or unknown partner is given access", SHARING, "    if not (partner.is_partner and partner.is_active):\n", "    if False:\n", OF_SHARING),
)
CHANGING = (
    hole("narrowing keeps the generation", SHARING, "    if takes_away:\n        current.generation += 1\n", "", OF_SHARING),
    hole("taking a kind away keeps its rows", SHARING, "    SiteGroupPermission.objects.filter(grant=row, permission_id__in=held - wanted).delete()\n", "", OF_SHARING),
    hole("a grant past its end is changed back to life", SHARING, "    if not Grant.objects.live().filter(pk=row.pk).exists():\n        raise Ended", "    if False:\n        raise Ended", OF_SHARING),
    hole("when forwarding began is not noted", SHARING, "        current.forwarding_since = Now()\n    elif", "        pass\n    elif", OF_SHARING),
    hole("two approvers do not wait for each other", SHARING, "    list(Site.unscoped.select_for_update().filter", "    list(Site.unscoped.filter", OF_SHARING, "tests/access/test_invariants.py"),
)
ENDING = (
    hole("anybody stops access", SHARING, "    require(\n        by.may_decide and grant.customer_id == by.organization_id,\n", "    require(\n        True,\n",
         OF_SHARING, "tests/matrix/test_api.py"),
    hole("stopping keeps guardian's rows", SHARING, "    SiteGroupPermission.objects.filter(grant=row).delete()\n", "", OF_SHARING),
    hole("stopping keeps the generation", SHARING, '    changes: dict[str, Any] = {"closed_at": Now(), "generation": F("generation") + 1}', '    changes: dict[str, Any] = {"closed_at": Now()}', OF_SHARING),
    hole("stopping does not say that it was stopped", SHARING, "    if revoked:\n        changes |=", "    if False:\n        changes |=", OF_SHARING, "tests/access/test_invariants.py"),
    hole("stopping cancels nothing", SHARING, '    cancelled = sum(int(n) for n in acts.happened("grant.ended", row, by=by, reason=action))', "    cancelled = 0", OF_SHARING),
    hole("another partner gives access back", SHARING, "by.is_partner and by.may_write and grant.partner_id == by.organization_id,\n        \"This access is not yours", "by.is_partner and by.may_write,\n        \"This access is not yours", OF_SHARING),
    hole("an approver stops all sharing", SHARING, '    require(by.is_owner, "Only an owner can stop all sharing")\n', "", OF_SHARING),
    hole("drained before what is under way has ended", SHARING, "            lock_passage(closed.site_id, closed.partner_id, shared=False)\n", "", OF_SHARING),
    hole("a live grant is booked as expired", SHARING, "closed_at=None, expires_at__lte=Now())", "closed_at=None)", "tests/access/test_expiry.py"),
    function("the sweep ends what is not over", "find_expired_grants", "g.expires_at <= statement_timestamp()", "true", "tests/access/test_expiry.py"),
    hole("who leaves stays in the partner's group", "access/onboarding.py", "        user.groups.remove(organization.group_id)\n", "        pass\n", "tests/access/test_accounts.py"),
)
ANSWERING = (
    hole("an answer adds kinds nobody asked for", ANSWERS, "    if not allowed or not allowed <= asked:\n", "    if not allowed:\n", OF_REQUESTS),
    hole("an answer lengthens what was asked for", ANSWERS, "    if days > request.days:\n", "    if False:\n", OF_REQUESTS),
    hole("an answer sends alerts nobody asked for", ANSWERS, "    if answer.forward_alerts and not request.forward_alerts:\n", "    if False:\n", OF_REQUESTS),
    hole("an answer names sites nobody asked for", ANSWERS, "        asked = asked.filter(pk__in=request.sites)\n", "        pass\n", OF_REQUESTS),
    hole("another customer answers a request", ANSWERS, "    mine = by.may_decide and request.customer_id is not None and request.customer_id == by.organization_id\n",
         "    mine = True\n", OF_REQUESTS),
    hole("a lapsed request is answered", REQUESTS, "state=RequestState.WAITING, lapses_at__gt=Now()).first()", "state=RequestState.WAITING).first()", OF_REQUESTS),
    hole("an answered request is answered again", REQUESTS, "state=RequestState.WAITING, lapses_at__gt=Now()).first()", "lapses_at__gt=Now()).first()", OF_REQUESTS),
    hole("no pause after a no", REQUESTS, "    if pause is not None:\n        raise Paused(pause)\n", "", OF_REQUESTS),
    hole("a partner asks twice", REQUESTS, "    if asked.filter(state=RequestState.WAITING).exists():\n", "    if False:\n", OF_REQUESTS),
    hole("a name nobody has is told apart", REQUESTS, "    customer = customer or _free_customer(partner.pk, name)\n",
         '    customer = customer or _free_customer(partner.pk, name)\n    if customer is None:\n        raise Invalid("Unknown company", "customer_name")\n', OF_REQUESTS),
    hole("another partner withdraws a request", REQUESTS, "    mine = by.is_partner and by.may_write and request.partner_id == by.organization_id\n", "    mine = by.is_partner\n", OF_REQUESTS),
    hole("a partner names sites that it cannot see", REQUESTS, "    visible = Site.objects.visible_to(by, Category.ANY).filter(", "    visible = Site.unscoped.filter(", "tests/access/test_door_alone.py"),
)
HELPING = (
    hole("staff: an answer lengthens what was asked for", STAFF, "        if not 1 <= hours <= row.hours:\n", "        if False:\n", OF_STAFF),
    hole("staff: an answer adds kinds", STAFF, "        if not categories or not {c.value for c in categories} <= set(row.categories):\n", "        if False:\n", OF_STAFF),
    hole("staff: an answer adds sites", STAFF, "        if not sites or foreign or not (row.all_sites or {s.pk for s in sites} <= set(row.sites)):\n", "        if False:\n", OF_STAFF),
    hole("staff: another customer answers", STAFF, "    mine = by.may_decide and by.user is not None and permission.customer_id == by.organization_id\n", "    mine = True\n", OF_STAFF),
    hole("staff: an emergency lasts for days", STAFF, "    if not 1 <= hours <= EMERGENCY_HOURS:\n", "    if False:\n", OF_STAFF),
    hole("staff: an emergency nobody is told of", STAFF, '    require(told > 0, "The owners cannot be told now, so nothing was begun")\n', "", OF_STAFF),
    hole("staff: no reason is needed", STAFF, "    if not shortest <= len(words) <= 1000:\n", "    if False:\n", OF_STAFF),
    hole("staff: one reviews oneself", STAFF, "by.is_staff and permission.user_id != by.user_id", "by.is_staff", OF_STAFF),
    hole("staff: a customer's person asks like staff", STAFF, '    require(by.is_staff, "Only staff ask for this")\n', "", OF_STAFF),
    hole("staff: a stranger ends a permission", STAFF, '    require(theirs or own, "This permission is not yours to end")\n', "", OF_STAFF),
)
HOLES: tuple[CodeHole, ...] = (*GIVING, *CHANGING, *ENDING, *ANSWERING, *HELPING)
