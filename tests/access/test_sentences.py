"""What people read is what the database holds (A20)."""

import string
from datetime import UTC, date, datetime, timedelta
from itertools import combinations
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from hypothesis import assume, given
from hypothesis import strategies as st

from access import sentences
from access.lengths import end_after, last_day
from access.models import SHAREABLE, Category, Organization, Site
from access.principal import acting
from access.sentences import ChangeKind, Said
from access.sharing import Terms
from tests.cast import CONFIGURATION, CONTRACTS, HEALTH, INVENTORY, TRAFFIC, World

CHRISTMAS = date(2026, 12, 24)
PARIS = Organization(kind="customer", name="Moreau Group", timezone="Europe/Paris")

letters = st.text(alphabet=string.ascii_letters + string.digits + "éÄßł&'-.", min_size=1, max_size=12)
names = st.lists(letters | st.sampled_from(["and", "until", "for", "can", "look", "at"]), min_size=1, max_size=4).map(
    " ".join
)
kinds = st.sets(st.sampled_from(SHAREABLE), min_size=1)
days = st.dates(min_value=date(2026, 1, 1), max_value=date(2040, 12, 31))


def test_when_one_partner_may_see_three_kinds_then_it_reads_as_the_handbook_says():
    said = sentences.can_look("Northwind", [TRAFFIC, INVENTORY, HEALTH], ["Lyon office"], CHRISTMAS)

    assert said == (
        "Northwind can look at device list, health and alerts, and traffic totals for Lyon office until 24 December 2026."
    )


def test_when_alerts_are_sent_then_the_sentence_says_so():
    said = sentences.can_look("Northwind", [HEALTH], ["Lyon office"], CHRISTMAS, forward_alerts=True)

    assert said == (
        "Northwind can look at health and alerts for Lyon office until 24 December 2026."
        " Alerts are sent to them as they happen."
    )


def test_when_nothing_is_chosen_then_nobody_sees_anything():
    nobody = "No partner sees anything. You still see everything and still get your alerts."

    assert sentences.can_look("Northwind", [], ["Lyon office"], CHRISTMAS) == nobody
    assert sentences.can_look("Northwind", [HEALTH], [], CHRISTMAS) == nobody


def test_when_a_partner_asks_then_it_could_look():
    said = sentences.could_look("Northwind", [TRAFFIC, CONTRACTS], [], CHRISTMAS, forward_alerts=True)

    assert said == (
        "Northwind could look at traffic totals and contracts for all your sites until 24 December 2026."
        " Alerts would be sent to them as they happen."
    )


@pytest.mark.parametrize(("hours", "length"), [(1, "1 hour"), (4, "4 hours"), (24, "24 hours"), (72, "3 days")])
def test_when_staff_ask_then_the_sentence_says_from_when(hours, length):
    said = sentences.staff_could_look("Mina Koch", [HEALTH], ["Lyon office"], hours)

    assert said == (
        f"Mina Koch of SmartCare could look at health and alerts for Lyon office for {length}, starting when you say yes."
    )


@pytest.mark.parametrize(
    ("items", "text"),
    [
        ([], ""),
        (["a"], "a"),
        (["a", "b"], "a and b"),
        (["a", "b", "c"], "a, b and c"),
        (["a", "b", "c", "d"], "a, b, c and d"),
        (["a", "b", "c", "x and y"], "a, b, c, and x and y"),
        (["a", "b and c"], "a, and b and c"),
        (["a and b", "c", "d"], "a and b, c, and d"),
        (["sand", "land", "band"], "sand, land and band"),
        (list("abcdefg"), "a, b, c, d, e, f and g"),
        (["x and y", *"abcdef"], "x and y, a, b, c, d, e, and f"),
    ],
)
def test_when_things_are_listed_then_a_comma_stands_before_and_only_where_an_item_holds_one(items, text):
    assert sentences.listed(items) == text


