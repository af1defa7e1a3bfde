import numpy as np
import pytest

from telemetry.analysis.detectors import presence, silence
from telemetry.analysis.facts import DAY
from tests.telemetry.analysis import made

STEP = 300.0


class Watched:
    """Sites of three: an edge, a switch behind it, an access point behind that. apart: each device a site of its own."""

    def __init__(self, sites=10, *, apart=False):
        ids = [f"{role}-{site}" for site in range(sites) for role in ("fw", "sw", "ap")]
        parents = [p for site in range(sites) for p in ("", f"fw-{site}", f"sw-{site}")]
        self.roster = silence.Roster.of(
            ids,
            kinds=["firewall", "switch", "ap"] * sites,
            sites=ids if apart else [f"site-{site}" for site in range(sites) for _ in range(3)],
            parents=parents,
            interval_s=[STEP] * len(ids),
        )
        self.memory = silence.Memory.of(self.roster)
        self.since = np.full(len(ids), -np.inf)
        self.muted = np.zeros(len(ids), bool)
        self.silent: dict[str, tuple[float, float]] = {}

    def goes_silent(self, *names, at, until=np.inf):
        self.silent |= {name: (at, until) for name in names}

    def look(self, minutes):
        """Sweeps every minute from the start; what was seen in the last one, and everything raised on the way."""
        raised: list[tuple[float, str]] = []
        seen = None
        for now in made.START + 60.0 * np.arange(minutes + 1):
            seen = silence.sweep(
                self.roster,
                self.memory,
                now=now,
                last_seen=np.array([self._heard(name, now) for name in self.roster.device_ids]),
                expected_since=self.since,
                muted=self.muted,
            )
            known = {name for _, name in raised}
            names = {self.roster.device_ids[i] for i in seen.devices} | {self.roster.sites[i] for i in seen.sites}
            names |= {"everything"} if seen.fleet else set()
            raised += [((now - made.START) / 60, name) for name in sorted(names - known)]
        return seen, raised

    def _heard(self, name, now):
        """Reports come on the step; those in [start, until) minutes are lost."""
        start, until = (made.START + 60 * m for m in self.silent.get(name, (np.inf, np.inf)))
        last = now - (now - made.START) % STEP
        return last if not start <= last < until else start - 1 - (start - 1 - made.START) % STEP


def test_given_a_device_that_dies_when_three_reports_are_missing_then_it_is_raised_within_15_minutes():
    fleet = Watched()
    fleet.goes_silent("sw-3", at=61)

    _, raised = fleet.look(120)

    assert [name for _, name in raised] == ["sw-3"]
    assert raised[0][0] - 61 <= 15


def test_given_one_lost_report_when_the_next_comes_then_nothing_is_raised():
    fleet = Watched()
    fleet.goes_silent("sw-3", at=61, until=69)

    assert fleet.look(120)[1] == []


def test_given_a_site_without_power_when_all_fall_silent_at_once_then_there_is_one_finding_for_the_site():
    fleet = Watched()
    fleet.goes_silent("fw-3", "sw-3", "ap-3", at=61)

    seen, raised = fleet.look(120)

    assert [name for _, name in raised] == ["site-3"]
    assert len(next(iter(seen.members.values()))) == 3


def test_given_our_own_collector_is_deaf_when_everything_falls_silent_then_only_that_is_told():
    fleet = Watched()
    fleet.goes_silent(*fleet.roster.device_ids, at=61, until=121)

    _, raised = fleet.look(240)

    assert [name for _, name in raised] == ["everything"]


def test_given_a_device_that_stays_silent_when_the_collector_is_back_then_it_is_raised_on_its_own():
    fleet = Watched()
    fleet.goes_silent(*fleet.roster.device_ids, at=61, until=121)
    fleet.goes_silent("ap-7", at=61)

    _, raised = fleet.look(300)

    assert [name for _, name in raised] == ["everything", "ap-7"]
    assert raised[1][0] >= 121 + 30


def test_given_the_device_in_front_is_silent_when_one_behind_it_is_too_then_only_the_front_is_raised():
    fleet = Watched(apart=True)
    fleet.goes_silent("sw-1", "ap-1", at=61)

    seen, raised = fleet.look(120)

    assert [name for _, name in raised] == ["sw-1"]
    assert {fleet.roster.device_ids[i] for i in seen.explained} == {"ap-1"}


