"""The cache of runs: nothing is lost between looking and waiting, nothing deleted comes back."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkube_api.errors import RunDeleted
from evalkube_api.kubernetes import documents
from evalkube_api.kubernetes.cache import Cache
from evalkube_api.kubernetes.ids import Key
from evalkube_crds.names import Kind, Phase
from fakes.cluster_runs import ENDED, applied

NOW = datetime(2026, 11, 23, 21, tzinfo=UTC)
KEY = Key(Kind.EVAL_RUN, "evals", "e")


def seen(version: int, uid: str = "u", name: str = "e", **status: Any) -> dict[str, Any]:
    """The run as it was at `version`."""
    metadata = {"uid": uid, "namespace": "evals", "resourceVersion": str(version)}
    return {**applied(name, **metadata, creationTimestamp="2026-11-23T20:00:00Z"), "status": status}


def running(test: Callable[[Cache], Coroutine[Any, Any, None]]) -> None:
    """With a cache on a loop."""

    async def main() -> None:
        await test(Cache(lambda: NOW))

    asyncio.run(main())


def test_a_waiter_gets_the_whole_document_at_the_end() -> None:
    """With the results, which the cache itself does not keep."""

    async def test(cache: Cache) -> None:
        cache.apply(seen(1))
        with cache.waiter("u") as waiter:
            cache.apply(seen(2, phase="Running"))
            assert not waiter.done()
            cache.apply(seen(3, **ENDED))
            raw = await waiter
            assert raw is not None
            assert raw["status"]["results"] == ENDED["results"]
        entry, ended = cache.entry(KEY), cache.ended("u")
        assert entry is not None
        assert ended is not None
        assert "results" not in entry.document()["status"]
        assert ended["status"] == ENDED

    running(test)


def test_older_news_changes_nothing() -> None:
    """Answers of calls and events of the watch overtake one another."""

    async def test(cache: Cache) -> None:
        cache.apply(seen(5, phase="Running"))
        cache.apply(seen(4, phase="Pending"))
        entry = cache.entry(KEY)
        assert entry is not None
        assert (entry.phase, entry.version) == (Phase.RUNNING, 5)

    running(test)


def test_a_deleted_run_stays_deleted() -> None:
    """The answer to a call that was on its way does not bring it back, and who waits from then on learns it."""

    async def test(cache: Cache) -> None:
        cache.apply(seen(1))
        with cache.waiter("u") as waiter:
            cache.bury(KEY, "u")
            with pytest.raises(RunDeleted):
                await waiter
        cache.apply(seen(9))
        assert cache.entry(KEY) is None
        with cache.waiter("u") as late, pytest.raises(RunDeleted):
            await late

    running(test)


def test_a_run_of_the_same_name_is_another() -> None:
    """Who waits for the first is told; the deletion of the first does not touch the second."""

    async def test(cache: Cache) -> None:
        cache.apply(seen(1, uid="first"))
        with cache.waiter("first") as waiter:
            cache.apply(seen(8, uid="second"))
            cache.bury(KEY, "first")
            with pytest.raises(RunDeleted):
                await waiter
        entry = cache.entry(KEY)
        assert entry is not None
        assert entry.uid == "second"

    running(test)


def test_a_list_takes_out_what_vanished_unseen() -> None:
    """But not what came after it was made, and not what it does not speak of."""

    async def test(cache: Cache) -> None:
        for version, name in ((1, "e"), (2, "kept"), (9, "new")):
            cache.apply(seen(version, uid=f"u-{name}", name=name))
        perf = {**seen(3, uid="u-p", name="p"), "kind": "PerfRun"}
        cache.apply(perf)
        with cache.waiter("u-e") as waiter:
            assert cache.prune(Kind.EVAL_RUN, "evals", {"u-kept"}, 5) == 1
            assert cache.prune(Kind.EVAL_RUN, "elsewhere", set(), 99) == 0
            with pytest.raises(RunDeleted):
                await waiter
        assert {entry.uid for _, entry in cache.entries()} == {"u-kept", "u-new", "u-p"}

    running(test)


def test_an_end_of_service_wakes_everyone() -> None:
    """Those who come late, too; and nobody is left in the books."""

    async def test(cache: Cache) -> None:
        cache.apply(seen(1))
        with cache.waiter("u") as waiter, cache.follower("u") as changed:
            assert cache.waiting == 1
            cache.close()
            assert await waiter is None
            assert changed.is_set()
        with cache.waiter("u") as late:
            assert await late is None
        assert cache.waiting == 0

    running(test)


def test_ended_documents_are_kept_within_bounds() -> None:
    """The oldest go first."""

    async def test(cache: Cache) -> None:
        results = {"x": "y" * 1024 * 1024}
        for number in range(12):
            cache.remember(seen(number, uid=str(number), **{**ENDED, "results": results}))
        assert cache.ended("0") is None
        assert cache.ended("11") is not None
        assert sum(cache.ended(str(number)) is not None for number in range(12)) == 7

    running(test)


def test_a_change_has_the_time_it_was_seen_at() -> None:
    """And what was there before, the latest time that it names itself."""

    async def test(cache: Cache) -> None:
        cache.apply(seen(1, **ENDED))
        entry = cache.entry(KEY)
        assert entry is not None
        assert entry.changed_at == datetime(2026, 11, 23, 20, 0, 9, tzinfo=UTC)
        cache.apply(seen(2, phase="Running"))
        entry = cache.entry(KEY)
        assert entry is not None
        assert entry.changed_at == NOW

    running(test)


@settings(max_examples=300)
@given(st.data())
def test_whatever_the_order_nobody_is_forgotten(data: st.DataObject) -> None:
    """Runs of one name come, end and go; answers of calls arrive late; now and then a list stands for lost events."""

    async def test(cache: Cache) -> None:
        history: list[dict[str, Any] | None] = [None]  # by version: the run, or that there is none
        told, waiters, version = 0, [], 0
        with contextlib.ExitStack() as stack:
            for step in data.draw(st.lists(st.sampled_from("cuddegggltttww"), min_size=4, max_size=60)):
                now = history[-1]
                if step in "cued":
                    version += 1
                    history.append(_next(step, now, version))
                elif step == "g" and (old := data.draw(st.sampled_from(history))) is not None:
                    cache.apply(old)  # a GET that was answered then
                elif step == "t" and told < version:
                    told += 1
                    _tell(cache, history, told)
                elif step == "l":
                    told = version
                    if now is not None:
                        cache.apply(now)
                    cache.prune(Kind.EVAL_RUN, "evals", {now["metadata"]["uid"]} if now else set(), version)
                elif step == "w" and (entry := cache.entry(KEY)) is not None:
                    waiter = stack.enter_context(cache.waiter(entry.uid))
                    if not entry.phase.terminal:
                        waiters.append((entry.uid, waiter))
            while told < version:
                told += 1
                _tell(cache, history, told)
            last = history[-1]
            entry = cache.entry(KEY)
            assert (entry.version if entry else None) == (documents.version(last) if last else None)
            for uid, waiter in waiters:
                alive = last is not None and last["metadata"]["uid"] == uid
                ended = alive and documents.phase(last or {}).terminal
                assert waiter.done() == (ended or not alive)

    running(test)


def _next(step: str, now: dict[str, Any] | None, version: int) -> dict[str, Any] | None:
    """The run after a creation, update, end or deletion; unchanged where that is impossible."""
    if step == "c" or now is None:
        return seen(version, uid=f"u{version}") if now is None and step == "c" else now
    if step == "d":
        return None
    ended = documents.phase(now).terminal
    phase = "Succeeded" if step == "e" or ended else "Running"
    return seen(version, uid=now["metadata"]["uid"], phase=phase)


def _tell(cache: Cache, history: list[dict[str, Any] | None], version: int) -> None:
    """The event that the watch has for this version."""
    before, after = history[version - 1], history[version]
    if after is None and before is not None:
        cache.bury(KEY, before["metadata"]["uid"])
    elif after is not None:
        cache.apply(after)
