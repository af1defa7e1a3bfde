import math

from smartcare.charts.heat import heat
from tests.smartcare.charts.drawings import TODAY, name_of, parts


def test_given_bands_and_days_when_drawn_then_there_is_a_cell_for_each():
    assert len(parts(heat([[1.0] * 30] * 8, first_day=TODAY).svg, "rect")) == 240


def test_given_a_peak_when_drawn_then_the_name_says_when():
    rows = [[0, 0], [0, 0], [0, 0], [1, 9]]

    assert name_of(heat(rows, first_day=TODAY, label="Load").svg) == "Load, 2 days: busiest at 09:00 on 25 Nov"


def test_given_missing_values_when_drawn_then_their_cells_are_hollow():
    cells = parts(heat([[None, math.nan, 1]], first_day=TODAY).svg, "rect")

    assert [cell.get("fill") for cell in cells] == ["none", "none", "#2f4fd0"]


def test_given_only_zeros_when_drawn_then_nothing_is_called_busiest():
    assert name_of(heat([[0, 0]], first_day=TODAY, label="Load").svg) == "Load: no readings yet"


def test_given_nothing_when_drawn_then_the_name_says_so():
    assert name_of(heat([], first_day=TODAY, label="Load").svg) == "Load: no readings yet"


def test_when_drawn_then_the_rows_hold_mean_and_highest_of_each_part_of_the_day():
    chart = heat([[10, 20], [None, None]], first_day=TODAY, unit=" Mbit/s")

    assert chart.rows == (("00:00", "15 Mbit/s", "20 Mbit/s"), ("03:00", "", ""))
