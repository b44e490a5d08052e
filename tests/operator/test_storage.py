"""A store without room: no run starts, each says why, and all go on by themselves when there is room again."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from evalkube_crds.names import ConditionType, Phase, Reason
from evalkube_operator.errors import Unavailable
from evalkube_operator.line import Limits
from evalkube_operator.storage import Storage, StoreRoom
from evalkube_operator.store.interface import StoreFull
from evalkube_operator.store.keys import ShardKey
from evalkube_operator.store.noting import NotingStore
from evalkube_operator.store.volume import VolumeStore
from fakes.crowd import Crowd, Planned
from fakes.small_cluster import eval_spec
from fakes.small_disk import small_disk
from fakes.stores import RUN, chunks
from fakes.story import Story

FULL = StoreRoom("no byte is left")
ROOM = StoreRoom()
QUEUE = "kueue.x-k8s.io/queue-name"


@dataclass
class Disk:
    """A store's probe, and a clock."""

    now_s: float = 0.0
    answer: Exception | None = None
    probes: int = 0
    told: list[str] = field(default_factory=list)

    async def check(self) -> None:
        """See `Store.check`."""
        self.probes += 1
        if self.answer is not None:
            raise self.answer

    def now(self) -> datetime:
        """The time."""
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.now_s)


def refused(disk: Disk, storage: Storage) -> None:
    """A runner's write finds no room."""
    storage.refused(StoreFull("no byte is left"))


def probed_full(disk: Disk, storage: Storage) -> None:
    """The probe finds none."""
    disk.answer = StoreFull("no byte is left")
    asyncio.run(storage.probe())


def probed_away(disk: Disk, storage: Storage) -> None:
    """The store does not answer."""
    disk.answer = Unavailable("the bucket: it does not answer")
    asyncio.run(storage.probe())


def probed_well(disk: Disk, storage: Storage) -> None:
    """The probe finds room."""
    disk.answer = None
    asyncio.run(storage.probe())


Step = tuple[float, Callable[[Disk, Storage], None]]


@pytest.mark.parametrize(
    ("steps", "at_s", "expected", "told"),
    [
        pytest.param([], 0, None, [], id="nothing is known at first"),
        pytest.param([(0, probed_well)], 9, ROOM, [], id="room, for a while"),
        pytest.param([(0, probed_well)], 10, None, [], id="room that was found too long ago"),
        pytest.param([(0, probed_away)], 1, ROOM, [], id="who does not answer is not full"),
        pytest.param([(0, refused)], 3600, FULL, [FULL.shortage], id="full until a probe finds room"),
        pytest.param([(0, probed_full), (1, refused)], 1, FULL, [FULL.shortage], id="told once"),
        pytest.param([(0, refused), (9, probed_well)], 9, FULL, [FULL.shortage], id="a write was refused just now"),
        pytest.param([(0, refused), (10, probed_well)], 10, ROOM, [FULL.shortage, ""], id="room again"),
        pytest.param(
            [(0, refused), (5, probed_well), (8, refused), (15, probed_well)],
            15,
            FULL,
            [FULL.shortage],
            id="room for the probe and not for what runners write",
        ),
        pytest.param(
            [(0, refused), (20, probed_away)], 20, FULL, [FULL.shortage], id="who does not answer has no room yet"
        ),
        pytest.param(
            [(0, refused), (10, probed_well), (12, refused)],
            12,
            FULL,
            [FULL.shortage, "", FULL.shortage],
            id="full once more",
        ),
    ],
)
def test_what_is_known_of_the_room(steps: list[Step], at_s: float, expected: StoreRoom | None, told: list[str]) -> None:
    """From refused writes and probes, each at its second."""
    disk = Disk()
    storage = Storage(disk.check, disk.told.append, now=disk.now)
    for second, happens in steps:
        disk.now_s = second
        happens(disk, storage)
    disk.now_s = at_s
    assert (storage.room(), disk.told) == (expected, told)


def test_runs_that_start_together_ask_once() -> None:
    """However many they are."""

    async def scenario() -> int:
        disk = Disk()
        storage = Storage(disk.check, disk.told.append, now=disk.now)
        await asyncio.gather(*(storage.look() for _ in range(50)))
        return disk.probes

    assert asyncio.run(scenario()) == 1


def test_a_full_disk_and_room_on_it(tmp_path: Path) -> None:
    """Of a real file system: a write tells that it is full, the probe says so too, and leaves nothing behind."""

    async def scenario() -> None:
        clock = Disk()
        with small_disk(tmp_path / "store") as disk:
            inner = VolumeStore(disk.root, reserve_bytes=0)
            storage = Storage(inner.check, clock.told.append, now=clock.now)
            store, key = NotingStore(inner, storage.refused), ShardKey(RUN, 0, 0).at("a.jsonl")
            await store.append(key, 0, b"1\n")
            disk.fill()
            with pytest.raises(StoreFull):
                await store.put(ShardKey(RUN, 0, 0).at("b"), chunks(b"x" * 5000))
            for clock.now_s in (20, 40):
                await storage.probe()
                assert storage.room() == StoreRoom(clock.told[0])
            disk.empty()
            clock.now_s = 60
            await storage.probe()
            assert (storage.room(), clock.told[1:]) == (ROOM, [""])
            await store.append(key, 2, b"2\n")
            assert list((disk.root / ".incoming").iterdir()) == []

    asyncio.run(scenario())


