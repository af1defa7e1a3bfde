# ruff: noqa: E501  one hole, one line
"""What must be on record, and what may not be kept, repeated or told."""

from tests.sabotage.code.words import hole
from tests.sabotage.holes import CodeHole

# fmt: off

VIEWING, AUDIT, PAGES = "access/viewing.py", "access/audit.py", "access/views/pages.py"
OF_VIEWING, INVARIANTS = "tests/access/test_viewing.py", "tests/access/test_invariants.py"

LOOKS = (
    hole("no look is written down", VIEWING, "            _write(viewer, found, way=way, outcome=outcome)\n", "            pass\n", OF_VIEWING, INVARIANTS),
    hole("a look that cannot be written down is shown all the same", VIEWING, "        raise NotRecorded(str(error)) from error\n", "        pass\n", INVARIANTS),
    hole("a page shows what could not be written down", PAGES, "            except NotRecorded:\n", "            except ZeroDivisionError:\n", INVARIANTS),
    hole("a look names no grant", VIEWING, "            grant[0] if grant else None,\n", "            None,\n", OF_VIEWING),
    hole("a look names no permission of staff", VIEWING, "        permission = permissions.get(look.customer_id)\n", "        permission = None\n", "tests/access/test_staff.py"),
    hole("the name is not covered", VIEWING, "hashlib.sha256(salt + viewer.name.encode()).digest()", "salt", OF_VIEWING),
    hole("a preview is written down as a look", VIEWING, "    if not found or viewer.preview_of is not None:", "    if not found:", "tests/access/test_preview.py"),
    hole("a push is no look", "partners/forwarding/looks.py", '    viewing.record(viewer, [look], way="email" if by_mail else "webhook", outcome=outcome)\n', "    return\n", "tests/partners/test_sending.py"),
    hole("an attempt nobody knows the end of is kept quiet", "partners/forwarding/sending.py",
         '        looks.record_push(delivery, outcome="may have been delivered")\n', "        pass\n", "tests/partners/test_sending.py"),
)
CHANGES = (
    hole("giving access is in no journal", "access/sharing.py", '    audit.record(\n        customer=row.customer_id,\n        by=by,\n        action="grant.opened",',
         '    (lambda **_: None)(\n        customer=row.customer_id,\n        by=by,\n        action="grant.opened",', "tests/access/test_seal.py", "tests/access/test_sharing.py", INVARIANTS),
    hole("changing access is in no journal", "access/sharing.py", '    audit.record(\n        customer=current.customer_id,\n', "    (lambda **_: None)(\n        customer=current.customer_id,\n", "tests/access/test_sharing.py"),
    hole("ending access is in no journal", "access/sharing.py", "    audit.record(\n        customer=row.customer_id,\n        by=by,\n        action=action,", "    (lambda **_: None)(\n        customer=row.customer_id,\n        by=by,\n        action=action,",
         "tests/access/test_sharing.py", "tests/access/test_expiry.py"),
    hole("staff's acts are in no journal", "access/staff.py", "    audit.record(\n        customer=row.customer_id,\n", "    (lambda **_: None)(\n        customer=row.customer_id,\n", "tests/access/test_staff.py"),
    hole("answers are in no journal", "access/requests.py", "    audit.record(customer=journal,", "    (lambda **_: None)(customer=journal,", "tests/access/test_requests.py"),
    hole("the journal keeps no before and after", AUDIT, "                canonical(before or {}),\n                canonical(after or {}),\n", '                "{}",\n                "{}",\n', "tests/access/test_sharing.py"),
    hole("the journal names nobody", AUDIT, '                (by.name if by else "SmartCare")[:160],\n', '                "somebody",\n', "tests/access/test_requests.py", "tests/access/test_accounts.py", INVARIANTS),
)
CONTEXT = (
    hole("the context outlives its transaction", "access/principal.py", '", ".join(["set_config(%s, %s, true)"] * len(values))', '", ".join(["set_config(%s, %s, false)"] * len(values))', "tests/architecture/test_unscoped.py"),
    hole("an inner principal stays after its end", "access/principal.py", "        if nested and not connection.needs_rollback:\n            _tell(outer)\n", "", "tests/access/test_preview.py"),
    hole("a person of two companies keeps both", "access/context.py", "next((m for m in rows if m.organization.is_partner and m.organization.slug == partner_slug), None)",
         "next((m for m in rows if m.organization.is_partner), None)", "tests/matrix/test_pages.py"),
    hole("pages are kept by caches", "smartcare/middleware.py", '            response["Cache-Control"] = "no-store, private"\n', "", "tests/access/api/test_conventions.py"),
    hole("pages of a partner open to everybody signed in", PAGES, "            if request.viewer.kind != kind:\n", '            if kind != "partner" and request.viewer.kind != kind:\n', "tests/matrix/test_pages.py"),
    hole("the API answers people of no company", "access/api/permissions.py", '        if viewer.kind not in {"customer", "partner"}:\n', "        if False:\n", "tests/matrix/test_api.py"),
    hole("a token that reads may write", "access/api/permissions.py", "        return request.method in SAFE_METHODS or viewer.may_write\n", "        return True\n", "tests/matrix/test_api.py"),
)
HOLES: tuple[CodeHole, ...] = (*LOOKS, *CHANGES, *CONTEXT)
