"""A database to tell the story in: migrated, or one sentence."""

from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError, connection, connections
from django.db.migrations.executor import MigrationExecutor

from smartcare.story.world import Progress


def require_migrated(progress: Progress) -> None:
    """Migrates where the owner's login is known. Raises CommandError with what to do."""
    missing = _missing()
    if not missing:
        return
    if "owner" not in connections.databases:
        raise CommandError(
            f"The database lacks {missing} migrations: run manage.py migrate first, with DATABASE_OWNER_URL set."
        )
    progress(f"{missing} migrations")
    call_command("migrate", verbosity=0)


def _missing() -> int:
    try:
        executor = MigrationExecutor(connection)
        return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    except DatabaseError as error:
        raise CommandError(f"The database of DATABASE_URL does not answer: {str(error).strip()}") from error
