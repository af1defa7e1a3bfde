"""Migration operations for row-level security: the second line behind the door.

Each tenant table gets FORCE ROW LEVEL SECURITY, a policy for reading, and one each for what may be written; never FOR ALL, which
would widen reading. A policy asks a function once per statement (`= ANY (ARRAY(SELECT f()))` plans as InitPlan + index scan; the same
as `IN (SELECT f())` or a function per row is 20 to 1,000 times slower, design/access.md section 4).
"""

from collections.abc import Sequence
from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState


class Sql(Operation):
    """Statements forwards and backwards; no change of Django's state. `%` needs no doubling."""

    reversible = True
    forwards: Sequence[str] = ()
    backwards: Sequence[str] = ()

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """The tables stay as Django knows them."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        for statement in self.forwards:
            schema_editor.execute(statement, params=None)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        for statement in self.backwards:
            schema_editor.execute(statement, params=None)

    def describe(self) -> str:
        return type(self).__name__


def one_of(column: str, function: str) -> str:
    """`column` is among what `function` returns, asked once per statement."""
    return f"{column} = ANY (ARRAY(SELECT {function}))"


class Protect(Sql):
    """FORCE row-level security on a table with these conditions. An act without a condition is refused by default.

    reads, adds, changes, removes: SQL conditions. `changes` is used for the row before and after.
    """

    def __init__(self, table: str, *, reads: str, adds: str = "", changes: str = "", removes: str = "") -> None:
        self.table = table
        self._args: dict[str, Any] = {"reads": reads, "adds": adds, "changes": changes, "removes": removes}
        sql = [
            f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY',
            f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY',
            f'CREATE POLICY reads ON "{table}" FOR SELECT TO sc_app USING ({reads})',
        ]
        if adds:
            sql.append(f'CREATE POLICY adds ON "{table}" FOR INSERT TO sc_app WITH CHECK ({adds})')
        if changes:
            sql.append(
                f'CREATE POLICY changes ON "{table}" FOR UPDATE TO sc_app USING ({changes}) WITH CHECK ({changes})'
            )
        if removes:
            sql.append(f'CREATE POLICY removes ON "{table}" FOR DELETE TO sc_app USING ({removes})')
        self.forwards = sql
        self.backwards = [
            *(f'DROP POLICY IF EXISTS {name} ON "{table}"' for name in ("reads", "adds", "changes", "removes")),
            f'ALTER TABLE "{table}" NO FORCE ROW LEVEL SECURITY',
            f'ALTER TABLE "{table}" DISABLE ROW LEVEL SECURITY',
        ]

    def deconstruct(self) -> tuple[str, Sequence[Any], dict[str, Any]]:
        return type(self).__name__, [self.table], self._args

    def describe(self) -> str:
        return f"Row-level security on {self.table}"


class Lend(Sql):
    """Let a definer role read (or write) a table: a right, and a policy TO that role, which works under FORCE without BYPASSRLS."""

    def __init__(self, table: str, role: str, *, rights: str = "SELECT", condition: str = "true") -> None:
        self.table, self.role, self.rights, self.condition = table, role, rights, condition
        self.forwards = [f'GRANT {rights} ON "{table}" TO {role}']
        self.backwards = [f'REVOKE {rights} ON "{table}" FROM {role}']
        for act in [r.strip().split("(")[0].strip() for r in rights.split(",")]:
            name = f"{role}_{act.lower()}"
            clause = {"SELECT": "USING", "DELETE": "USING", "INSERT": "WITH CHECK", "UPDATE": "USING"}[act]
            check = f" WITH CHECK ({condition})" if act == "UPDATE" else ""
            self.forwards.append(f'CREATE POLICY {name} ON "{table}" FOR {act} TO {role} {clause} ({condition}){check}')
            self.backwards.insert(0, f'DROP POLICY IF EXISTS {name} ON "{table}"')

    def deconstruct(self) -> tuple[str, Sequence[Any], dict[str, Any]]:
        return type(self).__name__, [self.table, self.role], {"rights": self.rights, "condition": self.condition}


class CompositeKey(Sql):
    """A foreign key that carries the customer: a row cannot name another tenant's row, which row-level security would not check."""

    def __init__(
        self,
        table: str,
        column: str,
        target: str,
        *,
        first: str = "customer_id",
        target_first: str = "customer_id",
        target_column: str = "id",
    ) -> None:
        self._args = [table, column, target]
        self._kwargs = {"first": first, "target_first": target_first, "target_column": target_column}
        name = f"{table}_{column}_same_{first.removesuffix('_id')}"[:63]
        self.forwards = [
            f'ALTER TABLE "{table}" ADD CONSTRAINT "{name}" FOREIGN KEY ("{first}", "{column}")'
            f' REFERENCES "{target}" ("{target_first}", "{target_column}") DEFERRABLE INITIALLY DEFERRED'
        ]
        self.backwards = [f'ALTER TABLE "{table}" DROP CONSTRAINT "{name}"']

    def deconstruct(self) -> tuple[str, Sequence[Any], dict[str, Any]]:
        return type(self).__name__, self._args, self._kwargs


