"""Customers, partners, sites, devices and grants in numbers, written by SQL past policies and keys: a world to measure reading in.

Ids are drawn from names ('site 17' -> md5), so that rows find each other without a look-up. One partner is the measured one: it
holds the same whatever the size of the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

PARTNER: Final = "md5('partner 0')::uuid"
USER: Final = "md5('user 0')::uuid"
KINDS: Final = "ARRAY['inventory', 'health', 'traffic', 'configuration', 'contracts']"


@dataclass(frozen=True, slots=True)
class Crowd:
    """How many of everything. held: customers that share with the measured partner; each shares all its sites."""

    customers: int = 10_000
    sites_each: int = 2
    devices_each: int = 5  # per site
    partners: int = 1_000
    grants_each: int = 26  # per site, of others than the measured partner
    held: int = 200
    ended_share: float = 0.25  # of grants, that are over and kept

    def scaled(self, factor: float) -> Crowd:
        """The rest of the world so many times larger or smaller; the measured partner holds what it held."""
        return Crowd(
            customers=max(self.held, int(self.customers * factor)),
            sites_each=self.sites_each,
            devices_each=self.devices_each,
            partners=max(self.grants_each, int(self.partners * factor)),
            grants_each=self.grants_each,
            held=self.held,
            ended_share=self.ended_share,
        )

    @property
    def sites(self) -> int:
        return self.customers * self.sites_each


def fill(cursor: Any, crowd: Crowd) -> dict[str, int]:
    """Write the world into an empty, migrated database and let the planner know it. Returns the rows of each table.

    cursor: of a login that is superuser. Customer 1 … n, site 1 … n (of customer (n - 1) / sites_each + 1), partner 0 … n.
    """
    cursor.execute("SET session_replication_role = replica")
    for statement in (ORGANIZATIONS, PEOPLE, SITES, DEVICES, GRANTS, ROWS, ALERTS):
        for one in statement.split(";"):
            cursor.execute(one, _numbers(crowd))
    cursor.execute("SET session_replication_role = origin")
    cursor.execute("VACUUM ANALYZE")
    return {table: _count(cursor, table) for table in TABLES}


def _numbers(crowd: Crowd) -> dict[str, Any]:
    return {name: getattr(crowd, name) for name in Crowd.__slots__} | {"sites": crowd.sites}


TABLES: Final = (
    "access_organization",
    "access_site",
    "telemetry_device",
    "access_grant",
    "access_sitegrouppermission",
    "telemetry_alert",
)


def _count(cursor: Any, table: str) -> int:
    cursor.execute(f'SELECT count(*) FROM "{table}"')  # noqa: S608 - names above
    return int(cursor.fetchone()[0])


ORGANIZATIONS = """
INSERT INTO auth_group (id, name) OVERRIDING SYSTEM VALUE SELECT 1000000 + n, 'partner ' || n FROM generate_series(0, %(partners)s) n;
INSERT INTO access_organization (id, public_id, kind, name, slug, status, profile, city, website, timezone, claim_words,
       allow_custom_metrics, keep_configuration, created_at, group_id)
SELECT md5('partner ' || n)::uuid, 'op-' || n, 'partner', 'Partner ' || n, 'partner-' || n, 'active', '', '', '', 'UTC', 'someone',
       true, false, now(), 1000000 + n FROM generate_series(0, %(partners)s) n;
INSERT INTO access_organization (id, public_id, kind, name, slug, status, profile, city, website, timezone, claim_words,
       allow_custom_metrics, keep_configuration, created_at)
SELECT md5('customer ' || n)::uuid, 'oc-' || n, 'customer', 'Customer ' || n, 'oc-' || n, 'active', '', '', '', 'UTC', 'someone',
       true, false, now() FROM generate_series(1, %(customers)s) n
"""

PEOPLE = """
INSERT INTO access_user (id, password, is_superuser, email, name, is_active, is_staff, timezone, keyboard_shortcuts, date_joined)
SELECT md5('user ' || n)::uuid, '', false, 'user' || n || '@example.com', 'User ' || n, true, false, 'UTC', true, now()
  FROM generate_series(0, %(partners)s) n;
INSERT INTO access_membership (id, public_id, role, created_at, user_id, organization_id)
SELECT gen_random_uuid(), 'me-' || n, 'engineer', now(), md5('user ' || n)::uuid, md5('partner ' || n)::uuid
  FROM generate_series(0, %(partners)s) n;
