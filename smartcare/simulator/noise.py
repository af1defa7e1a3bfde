"""Repeatable randomness: a number depends on names and an instant, never on what was asked before."""

import hashlib
import math
from collections.abc import Sequence

_MASK = (1 << 64) - 1
_SPREAD = 0x9E3779B97F4A7C15  # odd and far from any period in the data: 2^64 / golden ratio


def _mix(x: int) -> int:
    """Scramble 64 bits so that neighbours share nothing (finalizer of splitmix64, Steele et al. 2014)."""
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
    return x ^ (x >> 31)


class Noise:
    """A family of random numbers under a name; the n-th is always the same one."""

    __slots__ = ("_state",)

    def __init__(self, *names: int | str) -> None:
        digest = hashlib.blake2b(repr(names).encode(), digest_size=8).digest()
        self._state = int.from_bytes(digest, "big")

    def child(self, *names: int | str) -> "Noise":
        """An independent family, the same one for the same names."""
        return Noise(self._state, *names)

    def bits(self, n: int = 0) -> int:
        """64 random bits."""
        return _mix((self._state + n * _SPREAD) & _MASK)

    def unit(self, n: int = 0) -> float:
        """Uniform in [0, 1)."""
        return (self.bits(n) >> 11) * 2.0**-53

    def between(self, low: float, high: float, n: int = 0) -> float:
        """Uniform in [low, high)."""
        return low + (high - low) * self.unit(n)

    def normal(self, n: int = 0) -> float:
        """Mean 0, standard deviation 1, never beyond 3.5 (sum of four uniform numbers)."""
        x = self.bits(n)
        total = (x & 0xFFFF) + (x >> 16 & 0xFFFF) + (x >> 32 & 0xFFFF) + (x >> 48)
        return (total / 65536 - 2.0) * math.sqrt(3.0)

    def drift(self, t: float, period: float) -> float:
        """A slow wander of about unit size that changes over `period` seconds; continuous in t."""
        k, part = divmod(t / period, 1.0)
        left, right = self.normal(int(k)), self.normal(int(k) + 1)
        return left + (right - left) * (3 - 2 * part) * part * part

    def pick[T](self, choices: Sequence[T], n: int = 0) -> T:
        """One of the choices, all equally likely."""
        return choices[int(self.unit(n) * len(choices))]
