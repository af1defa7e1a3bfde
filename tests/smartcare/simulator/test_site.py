"""Working hours and weather of a simulated place."""

import pytest

from smartcare.simulator.site import Site

from .builders import DAY, HOUR, PRESENT, mean, times


def berlin(seed: int = 7) -> Site:
    return Site("hq", seed=seed, present=PRESENT, timezone="Europe/Berlin")


def test_given_berlin_in_november_when_asked_then_the_hour_is_one_ahead_of_utc():
    assert berlin().hour(PRESENT) == pytest.approx(3.25)


def test_given_a_working_day_when_noon_is_compared_with_night_then_people_are_there():
    site, midnight = berlin(), berlin().midnight(PRESENT)

    assert site.busy(midnight + 11 * HOUR) > 0.8
    assert site.busy(midnight + 3 * HOUR) < 0.05


def test_given_a_sunday_when_compared_with_monday_then_it_is_quiet():
    site = berlin()
    sunday = site.midnight(PRESENT) - 2 * DAY

    assert site.busy(sunday + 11 * HOUR) < 0.2 * site.busy(sunday + DAY + 11 * HOUR)


def test_when_work_is_compared_with_the_sum_of_busy_moments_then_it_is_their_integral():
    site = berlin()

    summed = sum(site.busy(t + 0.5) for t in times(PRESENT, PRESENT + DAY - 1, 1))

    assert site.work(PRESENT + DAY) - site.work(PRESENT) == pytest.approx(summed, rel=1e-3)


def test_given_the_clocks_change_when_a_week_passes_then_work_never_falls():
    site = Site("hq", seed=7, present=1_792_900_800.0, timezone="Europe/Berlin")  # 2026-10-25, back from summer time

    done = [site.work(t) for t in times(1_792_900_800.0 - 2 * DAY, 1_792_900_800.0 + 2 * DAY, 60)]

    assert done == sorted(done)


def test_given_a_heat_wave_when_it_is_at_its_height_then_the_room_is_much_warmer():
    calm, hot = berlin(), berlin()
    hot.heat_wave_from = PRESENT

    height = list(times(PRESENT + 1.4 * DAY, PRESENT + 1.6 * DAY))
    assert mean([hot.ambient(t) for t in height]) - mean([calm.ambient(t) for t in height]) > 6
    assert hot.ambient(PRESENT - HOUR) == calm.ambient(PRESENT - HOUR)
