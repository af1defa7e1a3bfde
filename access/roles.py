"""Roles of the database and what each may touch. One place, run by `migrate`; `doctor` checks it.

Why so many: whoever owns a table, or is superuser, is not bound by its policies. So the login of web, worker and beat owns nothing,
and the few questions that cross tenants are functions of roles nobody can sign in as.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

NOLOGIN = {
    "sc_owner": "owns schema and tables; migrations run as it",
    "sc_policy": "owns the policy functions; reads the few tables they need",
    "sc_claim": "owns the functions that claim work across tenants; returns ids only",
    "sc_ingest": "owns ingest_accept() and the key look-up",
}
APP = "sc_app"
BACKUP = "sc_backup"

# Rows of these are only ever added; the trigger says so too.
APPEND_ONLY = ("access_auditentry", "access_viewingentry", "access_seal", "access_anchor")
# Written by ingest_accept() and ingest_refused() alone.
READ_ONLY = (
    "telemetry_report",
    "telemetry_refusal",
    "telemetry_healthsample",
    "telemetry_trafficsample",
    "telemetry_healthlayout",
    "telemetry_trafficlayout",
    "telemetry_deviceevent",
)
# Django's own bookkeeping, needed before anybody has signed in.
UNPROTECTED = (
    "django_session",
    "django_content_type",
    "django_migrations",
    "django_admin_log",
    "auth_group",
    "auth_permission",
    "auth_group_permissions",
    "access_user",
    "access_user_groups",
    "access_user_user_permissions",
)


BESIDE_ANOTHER = "XX000"  # internal_error: the only code that PostgreSQL has for it
ATTEMPTS = 20


def statements_for_roles(database: str, login: str, *, superuser: bool) -> list[str]:
    """SQL that makes the roles, to run once by a login that may. Idempotent."""
    sql = [
        f"DO $$ BEGIN CREATE ROLE {role} NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$"  # noqa: S608
        for role in NOLOGIN
    ]
    sql += [
        f"DO $$ BEGIN CREATE ROLE {APP} LOGIN NOSUPERUSER NOBYPASSRLS; EXCEPTION WHEN duplicate_object THEN NULL; END $$",
        f"ALTER ROLE {APP} NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE",
    ]
    if superuser:  # BYPASSRLS can only be given by a superuser; without it there is no backup role, and doctor says so
        sql.append(
            f"DO $$ BEGIN CREATE ROLE {BACKUP} LOGIN BYPASSRLS; EXCEPTION WHEN duplicate_object THEN NULL; END $$"
        )
    sql += [
        "GRANT sc_policy, sc_claim, sc_ingest TO sc_owner",
        *([] if superuser else [f'GRANT sc_owner TO "{login}"']),
        f'GRANT ALL ON DATABASE "{database}" TO sc_owner',
        f'GRANT CONNECT ON DATABASE "{database}" TO {APP}',
        f'REVOKE CREATE, TEMPORARY ON DATABASE "{database}" FROM PUBLIC',
        "REVOKE ALL ON SCHEMA public FROM PUBLIC",
        "ALTER SCHEMA public OWNER TO sc_owner",
        f"GRANT USAGE ON SCHEMA public TO {APP}, sc_policy, sc_claim, sc_ingest",
    ]
    return sql


def prepare(connection: Any) -> list[str]:
    """Make the roles through a psycopg2 connection (autocommit). Returns the statements that this login may not run, to be
    printed for somebody who may; empty means everything is there."""
    failed: list[str] = []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_database(), session_user, (SELECT rolsuper FROM pg_roles WHERE rolname = session_user)"
        )
        database, login, superuser = cursor.fetchone()
        if not superuser and _is_prepared(cursor, database, login):
            return []
        for statement in statements_for_roles(database, login, superuser=superuser):
            if not _carried_out(cursor, statement, connection.Error):
                failed.append(statement)
    return failed


def _carried_out(cursor: Any, statement: str, error: type[Exception]) -> bool:
    """False: this login may not. Roles belong to the whole server, so two that prepare databases of it at the same moment
    change the same rows: the second gets "tuple concurrently updated", and asks again. No lock would do, for advisory ones
    belong to one database each.
    """
    for _ in range(ATTEMPTS):
        try:
            cursor.execute(statement)
            return True
        except error as failed:
            if getattr(failed, "pgcode", None) != BESIDE_ANOTHER:
                break
    return False


def _is_prepared(cursor: Any, database: str, login: str) -> bool:
    cursor.execute(
        "SELECT count(*) = 5 AND bool_and(rolname <> 'sc_app' OR (NOT rolsuper AND NOT rolbypassrls))"
        " FROM pg_roles WHERE rolname = ANY(%s)",
        [[*NOLOGIN, APP]],
    )
    if not cursor.fetchone()[0]:
        return False
    cursor.execute(
        "SELECT pg_has_role(%s, 'sc_owner', 'member'),"
        " (SELECT nspowner::regrole::text = 'sc_owner' FROM pg_namespace WHERE nspname = 'public')",
        [login],
    )
    return all(cursor.fetchone())


def grant_rights(connection: BaseDatabaseWrapper) -> None:
    """After each migrate, as sc_owner: what the application role may do with each table. Partitions get nothing of their own:
    read by its own name a partition would bypass its parent's policies."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, c.relispartition FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p')"
        )
        tables = cursor.fetchall()
        for name, is_partition in tables:
            if is_partition:
                cursor.execute(f'REVOKE ALL ON "{name}" FROM {APP}')
                continue
            cursor.execute(f'REVOKE ALL ON "{name}" FROM {APP}')
            cursor.execute(f'GRANT {rights_on(name)} ON "{name}" TO {APP}')
        cursor.execute(f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {APP}")
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [BACKUP])
        if cursor.fetchone():
            cursor.execute(f"GRANT USAGE ON SCHEMA public TO {BACKUP}")
            cursor.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {BACKUP}")
            cursor.execute(f"GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO {BACKUP}")


def rights_on(table: str) -> str:
    if table in READ_ONLY:
        return "SELECT"
    if table in APPEND_ONLY:
        return "SELECT, INSERT"
    return "SELECT, INSERT, UPDATE, DELETE"


def quoted(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def explain_failures(failed: Sequence[str]) -> str:
    return (
        "This login may not prepare the database's roles. Ask whoever administers PostgreSQL to run, once:\n\n"
        + ";\n".join(failed)
        + ";\n"
    )
