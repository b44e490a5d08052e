"""Names in the store: what is accepted from outside, and that keys lead back to what they name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkube_operator.store import keys
from evalkube_operator.store.keys import BadPath, ShardKey
from fakes.stores import RUN


@pytest.mark.parametrize("path", ["a", "predictions/m/gsm8k_main.jsonl", "café/中文 %41#?.txt", "a.parts.b", "x" * 200])
def test_ordinary_paths_are_kept_as_they_are(path: str) -> None:
    """Nothing is rewritten."""
    assert keys.checked_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("", id="empty"),
        pytest.param("/etc/passwd", id="absolute"),
        pytest.param("a/../../b", id="up"),
        pytest.param("./a", id="dot"),
        pytest.param("a//b", id="empty segment"),
        pytest.param("a/", id="folder"),
        pytest.param(".evalkube/result.json", id="our own"),
        pytest.param("a.parts/0", id="the store's own"),
        pytest.param("a\\b", id="backslash"),
        pytest.param("a\nb", id="line end"),
        pytest.param("a\0b", id="nul"),
        pytest.param("\ud800", id="lone surrogate"),
        pytest.param("x" * 201, id="long segment"),
        pytest.param("/".join(["x" * 100] * 8), id="long path"),
    ],
)
def test_dangerous_paths_are_refused(path: str) -> None:
    """Each says why."""
    with pytest.raises(BadPath):
        keys.checked_path(path)


@given(st.text(max_size=30), st.integers(0, 40), st.integers(0, 4000))
def test_a_key_leads_back(path: str, attempt: int, shard: int) -> None:
    """A path that is accepted comes back out of its key, and never leaves the store's root."""
    try:
        checked = keys.checked_path(path)
    except BadPath:
        return
    place = ShardKey(RUN, attempt, shard)
    assert keys.parse_artifact(RUN, place.at(checked)) == (place, checked)
    assert "/".join(keys.split(place.at(checked))) == place.at(checked)


def test_runs_of_one_name_are_told_apart() -> None:
    """Names may have dots, UIDs have none."""
    assert keys.parse_run(keys.run_prefix(RUN)) == RUN
    assert keys.parse_run("team") is None
    assert keys.parse_run("team/nodot") is None
