"""Devices from a CSV file: shown first with what is wrong in which line, then all added or none."""

import csv
import html
import io
import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from access import onboarding
from access.principal import acting
from telemetry import fleet
from telemetry.models import Device, DeviceKey
from tests.cast import World

PATH = "/devices/import"
SCD = r"scd_[a-z0-9]{12}_[\w-]{43}"


@pytest.fixture
def ada(world: World, browse: Any) -> Client:
    client: Client = browse(world.acme.people["ada"])
    return client


def shows(client: Client, text: str | bytes) -> str:
    content = text.encode() if isinstance(text, str) else text
    page = client.post(PATH, {"file": SimpleUploadedFile("devices.csv", content)})
    assert page.status_code == 200
    return html.unescape(page.content.decode())


def confirms(client: Client, text: str) -> str:
    return html.unescape(client.post(PATH, {"text": text, "confirm": "1"}).content.decode())


def labels(world: World) -> list[str]:
    with acting(world.acme.viewer()):
        return list(Device.unscoped.order_by("label").values_list("label", flat=True))


def test_given_two_sites_of_nearly_one_name_when_a_line_names_one_then_it_is_that_one_or_nobody_guesses(
    ada: Client, world: World
) -> None:
    viewer = world.acme.viewer()
    with acting(viewer):
        for name in ("Lab", "LAB"):
            onboarding.open_site(name=name, by=viewer)

    page = shows(ada, "name,site\na,lab\n")
    confirms(ada, "name,site\nb,Lab\nc,LAB\n")

    assert "Line 2, a: several of your sites are called like that" in page
    with acting(viewer):
        assert dict(Device.unscoped.values_list("label", "site__name")) == {"b": "Lab", "c": "LAB"}


def test_when_a_file_is_shown_then_nothing_is_added_until_it_is_confirmed(ada: Client, world: World) -> None:
    text = "name,kind,site,vendor,model,serial\r\nSwitch 1,Access point,HQ,Example,EN-1,S1\r\nSwitch 2,,hq,,,\r\n"

    page = shows(ada, text)

    assert "Add 2 devices" in page
    assert page.index("Add 2 devices") < page.index("<table"), "not below a thousand lines"
    assert labels(world) == []
    done = confirms(ada, text)
    assert labels(world) == ["Switch 1", "Switch 2"]
    assert len(set(re.findall(SCD, done))) == 2


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("A,switch,nowhere,,,", "Line 2, A: you have no site “nowhere”"),
        ("A,switch,,,,", "Line 2, A: names no site"),
        (",switch,hq,,,", "Line 2: has no name"),
        ("A,toaster,hq,,,", "“toaster” is no kind"),
        ("A,switch,hq,Example,,S9", "this serial number exists already"),
        ("there,switch,hq,,,", "this site has a device of this name already"),
        (f"{'x' * 121},switch,hq,,,", "has a name of more than 120 characters"),
    ],
    ids=["site", "no site", "name", "kind", "serial", "same name", "long"],
)
def test_given_a_line_that_cannot_be_added_when_it_is_shown_then_it_says_why_and_offers_no_button(
    ada: Client, world: World, line: str, problem: str
) -> None:
    world.acme.installs("there", site="hq", vendor="Example", serial="S9")
    text = f"name,kind,site,vendor,model,serial\n{line}\nfine,switch,hq,,,\n"

    page = shows(ada, text)

    assert problem in page
    assert 'name="confirm"' not in page
    confirms(ada, text)
    assert labels(world) == ["there"]


def test_given_lines_that_repeat_each_other_when_they_are_shown_then_the_second_is_wrong(ada: Client) -> None:
    page = shows(ada, "name,site,serial\na,hq,S1\nb,hq,S1\na,hq,S2\n")

    assert "2 lines cannot be added" in page


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "The first line must name the columns"),
        (b"name,site\n", "no lines below"),
        (b"site\nhq\n", "The first line must name the columns"),
        (b'name,site\n"' + b"x" * 200_000 + b'",hq\n', "cannot be read"),
        (b'"' + b"x" * 200_000 + b'"\n', "cannot be read"),
        (b"x" * 1_000_001, "larger than 1 MB"),
        (b"name,site\n" + b"a,hq\n" * 2_000, "The file has 2000 devices, at most 1000"),
    ],
    ids=["empty", "head alone", "no name", "huge cell", "huge head", "large", "many"],
)
def test_given_a_file_that_is_none_when_it_is_shown_then_the_summary_says_why(
    ada: Client, content: bytes, problem: str
) -> None:
    page = shows(ada, content)

    assert problem in page
    assert 'href="#file"' in page


def test_when_a_confirmed_file_is_sent_again_then_nothing_is_doubled(ada: Client, world: World) -> None:
    text = "name,site\nA,hq\n"
    confirms(ada, text)

    confirms(ada, text)

    assert labels(world) == ["A"]


