"""Many runs and few places: all of a run's pods or none, in the order of their age, and each in the end."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evalkube_crds.names import ConditionType, Phase, Reason
from evalkube_operator.line import Limits
from fakes.crowd import Crowd, Planned


@contextmanager
def crowd(*planned: Planned, room: int = 100, **more: Any) -> Iterator[Crowd]:
    """These runs, before the first second."""
    limits = Limits(more.pop("pods", 32), more.pop("per_namespace", 0))
    made = Crowd(list(planned), room, limits, **more)
    try:
        yield made
    finally:
        made.close()


def test_no_more_pods_than_the_limit() -> None:
    """They start as others end, the oldest first, and say what they wait for."""
    runs = [Planned("PerfRun", shards=2, lasts_s=20) for _ in range(6)]
    with crowd(*runs, pods=4) as story:
        for _ in range(10):
            story.second()
        assert story.phases() == [Phase.RUNNING] * 2 + [Phase.QUEUED] * 4
        waiting = story.status(3).condition(ConditionType.RUNNING)
        assert waiting is not None
        assert (waiting.status, waiting.reason) == ("Unknown", Reason.WAITING_FOR_TURN)
        assert "room for all its 2 pods" in waiting.message
        assert len(story.cluster.of_kind("Job")) == 2
        story.until_all_ended(120)
        assert story.phases() == [Phase.SUCCEEDED] * 6
        assert story.started == [f"run-{number}" for number in range(6)]


def test_the_startup_deadline_begins_with_the_turn() -> None:
    """Each lasts longer than `deadlines.startup`, and the last waits for all the others."""
    with crowd(*[Planned("PerfRun", shards=2, lasts_s=70) for _ in range(4)], pods=2) as story:
        story.until_all_ended(600)
        assert story.phases() == [Phase.SUCCEEDED] * 4
        assert [len(story.status(number).attempts) for number in range(4)] == [1, 1, 1, 1]


def test_a_full_node_is_not_the_fault_of_who_waits_for_it() -> None:
    """The limit is higher than there is room: who finds none waits, beyond `deadlines.startup`, and nobody fails."""
    with crowd(*[Planned("PerfRun", shards=2, lasts_s=100) for _ in range(5)], room=5) as story:
        story.until_all_ended(1500)
        assert story.phases() == [Phase.SUCCEEDED] * 5
        reasons = {attempt.reason for number in range(5) for attempt in story.status(number).attempts}
        assert reasons == {Reason.COMPLETED, Reason.WAITING_FOR_TURN}


def test_larger_than_the_limit_goes_alone() -> None:
    """It waits until nobody else is there, and nobody joins it."""
    runs = [
        Planned("EvalRun", 1, 20),
        Planned("EvalRun", 5, 20),
        Planned("EvalRun", 1, 20),
    ]
    with crowd(*runs, pods=3) as story:
        for _ in range(30):
            story.second()
            assert story.pods_at_work() != {"run-1": 5, "run-2": 1}
        assert set(story.pods_at_work()) == {"run-1"}
        story.until_all_ended(100)
        assert story.phases() == [Phase.SUCCEEDED] * 3


def test_a_namespace_that_is_full_holds_up_its_own_runs_alone() -> None:
    """Of two namespaces the second has room, although the first one's runs are older."""
    runs = [Planned("EvalRun", 1, 30) for _ in range(4)] + [Planned("EvalRun", 1, 30, namespace="other")]
    with crowd(*runs, pods=8, per_namespace=2) as story:
        for _ in range(5):
            story.second()
        queued = Phase.QUEUED
        assert story.phases() == [Phase.RUNNING, Phase.RUNNING, queued, queued, Phase.RUNNING]


def test_what_no_node_takes_holds_up_nobody() -> None:
    """It fails by its own deadline, and the others have run by then."""
    with crowd(Planned("PerfRun", 5, 10), *[Planned("PerfRun", 2, 10) for _ in range(4)], room=4) as story:
        story.until_all_ended(900)
        assert story.phases() == [Phase.FAILED] + [Phase.SUCCEEDED] * 4
        ended = story.status(0).condition(ConditionType.SUCCEEDED)
        assert ended is not None
        assert ended.reason is Reason.UNSCHEDULABLE


