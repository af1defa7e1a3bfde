"""Every connection of these tests is seen; none leaves the machine."""

import pytest

from tests.partners.forwarding.receivers import Authority, ConnectGuard

GUARD = ConnectGuard()


@pytest.fixture(autouse=True)
def connections():
    """Every (address, port) this test connected to; anything but loopback is stopped."""
    with GUARD.watching() as seen:
        yield seen


@pytest.fixture(scope="session")
def authority():
    return Authority()
