"""The cast, built once by the product and put up again for each test: other ids, other times, the same story.

Building takes two hundred statements, and more than a thousand tests begin with it. The first test of a process gets what the
product built; what then stands in the tables and in the test's hands is written down, and the next test gets a copy of it:
every id drawn anew, every time as far back from now as it was then, the journal chained anew by its own trigger.
"""

import io
import json
import pickle
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from access.models.identity import ALPHABET, public_id

WITHIN = re.compile(
    r"(?P<uuid>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
    rf"|\b(?P<prefix>[a-z]{{2}})-[{ALPHABET}]{{10}}\b"
    r"|(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?\+00:00)"
)
# Of a schema of their own: what is looked at as the product's is in "public". The application's login may not read or write
# past the policies, so these two do, and only in a database made for tests.
FUNCTIONS = """
CREATE SCHEMA IF NOT EXISTS cast_of_tests;
GRANT USAGE ON SCHEMA cast_of_tests TO PUBLIC;
CREATE OR REPLACE FUNCTION cast_of_tests.written_down() RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public AS $$
DECLARE name text; rows jsonb; found jsonb := '{}';
BEGIN
  FOR name IN SELECT relname FROM pg_class
              WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
  LOOP
    EXECUTE format('SELECT jsonb_agg(to_jsonb(r)) FROM public.%I r', name) INTO rows;
    IF rows IS NOT NULL THEN found := found || jsonb_build_object(name, rows); END IF;
  END LOOP;
  RETURN found;
END $$;
CREATE OR REPLACE FUNCTION cast_of_tests.put_up(tables jsonb) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public AS $$
DECLARE name text; rows jsonb;
BEGIN
  IF EXISTS (SELECT FROM public.access_user) THEN RETURN false; END IF;
  FOR name, rows IN SELECT * FROM jsonb_each(tables)
  LOOP
    EXECUTE format('INSERT INTO public.%1$I SELECT * FROM jsonb_populate_recordset(NULL::public.%1$I, $1)', name) USING rows;
  END LOOP;
  RETURN true;
END $$;
"""


@dataclass
class Renewal:
    """What stands for what in one copy. later: how long after the original."""

    later: timedelta
    ids: dict[str, str] = field(default_factory=dict)

    def text(self, text: str) -> str:
        return WITHIN.sub(self._one, text)

    def uuid(self, old: uuid.UUID) -> uuid.UUID:
        return uuid.UUID(self._id(str(old), lambda: str(uuid.uuid4())))

    def _one(self, found: re.Match[str]) -> str:
        old = found[0]
        if found["uuid"]:
            return self._id(old, lambda: str(uuid.uuid4()))
        if found["time"]:
            return (datetime.fromisoformat(old) + self.later).isoformat()
        return self._id(old, lambda: public_id(found["prefix"]))

    def _id(self, old: str, draw: Callable[[], str]) -> str:
        if old not in self.ids:
            self.ids[old] = draw()
        return self.ids[old]


class _Writer(pickle.Pickler):
    """Leaves out what a copy renews: the reader is handed the old value in its place."""

    def persistent_id(self, thing: Any) -> Any:
        if type(thing) in {uuid.UUID, datetime} or (type(thing) is str and WITHIN.search(thing)):
            return thing
        return None


class _Reader(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, renewal: Renewal) -> None:
        super().__init__(file)
        self.renewal = renewal

    def persistent_load(self, old: Any) -> Any:
        if isinstance(old, uuid.UUID):
            return self.renewal.uuid(old)
        return old + self.renewal.later if isinstance(old, datetime) else self.renewal.text(old)


@dataclass(frozen=True)
class _Original:
    """at: when it was finished. hands: pickled. tables: JSON, by table its rows."""

    at: datetime
    hands: bytes
    tables: str


class Copies[Cast]:
    """Copies of what `build` builds, through functions in the database that `behind`, a cursor of the owner, makes first."""

    def __init__(self, build: Callable[[], Cast]) -> None:
        self._build = build
        self._original: _Original | None = None

    def one(self, behind: Any) -> Cast:
        """In the transaction that is open, or committed where none is. Beside others that are there already it is built anew:
        a second Northwind has another address."""
        if self._original is None:
            behind.execute(FUNCTIONS)
            return self._first()
        renewal = Renewal(timezone.now() - self._original.at)
        with connection.cursor() as cursor:
            cursor.execute("SELECT cast_of_tests.put_up(%s)", [renewal.text(self._original.tables)])
            (empty,) = cursor.fetchone()
        return _Reader(io.BytesIO(self._original.hands), renewal).load() if empty else self._build()

    def _first(self) -> Cast:
        before = _written_down()
        built = self._build()
        if "access_user" in before:
            return built
        new = {name: [row for row in rows if row not in before.get(name, [])] for name, rows in _written_down().items()}
        # The trigger numbers a journal's entries as they come.
        ordered = {name: sorted(rows, key=lambda row: row.get("seq", 0)) for name, rows in new.items() if rows}
        hands = io.BytesIO()
        _Writer(hands).dump(built)
        self._original = _Original(timezone.now(), hands.getvalue(), json.dumps(ordered))
        return built


def _written_down() -> dict[str, list[dict[str, Any]]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT cast_of_tests.written_down()::text")
        return json.loads(cursor.fetchone()[0])
