"""Names of the points of a sweep."""

from typing import Any

import pytest

from evalkube_crds.point_names import point_name, point_names


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ({"number": 100, "parallel": 10}, "parallel_10_number_100"),
        ({"number": 100, "rate": 5.0}, "rate_5_number_100"),
        ({"number": 3, "rate": 2.5}, "rate_2.5_number_3"),
    ],
)
def test_points_are_named_as_evalscope_names_them(key: dict[str, Any], name: str) -> None:
    """The keys of the response's results."""
    assert point_name(**key) == name


SWEEPS: dict[str, tuple[list[tuple[int, int | None, float | None]], list[str]]] = {
    "nothing is repeated": (
        [(100, 1, None), (200, 2, None)],
        ["parallel_1_number_100", "parallel_2_number_200"],
    ),
    "one rate for all is told nowhere": ([(6, 4, 5.0), (6, 8, 5.0)], ["parallel_4_number_6", "parallel_8_number_6"]),
    "rates that change with the load": ([(6, 4, 5.0), (6, 8, 10.0)], ["parallel_4_number_6", "parallel_8_number_6"]),
    "points that differ only in rate": (
        [(6, 4, 5.0), (6, 4, 10.0), (6, 4, 2.5), (6, 8, 5.0)],
        [
            "parallel_4_number_6_rate_5",
            "parallel_4_number_6_rate_10",
            "parallel_4_number_6_rate_2.5",
            "parallel_8_number_6",
        ],
    ),
    "with and without a rate": (
        [(6, 4, None), (6, 4, 5.0)],
        ["parallel_4_number_6_rate_unlimited", "parallel_4_number_6_rate_5"],
    ),
    "a point three times": (
        [(4, 2, None)] * 3,
        ["parallel_2_number_4", "parallel_2_number_4_repeat_2", "parallel_2_number_4_repeat_3"],
    ),
    "repeated, not in a row": (
        [(4, 2, None), (4, 3, None), (4, 2, None)],
        ["parallel_2_number_4", "parallel_3_number_4", "parallel_2_number_4_repeat_2"],
    ),
    "some differ in rate, some in nothing": (
        [(4, 2, 5.0), (4, 2, 9.0), (4, 2, 5.0)],
        ["parallel_2_number_4_rate_5", "parallel_2_number_4_rate_9", "parallel_2_number_4_rate_5_repeat_2"],
    ),
    "open loop": ([(4, None, 20.0), (4, None, 40.0)], ["rate_20_number_4", "rate_40_number_4"]),
    "stages, twice": ([(4, None, None), (4, None, None)], ["stages_number_4", "stages_number_4_repeat_2"]),
    "open loop, a rate twice": ([(4, None, 20.0), (4, None, 20.0)], ["rate_20_number_4", "rate_20_number_4_repeat_2"]),
}


@pytest.mark.parametrize(("points", "names"), SWEEPS.values(), ids=SWEEPS)
def test_each_point_of_a_sweep_has_a_name_of_its_own(
    points: list[tuple[int, int | None, float | None]], names: list[str]
) -> None:
    """What nothing else in the sweep is called keeps EvalScope's name; the others are told apart."""
    assert point_names(points) == names
    assert len(set(names)) == len(points)
