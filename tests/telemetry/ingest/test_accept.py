"""T1: each report exactly once, answered after its commit; nothing is taken on trust from the body."""

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest

from access.models import Category
from access.principal import acting, job
from telemetry import fleet, samples
from telemetry.ingest import keys
from telemetry.ingest.memory import forget_everything
from telemetry.models import AnalysisDue, Device, DeviceAlias, DeviceEvent, FactInbox
from tests.cast import World
from tests.telemetry.ingest.senders import (
    Report,
    Sender,
    collector_key,
    cpu,
    device_key,
    fan,
    now,
    octets,
    report,
    text,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh_memory() -> None:
    forget_everything()


@pytest.fixture
def switch(world: World) -> Device:
    return world.acme.installs("core switch", site="hq", serial="SN1", vendor="Cisco")


@pytest.fixture
def sender(world: World, switch: Device) -> Sender:
    return device_key(world.acme, switch)


@pytest.fixture
def poller(world: World) -> Sender:
    return collector_key(world.acme, "hq")


def stored(customer: Any, device: Device, after: int = 0) -> samples.News:
    with job(customer.pk):
        stay = Device.unscoped.get(pk=device.pk).stay_number
        return samples.news({stay: after}).get(stay, samples.News(0))


def values(news: samples.News, category: Category = Category.HEALTH) -> dict[str, list[float]]:
    return {key.metric: data.v.tolist() for key, data in getattr(news, category.value).series.items()}


# ---- stored, and where


def test_given_a_device_key_when_it_reports_then_its_samples_stand_in_their_categories(
    world: World, sender: Sender, switch: Device
) -> None:
    answer = sender.posts(report(cpu(0.25), fan("failed"), octets(7)))

    assert answer.status_code == 202, answer.content
    news = stored(world.acme, switch)
    assert values(news) == {"device.cpu.utilization": [0.25], "fan.status": [2.0]}
    assert values(news, Category.TRAFFIC) == {"if.io": [7.0]}


def test_when_a_report_is_accepted_then_the_answer_counts_what_was_kept(sender: Sender) -> None:
    answer = sender.posts(report(cpu(), octets(), events=[event("fan broke")])).json()

    assert answer["status"] == "accepted"
    assert answer["accepted"] == {"devices": 1, "samples": 2, "events": 1}
    assert not answer["duplicate"]


def test_when_a_report_is_accepted_then_the_device_is_due_for_analysis(
    world: World, sender: Sender, switch: Device
) -> None:
    sender.posts(report(cpu()))
    sender.posts(report(cpu(), at=now() - timedelta(seconds=60)))

    with job(world.acme.pk):
        due = AnalysisDue.objects.get(device=switch)
    assert due.touched == 2
    assert due.lease_until is None


def test_when_a_second_report_comes_then_only_the_second_is_read_after_the_first(
    world: World, sender: Sender, switch: Device
) -> None:
    sender.posts(report(cpu(0.1), at=now() - timedelta(seconds=60)))
    first = stored(world.acme, switch)

    sender.posts(report(cpu(0.2)))

    assert values(stored(world.acme, switch, after=first.up_to)) == {"device.cpu.utilization": [0.2]}
    assert values(stored(world.acme, switch)) == {"device.cpu.utilization": [0.1, 0.2]}


def test_when_samples_name_their_own_times_then_each_keeps_its_own(
    world: World, sender: Sender, switch: Device
) -> None:
    at = now()
    sender.posts(report(cpu(0.1, t=text(at - timedelta(seconds=60))), cpu(0.2), at=at))

    series = stored(world.acme, switch).health.series
    (data,) = series.values()
    assert data.t.tolist() == [at.timestamp() - 60, at.timestamp()]


def test_given_one_series_twice_at_one_time_when_read_then_the_first_counts(
    world: World, sender: Sender, switch: Device
) -> None:
    at = now()
    sender.posts(report(cpu(0.1), cpu(0.9), at=at))
    sender.posts(report(cpu(0.5), at=at))

    assert values(stored(world.acme, switch)) == {"device.cpu.utilization": [0.1]}


def test_when_reachable_and_uptime_are_told_then_they_are_samples_too(
    world: World, sender: Sender, switch: Device
) -> None:
    sender.posts(report(cpu(), reachable=True, uptime_s=864_000))

    assert values(stored(world.acme, switch)) == {
        "device.cpu.utilization": [0.25],
        "device.reachable": [0.0],
        "device.uptime": [864_000.0],
    }


def test_given_a_counter_with_a_start_when_read_then_the_start_comes_beside_it(
    world: World, sender: Sender, switch: Device
) -> None:
    since = now() - timedelta(days=1)
    sender.posts(report(octets(5, start=text(since))))

    (start,) = stored(world.acme, switch).traffic.starts.values()
    assert start.v.tolist() == [since.timestamp()]


def test_given_a_state_of_its_own_when_read_then_its_word_is_known(
    world: World, sender: Sender, switch: Device
) -> None:
    sender.posts(report({"m": "custom.mode", "s": "eco"}, {"m": "custom.mode", "i": "x/2", "s": "boost"}))

    health = stored(world.acme, switch).health
    said = {key.instance: health.layouts.word(key.metric, data.v[0]) for key, data in health.series.items()}
    assert said == {"": "eco", "x/2": "boost"}


def test_given_more_compositions_than_layouts_when_read_then_every_value_is_there(
    world: World, poller: Sender, switch: Device
) -> None:
    at = now()
    for n in range(40):
        some = [{"m": "sensor.temperature", "i": f"sensor/{i}", "v": float(n)} for i in range(n + 1)]
        assert poller.posts(report(*some, at=at - timedelta(seconds=60 * n))).status_code == 202

    news = stored(world.acme, switch)
    assert {key.instance: len(data.t) for key, data in news.health.series.items()} == {
        f"sensor/{i}": 40 - i for i in range(40)
    }


# ---- once


def test_when_the_same_report_comes_again_then_it_is_a_duplicate_with_the_first_counts(
    world: World, sender: Sender, switch: Device
) -> None:
    body = json.dumps(report(cpu(), octets()))
    sender.posts(body)

    answer = sender.posts(body)

    assert answer.status_code == 200
    assert answer.json()["duplicate"] is True
    assert answer.json()["accepted"] == {"devices": 1, "samples": 2, "events": 0}
    assert values(stored(world.acme, switch)) == {"device.cpu.utilization": [0.25]}


def test_when_an_id_comes_with_another_body_then_409_and_nothing_is_stored(
    world: World, sender: Sender, switch: Device
) -> None:
    first = Report().of(cpu(0.1))
    sender.posts(first())

    answer = sender.posts(Report(at=first.at, id=first.id).of(cpu(0.2))())

    assert answer.status_code == 409
    assert answer.json()["code"] == "report_id_reused"
    assert values(stored(world.acme, switch)) == {"device.cpu.utilization": [0.1]}


def test_when_an_id_comes_with_another_time_then_409(sender: Sender) -> None:
    first = Report().of(cpu())
    sender.posts(first())

    answer = sender.posts(Report(at=first.at - timedelta(days=2), id=first.id).of(cpu())())

    assert answer.status_code == 409


def test_given_a_new_key_of_the_same_device_when_a_report_is_sent_again_then_it_is_still_a_duplicate(
    world: World, sender: Sender, switch: Device
) -> None:
    body = json.dumps(report(cpu()))
    sender.posts(body)

    assert device_key(world.acme, switch).posts(body).status_code == 200


def test_given_two_senders_when_both_use_one_id_then_both_are_stored(world: World, sender: Sender) -> None:
    other = device_key(world.acme, world.acme.installs("edge", site="hq"))
    body = Report().of(cpu(), identity={"mac": "00:00:5e:00:53:01"})

    assert sender.posts(Report(id=body.id).of(cpu())()).status_code == 202
    assert other.posts(body()).status_code == 202


# ---- whose


def test_given_a_stopped_key_when_it_reports_next_then_403_and_nothing_is_stored(
    world: World, sender: Sender, switch: Device
) -> None:
    sender.posts(report(cpu(0.1), at=now() - timedelta(seconds=60)))  # the process knows the key now

    sender.loses_its_key()
    answer = sender.posts(report(cpu(0.2)))

    assert answer.status_code == 403
    assert answer.json()["code"] == "key_revoked"
    assert values(stored(world.acme, switch)) == {"device.cpu.utilization": [0.1]}


def test_given_a_stopped_key_when_it_is_looked_up_then_it_is_refused_before_a_body_is_read(sender: Sender) -> None:
    """Storing asks again: here the look-up is asked alone."""
    sender.loses_its_key()

    with pytest.raises(keys.KeyStopped):
        keys.of_key_id(sender.row.key_id)


@pytest.mark.parametrize(
    "key", ["", "scd_", "scd_abcdefghjkmn_" + "x" * 43, "sct_abcdefghjkmn_" + "x" * 43, "nonsense"]
)
def test_given_no_key_of_ours_when_it_reports_then_401_with_a_challenge(sender: Sender, key: str) -> None:
    sender.key = key

    answer = sender.posts(report(cpu()))

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_given_the_wrong_secret_when_it_reports_then_the_answer_is_that_of_an_unknown_key(sender: Sender) -> None:
    wrong = Sender(sender.key[:-4] + "AAAA", sender.customer)
    unknown = Sender("scd_" + "z" * 12 + "_" + "A" * 43, sender.customer)

    answers = [s.posts(report(cpu())) for s in (wrong, unknown)]

    assert [a.status_code for a in answers] == [401, 401]
    assert answers[0].content == answers[1].content


def test_given_a_device_key_when_it_speaks_of_another_device_then_that_part_is_refused(
    world: World, sender: Sender, switch: Device
) -> None:
    answer = sender.posts(Report().of(cpu(0.1)).of(cpu(0.2), serial="SN2")())

    assert answer.status_code == 202
    assert [note["code"] for note in answer.json()["rejected"]] == ["not_this_device"]
    assert values(stored(world.acme, switch)) == {"device.cpu.utilization": [0.1]}


def test_given_a_device_key_when_it_speaks_of_others_alone_then_400(sender: Sender) -> None:
    answer = sender.posts(report(cpu(), serial="SN2"))

    assert answer.status_code == 400
    assert answer.json()["code"] == "not_this_device"


def test_given_a_device_of_another_customer_with_the_same_serial_when_it_is_named_then_it_changes_nothing_there(
    world: World, poller: Sender
) -> None:
    foreign = world.globex.installs("plant switch", site="plant", serial="SN9", vendor="Cisco")
    free = poller.posts(report(cpu(), serial="SN8"))

    taken = poller.posts(report(cpu(), serial="SN9"))

    assert taken.status_code == free.status_code == 202
    assert set(taken.json()) == set(free.json())
    assert not values(stored(world.globex, foreign))


def test_given_a_collector_when_it_meets_a_new_serial_then_a_device_is_made_at_its_site(
    world: World, poller: Sender
) -> None:
    identity = {"serial": "NEW1", "vendor": "Cisco", "hostname": "sw7", "model": "C9200"}

    answer = poller.posts(report(cpu(0.4), identity=identity))

    assert answer.status_code == 202
    with job(world.acme.pk):
        made = Device.unscoped.get(label="sw7")
    assert made.site_id == world.acme.sites["hq"].pk
    assert values(stored(world.acme, made)) == {"device.cpu.utilization": [0.4]}


def test_given_a_collector_when_it_meets_the_device_again_then_none_is_made(world: World, poller: Sender) -> None:
    for n in range(3):
        forget_everything()
        poller.posts(report(cpu(), serial="NEW1", at=now() - timedelta(seconds=n)))

    with job(world.acme.pk):
        assert Device.unscoped.filter(site=world.acme.sites["hq"]).count() == 1


def test_given_a_collector_when_it_names_a_device_of_another_site_then_outside_site(
    world: World, poller: Sender
) -> None:
    world.acme.installs("branch switch", site="branch", serial="SN5")

    answer = poller.posts(Report().of(cpu(), serial="SN5").of(cpu(), serial="SN6")())

    assert answer.status_code == 202
    assert [note["code"] for note in answer.json()["rejected"]] == ["outside_site"]


def test_given_a_collector_when_it_names_a_device_by_its_public_id_then_it_is_met(
    world: World, switch: Device, poller: Sender
) -> None:
    poller.posts(report(cpu(0.7), identity={"device_id": switch.public_id}))

    assert values(stored(world.acme, switch)) == {"device.cpu.utilization": [0.7]}


def test_given_a_moved_device_when_it_reports_then_the_new_stay_has_it_and_the_old_one_keeps_what_was(
    world: World, sender: Sender, switch: Device
) -> None:
    sender.posts(report(cpu(0.1), at=now() - timedelta(seconds=60)))
    with job(world.acme.pk):
        old = Device.unscoped.get(pk=switch.pk).stay_number
    boss = world.acme.viewer()
    with acting(boss):
        fleet.move(switch, to=world.acme.sites["branch"], by=boss)

    assert sender.posts(report(cpu(0.2))).status_code == 202  # the process still remembers the old place

    assert values(stored(world.acme, switch)) == {"device.cpu.utilization": [0.2]}
    with job(world.acme.pk):
        assert values(samples.news({old: 0})[old]) == {"device.cpu.utilization": [0.1]}


def test_given_a_partner_of_the_old_site_when_a_device_moves_then_it_sees_no_sample_of_the_new_one(
    world: World, sender: Sender, switch: Device
) -> None:
    world.acme.shares("hq", with_=world.northwind)
    boss = world.acme.viewer()
    with acting(boss):
        fleet.move(switch, to=world.acme.sites["branch"], by=boss)
    sender.posts(report(cpu(0.2)))
    with job(world.acme.pk):
        stays = list(switch.stays.values_list("number", flat=True))

    with acting(world.northwind.viewer()):
        assert samples.news(dict.fromkeys(stays, 0)) == {}


# ---- limits


def test_when_a_device_has_more_series_than_it_may_then_the_rest_is_refused(
    world: World, sender: Sender, switch: Device, settings: Any
) -> None:
    settings.INGEST_SERIES_OF_DEVICE = 3
    many = [{"m": "sensor.temperature", "i": f"sensor/{n}", "v": 20.0} for n in range(5)]

    answer = sender.posts(report(*many))

    assert answer.status_code == 202
    assert [note["code"] for note in answer.json()["rejected"]] == ["series_limit", "series_limit"]
    assert answer.json()["accepted"]["samples"] == 3
    assert len(stored(world.acme, switch).health.series) == 3


def test_when_a_customer_has_more_series_than_it_may_then_a_new_device_gets_none(
    world: World, sender: Sender, poller: Sender, settings: Any
) -> None:
    settings.INGEST_SERIES_OF_CUSTOMER = 1
    sender.posts(report(cpu()))

    answer = poller.posts(report(cpu(), serial="NEW1"))

    assert answer.status_code == 400
    assert answer.json()["code"] == "series_limit"


# ---- events and facts


def event(said: str = "fan broke", **more: Any) -> dict[str, Any]:
    return {"at": text(now()), "severity": "error", "code": "FAN", "text": said, **more}


def test_when_an_event_comes_twice_then_it_happened_once(world: World, sender: Sender, switch: Device) -> None:
    at = now()
    for _ in range(2):
        sender.posts(report(cpu(), events=[event("fan broke", id="e1", at=text(at))]))

    with job(world.acme.pk):
        (happened,) = DeviceEvent.unscoped.filter(device=switch)
    assert (happened.severity, happened.code, happened.text) == (3, "FAN", "fan broke")
    assert happened.site_id == world.acme.sites["hq"].pk


def test_when_inventory_comes_unchanged_then_it_waits_once(world: World, sender: Sender, switch: Device) -> None:
    inventory = {"complete": True, "components": [{"id": "fan/1", "class": "fan"}]}
    for _ in range(2):
        forget_everything()  # another web process
        sender.posts(report(cpu(), inventory=inventory, at=now()))

    with job(world.acme.pk):
        assert FactInbox.unscoped.filter(device=switch).count() == 1


def test_given_no_inventory_on_record_when_it_reports_then_it_is_asked_for(sender: Sender) -> None:
    assert sender.posts(report(cpu())).json()["need"] == ["inventory:d1"]


def test_given_a_name_the_store_knows_when_it_is_told_again_then_nothing_waits(
    world: World, sender: Sender, switch: Device
) -> None:
    sender.posts(report(cpu(), identity={"serial": "SN1", "vendor": "Cisco"}))

    with job(world.acme.pk):
        assert not FactInbox.unscoped.filter(device=switch).exists()


def test_when_rows_fall_on_no_partition_then_partitions_are_made_and_the_report_is_stored(
    behind: Any, lasting_world: World
) -> None:
    acme = lasting_world.acme
    sender = device_key(acme, acme.installs("core", site="hq", serial="SN1"))
    behind.execute(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
        " WHERE i.inhparent = 'telemetry_healthsample'::regclass"
    )
    for (name,) in behind.fetchall():
        behind.execute(f'DROP TABLE "{name}"')

    assert sender.posts(report(cpu())).status_code == 202


def test_when_a_report_id_is_a_uuid_of_its_own_then_its_time_decides_nothing(sender: Sender) -> None:
    assert sender.posts(Report(id=str(uuid.uuid4())).of(cpu())()).status_code == 202


def test_given_a_closed_customer_when_its_device_reports_then_403(behind: Any, lasting_world: World) -> None:
    acme = lasting_world.acme
    sender = device_key(acme, acme.installs("core", site="hq", serial="SN1"))
    assert sender.posts(report(cpu(0.1))).status_code == 202  # the process knows the key now

    behind.execute("UPDATE access_organization SET status = 'closed' WHERE id = %s", [str(acme.pk)])

    assert sender.posts(report(cpu(0.2))).status_code == 403


def test_given_a_retired_device_when_it_reports_then_403(world: World, sender: Sender, switch: Device) -> None:
    sender.posts(report(cpu(0.1)))
    with job(world.acme.pk):
        Device.unscoped.filter(pk=switch.pk).update(retired_at=now())

    assert sender.posts(report(cpu(0.2))).status_code == 403


def test_given_more_words_than_there_is_room_for_when_one_more_comes_then_it_is_refused(sender: Sender) -> None:
    words = [{"m": "custom.mode", "i": f"x/{n}", "s": f"word{n}"} for n in range(256)]
    assert sender.posts(report(*words)).json()["accepted"]["samples"] == 256

    answer = sender.posts(report({"m": "custom.mode", "i": "x/0", "s": "one more"}, cpu()))

    assert answer.json()["accepted"]["samples"] == 1
    assert [note["code"] for note in answer.json()["rejected"]] == ["series_limit"]


# ---- names


def points_of(name: str) -> dict[str, Any]:
    """An OTLP request of something that only says its host name."""
    resource = {"attributes": [{"key": "host.name", "value": {"stringValue": name}}]}
    point = {"timeUnixNano": str(int(now().timestamp() * 1e9)), "asDouble": 0.5}
    metric = {"name": "system.cpu.utilization", "gauge": {"dataPoints": [point]}}
    return {"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"metrics": [metric]}]}]}


def test_given_a_registered_name_when_a_collector_uses_it_then_its_device_is_met(
    world: World, switch: Device, poller: Sender
) -> None:
    with job(world.acme.pk):
        DeviceAlias(customer_id=world.acme.pk, device=switch, site=world.acme.sites["hq"], name="sw1.example").save(
            force_insert=True
        )

    answer = poller.posts(points_of("sw1.example"), "/ingest/otlp/v1/metrics")

    assert (answer.status_code, answer.json()) == (200, {})
    assert values(stored(world.acme, switch)) == {"device.cpu.utilization": [0.5]}


def test_given_a_name_nobody_registered_when_a_collector_uses_it_then_its_points_are_refused_and_no_device_is_made(
    world: World, poller: Sender
) -> None:
    answer = poller.posts(points_of("stranger"), "/ingest/otlp/v1/metrics")

    assert answer.status_code == 200
    assert answer.json()["partialSuccess"]["rejectedDataPoints"] == "1"
    assert "outside_site" in answer.json()["partialSuccess"]["errorMessage"]
    with job(world.acme.pk):
        assert not Device.unscoped.exists()


def test_given_a_collector_that_names_no_device_when_it_sends_points_then_it_hears_what_is_missing(
    poller: Sender,
) -> None:
    answer = poller.posts(points_of(""), "/ingest/otlp/v1/metrics")

    assert "must say which device" in answer.json()["partialSuccess"]["errorMessage"]


def test_given_a_device_key_when_its_reports_say_a_host_name_then_the_device_itself_is_meant(
    world: World, switch: Device, sender: Sender
) -> None:
    sender.posts(points_of("whatever"), "/ingest/otlp/v1/metrics")

    assert values(stored(world.acme, switch)) == {"device.cpu.utilization": [0.5]}
