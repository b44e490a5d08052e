"""How many requests at once an evaluation finds out, against endpoints with a real limit."""

import asyncio
import heapq
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from evalkube_crds.results import EvalResult
from evalkube_crds.seed import evaluation as report
from evalkube_runner.eval.at_once import Limit
from evalkube_runner.eval.room import Room
from evalkube_runner.eval.run import evaluate
from fakes import scripted_endpoint
from fakes.evaluations import context_in, even_ones_right, gsm8k_in, spec_of
from fakes.scripted_endpoint import Says, ScriptedEndpoint

_BASE_NS = 1_000_000


@dataclass
class _Endpoint:
    """An endpoint in simulated time: `latency` by how many it has; more than `room` at once are refused.

    A line of waiting requests is a latency that grows with them.
    """

    latency: Callable[[int], float]
    room: int = 1 << 30
    inside: int = 0
    over: list[tuple[float, int, int, float]] = field(default_factory=list)
    taken: list[int] = field(default_factory=list)
    now: float = 0.0

    def drive(self, limit: Limit, requests: int, kind: str = "") -> list[int]:
        """Sends `requests`, as many at once as the limit says; the limit after each answer."""
        seen: list[int] = []
        sent = answered = 0
        while answered < requests:
            while sent < requests and self.inside < limit.now:
                if self.inside >= self.room:
                    limit.refused_for_load()
                    break
                sent += 1
                self.inside += 1
                took = self.latency(self.inside)
                heapq.heappush(self.over, (self.now + took, sent, limit.asked(kind), took))
            self.now, _, round_, took = heapq.heappop(self.over)
            self.inside -= 1
            answered += 1
            limit.answered(round_, round(took * _BASE_NS))
            seen.append(limit.now)
        return seen


def _in_line(slots: int) -> Callable[[int], float]:
    return lambda inside: max(1.0, inside / slots)


# name: the endpoint; the least and the most that the limit may be once it has settled
ENDPOINTS: dict[str, tuple[_Endpoint, int, int]] = {
    "no limit": (_Endpoint(lambda _: 1.0), 256, 512),
    "8 at once, the rest refused": (_Endpoint(lambda _: 1.0, room=8), 3, 10),
    "60 at once, the rest refused": (_Endpoint(lambda _: 1.0, room=60), 28, 68),
    "1 at once, the rest refused": (_Endpoint(lambda _: 1.0, room=1), 1, 2),
    "8 at once, the rest in line": (_Endpoint(_in_line(8)), 4, 24),
    "60 at once, the rest in line": (_Endpoint(_in_line(60)), 28, 125),
    "batches that grow slower and more useful": (_Endpoint(lambda inside: 1 + inside / 64), 30, 180),
}


@pytest.mark.parametrize(("endpoint", "least", "most"), ENDPOINTS.values(), ids=ENDPOINTS.keys())
def test_it_settles_at_what_the_endpoint_can_do(endpoint: _Endpoint, least: int, most: int) -> None:
    """Wherever it stands in the second half of a long run, probes included."""
    seen = endpoint.drive(Limit(512), 20_000)[10_000:]
    assert least <= min(seen), (min(seen), max(seen))
    assert max(seen) <= most, (min(seen), max(seen))


def test_an_endpoint_that_changes_is_followed() -> None:
    """Another's load leaves it a quarter of its room, and goes again."""
    endpoint, limit = _Endpoint(_in_line(64)), Limit(512)
    ends = []
    for slots in (64, 16, 64):
        endpoint.latency = _in_line(slots)
        ends.append(max(endpoint.drive(limit, 20_000)[-3_000:]))
    assert ends[1] < 50 < ends[0]
    assert ends[2] > 50


def test_other_questions_that_take_longer_are_no_overload() -> None:
    """Thirty times as long, from one benchmark to the next: it is as many at once soon after."""
    endpoint, limit = _Endpoint(_in_line(100)), Limit(512)
    endpoint.drive(limit, 5_000, "short")
    endpoint.latency = lambda inside: 30 * _in_line(100)(inside)
    assert min(endpoint.drive(limit, 5_000, "long")[1_000:]) > 40


def test_a_few_questions_of_each_kind_are_asked_at_once() -> None:
    """As those of many small benchmarks, and those whose requests come between one another."""
    limit = Limit(512)
    endpoint = _Endpoint(lambda _: 1.0)
    small = [now for kind in range(40) for now in endpoint.drive(limit, 6, str(kind))]
    assert min(small) >= 4
    mixed = [now for turn in range(2_000) for now in endpoint.drive(limit, 1, str(turn % 2))]
    assert min(mixed) >= 4


def test_it_is_bounded() -> None:
    """By its most above, by one below; at one, a refusal counts as it does everywhere."""
    limit = Limit(20)
    assert max(_Endpoint(lambda _: 1.0).drive(limit, 2_000)) == 20
    assert Limit(2).now == 2
    excused = [limit.refused_for_load() for _ in range(200)]
    assert limit.now == 1
    assert (excused[0], excused[-1]) == (True, False)


def test_room_is_given_in_turn_and_never_lost() -> None:
    """Who is cancelled while waiting, or just when let in, leaves the place to the next."""

    async def run() -> list[int]:
        limit = Limit(1)
        room, order = Room(limit), []

        async def work(number: int) -> None:
            async with room.place():
                order.append(number)
                await asyncio.sleep(0)

        tasks = [asyncio.create_task(work(number)) for number in range(6)]
        await asyncio.sleep(0)
        tasks[2].cancel()
        tasks[1].cancel()
        await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 30)
        return order

    assert asyncio.run(run()) == [0, 3, 4, 5]


def _evaluated(folder: Path, capacity: int, count: int) -> tuple[EvalResult, ScriptedEndpoint, list[int]]:
    """A whole evaluation against an endpoint that refuses more than `capacity` at once."""

    async def run() -> tuple[EvalResult, ScriptedEndpoint, list[int]]:
        refused: list[int] = []

        def script(body: dict[str, Any], number: int) -> Says:
            if endpoint.at_once > capacity:
                refused.append(number)
                return Says(429, json.dumps({"error": {"message": "slow down"}}).encode())
            answer = even_ones_right(body, number)
            return Says(body=answer.body, wait_s=0.05)

        async with scripted_endpoint.running(script) as endpoint:
            spec = spec_of(endpoint.url, gsm8k_in(folder / "data", count), eval_batch_size="auto")
            return await evaluate(spec, context_in(folder / "out")), endpoint, refused

    return asyncio.run(run())


def test_an_evaluation_finds_its_batch_size(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Six at once are answered, more are refused: no sample is lost for that, and log and result say what was found."""
    caplog.set_level(logging.INFO)
    result, endpoint, refused = _evaluated(tmp_path, capacity=6, count=400)
    made = report.reports(result)["gsm8k"]
    assert (made["scored"], made["errored"], made["score"]) == (400, 0, 0.5 + 1 / 400)
    assert refused
    found = result.at_once[0]
    assert found.refused > 0
    assert 1 <= found.lowest <= found.last <= found.highest <= 16
    assert found.lowest <= 6 < found.highest
    assert endpoint.most_at_once <= 16
    assert "requests at once at the end" in caplog.text
