"""A17 in the database itself: entries are only ever added, each follows the one before it, and each look waits for its seal."""

import hashlib
from collections.abc import Iterator
from typing import Any

import psycopg2
from django.db import DatabaseError, connection

from access import audit, viewing
from access.errors import NotRecorded
from access.models import Category
from access.principal import acting, job
from tests.proofs.house import House
from tests.proofs.rights import JOURNALS
from tests.proofs.sight import undone

ACTS = ("UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {} CASCADE")
REFUSED = "only ever added"
# In the order in which the hash covers them (docs/verify_journal.py).
CHAINED = (
    *("customer_id", "seq", "id", "at", "actor_id", "actor_name", "actor_organization", "action", "object_kind"),
    *("object_id", "object_words", "before", "after"),
)


def faults(house: House) -> list[str]:
    """What the database would let somebody do to a journal, even its owner. What is tried has not happened afterwards."""
    try:
        return [*_changeable(house.behind), *_looks(house), *_unchained(house)]
    except (DatabaseError, NotRecorded) as error:
        return [f"nothing can be written down: {error}"]


def _changeable(behind: Any) -> Iterator[str]:
    for table in sorted(JOURNALS):
        for act in ACTS:
            behind.execute("BEGIN")
            try:
                behind.execute(act.format(table))
                yield f"the owner may {act.split()[0]} {table}"
            except psycopg2.Error as error:
                if REFUSED not in str(error):
                    yield f"{act.split()[0]} of {table} is refused for another reason: {error}"
            finally:
                behind.execute("ROLLBACK")
    yield from _rewritable_look(behind)


def _rewritable_look(behind: Any) -> Iterator[str]:
    """The role of the function that forgets names reaches old looks alone, and of a young one nothing at all."""
    behind.execute("BEGIN")
    try:
        behind.execute("SET LOCAL ROLE sc_claim")
        behind.execute("UPDATE access_viewingentry SET person_name = NULL, person_salt = ''")
        if behind.rowcount:
            yield f"sc_claim may take the names out of {behind.rowcount} young looks"
    except psycopg2.Error as error:
        yield f"the policy lets sc_claim reach a young look: {str(error).splitlines()[0]}"
    finally:
        behind.execute("ROLLBACK")


def _looks(house: House) -> Iterator[str]:
    nora = house.eyes["nora"].viewer
    assert nora is not None
    house.behind.execute("SELECT id, customer_id FROM access_site WHERE public_id = %s", [house.ids["hq"]])
    site, customer = house.behind.fetchone()
    with undone():
        with job(customer), connection.cursor() as cursor:
            cursor.execute("SELECT id FROM access_viewingentry")
            before = {row[0] for row in cursor.fetchall()}
        with acting(nora):
            viewing.record(nora, [viewing.Look(customer, Category.HEALTH, site, "device", "fw")], way="page")
        with job(customer), connection.cursor() as cursor:
            cursor.execute(
                "SELECT v.id, u.id FROM access_viewingentry v LEFT JOIN access_unsealedlook u ON u.id = v.id"
            )
            fresh = [waiting for look, waiting in cursor.fetchall() if look not in before]
    if len(fresh) != 1 or fresh[0] is None:
        yield "a look does not wait for its seal"


def _unchained(house: House) -> Iterator[str]:
    fields = ", ".join("journal_time(at)" if name == "at" else f'"{name}"::text' for name in CHAINED)
    house.behind.execute("SELECT id FROM access_organization WHERE public_id = %s", [house.ids["acme"]])
    (acme,) = house.behind.fetchone()
    with undone(), job(acme), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM access_auditentry WHERE customer_id = %s", [acme])
        (before,) = cursor.fetchone()
        for number in range(2):
            audit.record(customer=acme, by=None, action="site.opened", kind="site", id=number, words="x")
        cursor.execute(
            f"SELECT seq, prev_hash, hash, ARRAY[{fields}] FROM access_auditentry WHERE customer_id = %s ORDER BY seq",
            [acme],
        )
        chain = cursor.fetchall()
    if len(chain) != before + 2:
        yield f"two entries after {before} make {len(chain)}"
    number, head = 0, b""
    for seq, previous, link, values in chain:
        if seq != number + 1 or bytes(previous or b"") != head:
            yield f"entry {seq} does not follow entry {number}"
        number, head = seq or number + 1, bytes(link or b"")
        if head != digest(bytes(previous or b""), values):
            yield f"entry {seq} has a hash of other words"


def digest(previous: bytes, values: list[str | None]) -> bytes:
    whole = previous
    for text in values:
        data = (text or "").encode()
        whole += b"-," if text is None else b"%d:%s," % (len(data), data)
    return hashlib.sha256(whole).digest()
