"""The common start over real sockets: all at one instant, over restarts of pods and of the operator."""

import asyncio
import time
from pathlib import Path

import httpx

from fakes.ingest import Ingest, pods, serving
from fakes.stores import opened
from fakes.waiting import until

_READY = {"ready": True, "clock_ns": 1}


def _asker(ingest: Ingest) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=f"{ingest.url}/v1/runs/uid-1/attempts/0/shards/", trust_env=False, timeout=60)


async def _ask(client: httpx.AsyncClient, shard: int, pod: str | None = None) -> httpx.Response:
    token = pod or f"pod-{shard}"
    return await client.post(f"{shard}/barrier", json=_READY, headers={"Authorization": f"Bearer {token}"})


def test_all_shards_are_told_one_instant(tmp_path: Path) -> None:
    """The early ones wait for the last; the instant lies ahead by the lead."""

    async def scenario(ingest: Ingest) -> None:
        async with _asker(ingest) as client:
            early = [asyncio.create_task(_ask(client, shard)) for shard in range(3)]
            await asyncio.sleep(0.1)
            assert not any(task.done() for task in early)
            began_ns = time.time_ns()
            answers = [await _ask(client, 3), *[await task for task in early]]
            [start_at_ns] = {answer.json()["start_at_ns"] for answer in answers}
            assert began_ns <= start_at_ns - 2_000_000_000 <= time.time_ns()

    with serving(opened("volume", tmp_path), pods(4)) as ingest:
        asyncio.run(scenario(ingest))


def test_who_waits_is_asked_to_ask_again(tmp_path: Path) -> None:
    """408 names the missing shards; a pod that is started again in between takes its shard's place."""

    async def scenario(ingest: Ingest) -> None:
        ingest.core.owners["pod-new"] = ingest.core.owners["pod-0"]
        async with _asker(ingest) as client:
            answer = await _ask(client, 0)
            assert (answer.status_code, answer.json()["waiting_for"]) == (408, [1])
            ingest.core.close("pod-0")
            answers = await asyncio.gather(_ask(client, 0, "pod-new"), _ask(client, 1))
            assert len({answer.json()["start_at_ns"] for answer in answers}) == 1
            assert (await _ask(client, 0)).status_code == 410

    with serving(opened("volume", tmp_path), pods(2), poll_s=1) as ingest:
        asyncio.run(scenario(ingest))


def test_a_new_operator_tells_the_same_instant(tmp_path: Path) -> None:
    """And who asks after it is too late, whichever operator they ask."""
    store = opened("volume", tmp_path)

    async def ask(ingest: Ingest, *shards: int) -> list[httpx.Response]:
        async with _asker(ingest) as client:
            return await asyncio.gather(*(_ask(client, shard) for shard in shards))

    with serving(store, pods(2), lead_s=3) as ingest:
        first, second = asyncio.run(ask(ingest, 0, 1))
    with serving(store, pods(2), lead_s=3) as ingest:
        [again] = asyncio.run(ask(ingest, 1))
        assert again.json()["start_at_ns"] == first.json()["start_at_ns"] == second.json()["start_at_ns"]
        time.sleep(max(0.0, first.json()["start_at_ns"] / 1e9 - time.time()) + 0.01)
        [late] = asyncio.run(ask(ingest, 0))
        assert (late.status_code, late.json()["code"]) == (409, "late")


def test_a_pod_that_hung_up_is_not_counted_for_ever(tmp_path: Path) -> None:
    """Its connection's end is noticed, and its place is free for the pod that comes instead."""

    def polls(ingest: Ingest) -> int | None:
        known = list(ingest.application.state.barriers._known.values())
        return known[0].barrier.arrivals[0].polls if known and known[0].barrier.arrivals else None

    async def scenario(ingest: Ingest) -> None:
        async with _asker(ingest) as client:
            hung = asyncio.create_task(_ask(client, 0))
            await asyncio.to_thread(until, lambda: polls(ingest) == 1)
            hung.cancel()
        await asyncio.to_thread(until, lambda: polls(ingest) == 0)

    with serving(opened("volume", tmp_path), pods(2), poll_s=1000) as ingest:
        asyncio.run(scenario(ingest))
