"""Django's migrate, run as the owner of the tables: roles first, tables as sc_owner, then what the application may do with them."""

import sys
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.core.management.commands.migrate import Command as DjangoMigrate
from django.db import connections

from access import roles


class Command(DjangoMigrate):
    help = "Prepare the database's roles, update its tables, and give the application role exactly what it needs."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.set_defaults(database="owner" if "owner" in connections.databases else "default")

    def handle(self, *args: Any, **options: Any) -> None:
        alias = options["database"]
        if alias == "owner":
            self.prepare_roles(alias)
        else:
            self.stderr.write(
                "DATABASE_OWNER_URL is not set: roles were not prepared, and tables belong to the application's login."
            )
        super().handle(*args, **options)
        if alias == "owner":
            roles.grant_rights(connections[alias])

    def prepare_roles(self, alias: str) -> None:
        """Outside Django's connection, which already signs in under the role that has to be made first."""
        import psycopg2  # noqa: PLC0415 - the one place that needs the driver itself

        parameters = connections[alias].get_connection_params()
        wanted = {
            k: v
            for k, v in parameters.items()
            if k in {"dbname", "user", "password", "host", "port", "connect_timeout"}
        }
        try:
            raw = psycopg2.connect(**wanted)
        except psycopg2.OperationalError as error:
            raise CommandError(f"DATABASE_OWNER_URL: cannot sign in: {error}") from error
        raw.autocommit = True
        try:
            if failed := roles.prepare(raw):
                raise CommandError(roles.explain_failures(failed))
        finally:
            raw.close()
            sys.stderr.flush()
