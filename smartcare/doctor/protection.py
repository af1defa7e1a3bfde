"""The second line behind the door: what the database itself refuses, whatever our code asks for."""

from collections.abc import Iterator

from access import roles
from smartcare.doctor.database import rows
from smartcare.doctor.findings import Finding, fault, good

MIGRATE = "run manage.py migrate with DATABASE_OWNER_URL: it puts roles and rights in order"
# A column of one of these names says that a row belongs to somebody.
OWNED_BY = ("customer_id", "organization_id", "owner_id", "partner_id")
HARMLESS = {"access_user_groups"}  # memberships of the technical groups; who may see what is not decided by them
WRITES = ("INSERT", "UPDATE", "DELETE", "TRUNCATE")


def login_is_powerless() -> Iterator[Finding]:
    """Whoever is superuser, passes policies, or owns a table is bound by none of its policies."""
    name, superuser, bypasses = rows(
        "SELECT current_user, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user"
    )[0]
    owned = rows(
        "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = 'public' AND pg_get_userbyid(c.relowner) = current_user"
    )[0][0]
    powers = [
        *(["is superuser"] if superuser else []),
        *(["passes row-level security"] if bypasses else []),
        *([f"owns {owned} tables"] if owned else []),
        *(f"may act as {role}" for role in roles.NOLOGIN if _is_member(name, role)),
    ]
    if powers:
        yield fault(
            "database login",
            f"{name} {', '.join(powers)}: row-level security does not bind it",
            f"DATABASE_URL must sign in as {roles.APP}; the login that owns things is DATABASE_OWNER_URL, for migrate alone",
        )
    elif name != roles.APP:
        yield fault("database login", f"is {name}: the policies speak of {roles.APP}", f"sign in as {roles.APP}")
    else:
        yield good("database login", f"{name} owns nothing and is bound by every policy")


def _is_member(login: str, role: str) -> bool:
    there = rows("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
    return bool(there) and bool(rows("SELECT pg_has_role(%s, %s, 'member')", [login, role])[0][0])


def roles_are_powerless() -> Iterator[Finding]:
    """The roles behind the definer functions: nobody signs in as them, none is above the policies."""
    found = {
        name: (can_login, superuser, bypasses)
        for name, can_login, superuser, bypasses in rows(
            "SELECT rolname, rolcanlogin, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = ANY(%s)",
            [[*roles.NOLOGIN]],
        )
    }
    missing = [name for name in roles.NOLOGIN if name not in found]
    strong = [name for name, powers in found.items() if any(powers)]
    if missing:
        yield fault("database roles", f"missing: {', '.join(missing)}", MIGRATE)
    if strong:
        advice = "ALTER ROLE … NOLOGIN NOSUPERUSER NOBYPASSRLS, by whoever administers PostgreSQL"
        yield fault("database roles", f"{', '.join(strong)} can sign in, or stand above the policies", advice)
    if not (missing or strong):
        yield good("database roles", f"{', '.join(found)}: nobody signs in as one")


def rows_are_protected() -> Iterator[Finding]:
    """Row-level security is on, binds the owner too, and has a policy, on every table with somebody's rows."""
    found = rows(
        "SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity"
        " AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid)"
        " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND (c.relname = 'access_organization'"
        " OR EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND NOT a.attisdropped AND a.attname = ANY(%s)))",
        [list(OWNED_BY)],
    )
    open_tables = sorted(name for name, protected in found if not protected and name not in HARMLESS)
    if open_tables:
        yield fault(
            "row-level security",
            f"is not forced on {', '.join(open_tables)}",
            "ALTER TABLE … ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY, as sc_owner; find out who switched it off",
        )
    else:
        yield good("row-level security", f"forced on {len(found)} tables")


def partitions_are_closed() -> Iterator[Finding]:
    """Read by its own name a partition would pass by the policies of its parent."""
    found = rows(
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public'"
        " AND c.relispartition AND has_table_privilege(current_user, c.oid, 'SELECT, INSERT, UPDATE, DELETE')"
    )
    if found:
        names = ", ".join(name for (name,) in found[:3])
        yield fault("partitions alone", f"{len(found)} can be reached past their parent ({names})", MIGRATE)
    else:
        yield good("partitions alone", "only through their parents")


def journals_only_grow() -> Iterator[Finding]:
    wrong = [
        f"{act} on {table}"
        for table, forbidden in (
            *((table, WRITES[1:]) for table in roles.APPEND_ONLY),
            *((table, WRITES) for table in roles.READ_ONLY),
        )
        for act in forbidden
        if rows("SELECT has_table_privilege(current_user, to_regclass(%s), %s)", [f"public.{table}", act])[0][0]
    ]
    unguarded = [
        table
        for table in ("access_auditentry", "access_viewingentry", "access_seal")
        if not rows(
            "SELECT 1 FROM pg_trigger WHERE tgrelid = to_regclass(%s) AND tgname = 'only_added' AND tgenabled <> 'D'",
            [f"public.{table}"],
        )
    ]
    if wrong:
        yield fault("journals", f"the application may {', '.join(wrong)}", MIGRATE)
    if unguarded:
        advice = "ALTER TABLE … ENABLE TRIGGER only_added, as sc_owner; then run manage.py verify_journal"
        yield fault("journals", f"the trigger that refuses changes is off on {', '.join(unguarded)}", advice)
    if not (wrong or unguarded):
        yield good("journals", "rows can only be added")


def definers_are_ours() -> Iterator[Finding]:
    """A function with another's rights is a door of its own: each belongs to one of our roles."""
    found = rows(
        "SELECT p.proname, pg_get_userbyid(p.proowner) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
        " WHERE n.nspname = 'public' AND p.prosecdef"
    )
    strangers = [f"{name} of {owner}" for name, owner in found if owner not in roles.NOLOGIN]
    if strangers:
        yield fault("definer functions", f"belong to others: {', '.join(strangers)}", MIGRATE)
    else:
        yield good("definer functions", f"{len(found)}, all of our own roles")
