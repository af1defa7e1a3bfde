"""Day partitions: migration operations. Who has partitions made and dropped while the product runs: retention.py."""

import re
from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.models import CreateModel
from django.db.migrations.state import ProjectState

from access.rowlevel import Sql

PRIMARY_KEY = re.compile(r', PRIMARY KEY \("[^)]*"\)')


class CreatePartitioned(CreateModel):
    """CreateModel, plus PARTITION BY RANGE of `column`.

    keyed=False leaves out the primary key, which Django wants to know of and the table can do without: on the hot
    tables it would cost more than the index that is needed.
    """

    def __init__(self, name: str, fields: Any, *, column: str, keyed: bool = True, **rest: Any) -> None:
        super().__init__(name, fields, **rest)
        self.column, self.keyed = column, keyed

    def deconstruct(self) -> tuple[str, Any, dict[str, Any]]:
        name, args, kwargs = super().deconstruct()
        return name, args, {**kwargs, "column": self.column, "keyed": self.keyed}

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        execute = schema_editor.execute

        def partitioned(sql: Any, params: Any = ()) -> None:
            text = str(sql)
            if text.startswith("CREATE TABLE"):
                text = text if self.keyed else PRIMARY_KEY.sub("", text)
                sql = f'{text} PARTITION BY RANGE ("{self.column}")'
            execute(sql, params)

        schema_editor.execute = partitioned  # type: ignore[method-assign]
        try:
            super().database_forwards(app_label, schema_editor, from_state, to_state)
        finally:
            schema_editor.execute = execute  # type: ignore[method-assign]


class OwnerFunction(Sql):
    """A definer function of the tables' owner, for what only an owner may do; the application may call it.

    Not access.rowlevel.DefinerFunction: that one lends the right to create in the schema for a moment and takes it
    away again, which must not happen to the owner.
    """

    def __init__(self, signature: str, definition: str) -> None:
        """signature without parameter names, or with none: 'make_day_partitions(integer)'."""
        self._args = [signature, definition]
        self.forwards = [
            f"CREATE OR REPLACE FUNCTION {signature} {definition}",
            f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC",
            f"GRANT EXECUTE ON FUNCTION {signature} TO sc_app",
        ]
        self.backwards = [f"DROP FUNCTION IF EXISTS {signature}"]

    def deconstruct(self) -> tuple[str, Any, dict[str, Any]]:
        return type(self).__name__, self._args, {}


class MakePartitionsNow(Sql):
    """So that the tables can be written as soon as the migration is over."""

    forwards = ("SELECT make_day_partitions(3)",)
