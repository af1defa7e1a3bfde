"""Looks wait in a small table until they are sealed; the heads of both chains are anchored once a day under a key outside."""

import uuid

import django.db.models.deletion
from django.db import migrations, models

from access.rowlevel import DefinerFunction, Lend, Protect, Redefine, Sql, one_of

OWN = one_of("customer_id", "app_owner()")
SELF = one_of("customer_id", "app_self()")
FINDS = "LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public"


class Chains(Sql):
    """The waiting list is filled by a trigger, so that no look can be written past it."""

    forwards = [
        "CREATE TRIGGER looks_wait AFTER INSERT ON access_viewingentry REFERENCING NEW TABLE AS fresh"
        " FOR EACH STATEMENT EXECUTE FUNCTION looks_wait()",
        "DROP INDEX looks_to_seal",  # the sweep reads the waiting list instead
        "CREATE TRIGGER only_added BEFORE UPDATE OR DELETE ON access_anchor FOR EACH ROW EXECUTE FUNCTION journal_refuses()",
        "CREATE TRIGGER never_emptied BEFORE TRUNCATE ON access_anchor FOR EACH STATEMENT EXECUTE FUNCTION journal_refuses()",
        # What a seal covers. The name is covered by its salted digest, so that it can be replaced after 25 months.
        """CREATE FUNCTION journal_look(look access_viewingentry, seq bigint) RETURNS text[] LANGUAGE sql STABLE
           SET search_path = pg_catalog, public AS $$
           SELECT ARRAY[look.customer_id::text, seq::text, look.id::text, look.number::text, journal_time(look.at), look.person_id::text,
             encode(look.person_digest, 'hex'), look.looker_id::text, look.looker_name, look.way, look.category, look.site_id::text,
             look.object_kind, look.object_words, array_to_json(look.object_ids)::text, look.count::text, look.grant_id::text,
             look.staff_permission_id::text, look.purpose, look.outcome, look.request_id] $$""",
        """CREATE FUNCTION seal_looks(whose uuid, most integer) RETURNS integer LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
           DECLARE look access_viewingentry; first bigint; last bigint; link bytea; waiting uuid[]; ids uuid[] := '{}'; links bytea[];
           BEGIN
             -- One at a time per customer; whoever comes second leaves the work to the first. Rights: those of the caller.
             IF NOT pg_try_advisory_xact_lock(hashtextextended('seal:' || whose::text, 0)) THEN RETURN 0; END IF;
             SELECT s.seq, s.hash INTO first, link FROM access_seal s WHERE s.customer_id = whose ORDER BY s.seq DESC LIMIT 1;
             first := coalesce(first, 0);
             last := first;
             links := ARRAY[coalesce(link, '\\x'::bytea)];
             waiting := ARRAY(SELECT w.id FROM access_unsealedlook w WHERE w.customer_id = whose
                               AND w.at < statement_timestamp() - interval '2 seconds' ORDER BY w.number LIMIT most);
             -- By id alone: a join would make the planner walk all looks of the customer there ever were.
             FOR look IN SELECT v.* FROM access_viewingentry v WHERE v.id = ANY (waiting) ORDER BY v.number
             LOOP
               last := last + 1;
               link := journal_digest(link, journal_look(look, last));
               ids := ids || look.id;
               links := links || link;
             END LOOP;
             -- Two statements for all of them: each asks the policies once.
             INSERT INTO access_seal (id, customer_id, seq, entry_id, sealed_at, prev_hash, hash)
             SELECT gen_random_uuid(), whose, first + n, ids[n], statement_timestamp(), links[n], links[n + 1]
               FROM generate_series(1, cardinality(ids)) n;
             DELETE FROM access_unsealedlook w WHERE w.id = ANY (ids);
             RETURN cardinality(ids);
           END $$""",
        "REVOKE ALL ON FUNCTION seal_looks(uuid, integer) FROM PUBLIC",
        "GRANT EXECUTE ON FUNCTION seal_looks(uuid, integer), journal_look(access_viewingentry, bigint) TO sc_app",
    ]
    backwards = [
        "DROP FUNCTION seal_looks(uuid, integer)",
        "DROP FUNCTION journal_look(access_viewingentry, bigint)",
        "DROP TRIGGER never_emptied ON access_anchor",
        "DROP TRIGGER only_added ON access_anchor",
        "CREATE INDEX looks_to_seal ON access_viewingentry (customer_id, number)",
        "DROP TRIGGER looks_wait ON access_viewingentry",
    ]


