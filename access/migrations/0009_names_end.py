"""Names of people in the viewing log are replaced after 25 months; nothing else of an entry ever changes.

The chain covers a salted digest of the name, so it still verifies; without the salt the digest tells nothing.
"""

from django.db import migrations

from access.rowlevel import DefinerFunction, Lend, Sql

OLD = "at < statement_timestamp() - interval '25 months'"

FORGET = f"""RETURNS integer LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
WITH forgotten AS (
  UPDATE access_viewingentry SET person_name = NULL, person_salt = '' WHERE customer_id = whose AND person_name IS NOT NULL AND {OLD}
  RETURNING 1)
SELECT count(*)::integer FROM forgotten $$"""


class OneException(Sql):
    forwards = [
        f"""CREATE FUNCTION journal_forgets() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
           BEGIN
             IF OLD.{OLD} AND NEW.person_name IS NULL AND NEW.person_salt = ''
                AND to_jsonb(NEW) - 'person_name' - 'person_salt' = to_jsonb(OLD) - 'person_name' - 'person_salt' THEN RETURN NEW; END IF;
             RAISE EXCEPTION 'entries of % are only ever added', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
           END $$""",
        "DROP TRIGGER only_added ON access_viewingentry",
        "CREATE TRIGGER only_added BEFORE DELETE ON access_viewingentry FOR EACH ROW EXECUTE FUNCTION journal_refuses()",
        "CREATE TRIGGER only_names_end BEFORE UPDATE ON access_viewingentry FOR EACH ROW EXECUTE FUNCTION journal_forgets()",
    ]
    backwards = [
        "DROP TRIGGER only_names_end ON access_viewingentry",
        "DROP TRIGGER only_added ON access_viewingentry",
        "CREATE TRIGGER only_added BEFORE UPDATE OR DELETE ON access_viewingentry FOR EACH ROW EXECUTE FUNCTION journal_refuses()",
        "DROP FUNCTION journal_forgets()",
    ]


class Migration(migrations.Migration):
    dependencies = [("access", "0008_requests_told_later")]

    operations = [
        OneException(),
        Lend("access_viewingentry", "sc_claim", rights="UPDATE", condition=OLD),
        DefinerFunction("forget_names(whose uuid)", "sc_claim", FORGET),
    ]
