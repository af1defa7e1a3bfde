"""When the next attempt of a delivery is due."""

from typing import Final, Protocol

MINUTE_S: Final = 60
HOUR_S: Final = 3600
# Waits before the 1st to the 10th attempt: about 75 hours, so that a receiver may be away over a long weekend.
WAITS_S: Final = (
    0.0,
    5.0,
    5.0 * MINUTE_S,
    30.0 * MINUTE_S,
    2.0 * HOUR_S,
    5.0 * HOUR_S,
    10.0 * HOUR_S,
    14.0 * HOUR_S,
    20.0 * HOUR_S,
    24.0 * HOUR_S,
)
SPREAD: Final = 0.2  # of a wait, either way: receivers that fell together are not asked again together
LONGEST_RETRY_AFTER_S: Final = 24.0 * HOUR_S


class Random(Protocol):
    def uniform(self, a: float, b: float, /) -> float: ...


def next_attempt(attempts_done: int, retry_after_s: float | None, rng: Random) -> float | None:
    """Seconds to wait before the next attempt, or None when all attempts are used up.

    A receiver that named a wait (`Retry-After`) is not asked earlier, up to 24 hours.
    """
    if attempts_done >= len(WAITS_S):
        return None
    wait_s = WAITS_S[attempts_done] * rng.uniform(1 - SPREAD, 1 + SPREAD)
    return max(wait_s, min(retry_after_s or 0.0, LONGEST_RETRY_AFTER_S))
