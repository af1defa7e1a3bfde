"""System checks that stop the start on a gap: models by their declarations, and (with --database) the database as it really is."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.apps import AppConfig, apps
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections, models

from access.models import Category, SiteGroupPermission, SiteUserPermission, TenantModel
from access.roles import APP, UNPROTECTED

OURS = ("access", "telemetry", "partners", "smartcare")


@register(Tags.models)
def tenant_models_are_declared(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Every tenant model says its category and its way to the site, keeps no default permissions, and shows no foreign category
    through the way back of a key (related access does not ask for a category)."""
    found: list[CheckMessage] = []
    for model in apps.get_models():
        if not issubclass(model, TenantModel):
            continue
        name = f"{model.__module__}.{model.__name__}"
        if not isinstance(getattr(model, "CATEGORY", None), Category) or not getattr(model, "SITE_PATH", ""):
            found.append(Error(f"{name} declares no SITE_PATH or CATEGORY", id="access.E001"))
            continue
        if model._meta.default_permissions:
            found.append(Error(f"{name} has Django's default permissions: inherit TenantModel.Meta", id="access.E002"))
        found += _hidden_ways_back(model, name)
    return found


def _hidden_ways_back(model: type[TenantModel], name: str) -> Iterable[CheckMessage]:
    for field in model._meta.get_fields():
        if not isinstance(field, models.ForeignKey) or not isinstance(field.remote_field.model, type):
            continue
        target = field.remote_field.model
        if not issubclass(target, TenantModel):
            continue
        visible = field.remote_field.related_name is None or not str(field.remote_field.related_name).endswith("+")
        if visible and target.CATEGORY != model.CATEGORY:
            text = f"{name}.{field.name}: from {target.__name__} this would show another category; use related_name='+'"
            yield Error(text, id="access.E003")