@contextmanager
def crowd(*planned: Planned, pods: int = 32) -> Iterator[Crowd]:
    """These runs, before the first second."""
    made = Crowd(list(planned), 100, Limits(pods))
    try:
        yield made
    finally:
        made.close()


def pass_s(story: Crowd, seconds: int) -> None:
    """So much time passes."""
    for _ in range(seconds):
        story.second()


def reasons(story: Crowd) -> list[Reason]:
    """What each run waits for."""
    found = [story.status(number).condition(ConditionType.RUNNING) for number in range(len(story.planned))]
    return [each.reason for each in found if each is not None]


@pytest.mark.parametrize("pods", [0, 2, 32], ids=["no limit", "a limit", "the usual limit"])
@pytest.mark.parametrize("restarts", [frozenset(), frozenset({20})], ids=["one operator", "another operator"])
def test_no_run_starts_while_the_store_is_full(pods: int, restarts: frozenset[int]) -> None:
    """Each is held with words that say what to do; with room all start, and nothing is lost."""
    runs = [Planned("EvalRun", 1, 10), Planned("PerfRun", 2, 10), Planned("EvalRun", 1, 10, at_s=7)]
    with crowd(*runs, pods=pods) as story:
        story.restarts = restarts
        story.cluster.store_full = True
        pass_s(story, 60)
        assert story.cluster.of_kind("Job") == []
        assert (story.phases(), reasons(story)) == ([Phase.QUEUED] * 3, [Reason.STORE_FULL] * 3)
        words = story.status(0).condition(ConditionType.RUNNING)
        assert words is not None
        assert "delete runs that have ended" in words.message
        assert FULL.shortage in words.message
        story.cluster.store_full = False
        story.until_all_ended(120)
        assert story.phases() == [Phase.SUCCEEDED] * 3
        assert [len(story.status(number).attempts) for number in range(3)] == [1, 1, 1]
        assert story.operator.shortages == [FULL.shortage] * (1 + len(restarts)) + [""]


def test_a_store_that_fills_up_while_runs_work() -> None:
    """What is at work goes on, who waited for a turn says what it waits for now, and nobody is told of it by events."""
    runs = [Planned("EvalRun", 1, 12), Planned("EvalRun", 1, 5), Planned("EvalRun", 1, 5)]
    with crowd(*runs, pods=1) as story:
        pass_s(story, 5)
        assert reasons(story)[1:] == [Reason.WAITING_FOR_TURN] * 2
        story.cluster.store_full = True
        story.operator.storage.refused(StoreFull(FULL.shortage))
        pass_s(story, 2)
        assert (story.phases()[0], reasons(story)[1:]) == (Phase.RUNNING, [Reason.STORE_FULL] * 2)
        pass_s(story, 10)
        assert story.phases()[0] is Phase.COLLECTING
        story.cluster.store_full = False
        story.until_all_ended(60)
        assert story.phases() == [Phase.SUCCEEDED] * 3
        assert story.started == ["run-0", "run-1", "run-2"]
        assert {each.reason for _, each in story.operator.announced} == {Reason.COMPLETED}


def test_who_waits_for_room_can_be_cancelled_and_suspended() -> None:
    """The others go on when there is some."""
    with crowd(*[Planned("EvalRun", 1, 5) for _ in range(3)]) as story:
        story.cluster.store_full = True
        pass_s(story, 3)
        for number, change in ((0, {"cancel": True}), (1, {"suspend": True})):
            story.cluster.change(story.cluster.objects["EvalRun", "ns", f"run-{number}"], **change)
        story.cluster.store_full = False
        pass_s(story, 40)
        assert story.phases() == [Phase.CANCELLED, Phase.SUSPENDED, Phase.SUCCEEDED]


def test_a_run_in_a_queue_of_kueue_s_is_held_too(story: Story) -> None:
    """It has no Job that its queue could admit."""
    story.cluster.store_full = True
    story.submit(eval_spec(), labels={QUEUE: "team"})
    assert (story.cluster.of_kind("Job"), story.reason(ConditionType.RUNNING)) == ([], Reason.STORE_FULL)
    story.cluster.store_full = False
    story.turn(10)
    story.operator.look_for_room()
    story.turn(1)
    assert [job["spec"]["suspend"] for job in story.cluster.of_kind("Job")] == [True]


def test_a_further_attempt_is_held_too(story: Story) -> None:
    """What the first one delivered is kept meanwhile."""
    story.submit(eval_spec())
    story.start()
    story.cluster.store_full = True
    story.cluster.delete(story.cluster.of_kind("Job")[0])
    story.turn(1)
    story.turn(40)
    assert (story.cluster.of_kind("Job"), story.reason(ConditionType.RUNNING)) == ([], Reason.STORE_FULL)
    story.cluster.store_full = False
    story.turn(10)
    story.operator.look_for_room()
    story.turn(1)
    assert [job["metadata"]["name"] for job in story.cluster.of_kind("Job")] == ["demo-e2"]


def test_a_store_that_does_not_answer_keeps_no_run_from_starting(story: Story) -> None:
    """It may answer by the time that there is anything to keep."""
    story.cluster.store_up = False
    story.submit(eval_spec())
    assert story.phase() is Phase.STARTING
