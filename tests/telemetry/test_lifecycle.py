"""Dates of models: from a catalogue file, and unknown is said, never guessed."""

from datetime import date
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from telemetry import lifecycle
from telemetry.models import DeviceInventory, ModelLifecycle

HEAD = "vendor,model,end_of_sale,end_of_support,end_of_security_fixes,source\n"


def file_of(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "catalogue.csv"
    path.write_text(HEAD + "\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_given_the_example_of_the_docs_when_it_is_loaded_then_a_device_of_that_model_knows_its_dates(db, tmp_path):
    path = file_of(tmp_path, "Example Networks,EN-FW60,2024-05-31,2029-05-31,2027-05-31,announcement of 2023-11-30")

    call_command("lifecycle", str(path))

    found = lifecycle.of(DeviceInventory(vendor="example networks", model="en-fw60"))
    assert (found.end_of_security_fixes, found.state) == (date(2027, 5, 31), "ok")


def test_given_two_spellings_of_a_model_when_a_catalogue_is_loaded_then_the_older_one_counts_everywhere(db, tmp_path):
    older = ModelLifecycle.objects.create(vendor="Example", model="EN-1", end_of_support=date(2030, 1, 1))
    ModelLifecycle.objects.create(vendor="EXAMPLE", model="en-1", end_of_support=date(2020, 1, 1))

    call_command("lifecycle", str(file_of(tmp_path, "example,EN-1,,2031-01-01,,")))

    older.refresh_from_db()
    assert (older.vendor, older.end_of_support) == ("Example", date(2031, 1, 1))
    assert ModelLifecycle.objects.count() == 2
    assert lifecycle.of(DeviceInventory(vendor="EXAMPLE", model="EN-1")).end_of_support == date(2031, 1, 1)


def test_given_a_model_that_nobody_knows_when_asked_then_it_is_unknown_and_not_supported(db):
    found = lifecycle.of(DeviceInventory(vendor="Nobody", model="X1"))

    assert (found.state, found.end_of_support) == ("mute", None)


def test_given_a_file_with_a_bad_date_when_it_is_loaded_then_nothing_changes_and_the_line_is_named(db, tmp_path):
    path = file_of(tmp_path, "A,one,,2030-01-01,,", "A,two,,31.12.2030,,")

    with pytest.raises(CommandError, match="Line 3"):
        call_command("lifecycle", str(path))

    assert not ModelLifecycle.objects.exists()


@pytest.mark.parametrize(
    ("fixes", "state"),
    [(date(2026, 1, 1), "risk"), (date(2027, 1, 1), "watch"), (date(2030, 1, 1), "ok"), (None, "mute")],
)
def test_given_a_date_when_it_is_judged_then_passed_soon_far_and_missing_are_told_apart(fixes, state):
    row = ModelLifecycle(vendor="A", model="one", end_of_security_fixes=fixes)

    assert lifecycle.judged(row, date(2026, 11, 24)).state == state


@pytest.mark.parametrize(
    ("fixes", "support", "words"),
    [
        (date(2026, 1, 1), date(2033, 1, 1), "Without security fixes since 1 January 2026"),
        (date(2033, 1, 1), date(2026, 1, 1), "Without support since 1 January 2026"),
        (date(2027, 1, 1), date(2033, 1, 1), "Security fixes end on 1 January 2027"),
        (date(2033, 1, 1), date(2027, 1, 1), "Support ends on 1 January 2027"),
        (date(2032, 1, 1), date(2033, 1, 1), "Security fixes until 1 January 2032"),
        (date(2032, 1, 1), date(2032, 1, 1), "Supported until 1 January 2032"),
        (None, date(2032, 1, 1), "Supported until 1 January 2032"),
    ],
)
def test_given_two_dates_when_they_are_judged_then_the_words_name_the_one_that_ends_first(fixes, support, words):
    row = ModelLifecycle(vendor="A", model="one", end_of_security_fixes=fixes, end_of_support=support)

    assert lifecycle.judged(row, date(2026, 11, 24)).words == words


def test_given_a_model_under_another_spelling_when_it_is_loaded_again_then_its_dates_are_replaced(db, tmp_path):
    call_command("lifecycle", str(file_of(tmp_path, "Example,EN-1,,2030-01-01,,")))
    call_command("lifecycle", str(file_of(tmp_path, "EXAMPLE,en-1,,2031-01-01,,")))

    assert list(ModelLifecycle.objects.values_list("vendor", "end_of_support")) == [("Example", date(2031, 1, 1))]


def test_given_a_file_of_a_spreadsheet_when_it_is_loaded_then_its_mark_is_no_letter(db, tmp_path):
    path = tmp_path / "catalogue.csv"
    path.write_text(HEAD + "A,one,,2030-01-01,,\n", encoding="utf-8-sig")

    call_command("lifecycle", str(path))

    assert ModelLifecycle.objects.get().model == "one"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("A", "Line 2: vendor and model"),
        (",one,,,,", "Line 2: vendor and model"),
        (f"A,{'x' * 121},,,,", "more than 120"),
    ],
    ids=["cut", "no vendor", "long"],
)
def test_given_a_line_that_names_no_model_when_it_is_loaded_then_it_is_named(db, tmp_path, line, why):
    with pytest.raises(CommandError, match=why):
        call_command("lifecycle", str(file_of(tmp_path, line)))

    assert not ModelLifecycle.objects.exists()
