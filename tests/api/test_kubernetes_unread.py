"""Runs that nobody expected: passed over with a word, in watches and lists, and no list of runs fails for one."""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evalkube_api import errors, lines, selecting, views
from evalkube_api.backend import RunPage, RunQuery
from evalkube_api.kubernetes import documents
from evalkube_api.kubernetes.cache import Cache
from evalkube_api.kubernetes.ids import Key
from evalkube_api.kubernetes.unread import Unreadable
from evalkube_api.kubernetes.watching import Reflector
from evalkube_crds.names import Kind
from fakes.cluster_runs import ENDED, applied, soon
from fakes.damage import damaged, each_damage

NOW = datetime(2026, 11, 23, 21, tzinfo=UTC)
Object = dict[str, Any]


def _run(name: str, version: int, kind: str = "EvalRun", **more: Any) -> Object:
    metadata = {"uid": f"u-{name}", "namespace": "evals", "resourceVersion": str(version), "generation": 1}
    metadata |= {"labels": {"a": "b"}, "annotations": {"c": "d"}, "creationTimestamp": "2026-11-23T20:00:00Z"}
    return {"apiVersion": "evalkube.io/v1alpha1", **applied(name, kind, **metadata), "status": ENDED, **more}


SOUND = {kind: _run("e", 7, kind, status={**ENDED, "attempts": [{"number": 1}]}) for kind in ("EvalRun", "PerfRun")}


def _shown(cache: Cache) -> set[str]:
    """The ids in a list of all runs, as a client gets it; each is asked for on its own, too."""
    found = selecting.page((entry.line for _, entry in cache.entries()), RunQuery(), NOW)
    listed = views.page(RunPage(found.lines, found.total, found.next, cache.feed.position))
    for _, entry in cache.entries():
        shown = documents.run_of(entry.document(), documents.key_of(entry.document()).name)
        views.run(shown, lines.queue_of(shown.status)).model_dump_json()
    answered = orjson.loads(listed.model_dump_json())
    return {line["id"] for line in answered["runs"]}


def _does_no_harm(raw: Any) -> None:
    cache = Cache(lambda: NOW)
    cache.apply(_run("near", 3))
    with cache.waiter("u-e") as waiter, cache.follower("u-e"):
        before = _shown(cache)
        read = True
        try:
            cache.apply(raw)
        except Unreadable:
            read = False
        assert _shown(cache) > before if read else _shown(cache) == before
        assert read or not waiter.done()


@pytest.mark.parametrize("kind", SOUND)
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_nothing_damaged_does_harm(kind: str, data: st.DataObject) -> None:
    """A run is kept and can be shown, or cannot be read and changes nothing."""
    raw = data.draw(damaged(SOUND[kind]))

    async def test() -> None:
        _does_no_harm(raw)

    asyncio.run(test())


@pytest.mark.parametrize("kind", SOUND)
def test_every_field_may_be_missing_or_odd(kind: str) -> None:
    """One at a time, each by what is of its type."""

    async def test() -> None:
        for what, raw in each_damage(SOUND[kind]):
            try:
                _does_no_harm(raw)
            except Exception as problem:
                problem.add_note(what)
                raise

    asyncio.run(test())


def _without(raw: Object, *names: str) -> Object:
    return {**raw, "metadata": {name: value for name, value in raw["metadata"].items() if name not in names}}


class Told:
    """`watching.Runs` that lists and tells what it was given."""

    def __init__(self, items: list[Any], events: list[Any]) -> None:
        self.items = items
        self.events = events
        self.lists = 0
        self.watched_from: list[str] = []

    async def list_runs(self, kind: Kind, namespace: str | None, *, limit: int, after: str = "") -> Object:
        """See `watching.Runs`."""
        self.lists += 1
        return {"metadata": {"resourceVersion": "10"}, "items": self.items}

    async def watch_runs(
        self, kind: Kind, namespace: str | None, *, version: str, timeout_s: int, quiet_s: float
    ) -> AsyncGenerator[bytes, None]:
        """See `watching.Runs`."""
        self.watched_from.append(version)
        events, self.events = self.events, []
        for event in events:
            yield event if isinstance(event, bytes) else json.dumps(event).encode()
        if not events:
            await asyncio.sleep(60)