@given(
    partner=names,
    what=kinds,
    sites=st.sets(names, min_size=1, max_size=5),
    others=st.sets(names, max_size=3),
    until=days,
    alerts=st.booleans(),
)
def test_a20_when_a_sentence_is_read_back_then_it_says_what_went_in(partner, what, sites, others, until, alerts):
    chosen = tuple(sorted(sites))
    alerts = alerts and HEALTH in what
    known = sorted(sites | others)
    subsets = (c for n in range(1, len(known) + 1) for c in combinations(known, n))
    # Names may be built so that a list of them means two things ("a", "b", "a and b"): the reader refuses those, see below.
    assume(sum(sentences.listed(c) == sentences.listed(chosen) for c in subsets) == 1)
    text = sentences.can_look(partner, what, chosen, until, forward_alerts=alerts)

    said = sentences.parse(text, sites=known)

    assert said == Said(partner, frozenset(what), chosen, until, alerts)


@given(what=kinds, other=kinds)
def test_a20_when_two_sets_of_kinds_differ_then_so_do_their_words(what, other):
    assert (sentences.categories(what) == sentences.categories(other)) == (what == other)


def test_when_a_text_is_no_consent_sentence_then_it_is_not_read_as_one():
    with pytest.raises(ValueError, match="No consent sentence"):
        sentences.parse("Northwind can look at everything for Lyon until 24 December 2026.", sites=["Lyon"])


def test_when_two_sites_share_words_then_the_reader_does_not_guess():
    text = sentences.can_look("Northwind", [HEALTH], ["Lyon and Nice"], CHRISTMAS)

    with pytest.raises(ValueError, match="2 meanings"):
        sentences.parse(text, sites=["Lyon", "Nice", "Lyon and Nice"])


@pytest.mark.parametrize("chosen", [{INVENTORY}, {HEALTH, TRAFFIC}, set(SHAREABLE)])
@pytest.mark.parametrize("alerts", [False, True])
def test_a20_given_a_stored_grant_when_its_sentence_is_read_then_grant_and_door_say_the_same(
    world: World, chosen, alerts
):
    alerts = alerts and HEALTH in chosen
    grant = world.acme.shares("hq", with_=world.northwind, categories=chosen, forward_alerts=alerts)

    ada, nora = world.acme.viewer(), world.northwind.viewer()
    with acting(ada):
        said = sentences.parse(sentences.of_grant(grant), sites=["hq", "branch", "depot"])

    with acting(nora):
        shown = {c for c in SHAREABLE if Site.objects.visible_to(nora, c).filter(name="hq").exists()}
    assert said == Said("Northwind", frozenset(chosen), ("hq",), grant.expires_at.astimezone(UTC).date(), alerts)
    assert said.categories == grant.category_set == shown


def draft(categories, end: datetime, *, alerts=False) -> Terms:
    return Terms(frozenset(categories), end, alerts)


def stored(categories, end: datetime, *, alerts=False):
    return SimpleNamespace(
        ordered_categories=[c for c in SHAREABLE if c in categories], expires_at=end, forward_alerts=alerts
    )


def test_when_a_change_adds_removes_and_keeps_then_each_is_named():
    now = datetime(2026, 12, 3, 22, 0, tzinfo=UTC)
    later = datetime(2026, 12, 24, 22, 0, tzinfo=UTC)

    changes = sentences.what_changes(stored({INVENTORY, CONFIGURATION}, now), draft({INVENTORY, TRAFFIC}, later), PARIS)

    assert [(c.kind, c.category) for c in changes] == [
        (ChangeKind.LATER, INVENTORY),
        (ChangeKind.NEW, TRAFFIC),
        (ChangeKind.REMOVED, CONFIGURATION),
    ]
    assert [c.words for c in changes] == [
        "Ends later: device list, 24 December 2026 instead of 3 December 2026",
        "New: traffic totals, until 24 December 2026",
        "Ends now: configuration",
    ]


