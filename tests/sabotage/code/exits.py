# ruff: noqa: E501  one hole, one line
"""The gate and what leaves the house: each question of the re-check forgotten."""

from tests.sabotage.code.words import function, hole
from tests.sabotage.holes import CodeHole

# fmt: off

GATE, SENDING, PLANNER = "access/gate.py", "partners/forwarding/sending.py", "partners/forwarding/planner.py"
OF_GATE, OF_SENDING, OF_PLANNING = (
    "tests/access/test_gate.py",
    "tests/partners/test_sending.py",
    "tests/partners/test_planner.py",
)

GATES = (
    hole("the gate ignores a closed customer", GATE, "    if not Organization.objects.filter(pk=customer, status=OrganizationStatus.ACTIVE).exists():\n", "    if False:\n", OF_GATE),
    hole("the gate ignores a closed site", GATE, "customer=customer, closed_at=None).exists()", "customer=customer).exists()", OF_GATE),
    hole("the gate takes another customer's site", GATE, "filter(pk=site, customer=customer, closed_at=None)", "filter(pk=site, closed_at=None)", OF_GATE),
    hole("the gate ignores a suspended partner", GATE, "    if not Organization.objects.filter(pk=owner, status=OrganizationStatus.ACTIVE).exists():\n", "    if False:\n", OF_GATE),
    hole("the gate ignores that a grant was stopped", GATE, "partner=owner, revoked_at=None, closed_at=None\n", "partner=owner\n", OF_GATE),
    hole("the gate ignores the grant's end", GATE, "    row = live.filter(expires_at__gt=Now()).values_list", "    row = live.values_list", OF_GATE),
    hole("the gate takes any grant for this one", GATE, "        pk__in=[grant] if grant else [], customer=customer, site=site, partner=owner,", "        customer=customer, site=site, partner=owner,", OF_GATE),
    hole("the gate takes another pair's grant", GATE, "customer=customer, site=site, partner=owner, revoked_at", "customer=customer, revoked_at", OF_GATE),
    hole("the gate ignores the generation", GATE, "    if row[0] != generation:\n", "    if False:\n", OF_GATE),
    hole("the gate ignores the kind of data", GATE, "    if category.value not in row[1]:\n", "    if False:\n", OF_GATE),
    hole("the gate ignores that alerts are not to be sent", GATE, "    if pushing and not row[2]:\n", "    if False:\n", OF_GATE),
    hole("mail goes to people who are not active", GATE, "        user__is_active=True,\n", "", OF_GATE),
    hole("mail goes to people of a suspended company", GATE, "        organization=owner,\n        organization__status=OrganizationStatus.ACTIVE,\n", "        organization=owner,\n", OF_GATE),
    hole("mail goes to people of another company", GATE, "        organization=owner,\n        organization__status", "        organization__status", OF_GATE),
    hole("mail goes to sales people", GATE, "        role__in=RECEIVES_ALERTS,\n", "", OF_GATE),
    hole("a message covers what an ended grant covered", GATE, "if grant else [], closed_at=None, expires_at__gt=Now())", "if grant else [])", OF_GATE),
    hole("nothing is locked while something passes", GATE, "            lock_passage(site, owner, shared=True)\n", "            pass\n", OF_GATE),
)
LEAVING = (
    hole("the gate is not asked", SENDING, "        if reason := refusal(delivery):\n", '        if reason := "":\n', OF_SENDING),
    hole("the gate's answer is not heard", SENDING, "    return gate.refusal(\n", '    return "" and gate.refusal(\n', OF_SENDING),
    hole("what is too old is sent", SENDING, "    if delivery.expires_at <= timezone.now():\n", "    if False:\n", OF_SENDING),
    hole("a removed destination is sent to", SENDING, "    if destination.removed_at is not None or destination.owner_id != delivery.owner_id:\n", "    if False:\n", OF_SENDING),
    hole("a destination that is off is sent to", SENDING, "    if not destination.is_usable:\n", "    if False:\n", OF_SENDING),
    hole("a device that moved is told of", SENDING, '        return "device_moved"\n', "        pass\n", OF_SENDING),
    hole("ex-members are mailed", SENDING, '    if destination.kind == "email" and (\n', "    if False and (\n", OF_SENDING),
    hole("figures of traffic go to everybody", "partners/forwarding/message.py", "        return tuple(figure for figure in self.figures if figure.category in categories)\n", "        return self.figures\n", OF_SENDING),
    hole("a message covers every kind", SENDING, "    return frozenset(c.value for c in gate.categories_now(delivery.grant_id))\n", "    return facts.EVERYTHING\n", OF_SENDING),
    hole("a cancelled delivery is in no journal", SENDING, "    audit.record(\n        customer=delivery.customer_id,\n        by=None,\n        action=\"delivery.cancelled\",", "    (lambda **_: None)(\n        customer=delivery.customer_id,\n        by=None,\n        action=\"delivery.cancelled\",", OF_SENDING),
)
PLANNED = (
    hole("alerts from before are planned", PLANNER, ".filter(Q(forwarding_since__lt=changed_at))", "", OF_PLANNING),
    hole("partners without forwarding are planned for", "access/policy.py", "        forward_alerts=True,\n", "", "tests/access/test_policy.py"),
    hole("ended grants are planned for", "access/policy.py", "    return Grant.objects.live().filter(\n        site=site_id,", "    return Grant.objects.filter(\n        site=site_id,", OF_PLANNING),
    hole("partners of other sites are planned for", "access/policy.py", "        site=site_id,\n        forward_alerts", "        forward_alerts", OF_PLANNING),
    hole("grants without health are planned for", "access/policy.py", "        categories__contains=[category.value],\n", "", "tests/access/test_policy.py"),
    hole("suspended partners are planned for", "access/policy.py", "        partner__status=OrganizationStatus.ACTIVE,\n", "", OF_PLANNING),
    hole("unproved destinations are planned for", PLANNER, "owner=owner, enabled=True, verified_at__isnull=False, disabled_at", "owner=owner, enabled=True, disabled_at", OF_SENDING),
    hole("what waits under an ended grant waits on", PLANNER, '        .update(state="cancelled", reason=reason, finished_at=Now())', "        .count()", OF_PLANNING),
    hole("narrowing cancels nothing", PLANNER, '        return cancel_for_grant(grant, "grant_changed")\n', "        return 0\n", OF_PLANNING),
)
NETWORK = (
    # Networks are named twice, by Python and by us: what is planted is the loss of both, and of what only we name.
    hole("private networks are called", "partners/forwarding/addresses.py",
         "    return address.is_global and not address.is_multicast and not any(address in network for network in DENIED)\n",
         "    return True\n", "tests/partners/forwarding/test_addresses.py"),
    hole("a translator's addresses are called", "partners/forwarding/addresses.py", " and not any(address in network for network in DENIED)\n",
         "\n", "tests/partners/forwarding/test_addresses.py"),
)
INGEST = "tests/telemetry/ingest/test_accept.py"
KEYS = (
    function("a stopped device key still reports", "ingest_key", "k.revoked_at IS NOT NULL OR ", "", INGEST),
    function("a key of a retired device still reports", "ingest_key", "d.retired_at IS NOT NULL OR ", "", INGEST),
    function("devices of a closed customer still report", "ingest_key", " OR o.status <> 'active'", "", INGEST),
)
HOLES: tuple[CodeHole, ...] = (*GATES, *LEAVING, *PLANNED, *NETWORK, *KEYS)