ODD_EVENTS: list[Any] = [
    b"<html>",
    b"[]",
    b"{}",
    {"type": "ADDED"},
    {"type": "ADDED", "object": None},
    {"type": "MODIFIED", "object": []},
    {"type": "MODIFIED", "object": _without(_run("a", 21), "uid")},
    {"type": "MODIFIED", "object": {**_run("a", 22), "metadata": {**_run("a", 22)["metadata"], "uid": 5}}},
    {"type": "MODIFIED", "object": _without(_run("a", 23), "creationTimestamp")},
    {"type": "MODIFIED", "object": _run("b", 24, spec=None)},
    {"type": "DELETED", "object": {"metadata": {"name": "a"}}},
    {"type": "DELETED", "object": None},
    {"type": "BOOKMARK", "object": None},
    {"type": "BOOKMARK", "object": {"metadata": "x"}},
    {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": 7}}},
    {"type": ["ADDED"], "object": _run("a", 25)},
]


def test_a_watch_goes_on_after_what_it_cannot_read(caplog: pytest.LogCaptureFixture) -> None:
    """At that event's version; nothing is listed anew, and what comes after it is taken over."""

    async def test() -> None:
        cache = Cache(lambda: NOW)
        listed = [_run("a", 4), None, _without(_run("bad", 5), "uid"), _without(_run("b", 6), "creationTimestamp")]
        last = {"type": "MODIFIED", "object": _without(_run("bad", 31), "creationTimestamp")}
        cluster = Told(listed, [*ODD_EVENTS, {"type": "ADDED", "object": _run("c", 30)}, last])
        reflector = Reflector(cluster, cache, Kind.EVAL_RUN, "evals")
        await reflector.synced()
        await soon(lambda: len(cluster.watched_from) > 1)
        await reflector.close()
        assert _shown(cache) == {"a", "b", "c"}
        assert (cluster.lists, cluster.watched_from) == (1, ["10", "31"])

    with caplog.at_level(logging.WARNING, "evalkube.service"):
        asyncio.run(test())
    assert not [record for record in caplog.records if record.exc_info]


def test_what_cannot_be_read_is_said_once_and_has_not_vanished(caplog: pytest.LogCaptureFixture) -> None:
    """However often it is listed; what was known of it stays."""

    async def test() -> None:
        cache = Cache(lambda: NOW)
        cache.apply(_run("a", 3))
        bad = _without(_run("a", 8), "creationTimestamp")
        gone = {"type": "ERROR", "object": {"code": 410}}
        cluster = Told([bad], [gone])
        reflector = Reflector(cluster, cache, Kind.EVAL_RUN, "evals")
        await reflector.synced()
        await soon(lambda: len(cluster.watched_from) > 1)
        await reflector.close()
        assert cluster.lists == 2
        entry = cache.entry(Key(Kind.EVAL_RUN, "evals", "a"))
        assert entry is not None
        assert entry.version == 3

    with caplog.at_level(logging.WARNING, "evalkube.service"):
        asyncio.run(test())
    [said] = [record.message for record in caplog.records if "skipped" in record.message]
    assert said.startswith("skipped until it changes (1 so far): the run evals/a cannot be read")


@pytest.mark.parametrize("odd", [None, [], "x", {"code": "x"}, {"code": None, "message": []}])
def test_an_error_of_any_shape_is_waited_out(odd: Any) -> None:
    """The watch goes on where it was."""

    async def test() -> None:
        cluster = Told([_run("a", 4)], [{"type": "ERROR", "object": odd}])
        reflector = Reflector(cluster, Cache(lambda: NOW), Kind.EVAL_RUN, "evals")
        await reflector.synced()
        await soon(lambda: len(cluster.watched_from) > 1)
        await reflector.close()
        assert (cluster.lists, cluster.watched_from) == (1, ["10", "10"])

    asyncio.run(test())


def test_asking_for_one_is_an_answer() -> None:
    """Which says where to look."""
    with pytest.raises(errors.ApiError, match=r"the run evals/e cannot be read: .* kubectl"):
        documents.run_of(_without(_run("e", 3), "creationTimestamp"), "e")