def test_when_the_end_comes_earlier_then_what_stays_is_said_to_end_earlier():
    soon, late = datetime(2026, 12, 3, 22, 0, tzinfo=UTC), datetime(2026, 12, 24, 22, 0, tzinfo=UTC)

    changes = sentences.what_changes(stored({HEALTH}, late, alerts=True), draft({HEALTH}, soon, alerts=True), PARIS)

    assert [(c.kind, c.category) for c in changes] == [(ChangeKind.EARLIER, HEALTH), (ChangeKind.EARLIER, None)]


def test_when_the_end_moves_within_one_day_then_it_stays_as_it_is():
    one, other = datetime(2026, 12, 3, 8, 0, tzinfo=UTC), datetime(2026, 12, 3, 22, 0, tzinfo=UTC)

    (change,) = sentences.what_changes(stored({HEALTH}, one), draft({HEALTH}, other), PARIS)

    assert change.kind == ChangeKind.STAYS


@given(before=st.none() | kinds, after=st.none() | kinds)
def test_when_anything_changes_then_no_kind_is_left_out_and_none_is_named_twice(before, after):
    end = datetime(2026, 12, 24, 22, 0, tzinfo=UTC)
    changes = sentences.what_changes(
        stored(before, end) if before else None, draft(after, end) if after else None, PARIS
    )

    assert [c.category for c in changes] == [c for c in SHAREABLE if c in (before or set()) | (after or set())]


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Auckland", "America/Los_Angeles", "Europe/Paris"])
@pytest.mark.parametrize("length", [1, 7, 30, 90, 365, 366])
def test_when_access_is_given_for_some_days_then_it_ends_on_that_day_where_the_customer_is(zone, length):
    company = Organization(kind="customer", name="x", timezone=zone)

    end = end_after(length, company)

    today = timezone.now().astimezone(ZoneInfo(zone)).date()
    assert last_day(end, company) == today + timedelta(days=length)
    assert end - timezone.now() <= timedelta(days=366)


def test_when_no_alerts_are_asked_for_then_a_request_does_not_speak_of_them():
    said = "Northwind could look at health and alerts for Lyon and Nice until 24 December 2026."

    assert sentences.could_look("Northwind", [HEALTH], ["Lyon", "Nice"], CHRISTMAS) == said


def test_when_a_moment_is_named_then_by_the_clock_of_the_customer():
    assert sentences.moment(datetime(2026, 12, 24, 23, 5, tzinfo=UTC), PARIS) == "25 December 2026, 00:05"


def test_when_nothing_is_chosen_yet_then_the_sentence_says_for_whom_and_where():
    assert sentences.nobody_new() == "Nobody new sees anything. What partners see today stays as it is."
    assert sentences.nothing_yet("Northwind", []) == "Northwind would see nothing: nothing is chosen yet."
    assert (
        sentences.nothing_yet("Northwind", ["Lyon", "Nice"])
        == "Northwind would see nothing of Lyon and Nice: nothing is chosen yet."
    )
    assert sentences.nothing_left("Northwind") == "Choose what Northwind may still see, or stop this access."


@pytest.mark.parametrize("ended", [{"closed_at"}, {"revoked_at"}, {"closed_at", "revoked_at"}, {"expires_at"}])
def test_when_an_access_has_ended_then_its_sentence_says_so(ended):
    """Expired and not yet booked by the sweep is over too."""
    grant = SimpleNamespace(
        partner=Organization(name="Northwind"),
        site=Site(name="Lyon office"),
        revoked_at=None,
        closed_at=None,
        expires_at=timezone.now() + timedelta(days=9),
    )
    for name in ended:
        setattr(grant, name, timezone.now() - timedelta(seconds=1))

    assert sentences.of_grant(grant) == "Northwind can no longer see Lyon office."


