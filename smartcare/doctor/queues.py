"""Does the work move: liveness is the age of what waits longest, not that some process answers."""

from collections.abc import Iterator

from smartcare import given_up
from smartcare.doctor.database import rows
from smartcare.doctor.findings import Finding, fault, good, note

SLOW_S, STUCK_S = 15.0, 60.0
WORKERS = "see that beat and workers run, and what their logs say (a job's row keeps its last error)"


def work_moves() -> Iterator[Finding]:
    found = rows("SELECT kind, ready, dead, oldest_s FROM queue_ages()")
    for kind, _, dead, oldest_s in found:
        yield from _age(f"work {kind}", oldest_s)
        if dead:
            yield note(f"work {kind}", f"{dead} given up", again(kind))
    if not any(dead or oldest_s > SLOW_S for _, _, dead, oldest_s in found):
        yield good("work", f"nothing waits longer than {SLOW_S:.0f} s")


def deliveries_move() -> Iterator[Finding]:
    found = rows("SELECT state, deliveries, oldest_s FROM delivery_ages()")
    waiting = max((oldest_s for state, _, oldest_s in found if state == "ready"), default=0.0)
    dead = sum(count for state, count, _ in found if state == "dead")
    yield from _age("deliveries", waiting)
    if dead:
        yield note(
            "deliveries",
            f"{dead} given up after all attempts",
            f"their owners see them and can send them again; {again('delivery')}",
        )
    if waiting <= SLOW_S and not dead:
        yield good("deliveries", f"none is overdue by more than {SLOW_S:.0f} s")


def bodies_are_read() -> Iterator[Finding]:
    """Bodies that broke a decoder of ours were taken with the promise to read them after a correction."""
    if unread := given_up.unread_bodies():
        yield note(
            "quarantine",
            f"{unread} {'body' if unread == 1 else 'bodies'} that a decoder of ours could not read",
            f"tried again ever more rarely, kept for 60 days; after a correction: {again('quarantine')}",
        )
    else:
        yield good("quarantine", "empty")


def again(kind: str) -> str:
    """What to type, for the advice."""
    return (
        f"`manage.py jobs` says which and why, `manage.py jobs --again {kind}` does them again once the cause is gone"
    )


def _age(name: str, oldest_s: float) -> Iterator[Finding]:
    said = f"the oldest has been due for {oldest_s:.0f} s"
    if oldest_s > STUCK_S:
        yield fault(name, said, WORKERS)
    elif oldest_s > SLOW_S:
        yield note(name, said, WORKERS)


def ended_access_is_drained() -> Iterator[Finding]:
    """A receipt says when nothing was under way any more; that it does not say so for a minute is an alarm."""
    found = rows(
        "SELECT count(*) FILTER (WHERE closed_at < statement_timestamp() - interval '60 s'), count(*) FROM find_undrained_grants()"
    )[0]
    if found[0]:
        yield fault("ended access", f"{found[0]} not drained for over a minute", WORKERS)
    else:
        yield good("ended access", f"{found[1]} just ending" if found[1] else "all drained")
