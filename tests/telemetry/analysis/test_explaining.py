"""One cause, one alert; and the model's fault told from the device's."""

from telemetry.analysis.findings import Finding
from telemetry.analysis.patterns import Opening, across_customers, within_customer
from telemetry.analysis.rootcause import Place, explanations


def finding(kind, subject=""):
    return Finding("rule", 1, kind, subject, "major", "", {})


def test_given_the_device_in_front_loses_packets_when_those_behind_do_too_then_they_are_explained():
    held = {"edge": [finding("wan_loss")], "sw": [finding("wan_loss"), finding("memory_exhaustion")]}

    (told,) = explanations(held, {"sw": Place("edge")})

    assert (told.device, told.finding.kind, told.parent, told.cause.kind) == ("sw", "wan_loss", "edge", "wan_loss")


def test_given_a_flapping_port_in_front_when_the_device_hangs_on_another_port_then_it_explains_nothing():
    held = {"sw": [finding("link_flapping", "if/1")], "ap": [finding("device_silent")]}

    assert explanations(held, {"ap": Place("sw", "if/2")}) == []
    assert len(explanations(held, {"ap": Place("sw", "if/1")})) == 1


def test_given_a_cause_two_hops_away_when_the_device_between_is_well_then_nothing_is_explained():
    held = {"edge": [finding("device_silent")], "ap": [finding("device_silent")]}

    assert explanations(held, {"ap": Place("sw"), "sw": Place("edge")}) == []


def opening(device, customer="acme", at=0.0, firmware="17.9"):
    return Opening("memory_exhaustion", "C9200", firmware, device, customer, at)


def test_given_three_devices_of_one_model_when_they_show_the_same_within_a_week_then_it_is_a_pattern():
    (pattern,) = within_customer([opening("a"), opening("b"), opening("c", at=6 * 86400.0)])

    assert pattern.evidence["devices"] == ["a", "b", "c"]


def test_given_two_devices_or_other_firmware_or_weeks_apart_when_counted_then_there_is_no_pattern():
    assert within_customer([opening("a"), opening("b"), opening("a")]) == []
    assert within_customer([opening("a"), opening("b"), opening("c", firmware="17.6")]) == []
    assert within_customer([opening("a"), opening("b"), opening("c", at=8 * 86400.0)]) == []


def test_given_fewer_than_five_customers_when_told_across_then_nothing_is_and_never_a_name():
    four = [opening(f"d{n}", f"customer-{n}") for n in range(4)]

    assert across_customers(four) == []
    (told,) = across_customers([*four, opening("d9", "customer-9")])
    assert (told.customers, told.devices) == (5, 5)
    assert "customer" not in repr((told.kind, told.model, told.firmware))