def test_when_a_draft_is_put_into_words_then_it_reads_as_the_grant_will():
    northwind, end = Organization(name="Northwind"), datetime(2026, 12, 24, 22, 0, tzinfo=UTC)

    assert sentences.of_terms(northwind, ["Lyon office"], draft({HEALTH}, end, alerts=True), PARIS) == (
        "Northwind can look at health and alerts for Lyon office until 24 December 2026."
        " Alerts are sent to them as they happen."
    )
    assert sentences.of_terms(northwind, ["Lyon office"], None, PARIS) == sentences.nobody()


@pytest.mark.parametrize(
    ("hours", "length"), [(1, "1 hour"), (24, "24 hours"), (25, "25 hours"), (47, "47 hours"), (48, "2 days")]
)
def test_when_a_length_is_put_into_words_then_whole_days_are_called_days_from_the_second_on(hours, length):
    assert sentences.for_hours(hours) == length


def test_when_staff_ask_for_all_sites_or_may_look_then_the_sentence_says_so():
    assert sentences.staff_could_look("Mina Koch", [HEALTH], [], 4) == (
        "Mina Koch of SmartCare could look at health and alerts for all your sites for 4 hours, starting when you say yes."
    )
    for where, place in (([], "all your sites"), (["Lyon", "Nice"], "Lyon and Nice")):
        assert sentences.staff_can_look("Mina Koch", [HEALTH], where, "24 December 2026, 14:00") == (
            f"Mina Koch of SmartCare can look at health and alerts for {place} until 24 December 2026, 14:00."
        )


@pytest.mark.parametrize(
    ("days", "text"), [(-1, "ends today"), (0, "ends today"), (1, "1 day left"), (2, "2 days left"), (9, "9 days left")]
)
def test_when_an_end_is_near_then_days_are_counted(days, text):
    assert sentences.left(days) == text


@pytest.mark.parametrize(
    ("had", "has", "words"),
    [
        (True, True, "Stays as it is: sending alerts, until 24 December 2026"),
        (True, False, "Ends now: sending alerts"),
        (False, True, "New: sending alerts, until 24 December 2026"),
    ],
)
def test_when_alerts_begin_stay_or_stop_then_that_is_named_last(had, has, words):
    end = datetime(2026, 12, 24, 22, 0, tzinfo=UTC)

    *_, last = sentences.what_changes(stored({HEALTH}, end, alerts=had), draft({HEALTH}, end, alerts=has), PARIS)

    assert (last.category, last.words) == (None, words)


def test_when_everything_begins_or_stops_then_every_line_says_so():
    soon, late = datetime(2026, 12, 3, 22, 0, tzinfo=UTC), datetime(2026, 12, 24, 22, 0, tzinfo=UTC)

    begins = sentences.what_changes(None, draft({HEALTH}, late, alerts=True), PARIS)
    stops = sentences.what_changes(stored({HEALTH}, late, alerts=True), None, PARIS)
    (sooner,) = sentences.what_changes(stored({HEALTH}, late), draft({HEALTH}, soon), PARIS)

    assert [c.words for c in begins] == [
        "New: health and alerts, until 24 December 2026",
        "New: sending alerts, until 24 December 2026",
    ]
    assert [c.words for c in stops] == ["Ends now: health and alerts", "Ends now: sending alerts"]
    assert sooner.words == "Ends earlier: health and alerts, 3 December 2026 instead of 24 December 2026"


def test_the_lines_under_the_boxes_say_what_each_kind_holds():
    assert [str(sentences.DETAILS[c]) for c in SHAREABLE] == [
        "Names, models, serials, software versions",
        "Readings, scores, alerts and predictions",
        "How much, never what. No web addresses, no content",
        "Settings, with passwords and keys always removed",
        "Support end dates and prices",
    ]


def test_every_kind_of_data_has_a_name_and_a_line_under_its_box():
    assert set(sentences.NAMES) == set(sentences.DETAILS) == set(SHAREABLE)
    assert Category.ANY not in sentences.NAMES
