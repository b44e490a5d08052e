"""Tags of runs: labels under a prefix of their own."""

import pytest

from evalkube_crds import tags


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({}, []),
        ({"team": "search"}, []),
        ({"nightly": ""}, []),
        ({"A.b_c-9": "x" * 63}, []),
        ({"": "x"}, ["tags."]),
        ({"-a": "x"}, ["tags.-a"]),
        ({"a b": "x"}, ["tags.a b"]),
        ({"a/b": "x"}, ["tags.a/b"]),
        ({"a" * 64: "x"}, ["tags." + "a" * 64]),
        ({"ä": "x"}, ["tags.ä"]),
        ({"a": "x" * 64}, ["tags.a"]),
        ({"a": "x y"}, ["tags.a"]),
        ({"a": "."}, ["tags.a"]),
        ({"a\n": "x\n"}, ["tags.a\n", "tags.a\n"]),
        ({"a": "?", "b": "!"}, ["tags.a", "tags.b"]),
        ({str(number): "" for number in range(33)}, ["tags"]),
    ],
)
def test_names_and_values_are_those_of_labels(given: dict[str, str], wrong: list[str]) -> None:
    """Each that is not is named with its field."""
    assert [problem.field for problem in tags.problems(given)] == wrong


def test_other_labels_are_no_tags() -> None:
    """Those that clusters and their tools set stay theirs."""
    labels = tags.labels_of({"team": "search", "nightly": ""}) | {"app": "x", "evalkube.io/api-key": "true"}
    assert tags.of_labels(labels) == {"nightly": "", "team": "search"}
