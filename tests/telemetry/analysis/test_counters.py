import numpy as np
import pytest

from telemetry.analysis import counters


def increases(values, *, before, bits=64):
    """One counter."""
    return counters.increases(values[None, :], before=np.array([before]), bits=bits)[0]


def test_given_a_counter_that_grows_when_differenced_then_each_sample_carries_its_own_increase():
    assert increases(np.array([110.0, 125.0]), before=100.0).tolist() == [10.0, 15.0]


def test_given_no_earlier_value_when_the_first_sample_comes_then_its_increase_is_unknown():
    first, second = increases(np.array([100.0, 104.0]), before=np.nan)

    assert np.isnan(first)
    assert second == 4.0


def test_given_a_restart_when_the_counter_falls_then_the_new_value_is_the_increase():
    assert increases(np.array([40.0]), before=5_000_000_000.0).tolist() == [40.0]


def test_given_32_bits_when_the_counter_falls_by_more_than_half_its_range_then_it_has_wrapped():
    near_the_end = 2.0**32 - 100

    assert increases(np.array([50.0]), before=near_the_end, bits=32).tolist() == [150.0]
    assert increases(np.array([50.0]), before=1000.0, bits=32).tolist() == [50.0]
    assert increases(np.array([50.0]), before=near_the_end, bits=64).tolist() == [50.0]


def test_given_a_lost_sample_when_the_next_one_comes_then_nothing_is_lost():
    grown = increases(np.array([10.0, np.nan, 30.0]), before=0.0)

    assert np.nansum(grown) == 30.0
    assert np.isnan(grown[1])


@pytest.mark.parametrize("cut", [1, 3, 10])
def test_given_fractions_when_sums_are_made_of_any_pieces_then_they_are_exactly_equal(cut):
    values = np.cumsum(np.random.default_rng(1).gamma(1, 3.7, 60))
    whole = increases(values, before=0.0).sum()

    pieces = sum(increases(values[i : i + cut], before=values[i - 1] if i else 0.0).sum() for i in range(0, 60, cut))

    assert pieces == whole
