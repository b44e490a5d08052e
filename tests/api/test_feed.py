"""The feed of changes: nothing is missed, nothing is queued, and who comes back goes on where it was."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

from evalkube_api.backend import Line, RunEvent
from evalkube_api.feed import Feed
from fakes.lines import a_line


class Runs:
    """A feed over lines by number."""

    def __init__(self) -> None:
        self.feed: Feed[int] = Feed()
        self.lines: dict[int, Line] = {}

    def put(self, *numbers: int, **changes: Any) -> None:
        """These runs come, or change."""
        self.lines |= {number: a_line(number, **changes) for number in numbers}
        self.feed.changed(*numbers)

    def drop(self, number: int) -> None:
        """That run is deleted."""
        self.lines.pop(number, None)
        self.feed.deleted(number)

    def events(self, after: str | None = None) -> AsyncIterator[RunEvent | None]:
        """What a client gets."""
        return self.feed.events(after, line=self.lines.get, run_id=lambda number: f"r{number}", keys=self.lines.keys)


async def taken(events: AsyncIterator[RunEvent | None], count: int) -> list[RunEvent]:
    """The next so many events, quiet moments left out."""
    found: list[RunEvent] = []
    async with asyncio.timeout(60):
        while len(found) < count:
            event = await anext(events)
            found += [event] if event is not None else []
    return found


def told(events: list[RunEvent]) -> list[str]:
    """Events in a few words."""
    return [event.name if event.run_id is None else f"{event.name} {event.run_id}" for event in events]


def running(test: Callable[[Runs], Coroutine[Any, Any, None]]) -> None:
    """With a feed on a loop."""

    async def main() -> None:
        await test(Runs())

    asyncio.run(main())


def test_a_new_client_gets_a_snapshot_and_then_changes() -> None:
    """The oldest run first, so that the newest stands last as a change would."""

    async def test(runs: Runs) -> None:
        runs.put(1, 2)
        events = runs.events()
        assert told(await taken(events, 3)) == ["snapshot", "run r1", "run r2"]
        runs.put(1, model="changed")
        runs.drop(2)
        changed, dropped = await taken(events, 2)
        assert told([changed, dropped]) == ["run r1", "deleted r2"]
        assert changed.line is not None
        assert changed.line.model == "changed"

    running(test)


def test_a_snapshot_of_nothing() -> None:
    """It is told as such, with a position to go on from."""

    async def test(runs: Runs) -> None:
        (snapshot,) = await taken(runs.events(), 1)
        runs.put(1)
        assert told(await taken(runs.events(snapshot.position), 1)) == ["run r1"]

    running(test)


def test_a_position_has_no_gap() -> None:
    """What changed while nobody listened is told, and nothing else."""

    async def test(runs: Runs) -> None:
        runs.put(1, 2, 3)
        position = runs.feed.position
        runs.put(2)
        runs.drop(3)
        runs.put(4)
        assert told(await taken(runs.events(position), 3)) == ["run r2", "deleted r3", "run r4"]

    running(test)


def test_who_breaks_off_goes_on_after_the_last_event() -> None:
    """Each event has its position."""

    async def test(runs: Runs) -> None:
        position = runs.feed.position
        runs.put(1, 2, 3)
        first, second = await taken(runs.events(position), 2)
        assert told([first, second]) == ["run r1", "run r2"]
        assert told(await taken(runs.events(second.position), 1)) == ["run r3"]

    running(test)


def test_a_part_of_a_snapshot_is_no_position() -> None:
    """A client that missed the rest needs it all again: only the last event of a snapshot can be gone on from."""

    async def test(runs: Runs) -> None:
        runs.put(1, 2)
        positions = [event.position for event in await taken(runs.events(), 3)]
        assert positions == [None, None, runs.feed.position]

    running(test)


def test_a_client_that_does_not_read_misses_states_but_no_run() -> None:
    """A thousand changes of a run are one event, the last; the feed keeps nothing for the client meanwhile."""

    async def test(runs: Runs) -> None:
        events = runs.events()
        await taken(events, 1)
        for number in range(1000):
            runs.put(1, model=f"m{number}")
        runs.put(2)
        first, second = await taken(events, 2)
        assert told([first, second]) == ["run r1", "run r2"]
        assert first.line is not None
        assert first.line.model == "m999"

    running(test)


@pytest.mark.parametrize("after", ["", "x", "x-1", "{name}-9", "{name}-", "{name}--1", "{name}-" + "9" * 40])
def test_a_position_that_is_not_known(after: str) -> None:
    """Another service's, or none at all: a snapshot begins anew."""

    async def test(runs: Runs) -> None:
        runs.put(1)
        name = runs.feed.position.partition("-")[0]
        assert told(await taken(runs.events(after.format(name=name)), 2)) == ["snapshot", "run r1"]

    running(test)


def test_deletions_are_forgotten_within_bounds() -> None:
    """A client that was away for too many of them gets a snapshot, one that was away for fewer their ids."""

    async def test(runs: Runs) -> None:
        runs.put(0)
        before = runs.feed.position
        for number in range(1, 5001):
            runs.drop(number)
            if number == 4000:
                late = runs.feed.position
        assert told(await taken(runs.events(before), 2)) == ["snapshot", "run r0"]
        assert told(await taken(runs.events(late), 1)) == ["deleted r4001"]

    running(test)


def test_what_a_client_did_not_ask_for_is_passed_over() -> None:
    """Runs that its filters leave out are no events."""

    async def test(runs: Runs) -> None:
        position = runs.feed.position
        runs.put(1, 2)
        del runs.lines[1]
        assert told(await taken(runs.events(position), 1)) == ["run r2"]

    running(test)


def test_the_end_of_the_service_ends_every_stream() -> None:
    """After the last changes."""

    async def test(runs: Runs) -> None:
        events = runs.events()
        await taken(events, 1)
        runs.put(1)
        runs.feed.close()
        async with asyncio.timeout(60):
            assert told([event async for event in events if event is not None]) == ["run r1"]

    running(test)