def test_given_the_front_comes_back_when_the_one_behind_stays_silent_then_it_is_raised_two_intervals_later():
    fleet = Watched(apart=True)
    fleet.goes_silent("sw-1", at=61, until=151)
    fleet.goes_silent("ap-1", at=61)

    _, raised = fleet.look(240)

    assert [name for _, name in raised] == ["sw-1", "ap-1"]
    assert 151 + 10 <= raised[1][0] <= 151 + 20


def test_given_maintenance_was_announced_when_the_device_is_silent_then_nothing_is_raised():
    fleet = Watched()
    fleet.muted[:] = True
    fleet.goes_silent("sw-3", at=61)

    assert fleet.look(120)[1] == []


def test_given_an_hour_nothing_is_expected_in_when_the_device_is_silent_then_nothing_is_raised():
    fleet = Watched()
    fleet.since[:] = np.inf
    fleet.goes_silent("sw-3", at=61)

    assert fleet.look(120)[1] == []


def test_given_a_shop_that_opens_when_the_hour_begins_then_its_night_is_not_held_against_it():
    fleet = Watched()
    fleet.since[:] = made.START + 70 * 60
    fleet.goes_silent("sw-3", at=11, until=82)

    assert fleet.look(120)[1] == []


def test_given_a_memory_when_stored_and_read_then_the_next_sweep_goes_on_as_before():
    fleet = Watched()
    fleet.goes_silent("fw-3", "sw-3", "ap-3", "sw-5", at=61)
    fleet.look(90)
    stored = fleet.memory.as_dict(fleet.roster)

    fleet.memory = silence.Memory.of(fleet.roster, stored)

    assert fleet.memory.as_dict(fleet.roster) == stored
    assert stored["raised"].keys() == {"sw-5"}
    assert stored["open_sites"] == ["site-3"]


def learned(is_on, days, zone="UTC", start=made.START):
    row = presence.fresh()[0]
    for hour in range(int(start // 3600), int(start // 3600 + days * 24)):
        presence.learn(row, zone=zone, hour=hour, share=float(is_on(hour)))
    return presence.packed(presence.expected_hours(row))


def test_given_less_than_two_days_when_asked_then_every_hour_is_expected():
    assert presence.expected_since(learned(lambda h: h % 24 < 12, 1.5), zone="UTC", now=made.START) == float("-inf")


def test_given_a_shop_that_is_off_at_night_when_learned_then_only_its_day_is_expected():
    packed = learned(lambda h: 8 <= h % 24 < 18, 5)
    noon, night = made.START + 30 * DAY + 12 * 3600, made.START + 30 * DAY + 2 * 3600

    assert presence.expected_since(packed, zone="UTC", now=night) == float("inf")
    assert presence.expected_since(packed, zone="UTC", now=noon) == noon - 4 * 3600


def test_given_two_weeks_when_week_ends_are_off_then_they_are_not_expected():
    packed = learned(lambda h: ((h // 24) + 3) % 7 < 5, 15)
    saturday = made.START + 5 * DAY + 12 * 3600

    assert presence.expected_since(packed, zone="UTC", now=saturday) == float("inf")
    assert np.isfinite(presence.expected_since(packed, zone="UTC", now=saturday - DAY))


@pytest.mark.parametrize("change", [1_774_746_000.0, 1_792_890_000.0])  # spring and autumn of 2026, Europe/Berlin
def test_given_daylight_saving_changes_when_the_shop_keeps_its_local_hours_then_they_stay_expected(change):
    zone = "Europe/Berlin"
    before = change - 20 * DAY

    def open_locally(hour):
        summer = 1_774_746_000 <= hour * 3600 < 1_792_890_000
        return 8 <= (hour + (2 if summer else 1)) % 24 < 18

    packed = learned(open_locally, 19, zone, start=before)
    day_after = change - change % DAY + 2 * DAY
    expected = [presence.expected_since(packed, zone=zone, now=day_after + h * 3600) < np.inf for h in range(24)]

    assert expected == [open_locally(int(day_after // 3600) + h) for h in range(24)]