def test_a_quota_that_others_use_up_is_waited_for() -> None:
    """Two load tests do not each keep one pod of two."""
    with crowd(*[Planned("PerfRun", 2, 70) for _ in range(3)]) as story:
        story.cluster.pod_quota = 3
        story.until_all_ended(900)
        assert story.phases() == [Phase.SUCCEEDED] * 3


def test_without_limits_runs_start_as_they_come() -> None:
    """Kubernetes alone decides then."""
    with crowd(*[Planned("EvalRun", 2, 10) for _ in range(20)], pods=0) as story:
        story.second()
        assert len(story.cluster.of_kind("Job")) == 20


def test_who_waits_can_be_cancelled_and_suspended() -> None:
    """Those behind move up."""
    with crowd(*[Planned("EvalRun", 1, 20) for _ in range(4)], pods=1) as story:
        story.second()
        story.second()
        for number, change in ((1, {"cancel": True}), (2, {"suspend": True})):
            story.cluster.change(story.cluster.objects["EvalRun", "ns", f"run-{number}"], **change)
        for _ in range(28):
            story.second()
        assert story.phases() == [Phase.SUCCEEDED, Phase.CANCELLED, Phase.SUSPENDED, Phase.RUNNING]
        assert story.status(2).condition(ConditionType.RUNNING).reason is Reason.SUSPENDED  # type: ignore[union-attr]  # it has one


@pytest.mark.parametrize("label", ["kueue.x-k8s.io/queue-name"])
def test_a_queue_of_kueue_s_has_lines_of_its_own(label: str) -> None:
    """Such a run has its Job at once, suspended, and takes nobody's turn."""
    with crowd(Planned("EvalRun", 1, 30), Planned("EvalRun", 1, 30), Planned("EvalRun", 1, 30), pods=1) as story:
        story.second()
        queued = story.cluster.objects["EvalRun", "ns", "run-1"]
        queued["metadata"]["labels"] = {label: "team"}
        story.cluster.change(queued)
        story.second()
        suspended = {job["metadata"]["name"]: job["spec"]["suspend"] for job in story.cluster.of_kind("Job")}
        assert suspended == {"run-0-e1": False, "run-1-e1": True}


RUNS = st.lists(
    st.builds(
        Planned,
        kind=st.sampled_from(["EvalRun", "PerfRun"]),
        shards=st.integers(1, 3),
        lasts_s=st.sampled_from([0, 3, 20, 90]),
        at_s=st.sampled_from([0, 0, 0, 5, 30]),
        namespace=st.sampled_from(["ns", "ns", "other"]),
    ),
    min_size=2,
    max_size=9,
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    runs=RUNS,
    room=st.integers(3, 6),
    limits=st.sampled_from([Limits(2), Limits(4), Limits(30), Limits(4, 2), Limits(0, 3)]),
    restarts=st.frozensets(st.integers(0, 120), max_size=3),
)
def test_all_come_to_their_end(runs: list[Planned], room: int, limits: Limits, restarts: frozenset[int]) -> None:
    """Never beyond a limit, never two that each have half of their pods, and every run succeeds, whenever the operator
    is killed."""
    story = Crowd(runs, room, limits, restarts)
    try:
        for _ in range(3000):
            story.second()
            _within(story.pods_at_work(), limits.pods)
            for namespace in ("ns", "other"):
                _within(story.pods_at_work(namespace), limits.pods_per_namespace)
            assert len(story.half_placed()) <= 1
            if story.cluster.now_s > 31 and all(phase.terminal for phase in story.phases()):
                break
        assert story.phases() == [Phase.SUCCEEDED] * len(runs)
    finally:
        story.close()


def _within(at_work: dict[str, int], limit: int) -> None:
    assert not limit or len(at_work) <= 1 or sum(at_work.values()) <= limit, at_work