@pytest.mark.parametrize(
    "content",
    [
        "name;site\nKüche;hq\n".encode("cp1252"),
        "name\tsite\r\nKüche\thq\r\n".encode("utf-16"),
        "\ufeffName; Site\r\nKüche;HQ\r\n;\r\n\r\n".encode(),
        "name,site\rKüche,hq\r".encode(),
        'name,site,serial\n"Küche",hq\n'.encode(),
    ],
    ids=["old code page", "utf-16 with tabs", "mark, semicolons and empty lines", "old Mac", "fewer cells"],
)
def test_given_a_spreadsheets_file_when_it_is_confirmed_as_shown_then_its_names_are_right(
    ada: Client, world: World, content: bytes
) -> None:
    page = shows(ada, content)
    kept = re.search(r"<textarea name=\"text\" hidden>(.*?)</textarea>", page, re.DOTALL)

    assert "Add 1 device" in page
    assert kept is not None
    confirms(ada, kept[1])
    assert labels(world) == ["Küche"]


def test_given_hundreds_of_wrong_lines_when_they_are_shown_then_the_summary_names_the_first(ada: Client) -> None:
    page = shows(ada, "name,site\n" + "".join(f"d{n},nowhere\n" for n in range(300)))

    assert page.count('<li><a href="#line-') == 20
    assert "and 280 more lines" in page
    assert page.count("<tr id=") == 300


def test_given_a_thousand_devices_when_they_are_confirmed_then_each_has_its_key(ada: Client, world: World) -> None:
    text = "name,site,serial\n" + "".join(f"d{n},hq,SN{n}\n" for n in range(1_000))

    done = confirms(ada, text)

    assert len(set(re.findall(SCD, done))) == 1_000
    assert len(labels(world)) == 1_000


def test_when_the_file_to_begin_with_is_taken_then_it_can_be_imported_as_it_is(ada: Client) -> None:
    file = ada.get(f"{PATH}?format=csv")

    assert "attachment" in file["Content-Disposition"]
    assert "Add 2 devices" in shows(ada, file.content)


def test_given_a_viewer_when_a_file_is_confirmed_then_it_is_refused(world: World, browse: Any) -> None:
    answer = browse(world.acme.people["alan"]).post(PATH, {"text": "name,site\nA,hq\n", "confirm": "1"})

    assert answer.status_code == 403
    assert labels(world) == []


# ---- the keys as a file


def keys_of(page: str) -> str:
    """What the button under the new devices sends."""
    found = re.search(r'<textarea name="keys" hidden>(.*?)</textarea>', page, re.DOTALL)
    assert found
    return found[1]


def test_when_the_new_keys_are_wanted_as_a_file_then_each_stands_beside_its_device_and_is_kept_nowhere(
    ada: Client, world: World
) -> None:
    page = confirms(ada, "name,site,serial\r\n=Core,hq,S1\r\nAccess,hq,\r\n")

    answer = ada.post(PATH, {"keys": keys_of(page)})

    assert answer.headers["Content-Type"].startswith("text/csv")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="device-keys.csv"'
    assert "no-store" in answer.headers["Cache-Control"]
    head, *lines = list(csv.reader(io.StringIO(answer.content.decode())))
    assert head == ["name", "site", "serial", "device_id", "key"]
    assert [(line[0], line[1], line[2]) for line in lines] == [("'=Core", "hq", "S1"), ("Access", "hq", "")]
    assert [line[4] for line in lines] == re.findall(SCD, keys_of(page))
    assert not re.search(SCD, ada.get(PATH).content.decode())


def test_given_keys_of_others_stopped_or_made_up_ones_when_wanted_as_a_file_then_they_are_in_none(
    ada: Client, world: World, browse: Any
) -> None:
    first, second = re.findall(SCD, keys_of(confirms(ada, "name,site\na,hq\nb,hq\n")))
    gwen = browse(world.globex.people["gwen"])
    with acting(world.acme.viewer()):
        fleet.stop_key(DeviceKey.unscoped.get(key_id=second.split("_")[1]), by=world.acme.viewer())

    of_others = gwen.post(PATH, {"keys": first})
    made_up = ada.post(PATH, {"keys": f"{first[:-4]}aaaa {second} scd nonsense"})

    for answer in (of_others, made_up):
        assert (answer.status_code, answer.headers["Location"]) == (302, PATH)
    mixed = ada.post(PATH, {"keys": f"{first} {second}"}).content.decode()
    assert first in mixed
    assert second not in mixed


def test_given_a_viewer_when_keys_are_wanted_as_a_file_then_it_is_refused(
    world: World, ada: Client, browse: Any
) -> None:
    page = confirms(ada, "name,site\na,hq\n")

    answer = browse(world.acme.people["alan"]).post(PATH, {"keys": keys_of(page)})

    assert answer.status_code == 403
