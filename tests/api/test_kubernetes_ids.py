"""What a run is called in the cluster and over REST."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkube_api.kubernetes import ids
from evalkube_api.kubernetes.ids import Key, Reference
from evalkube_crds.names import Kind

EVAL, PERF = Kind.EVAL_RUN, Kind.PERF_RUN


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        pytest.param("eval-1", Reference("own", "eval-1", None), id="a name"),
        pytest.param("team:eval-1", Reference("team", "eval-1", None), id="another namespace"),
        pytest.param("smoke~perf", Reference("own", "smoke", PERF), id="with its kind"),
        pytest.param("team:a.b~eval", Reference("team", "a.b", EVAL), id="all of it"),
        pytest.param("", None, id="nothing"),
        pytest.param("Eval", None, id="a capital"),
        pytest.param("a/b", None, id="a slash"),
        pytest.param("..", None, id="a way up"),
        pytest.param("a.b:c", None, id="a namespace with a dot"),
        pytest.param("a~both", None, id="an unknown kind"),
        pytest.param("x" * 254, None, id="too long"),
        pytest.param("a\n", None, id="a line end"),
    ],
)
def test_an_id_is_read(text: str, meant: Reference | None) -> None:
    """Or is no run's."""
    assert ids.parse(text, "own") == meant


labels = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)


@given(st.sampled_from([EVAL, PERF]), labels, st.lists(labels, min_size=1, max_size=3), st.booleans())
def test_an_id_leads_back(kind: Kind, namespace: str, parts: list[str], has_twin: bool) -> None:
    """Whatever the run is called, and wherever it is."""
    key = Key(kind, namespace, ".".join(parts))
    reference = ids.parse(ids.run_id(key, "own", has_twin=has_twin), "own")
    assert reference is not None
    assert key in reference.candidates()
    assert not has_twin or reference.candidates() == [key]


def test_the_likelier_kind_is_tried_first() -> None:
    """By the word that the service's own names begin with."""
    perf, other = Reference("n", "perf-x", None), Reference("n", "smoke", None)
    assert [key.kind for key in perf.candidates()] == [PERF, EVAL]
    assert [key.kind for key in other.candidates()] == [EVAL, PERF]


def test_a_key_has_the_same_name_everywhere() -> None:
    """Others have others; both leave room for what Jobs and pods append (63 in all)."""
    name = ids.keyed_name(EVAL, "evals", "k1")
    assert name == ids.keyed_name(EVAL, "evals", "k1")
    others = [
        ids.keyed_name(PERF, "evals", "k1"),
        ids.keyed_name(EVAL, "team", "k1"),
        ids.keyed_name(EVAL, "evals", "k2"),
        ids.keyed_name(EVAL, "evals", "k1", "someone"),
    ]
    assert len({name, *others}) == 5
    made = ids.new_name(EVAL, datetime(2026, 11, 23, tzinfo=UTC), ids.random_name(b"\x00" * 5))
    assert made == "eval-20261123t000000000-aaaaaaaa"
    assert all(len(one) <= 40 and ids.parse(one, "own") for one in (name, made))
