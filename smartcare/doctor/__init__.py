"""`manage.py doctor`: is this installation what the promises need, and if not, what to do.

Each check is a function without arguments that returns findings; it changes nothing. One file per part of the
installation; what depends on the database is skipped, visibly, while that does not answer.
"""

from collections.abc import Callable, Iterable

from smartcare.doctor import broker, configuration, database, mail, protection, queues, sealing
from smartcare.doctor.findings import Finding, State, failed, skipped

Check = Callable[[], Iterable[Finding]]
ALWAYS: tuple[Check, ...] = (configuration.settings_fit, configuration.own_checks, mail.server_answers, broker.answers)
WITH_DATABASE: tuple[Check, ...] = (
    database.version_fits,
    database.migrated,
    database.durable,
    database.clock_agrees,
    database.partitions_ahead,
    protection.login_is_powerless,
    protection.roles_are_powerless,
    protection.rows_are_protected,
    protection.partitions_are_closed,
    protection.journals_only_grow,
    protection.definers_are_ours,
    queues.work_moves,
    queues.deliveries_move,
    queues.bodies_are_read,
    queues.ended_access_is_drained,
    sealing.secrets_are_of_today,
)


def examine() -> list[Finding]:
    """All findings, in the order of the checks. Never raises: a check that fails is a finding."""
    found = [finding for check in ALWAYS for finding in _asked(check)]
    reachable = database.answers()
    found.append(reachable)
    for check in WITH_DATABASE:
        found += (
            _asked(check) if reachable.state is State.OK else [skipped(_name(check), "the database does not answer")]
        )
    return found


def _asked(check: Check) -> list[Finding]:
    try:
        return list(check())
    except Exception as error:
        return [failed(_name(check), f"could not be checked: {type(error).__name__}: {str(error).strip()}")]


def _name(check: Check) -> str:
    return check.__name__.replace("_", " ")


__all__ = ["Finding", "State", "examine"]
