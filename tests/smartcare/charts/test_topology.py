from hypothesis import given
from hypothesis import strategies as st

from smartcare.charts.topology import topology
from tests.smartcare.charts.drawings import name_of, parts, said


def node(key: str, parent: str | None = None, state: str = "ok") -> dict:
    return {"id": key, "label": key, "state": state, "parent": parent}


def boxes(drawn: str) -> list[tuple[float, float, float, float]]:
    return [tuple(float(box.get(side)) for side in ("x", "y", "width", "height")) for box in parts(drawn, "rect")]


def overlap(a, b) -> bool:
    return a[0] < b[0] + b[2] and b[0] < a[0] + a[2] and a[1] < b[1] + b[3] and b[1] < a[1] + a[3]


def assert_tidy(drawn: str) -> None:
    """No two nodes overlap and none leaves the picture."""
    width, height = map(float, parts(drawn, "svg")[0].get("viewBox", "").split()[2:])
    found = boxes(drawn)
    assert not [(a, b) for i, a in enumerate(found) for b in found[i + 1 :] if overlap(a, b)]
    assert all(x >= 0 and y >= 0 and x + w <= width and y + h <= height for x, y, w, h in found)


def test_given_an_office_when_drawn_then_every_device_is_there_with_its_state():
    office = [node("Internet", state="mute"), node("Firewall", "Internet", "risk"), node("Core", "Firewall")]
    office += [node(f"Wi-Fi {index}", "Core") for index in range(5)]

    drawn = topology(office, label="Lyon").svg

    assert sorted(said(drawn)) == sorted(one["label"] for one in office)
    assert "Firewall (at risk)" in name_of(drawn)
    assert_tidy(drawn)


@given(st.lists(st.integers(-1, 40), max_size=48))
def test_given_any_parents_when_drawn_then_nodes_neither_overlap_nor_get_lost(parents):
    nodes = [node(f"device {index}", f"device {parent}") for index, parent in enumerate(parents)]

    drawn = topology(nodes).svg

    assert_tidy(drawn)
    assert len(boxes(drawn)) == len(nodes)


def test_given_a_circle_when_drawn_then_each_device_appears_once():
    drawn = topology([node("a", "b"), node("b", "c"), node("c", "a")]).svg

    assert sorted(said(drawn)) == ["a", "b", "c"]


def test_given_over_fifty_devices_when_drawn_then_switches_fold_and_trouble_stays_visible():
    nodes = [node("fw")] + [node(f"switch {index}", "fw") for index in range(3)]
    nodes += [
        node(f"ap {s}.{i}", f"switch {s}", "down" if (s, i) == (1, 17) else "ok") for s in range(3) for i in range(20)
    ]

    chart = topology(nodes)

    assert "ap 1.17" in said(chart.svg)
    assert said(chart.svg).count("17 more") == 3
    assert len(chart.rows) == len(nodes)
    assert_tidy(chart.svg)


def test_given_nothing_when_drawn_then_the_picture_says_so():
    assert name_of(topology([]).svg) == "Map: nothing to show yet"


def test_when_drawn_then_the_rows_say_what_hangs_on_what():
    assert topology([node("fw"), node("core", "fw")]).rows == (("fw", "Healthy", "–"), ("core", "Healthy", "fw"))