@register(Tags.models)
def guardian_is_on_direct_keys(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """With a hidden name, or one of the two missing, guardian silently goes back to its generic table (traps 5 and 6)."""
    found: list[CheckMessage] = []
    for model in (SiteGroupPermission, SiteUserPermission):
        field = model._meta.get_field("content_object")
        name = field.remote_field.related_name if isinstance(field, models.ForeignKey) else None
        if not name or str(name).endswith("+"):
            found.append(Error(f"{model.__name__}.content_object needs a visible related_name", id="access.E004"))
    return found


@register(Tags.database)
def database_holds_the_second_line(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **_: Any
) -> list[CheckMessage]:
    """Row-level security as it stands in the database: see faults()."""
    return [Error(text, id="access.E010") for alias in databases or () if alias == "default" for text in faults(alias)]


def faults(alias: str = "default") -> list[str]:
    """What is wrong with roles, policies and keys of the database behind this alias, one sentence each; [] if nothing is."""
    connection = connections[alias]
    with connection.cursor() as cursor:
        if not _has_tables(cursor):
            return []  # before the first migrate there is nothing to protect
        return [
            *_role_faults(cursor),
            *_policy_faults(cursor),
            *_partition_faults(cursor),
            *_view_faults(cursor),
            *_key_faults(cursor),
            *_permission_faults(cursor),
        ]


def _has_tables(cursor: Any) -> bool:
    cursor.execute("SELECT to_regclass('public.access_site') IS NOT NULL")
    return bool(cursor.fetchone()[0])


def _role_faults(cursor: Any) -> Iterable[str]:
    cursor.execute(
        "SELECT r.rolname, r.rolsuper, r.rolbypassrls, EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = 'public' AND c.relowner = r.oid) FROM pg_roles r WHERE r.rolname = current_user"
    )
    name, superuser, bypasses, owns = cursor.fetchone()
    if superuser:
        yield f"The database role {name} is a superuser: no policy binds it. Sign in as {APP} (DATABASE_URL)"
    if bypasses:
        yield f"The database role {name} has BYPASSRLS: ALTER ROLE {name} NOBYPASSRLS"
    if owns:
        yield f"The database role {name} owns tables: migrate with DATABASE_OWNER_URL, and sign in as {APP}"
    cursor.execute(
        "SELECT string_agg(m.rolname, ', ') FROM pg_roles m WHERE m.rolname IN ('sc_owner', 'sc_policy', 'sc_claim', 'sc_ingest')"
        " AND pg_has_role(current_user, m.oid, 'member') AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)"
    )
    if roles := cursor.fetchone()[0]:
        yield f"The database role {name} is a member of {roles}: REVOKE {roles} FROM {name}"


def _policy_faults(cursor: Any) -> Iterable[str]:
    cursor.execute(
        "SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity, (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid),"
        " EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polcmd = '*')"
        " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1"
    )
    for table, enabled, forced, policies, for_all in cursor.fetchall():
        if not table.startswith(OURS) or table in UNPROTECTED or table == "telemetry_modellifecycle":
            continue
        if not (enabled and forced):
            yield f"{table} is not under FORCE ROW LEVEL SECURITY: ALTER TABLE {table} FORCE ROW LEVEL SECURITY"
        elif not policies:
            yield f"{table} has no policy: run manage.py migrate"
        if for_all:
            yield f"{table} has a policy FOR ALL, which widens reading: name the acts one by one"


def _partition_faults(cursor: Any) -> Iterable[str]:
    cursor.execute(
        "SELECT c.relname FROM pg_class c WHERE c.relispartition AND has_table_privilege(%s, c.oid, 'SELECT') LIMIT 5",
        [APP],
    )
    for (table,) in cursor.fetchall():
        yield f"{APP} may read the partition {table} by its own name, past its parent's policies: REVOKE ALL ON {table} FROM {APP}"


def _view_faults(cursor: Any) -> Iterable[str]:
    cursor.execute(
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND c.relkind = 'v'"
        " AND NOT coalesce('security_invoker=true' = ANY (c.reloptions), false)"
    )
    for (view,) in cursor.fetchall():
        yield f"The view {view} reads as its owner: ALTER VIEW {view} SET (security_invoker = true)"


def _key_faults(cursor: Any) -> Iterable[str]:
    """A foreign key from one tenant table to another must carry the customer, or a row could name a foreign row."""
    cursor.execute(
        "SELECT k.conname, s.relname, t.relname FROM pg_constraint k JOIN pg_class s ON s.oid = k.conrelid"
        " JOIN pg_class t ON t.oid = k.confrelid WHERE k.contype = 'f' AND NOT s.relispartition"
        " AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = t.oid AND a.attname = 'customer_id' AND NOT a.attisdropped)"
        " AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = s.oid AND a.attname = 'customer_id' AND NOT a.attisdropped)"
        " AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = s.oid AND a.attnum = ANY (k.conkey)"
        " AND a.attname IN ('customer_id', 'owner_id'))"
    )
    for key, source, target in cursor.fetchall():
        yield f"The foreign key {key} from {source} to {target} does not carry customer_id"


def _permission_faults(cursor: Any) -> Iterable[str]:
    """guardian's trap 1 (A13): a permission that names no site would open every site to code that asks guardian or Django."""
    cursor.execute(
        "SELECT c.codename, g.name, u.email FROM auth_permission c JOIN django_content_type t ON t.id = c.content_type_id"
        " LEFT JOIN auth_group_permissions h ON h.permission_id = c.id LEFT JOIN auth_group g ON g.id = h.group_id"
        " LEFT JOIN access_user_user_permissions p ON p.permission_id = c.id LEFT JOIN access_user u ON u.id = p.user_id"
        " WHERE t.app_label = 'access' AND t.model = 'site' AND (g.id IS NOT NULL OR u.id IS NOT NULL) LIMIT 5"
    )
    for codename, group, person in cursor.fetchall():
        holder = f"the group {group}" if group else f"the account {person}"
        yield f"{holder} holds {codename} for all sites of all customers: take it away, rights come from grants alone"
