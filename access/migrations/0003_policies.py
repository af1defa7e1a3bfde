"""Row-level security on every table of access, and keys that carry the customer."""

from django.db import migrations

from access.rowlevel import CompositeKey, Protect, one_of

OWN = one_of("customer_id", "app_owner()")
SELF = one_of("customer_id", "app_self()")
SOMEBODY = "app_kind() <> ''"


def at_site(column: str = "site_id", category: str = "any") -> str:
    return one_of(column, f"app_sites('{category}')")


class Migration(migrations.Migration):
    dependencies = [("access", "0002_functions")]

    operations = [
        Protect(
            "access_organization",
            # Partners' profiles are a public directory; a customer is known to itself, to those it dealt with, and to staff by name.
            reads=f"{one_of('id', 'app_self()')} OR (kind = 'partner' AND {SOMEBODY}) OR {one_of('id', 'app_related()')} OR app_is_staff()",
            adds="app_kind() IN ('login', 'staff')",
            changes=f"{one_of('id', 'app_self()')} OR app_is_staff()",
        ),
        Protect(
            "access_membership",
            reads=(
                f"{one_of('organization_id', 'app_self()')} OR user_id = app_user() OR app_is_staff()"
                f" OR (app_kind() = 'job' AND {one_of('organization_id', 'app_related()')})"
            ),
            adds=f"{one_of('organization_id', 'app_self()')} OR (app_kind() = 'login' AND user_id = app_user()) OR app_is_staff()",
            changes=one_of("organization_id", "app_self()"),
            removes=f"{one_of('organization_id', 'app_self()')} OR app_is_staff()",
        ),
        Protect(
            "access_serviceaccount",
            reads=one_of("organization_id", "app_self()"),
            adds=one_of("organization_id", "app_self()"),
            changes=one_of("organization_id", "app_self()"),
        ),
        Protect(
            "access_invitation",
            reads=one_of("organization_id", "app_self()"),
            adds=one_of("organization_id", "app_self()"),
            changes=one_of("organization_id", "app_self()"),
        ),
        Protect("access_site", reads=f"{OWN} OR {at_site('id')} OR app_is_staff()", adds=OWN, changes=OWN),
        Protect(
            "access_grant",
            reads=f"{OWN} OR {one_of('partner_id', 'app_self()')} OR app_is_staff()",
            adds=OWN,
            changes=OWN,
        ),
        # guardian's rows follow their grant, whose own policy is applied inside the sub-select.
        Protect(
            "access_sitegrouppermission",
            reads=one_of("grant_id", "id FROM access_grant"),
            adds=one_of("grant_id", f"id FROM access_grant WHERE {OWN}"),
            removes=one_of("grant_id", f"id FROM access_grant WHERE {OWN}"),
        ),
        Protect("access_siteuserpermission", reads="false"),
        Protect(
            "access_accessrequest",
            reads=f"{OWN} OR {one_of('partner_id', 'app_self()')}",
            adds=one_of("partner_id", "app_self()"),
            changes=f"{OWN} OR {one_of('partner_id', 'app_self()')}",
        ),
        Protect(
            "access_staffpermission",
            reads=f"{OWN} OR app_is_staff()",
            adds="app_is_staff() AND user_id = app_user()",
            changes=f"{OWN} OR app_is_staff()",
        ),
        Protect("access_auditentry", reads=SELF, adds=SOMEBODY),
        Protect(
            "access_viewingentry",
            reads=f"{OWN} OR {one_of('looker_id', 'app_self()')}",
            # Whoever holds the site in any category may say that it looked; a look without a site concerns a customer it deals with.
            adds=f"{OWN} OR {at_site()} OR (site_id IS NULL AND {one_of('customer_id', 'app_related()')}) OR app_is_staff()",
        ),
        Protect("access_seal", reads=OWN, adds=OWN),
        Protect("access_ownreadsummary", reads=OWN, adds=OWN, changes=OWN),
        CompositeKey("access_grant", "site_id", "access_site"),
        CompositeKey(
            "access_sitegrouppermission", "grant_id", "access_grant", first="content_object_id", target_first="site_id"
        ),
        CompositeKey("access_viewingentry", "site_id", "access_site"),
        CompositeKey("access_viewingentry", "grant_id", "access_grant"),
        CompositeKey("access_viewingentry", "staff_permission_id", "access_staffpermission"),
        CompositeKey("access_grant", "request_id", "access_accessrequest"),
    ]
