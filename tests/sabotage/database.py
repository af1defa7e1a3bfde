"""Plant holes in a database that is thrown away, ask the proofs, take the holes out again, and see that nothing stayed behind."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.db import DatabaseError

from access import checks
from tests.proofs import answers, journals, keys, rights, rowlevel
from tests.proofs.house import House
from tests.proofs.truth import Truth
from tests.sabotage import catalogue
from tests.sabotage.equivalent import reason as equivalent
from tests.sabotage.holes import Hole, Verdict

ROWLEVEL = (
    "tests/proofs/test_rowlevel.py::test_a15_given_no_filter_at_all_when_everybody_asks_for_everything"
    "_then_the_database_alone_says_who_may"
)
TESTS = {
    "check": "tests/architecture/test_policies.py::test_the_database_has_no_gap",
    "forced": "tests/architecture/test_policies.py::test_every_table_with_a_customer_is_under_forced_row_level_security",
    "keys": "tests/proofs/test_keys.py::test_a14_when_any_key_of_a_model_would_name_a_row_of_another_tenant"
    "_then_the_database_refuses",
    "rights": "tests/proofs/test_rights.py::test_when_the_database_is_asked_then_each_role_may_do_what_it_is_for_and_no_more",
    "answers": "tests/proofs/test_rights.py::test_when_everybody_asks_what_spans_tenants_then_each_is_told_what_it_may_know",
    "journals": "tests/proofs/test_rights.py::test_a17_when_somebody_would_change_cut_or_bend_a_journal"
    "_then_the_database_refuses_even_its_owner",
    **{act: f"{ROWLEVEL}[{act}]" for act in rowlevel.ACTS},
}


class StillThere(Exception):
    """After a hole was taken out the database was not as before: every later verdict would be worthless."""


class Remembering(House):
    """The same house, whose truth is read once: holes change who may see rows, never a row."""

    @cached_property
    def known(self) -> Truth:
        return super().truth()

    def truth(self) -> Truth:
        return self.known


@dataclass
class Saboteur:
    house: Remembering
    uses: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    @classmethod
    def of(cls, house: House) -> "Saboteur":
        made = cls(Remembering(house.printed, house.actors, house.eyes, house.behind))
        made.uses = users_of_functions(house.behind)
        return made

    def holes(self) -> list[Hole]:
        return list(catalogue.holes(self.house.behind))

    def sound(self) -> list[str]:
        """What the proofs find wrong before anything is planted."""
        asked = [*(f"{act} {t}" for act in rowlevel.ACTS for t in self.house.truth().tables), "keys"]
        return [
            fault
            for proof in (*asked, "check", "forced", "rights", "journals", "answers")
            for _, fault in self.ask(proof)
        ]

    def judged(self, holes: Iterable[Hole]) -> Iterator[Verdict]:
        """Raises StillThere."""
        before = fingerprint(self.house.behind)
        for hole in holes:
            for statement in hole.plant:
                self.house.behind.execute(statement)
            try:
                found = next((by for proof in hole.proofs for by in self.ask(proof)), None)
            finally:
                for statement in hole.undo:
                    self.house.behind.execute(statement)
            if fingerprint(self.house.behind) != before:
                raise StillThere(hole.name)
            yield _verdict(hole, found)

    def ask(self, proof: str) -> Iterator[tuple[str, str]]:
        """The test that holds the proof, with each fault it finds."""
        name, _, about = proof.partition(" ")
        if name == "everywhere":
            for act, table in self.uses[about]:
                yield from self.ask(f"{act} {table}")
            return
        yield from ((TESTS[name], fault) for fault in self._faults(name, about))

    def _faults(self, name: str, about: str) -> list[str]:
        if name in rowlevel.ACTS:
            try:
                return rowlevel.faults(self.house, [about], (name,))
            except DatabaseError as error:  # the test would end with it, too
                return [str(error)]
        behind = self.house.behind
        asked: dict[str, Callable[[], list[str]]] = {
            "check": checks.faults,
            "forced": lambda: unforced(behind),
            "keys": lambda: keys.faults(behind, about),
            "rights": lambda: rights.faults(behind),
            "journals": lambda: journals.faults(self.house),
            "answers": lambda: answers.faults(self.house),
        }
        return asked[name]()


def _verdict(hole: Hole, found: tuple[str, str] | None) -> Verdict:
    reason = equivalent(hole.name)
    if found and reason:
        return Verdict(
            hole.group, hole.name, "broken", f"is listed as equivalent, but {found[0]} catches it: {found[1]}"
        )
    if found:
        return Verdict(hole.group, hole.name, "caught", found[0])
    return (
        Verdict(hole.group, hole.name, "equivalent", reason)
        if reason
        else Verdict(hole.group, hole.name, "SURVIVED", "")
    )


def unforced(behind: Any) -> list[str]:
    """Tables of a tenant that are not under forced row-level security."""
    behind.execute(
        "SELECT DISTINCT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT a.attisdropped"
        " AND a.attname IN ('customer_id', 'organization_id', 'owner_id', 'partner_id', 'site_id', 'device_id', 'stay')"
        " AND NOT (c.relrowsecurity AND c.relforcerowsecurity)"
    )
    return [row[0] for row in behind.fetchall()]


def users_of_functions(behind: Any) -> dict[str, list[tuple[str, str]]]:
    """{function: (act, table) of the policies that ask it, themselves or through another function}, readers first."""
    behind.execute(
        "SELECT c.relname, p.polcmd::text, coalesce(pg_get_expr(p.polqual, p.polrelid), '')"
        " || coalesce(pg_get_expr(p.polwithcheck, p.polrelid), '') FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid"
        " WHERE NOT c.relispartition AND p.polroles = ARRAY['sc_app'::regrole::oid] ORDER BY p.polcmd <> 'r', 1"
    )
    asking = [(catalogue.ACTS[command], table, text) for table, command, text in behind.fetchall()]
    behind.execute(
        "SELECT proname, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND proowner = 'sc_policy'::regrole"
    )
    bodies = dict(behind.fetchall())

    def asked_by(text: str) -> set[str]:
        direct = {name for name in bodies if f"{name}(" in text}
        return direct.union(*(asked_by(bodies[name]) for name in direct)) if direct else set()

    return {name: [(act, table) for act, table, text in asking if name in asked_by(text)] for name in bodies}


def fingerprint(behind: Any) -> str:
    """Digest of all that a hole may change: policies, flags, constraints, triggers, functions, rights, roles, memberships."""
    parts = []
    for question in FINGERPRINT:
        behind.execute(question)
        parts.append(sorted(map(repr, behind.fetchall())))
    return hashlib.sha256(repr(parts).encode()).hexdigest()


PUBLIC = "'public'::regnamespace"
FINGERPRINT = (
    "SELECT polrelid::regclass, polname, polcmd, polpermissive, polroles::regrole[], pg_get_expr(polqual, polrelid),"
    " pg_get_expr(polwithcheck, polrelid) FROM pg_policy",
    "SELECT c.relname, relrowsecurity, relforcerowsecurity, relowner::regrole, (SELECT array_agg(x::text ORDER BY x::text)"
    f" FROM aclexplode(relacl) x) FROM pg_class c WHERE relnamespace = {PUBLIC} AND NOT relispartition",
    "SELECT attrelid::regclass, attname, attacl::text FROM pg_attribute WHERE array_length(attacl, 1) > 0",
    f"SELECT conrelid::regclass, conname, pg_get_constraintdef(oid), convalidated FROM pg_constraint WHERE connamespace = {PUBLIC}"
    " AND conparentid = 0",
    "SELECT tgrelid::regclass, tgname, tgenabled, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
    "SELECT p.oid::regprocedure, proowner::regrole, prosecdef, pg_get_functiondef(p.oid), (SELECT array_agg(x::text ORDER BY x::text)"
    f" FROM aclexplode(proacl) x) FROM pg_proc p WHERE pronamespace = {PUBLIC} AND prokind = 'f'",
    "SELECT rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolcanlogin FROM pg_roles",
    "SELECT roleid::regrole, member::regrole FROM pg_auth_members",
)
