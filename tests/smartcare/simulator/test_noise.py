"""Repeatable randomness."""

from smartcare.simulator.noise import Noise


def test_given_the_same_names_when_asked_in_another_order_then_the_numbers_are_the_same():
    first, second = Noise(7, "fan"), Noise(7, "fan")

    forwards = [first.unit(n) for n in range(50)]
    backwards = [second.unit(n) for n in reversed(range(50))]

    assert forwards == backwards[::-1]


def test_given_other_names_when_asked_then_the_numbers_have_nothing_in_common():
    fan, psu = Noise(7, "fan"), Noise(7, "psu")

    assert not {fan.unit(n) for n in range(200)} & {psu.unit(n) for n in range(200)}


def test_when_many_are_drawn_then_normal_has_mean_zero_and_deviation_one():
    drawn = [Noise("normal").normal(n) for n in range(20_000)]

    mean = sum(drawn) / len(drawn)
    deviation = (sum((x - mean) ** 2 for x in drawn) / len(drawn)) ** 0.5
    assert abs(mean) < 0.03
    assert abs(deviation - 1) < 0.03


def test_when_time_moves_a_little_then_drift_moves_a_little():
    noise = Noise("drift")

    steps = [abs(noise.drift(t + 1, 3600) - noise.drift(t, 3600)) for t in range(0, 100_000, 7)]

    assert max(steps) < 0.005


def test_when_picking_often_then_every_choice_comes():
    noise = Noise("pick")

    assert {noise.pick("abc", n) for n in range(100)} == set("abc")
