"""What tenders need of the database: the list of those invited for the customer alone, and questions that keep their asker.

A draft is the partner's own, so the customer may not read its row: whom it asked, it is told by a function, without the draft.
"""

from django.db import migrations

from access.rowlevel import DefinerFunction, Reprotect, one_of

OWN = one_of("customer_id", "app_owner()")
INVITED = one_of("tender_id", f"tender_id FROM partners_proposal WHERE {one_of('partner_id', 'app_self()')}")
HELD = one_of("site_id", "app_sites('any')")
LOOKS = f"{OWN} OR {HELD} OR (site_id IS NULL AND {one_of('customer_id', 'app_related()')}) OR app_is_staff()"


class Migration(migrations.Migration):
    dependencies = [("partners", "0004_serial_owners"), ("access", "0009_names_end")]

    operations = [
        DefinerFunction(
            "list_invited(wanted uuid)",
            "sc_policy",
            "RETURNS TABLE (partner_id uuid, state text) LANGUAGE sql STABLE SECURITY DEFINER"
            " SET search_path = pg_catalog, public AS $$"
            " SELECT p.partner_id, CASE p.state WHEN 'draft' THEN 'invited' ELSE p.state END::text FROM partners_proposal p"
            " WHERE p.tender_id = wanted AND p.customer_id = ANY (ARRAY(SELECT app_owner())) $$",
        ),
        # An unanswered question of somebody else would say that there is somebody else.
        Reprotect(
            "partners_tenderquestion",
            "reads",
            f"{OWN} OR {one_of('asked_by_id', 'app_self()')} OR (answered_at IS NOT NULL AND {INVITED})",
            former=f"{OWN} OR {INVITED}",
        ),
        # Who is invited reads facts of a site it may hold nothing at, and that look is written down like any other.
        Reprotect(
            "access_viewingentry",
            "adds",
            f"{LOOKS} OR (site_id IS NULL AND {one_of('customer_id', 'app_dealt_with()')})",
            former=LOOKS,
        ),
    ]