class DefinerFunction(Sql):
    """A SECURITY DEFINER function owned by one of the roles nobody signs in as; the application may call it."""

    def __init__(self, signature: str, owner: str, definition: str, *, callers: str = "sc_app") -> None:
        """signature: 'app_sites(text)'; definition: everything after the name and parameters, from RETURNS on."""
        self._args = [signature, owner, definition]
        self._kwargs = {"callers": callers}
        name = _types_only(signature)
        self.forwards = [
            f"CREATE OR REPLACE FUNCTION {signature} {definition}",
            # Changing the owner demands that the new owner may create in the schema: for this moment alone.
            f"GRANT CREATE ON SCHEMA public TO {owner}",
            f"ALTER FUNCTION {name} OWNER TO {owner}",
            f"REVOKE CREATE ON SCHEMA public FROM {owner}",
            f"REVOKE ALL ON FUNCTION {name} FROM PUBLIC",
            f"GRANT EXECUTE ON FUNCTION {name} TO {callers}",
        ]
        self.backwards = [f"DROP FUNCTION IF EXISTS {name} CASCADE"]

    def deconstruct(self) -> tuple[str, Sequence[Any], dict[str, Any]]:
        return type(self).__name__, self._args, self._kwargs

    def describe(self) -> str:
        return f"Function {self._args[0]}"


class Redefine(DefinerFunction):
    """A new body for a function that policies already ask; backwards it gets the former one, since dropping it would drop them."""

    def __init__(self, signature: str, owner: str, definition: str, *, former: str, callers: str = "sc_app") -> None:
        super().__init__(signature, owner, definition, callers=callers)
        self._kwargs["former"] = former
        self.backwards = DefinerFunction(signature, owner, former, callers=callers).forwards

    def describe(self) -> str:
        return f"New body of function {self._args[0]}"


class Reprotect(Sql):
    """Another condition for one policy of a protected table: 'reads', 'adds', 'changes' or 'removes'."""

    def __init__(self, table: str, policy: str, condition: str, *, former: str) -> None:
        self._args, self._kwargs = [table, policy, condition], {"former": former}
        self.forwards = [self._statement(table, policy, condition)]
        self.backwards = [self._statement(table, policy, former)]

    @staticmethod
    def _statement(table: str, policy: str, condition: str) -> str:
        clauses = {
            "reads": f"USING ({condition})",
            "adds": f"WITH CHECK ({condition})",
            "changes": f"USING ({condition}) WITH CHECK ({condition})",
            "removes": f"USING ({condition})",
        }
        return f'ALTER POLICY {policy} ON "{table}" {clauses[policy]}'

    def deconstruct(self) -> tuple[str, Sequence[Any], dict[str, Any]]:
        return type(self).__name__, self._args, self._kwargs

    def describe(self) -> str:
        return f"Policy {self._args[1]} of {self._args[0]}"


def _types_only(signature: str) -> str:
    """'f(a text, b uuid DEFAULT NULL)' -> 'f(text, uuid)', the way ALTER FUNCTION names it."""
    name, _, rest = signature.partition("(")
    parts = [p.partition(" DEFAULT ")[0].strip() for p in rest.rstrip(")").split(",") if p.strip()]
    return f"{name}({', '.join(p.split(' ', 1)[1] if ' ' in p else p for p in parts)})"
