"""Places for those who read a body."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from telemetry.ingest import rooms
from telemetry.ingest.rooms import Full, Room


@pytest.fixture
def held() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def test_given_all_places_taken_when_another_comes_then_it_is_full_for_everybody(held: ExitStack) -> None:
    room = Room(2, patience_s=0)
    for owner in ("a", "b"):
        held.enter_context(room.place(owner, share=2))

    with pytest.raises(Full), room.place("c", share=2):
        pass


def test_given_a_sender_with_its_share_when_others_come_then_there_is_room_for_them_alone(held: ExitStack) -> None:
    room = Room(8, patience_s=0)
    for _ in range(2):
        held.enter_context(room.place("a", share=2))

    with pytest.raises(Full), room.place("a", share=2):
        pass
    with room.place("b", share=2):
        pass


def test_when_a_reader_leaves_then_who_waits_has_the_place() -> None:
    room = Room(1, patience_s=20)
    came = threading.Event()

    def wait() -> None:
        with room.place("b", share=1):
            came.set()

    with room.place("a", share=1):
        waiting = threading.Thread(target=wait)
        waiting.start()
        assert not came.is_set()

    waiting.join(20)
    assert came.is_set()


def test_when_reading_fails_then_the_place_is_free_again() -> None:
    room = Room(1, patience_s=0)

    with pytest.raises(OSError, match="gone"), room.place("a", share=1):
        raise OSError("gone")

    with room.place("a", share=1):
        assert rooms.longest_s() >= 0
    assert rooms.longest_s() == 0
