"""Webhook secrets at rest."""

import pytest
from django.test import override_settings

from partners.forwarding import secrets

PLAIN = "whsec_canary-secret"
TODAY, EARLIER = "today" * 12, "earlier" * 10


@pytest.fixture(autouse=True)
def _keys():
    with override_settings(SECRET_KEY=TODAY, SECRET_KEY_FALLBACKS=[]):
        yield


def test_when_sealed_for_a_destination_then_it_opens_for_the_same_one():
    blob = secrets.seal(PLAIN, "destination-1")

    assert secrets.open_sealed(blob, "destination-1") == PLAIN
    assert secrets.open_sealed(memoryview(blob), "destination-1") == PLAIN


def test_when_sealed_then_the_blob_holds_nothing_of_it():
    blob = secrets.seal(PLAIN, "destination-1")

    assert b"canary" not in blob
    assert b"whsec" not in blob


def test_when_sealed_twice_then_the_blobs_differ():
    assert secrets.seal(PLAIN, "d") != secrets.seal(PLAIN, "d")


def test_given_a_blob_moved_to_another_destination_when_opened_then_it_stays_shut():
    blob = secrets.seal(PLAIN, "destination-1")

    with pytest.raises(secrets.CannotOpen):
        secrets.open_sealed(blob, "destination-2")


def test_when_any_byte_of_a_blob_is_changed_then_it_stays_shut():
    blob = secrets.seal(PLAIN, "d")

    for at in range(len(blob)):
        changed = blob[:at] + bytes([blob[at] ^ 1]) + blob[at + 1 :]
        with pytest.raises(secrets.CannotOpen):
            secrets.open_sealed(changed, "d")


@pytest.mark.parametrize("kept", range(40))
def test_when_a_blob_is_cut_then_it_stays_shut(kept):
    blob = secrets.seal(PLAIN, "d")[:kept]

    with pytest.raises(secrets.CannotOpen):
        secrets.open_sealed(blob, "d")


def test_given_a_rotated_secret_key_when_the_old_one_is_a_fallback_then_older_blobs_open():
    with override_settings(SECRET_KEY=EARLIER):
        blob = secrets.seal(PLAIN, "d")

    with override_settings(SECRET_KEY_FALLBACKS=[EARLIER]):
        assert secrets.open_sealed(blob, "d") == PLAIN
        assert not secrets.is_current(blob)
        assert secrets.is_current(secrets.seal(PLAIN, "d"))


def test_given_a_rotated_secret_key_when_the_old_one_is_gone_then_older_blobs_stay_shut():
    with override_settings(SECRET_KEY=EARLIER):
        blob = secrets.seal(PLAIN, "d")

    with pytest.raises(secrets.CannotOpen):
        secrets.open_sealed(blob, "d")


def test_given_only_a_fallback_when_sealing_then_it_is_never_used():
    with override_settings(SECRET_KEY_FALLBACKS=[EARLIER]):
        blob = secrets.seal(PLAIN, "d")

    with override_settings(SECRET_KEY=EARLIER), pytest.raises(secrets.CannotOpen):
        secrets.open_sealed(blob, "d")


def test_given_a_blob_of_the_first_release_when_opened_then_it_still_opens():
    kept = bytes.fromhex(
        "01bb14cddb7b886d801c45ff3cce5e06627e8b39e3bb5d0dc52b305d925b2c43fbd3a5944dce2970f679695318ab7cfd22dfff9d"
    )

    assert secrets.open_sealed(kept, "destination-1") == PLAIN