INSERT INTO access_user_groups (user_id, group_id) SELECT md5('user ' || n)::uuid, 1000000 + n FROM generate_series(0, %(partners)s) n
"""

SITES = """
INSERT INTO access_site (id, public_id, name, city, timezone, created_at, customer_id)
SELECT md5('site ' || s)::uuid, 'st-' || s, 'Site ' || s, '', 'UTC', now(), md5('customer ' || (s - 1) / %(sites_each)s + 1)::uuid
  FROM generate_series(1, %(sites)s) s
"""

# Device n of site s: number (s - 1) * devices_each + n.
DEVICES = """
INSERT INTO telemetry_device (id, public_id, stay_number, label, kind, created_at, customer_id, site_id)
SELECT md5('device ' || d)::uuid, 'dv-' || d, d, 'Device ' || d, 'switch', now(),
       md5('customer ' || (d - 1) / (%(sites_each)s * %(devices_each)s) + 1)::uuid, md5('site ' || (d - 1) / %(devices_each)s + 1)::uuid
  FROM generate_series(1, %(sites)s * %(devices_each)s) d ORDER BY md5('shuffled ' || d);
INSERT INTO telemetry_devicehealth (id, state, score, urgency, reasons, interval_s, daily_scores, updated_at, customer_id, device_id,
       site_id)
SELECT gen_random_uuid(), 'ok', 100 - u, u, '[]', 300, '[]', now(), customer_id, id, site_id
  FROM (SELECT *, ('x' || left(md5(label), 6))::bit(24)::int %% 101 AS u FROM telemetry_device) d;
INSERT INTO telemetry_deviceinventory (id, vendor, model, serial, mac, hostname, address, software, software_version, notes, components,
       parent_port, changed_at, customer_id, device_id, site_id)
SELECT gen_random_uuid(), 'Vendor', 'M1', 'SN' || public_id, '', '', '', '', '', '', '[]', '', now(), customer_id, id, site_id
  FROM telemetry_device
"""

# Partners of a site follow one another from a place of its own, so that no pair comes twice; k = 0 is the measured partner's. Some
# are over. Written in no order, as time would have done.
GRANTS = """
INSERT INTO access_grant (id, public_id, categories, forward_alerts, purpose, granted_at, expires_at, generation, decision, given_back,
       cancelled_deliveries, customer_id, partner_id, site_id, revoked_at, closed_at, drained_at)
SELECT md5('grant ' || s || ' ' || k)::uuid, left(md5('grant ' || s || ' ' || k), 16),
       CASE k WHEN 0 THEN ARRAY['inventory', 'health'] ELSE (%(kinds)s)[1 + k %% 2 : 2 + k %% 2 + s %% 2] END, false, '',
       now() - interval '1 day', now() + interval '89 days', 1, gen_random_uuid(), false, 0,
       md5('customer ' || (s - 1) / %(sites_each)s + 1)::uuid,
       md5('partner ' || CASE k WHEN 0 THEN 0 ELSE 1 + (s * 7919 + k) %% %(partners)s END)::uuid, md5('site ' || s)::uuid, over, over, over
  FROM generate_series(1, %(sites)s) s, generate_series(0, %(grants_each)s) k,
       LATERAL (SELECT CASE WHEN k BETWEEN 1 AND %(grants_each)s * %(ended_share)s THEN now() END AS over) o
 WHERE k > 0 OR s <= %(held)s * %(sites_each)s ORDER BY md5(s || ' ' || k)
""".replace("%(kinds)s", KINDS)

ROWS = """
INSERT INTO access_sitegrouppermission (content_object_id, group_id, permission_id, grant_id)
SELECT g.site_id, o.group_id, c.id, g.id FROM access_grant g JOIN access_organization o ON o.id = g.partner_id,
       unnest(g.categories) category JOIN auth_permission c ON c.codename = 'view_' || category
  JOIN django_content_type t ON t.id = c.content_type_id AND t.app_label = 'access' AND t.model = 'site'
 WHERE g.closed_at IS NULL ORDER BY md5(g.id::text)
"""

ALERTS = """
INSERT INTO telemetry_alert (id, public_id, rule, rule_version, subject, severity, title, evidence, opened_at, updated_at, observed_at,
       resolution, feedback, customer_id, site_id, device_id)
SELECT gen_random_uuid(), 'al-' || stay_number, 'memory_exhaustion', 1, '', 2 + stay_number %% 3, 'Memory is nearly full', '{}',
       now() - stay_number * interval '1 second', now(), now(), '', '', customer_id, site_id, id
  FROM telemetry_device WHERE stay_number %% 5 = 0
"""
