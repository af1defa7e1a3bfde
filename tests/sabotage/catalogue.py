"""Every hole that can be made in the database as it stands, read from its catalogue: a new table, policy or key is in here by itself."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tests.proofs.rights import DEFINERS, JOURNALS, OF_INGEST
from tests.sabotage.conditions import Mutant, weakened, weakened_query
from tests.sabotage.holes import Hole

ACTS = {"r": "reads", "a": "adds", "w": "changes", "d": "removes"}
COMMANDS = {"r": "SELECT", "a": "INSERT", "w": "UPDATE", "d": "DELETE"}
OURS = "relnamespace = 'public'::regnamespace AND NOT relispartition AND relkind IN ('r', 'p')"
CATEGORY = re.compile(r"'view_(\w+)'")


def holes(behind: Any) -> Iterator[Hole]:
    """Each with a name of its own: the second of the same words ends in (2)."""
    seen: Counter[str] = Counter()
    for find in (tables, policies, functions, keys, triggers, rights, roles):
        for hole in find(behind):
            seen[hole.name] += 1
            again = seen[hole.name]
            yield replace(hole, name=f"{hole.name} ({again})") if again > 1 else hole


def tables(behind: Any) -> Iterator[Hole]:
    behind.execute(f"SELECT relname FROM pg_class WHERE relrowsecurity AND {OURS} ORDER BY 1")
    for (table,) in behind.fetchall():
        for words, change, back in (
            ("row-level security off", "DISABLE ROW LEVEL SECURITY", "ENABLE ROW LEVEL SECURITY"),
            ("no FORCE", "NO FORCE ROW LEVEL SECURITY", "FORCE ROW LEVEL SECURITY"),
        ):
            alter = f'ALTER TABLE "{table}" '
            proofs = (f"reads {table}", "check", "forced") if "off" in words else ("check", "forced")
            yield Hole("table", f"{table}: {words}", (alter + change,), (alter + back,), proofs)


def policies(behind: Any) -> Iterator[Hole]:
    behind.execute(
        "SELECT c.relname, p.polname, p.polcmd::text, array_to_string(p.polroles::regrole[], ', '),"
        " pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)"
        f" FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid WHERE {OURS} ORDER BY 1, 2"
    )
    for table, policy, command, to, using, check in behind.fetchall():
        on = f'{policy} ON "{table}"'
        again = f"CREATE POLICY {on} FOR {COMMANDS[command]} TO {to} {_clauses(using, check)}"
        proofs = _proofs_of_policy(table, command, to)
        yield Hole("policy", f"{table}.{policy} dropped", (f"DROP POLICY {on}",), (again,), proofs)
        condition = using or check
        if condition == "true":  # lent to a definer role without a condition
            continue
        back = f"ALTER POLICY {on} {_clauses(using, check)}"
        if using and check:
            wide = f"ALTER POLICY {on} WITH CHECK (true)"
            yield Hole("policy", f"{table}.{policy}: WITH CHECK (true)", (wide,), (back,), proofs)
        for mutant in [Mutant("true", "true"), *_of_policy(condition)]:
            wide = f"ALTER POLICY {on} {_clauses(using and mutant.text, check and mutant.text)}"
            words = "USING (true)" if mutant.what == "true" else mutant.what
            yield Hole("policy", f"{table}.{policy}: {words}", (wide,), (back,), proofs)


def _of_policy(condition: str) -> Iterator[Mutant]:
    yield from weakened(condition)
    for found in CATEGORY.finditer(condition):
        text = f"{condition[: found.start()]}'any'{condition[found.end() :]}"
        yield Mutant(f"any kind of data instead of {found[1]}", text)


def _clauses(using: str | None, check: str | None) -> str:
    return " ".join(f"{word} ({text})" for word, text in (("USING", using), ("WITH CHECK", check)) if text)


def _proofs_of_policy(table: str, command: str, to: str) -> tuple[str, ...]:
    if to in DEFINERS:
        return ("rights", "journals")
    # Whoever may not read a row cannot change or remove it either, so a policy for reading shows in all three.
    return tuple(f"{act} {table}" for act in ((ACTS[command],) if command != "r" else ("reads", "changes", "removes")))


def functions(behind: Any) -> Iterator[Hole]:
    """Those the policies ask; each part of each question left out."""
    behind.execute(
        "SELECT p.proname, pg_get_functiondef(p.oid), p.prosrc, format_type(p.prorettype, NULL) FROM pg_proc p"
        " WHERE p.pronamespace = 'public'::regnamespace AND p.proowner = 'sc_policy'::regrole AND p.prolang = "
        "(SELECT oid FROM pg_language WHERE lanname = 'sql') ORDER BY 1"
    )
    for name, definition, body, returns in behind.fetchall():
        if definition.count(body) != 1:
            raise ValueError(f"The body of {name} is not found in its definition")
        for mutant in weakened_query(body, returns):
            plant = definition.replace(body, mutant.text)
            yield Hole(
                "function", f"{name}(): {mutant.what}", (plant,), (definition,), (f"everywhere {name}", "answers")
            )


def keys(behind: Any) -> Iterator[Hole]:
    behind.execute(
        "SELECT k.conname, s.relname, t.relname, pg_get_constraintdef(k.oid), ARRAY(SELECT a.attname FROM unnest(k.conkey)"
        " WITH ORDINALITY c(n, i) JOIN pg_attribute a ON a.attrelid = s.oid AND a.attnum = c.n ORDER BY c.i)::text[],"
        " ARRAY(SELECT a.attname FROM unnest(k.confkey) WITH ORDINALITY c(n, i)"
        " JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = c.n ORDER BY c.i)::text[]"
        " FROM pg_constraint k JOIN pg_class s ON s.oid = k.conrelid JOIN pg_class t ON t.oid = k.confrelid"
        " WHERE k.contype = 'f' AND cardinality(k.conkey) > 1 AND k.conparentid = 0 AND NOT s.relispartition ORDER BY 2, 1"
    )
    for key, source, target, definition, (_, column), (_, wanted) in behind.fetchall():
        by_itself = _is_unique(behind, target, wanted)
        drop = f'ALTER TABLE "{source}" DROP CONSTRAINT "{key}"'
        single = f'ADD CONSTRAINT "{key}" FOREIGN KEY ("{column}") REFERENCES "{target}" ("{wanted}")'
        add = f'ALTER TABLE "{source}" ADD CONSTRAINT "{key}" {definition}'
        proofs = (f"keys {source}.{column}",)
        if by_itself:  # PostgreSQL refuses a key to what is not unique
            yield Hole("key", f"{source}.{column} → {target}: single", (f"{drop}, {single}",), (drop, add), proofs)
        yield Hole("key", f"{source}.{column} → {target}: dropped", (drop,), (add,), proofs)


def _is_unique(behind: Any, table: str, column: str) -> bool:
    behind.execute(
        "SELECT count(*) FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]"
        " WHERE i.indrelid = %s::regclass AND i.indisunique AND i.indpred IS NULL AND i.indnkeyatts = 1 AND a.attname = %s",
        [table, column],
    )
    return bool(behind.fetchone()[0])


def triggers(behind: Any) -> Iterator[Hole]:
    behind.execute(
        "SELECT c.relname, t.tgname, pg_get_triggerdef(t.oid) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
        f" WHERE NOT t.tgisinternal AND {OURS} ORDER BY 1, 2"
    )
    for table, trigger, definition in behind.fetchall():
        off, on = (f'ALTER TABLE "{table}" {word} TRIGGER {trigger}' for word in ("DISABLE", "ENABLE"))
        yield Hole("trigger", f"{table}.{trigger} off", (off,), (on,), ("journals",))
        drop = f'DROP TRIGGER {trigger} ON "{table}"'
        yield Hole("trigger", f"{table}.{trigger} dropped", (drop,), (definition,), ("journals",))


def rights(behind: Any) -> Iterator[Hole]:
    behind.execute(f"SELECT relname FROM pg_class WHERE {OURS} ORDER BY 1")
    everything = [row[0] for row in behind.fetchall()]
    behind.execute("SELECT min(relname) FROM pg_class WHERE relispartition AND relkind = 'r'")
    (partition,) = behind.fetchone()
    given = [(f"TRUNCATE ON {table}", "sc_app") for table in everything]
    given += [(f"{act} ON {table}", "sc_app") for table in sorted(JOURNALS) for act in ("UPDATE", "DELETE")]
    given += [(f"{act} ON {table}", "sc_app") for table in sorted(OF_INGEST) for act in ("INSERT", "UPDATE", "DELETE")]
    given += [("UPDATE (purpose) ON access_viewingentry", "sc_app"), (f"SELECT ON {partition}", "sc_app")]
    given += [("SELECT ON telemetry_alert", "PUBLIC"), ("UPDATE ON access_grant", "sc_policy")]
    given += [("SELECT ON telemetry_alert", "sc_policy"), ("SELECT ON partners_contract", "sc_claim")]
    for what, to in given:
        words = re.sub(r"_\d{8}$", "_of a day", what)
        yield Hole("right", f"{words} to {to}", (f"GRANT {what} TO {to}",), (f"REVOKE {what} FROM {to}",), ("rights",))
    call = "EXECUTE ON FUNCTION find_token(text)"
    yield Hole("right", f"{call} to PUBLIC", (f"GRANT {call} TO PUBLIC",), (f"REVOKE {call} FROM PUBLIC",), ("rights",))


def roles(behind: Any) -> Iterator[Hole]:
    for power in ("SUPERUSER", "BYPASSRLS", "CREATEROLE", "CREATEDB"):
        plant, undo = f"ALTER ROLE sc_app {power}", f"ALTER ROLE sc_app NO{power}"
        yield Hole("role", f"sc_app is {power}", (plant,), (undo,), ("rights",))
    for role in ("sc_owner", *DEFINERS):
        plant, undo = f"GRANT {role} TO sc_app", f"REVOKE {role} FROM sc_app"
        yield Hole("role", f"sc_app is a member of {role}", (plant,), (undo,), ("rights",))
        yield Hole(
            "role", f"{role} may sign in", (f"ALTER ROLE {role} LOGIN",), (f"ALTER ROLE {role} NOLOGIN",), ("rights",)
        )