WAIT = """RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
  INSERT INTO access_unsealedlook (id, customer_id, number, at) SELECT f.id, f.customer_id, f.number, f.at FROM fresh f;
  RETURN NULL;
END $$"""


class Migration(migrations.Migration):
    dependencies = [("access", "0004_journals")]

    operations = [
        migrations.CreateModel(
            name="Anchor",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("number", models.BigIntegerField()),
                ("day", models.DateField()),
                ("audit_seq", models.BigIntegerField()),
                ("audit_hash", models.BinaryField(max_length=32)),
                ("looks_seq", models.BigIntegerField()),
                ("looks_hash", models.BinaryField(max_length=32)),
                ("made_at", models.DateTimeField()),
                ("signature", models.BinaryField(max_length=32)),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="access.organization"
                    ),
                ),
            ],
            options={"default_permissions": ()},
        ),
        migrations.CreateModel(
            name="UnsealedLook",
            fields=[
                ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("number", models.BigIntegerField()),
                ("at", models.DateTimeField()),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="access.organization"
                    ),
                ),
            ],
            options={"default_permissions": ()},
        ),
        migrations.AddConstraint(
            model_name="anchor",
            constraint=models.UniqueConstraint(fields=("customer", "number"), name="anchor_numbers_have_no_twins"),
        ),
        migrations.AddConstraint(
            model_name="anchor",
            constraint=models.UniqueConstraint(fields=("customer", "day"), name="one_anchor_a_day"),
        ),
        migrations.AddIndex(
            model_name="unsealedlook",
            index=models.Index(fields=["customer", "number"], name="looks_to_seal_in_order"),
        ),
        Protect("access_anchor", reads=SELF, adds=SELF),
        Protect("access_unsealedlook", reads=OWN, removes=OWN),
        Lend("access_unsealedlook", "sc_claim", rights="SELECT, INSERT"),
        Lend("access_anchor", "sc_claim"),
        DefinerFunction("looks_wait()", "sc_claim", WAIT),
        Chains(),
        Redefine(
            "find_unsealed_customers()",
            "sc_claim",
            f"RETURNS SETOF uuid {FINDS} AS $$ SELECT DISTINCT w.customer_id FROM access_unsealedlook w"
            " WHERE w.at < statement_timestamp() - interval '2 seconds' LIMIT 500 $$",
            former=f"RETURNS SETOF uuid {FINDS} AS $$ SELECT DISTINCT v.customer_id FROM access_viewingentry v"
            " WHERE v.at > statement_timestamp() - interval '2 days'"
            " AND NOT EXISTS (SELECT FROM access_seal s WHERE s.customer_id = v.customer_id AND s.entry_id = v.id) LIMIT 500 $$",
        ),
        DefinerFunction(
            "find_unanchored()",
            "sc_claim",
            f"RETURNS SETOF uuid {FINDS} AS $$ SELECT o.id FROM access_organization o WHERE NOT EXISTS ("
            " SELECT FROM access_anchor a WHERE a.customer_id = o.id AND a.day = (statement_timestamp() AT TIME ZONE 'UTC')::date)"
            " AND EXISTS (SELECT FROM access_auditentry e WHERE e.customer_id = o.id) LIMIT 200 $$",
        ),
        DefinerFunction(
            "find_journals(wanted text)",
            "sc_claim",
            # For verify_journal, which runs for everybody: ids alone, all of them for ''.
            f"RETURNS TABLE (id uuid, public_id text) {FINDS} AS $$ SELECT o.id, o.public_id::text FROM access_organization o"
            " WHERE wanted = '' OR o.public_id = wanted ORDER BY o.public_id $$",
        ),
    ]
