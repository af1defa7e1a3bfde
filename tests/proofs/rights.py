"""What each role of the database may do, as access.md section 4 says it; asked of the catalogue, which cannot be talked round.

Row-level security does not bind TRUNCATE, a partition read by its own name, a role's owner or superuser: these are rights alone.
"""

from collections.abc import Iterator
from typing import Any

APP = "sc_app"
DEFINERS = ("sc_policy", "sc_claim", "sc_ingest")
JOURNALS = {"access_auditentry", "access_viewingentry", "access_seal", "access_anchor"}
OF_INGEST = {
    *("telemetry_report", "telemetry_healthsample", "telemetry_trafficsample"),
    *("telemetry_healthlayout", "telemetry_trafficlayout", "telemetry_deviceevent", "telemetry_refusal"),
}
RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
READS, ADDS, WRITES = {"SELECT"}, {"SELECT", "INSERT"}, {"SELECT", "INSERT", "UPDATE", "DELETE"}
OF_POLICIES = {
    *("access_organization", "access_membership", "access_serviceaccount", "access_site", "access_grant"),
    *("access_sitegrouppermission", "access_staffpermission", "access_user", "auth_permission"),
    *("telemetry_device", "telemetry_devicestay", "partners_contract", "partners_proposal"),
}
ACTS = {"r": "SELECT", "a": "INSERT", "w": "UPDATE", "d": "DELETE", "*": "everything"}


def of_app(table: str) -> set[str]:
    return ADDS if table in JOURNALS else READS if table in OF_INGEST else WRITES


def faults(behind: Any) -> list[str]:
    """Rights, roles and memberships that are not as they are meant, one sentence each."""
    return [*_roles(behind), *_of_everybody(behind), *_of_app(behind), *_of_definers(behind)]


def _roles(behind: Any) -> Iterator[str]:
    behind.execute(
        "SELECT rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolcanlogin FROM pg_roles"
        " WHERE rolname = ANY (%s)",
        [[APP, "sc_owner", *DEFINERS]],
    )
    for name, *powers in behind.fetchall():
        if any(powers[:4]):
            yield f"{name} is more powerful than it should be"
        if powers[4] != (name == APP):
            yield f"{name} {'may' if powers[4] else 'may not'} sign in"
    behind.execute(
        "SELECT m.rolname, r.rolname FROM pg_auth_members a JOIN pg_roles r ON r.oid = a.roleid"
        " JOIN pg_roles m ON m.oid = a.member WHERE m.rolname = ANY (%s)",
        [[APP, *DEFINERS]],
    )
    yield from (f"{member} is a member of {role}" for member, role in behind.fetchall())


def _of_everybody(behind: Any) -> Iterator[str]:
    behind.execute(
        "SELECT c.relname, p.privilege_type FROM pg_class c, aclexplode(c.relacl) p"
        " WHERE p.grantee = 0 AND c.relnamespace = 'public'::regnamespace"
        " UNION ALL SELECT f.proname, 'call' FROM pg_proc f LEFT JOIN LATERAL aclexplode(f.proacl) p ON p.grantee = 0"
        " WHERE f.pronamespace = 'public'::regnamespace AND f.prosecdef AND (f.proacl IS NULL OR p.grantee IS NOT NULL)"
    )
    yield from (f"everybody has {right} on {what}" for what, right in behind.fetchall())


def _of_app(behind: Any) -> Iterator[str]:
    for table, is_partition, rights in _rights(behind, APP):
        wanted = set() if is_partition else of_app(table)
        if rights != wanted:
            yield f"{APP} has {' '.join(sorted(rights))} on {table}, not {' '.join(sorted(wanted)) or 'nothing'}"


def _of_definers(behind: Any) -> Iterator[str]:
    """Under FORCE a right works only with a policy, and a policy only with a right: they come together."""
    behind.execute(
        "SELECT r.rolname, c.relname, p.polcmd::text FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid"
        " JOIN pg_roles r ON r.oid = ANY (p.polroles) WHERE r.rolname = ANY (%s)",
        [list(DEFINERS)],
    )
    lent = {(role, table, ACTS[act]) for role, table, act in behind.fetchall()}
    behind.execute("SELECT relname FROM pg_class WHERE relrowsecurity AND relnamespace = 'public'::regnamespace")
    protected = {row[0] for row in behind.fetchall()}
    for role in DEFINERS:
        held = {(role, table, right) for table, _, rights in _rights(behind, role) for right in rights}
        under = {one for one in held if one[1] in protected}
        here = {one for one in lent if one[0] == role}
        yield from (f"{r} has {act} on {table} without a policy" for r, table, act in under - here)
        yield from (f"{r} has a policy for {act} on {table} without the right" for r, table, act in here - under)
        if role == "sc_policy" and held != {(role, table, "SELECT") for table in OF_POLICIES}:
            yield f"sc_policy has other rights than to read what policies ask: {held}"


def _rights(behind: Any, role: str) -> Iterator[tuple[str, bool, set[str]]]:
    """Table, whether it is a partition, rights; a right on some of its columns counts as one."""
    behind.execute(
        "SELECT c.relname, c.relispartition, ARRAY(SELECT r FROM unnest(%(rights)s) r WHERE has_table_privilege(%(role)s, c.oid, r)"
        " OR (r IN ('SELECT', 'INSERT', 'UPDATE') AND has_any_column_privilege(%(role)s, c.oid, r)))"
        " FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm') ORDER BY 1",
        {"role": role, "rights": list(RIGHTS)},
    )
    yield from ((table, partition, set(rights)) for table, partition, rights in behind.fetchall())
