"""Group commit: who waits shares the next commit, and nobody is forgotten."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from telemetry.ingest.group import LARGEST_GROUP, Committer, Item
from telemetry.ingest.store import StoreAway


class Number(Item):
    def __init__(self, n: int, weight: int = 0) -> None:
        self.n, self.weight = n, weight


class Store:
    """Remembers its groups; may be held closed."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.open = threading.Event()
        self.open.set()
        self.entered = threading.Semaphore(0)

    def __call__(self, items: Sequence[Number]) -> list[int]:
        self.groups.append([item.n for item in items])
        self.entered.release()
        self.open.wait(10)
        if any(item.n < 0 for item in items):
            raise ConnectionError("gone")
        return [item.n * 10 for item in items]


class Late:
    """A lock whose waiter is told that its time is over, though it has been released by then."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.lock.acquire()

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        if not blocking:
            return self.lock.acquire(blocking=False)
        self.lock.acquire()
        self.lock.release()
        return False

    def release(self) -> None:
        self.lock.release()


def test_one_at_a_time_is_a_group_of_one() -> None:
    store = Store()
    committer = Committer(store)

    assert [committer.keep(Number(n)) for n in (1, 2)] == [10, 20]
    assert store.groups == [[1], [2]]


def test_given_a_commit_under_way_when_others_come_then_they_share_the_next() -> None:
    store = Store()
    committer = Committer(store)
    store.open.clear()
    with ThreadPoolExecutor(9) as pool:
        first = pool.submit(committer.keep, Number(0))
        store.entered.acquire()
        others = [pool.submit(committer.keep, Number(n)) for n in range(1, 9)]
        _wait_until(lambda: len(committer._queue) == 8)
        store.open.set()
        answers = [first.result(), *(other.result() for other in others)]

    assert answers == [n * 10 for n in range(9)]
    assert [len(group) for group in store.groups] == [1, 8]


def test_given_a_failure_when_a_group_was_stored_then_all_of_it_hear_and_the_next_goes_on() -> None:
    committer = Committer(Store())

    with pytest.raises(StoreAway):
        committer.keep(Number(-1))
    assert committer.keep(Number(1)) == 10


def test_given_a_store_that_hangs_when_somebody_waits_then_it_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("telemetry.ingest.group.PATIENCE_S", 0.05)
    monkeypatch.setattr("telemetry.ingest.group.SLOW_S", 0.0)
    store = Store()
    committer = Committer(store)
    store.open.clear()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(committer.keep, Number(1))
        store.entered.acquire()

        with pytest.raises(StoreAway):
            committer.keep(Number(2))
        assert committer.is_slow()

        store.open.set()
        assert first.result() == 10
    assert store.groups == [[1]]  # who gave up is not stored behind its back


def test_given_a_wait_that_ends_as_the_lead_is_passed_on_then_it_leads_and_the_next_one_too() -> None:
    store = Store()
    committer = Committer(store)
    store.open.clear()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(committer.keep, Number(0))
        store.entered.acquire()
        second = pool.submit(committer.keep, Number(1))
        _wait_until(lambda: len(committer._queue) == 1)
        committer._queue[0].woken = Late()
        store.open.set()
        assert [first.result(), second.result()] == [0, 10]

    assert committer.keep(Number(2)) == 20


def test_a_group_is_bounded_in_number_and_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("telemetry.ingest.group.LARGEST_GROUP_BYTES", 100)
    store = Store()
    committer = Committer(store)
    store.open.clear()
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(committer.keep, Number(0))
        store.entered.acquire()
        others = [pool.submit(committer.keep, Number(n, weight=60)) for n in range(1, 4)]
        _wait_until(lambda: len(committer._queue) == 3)
        store.open.set()
        assert sorted(other.result() for other in [first, *others]) == [0, 10, 20, 30]

    assert max(len(group) for group in store.groups) == 1
    assert LARGEST_GROUP == 64


def _wait_until(holds: object) -> None:
    deadline = threading.Event()
    for _ in range(2_000):
        if holds():  # type: ignore[operator]
            return
        deadline.wait(0.005)
    raise AssertionError("it never came to that")
