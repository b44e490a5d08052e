"""Lists of runs and the stream of their changes over a cluster: the same as on one machine."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evalkube_api import errors
from evalkube_api.backend import RunEvent, RunQuery
from evalkube_api.kubernetes.backend import KubernetesBackend
from evalkube_crds.names import Verdict
from fakes.api_server import ApiServer, running_api_server
from fakes.bodies import eval_body
from fakes.cluster_runs import ENDED, applied, backend, condition, soon
from fakes.event_streams import following, read_until
from fakes.service import running_service
from fakes.waiting import until

PROGRESS = {"done": 3, "total": 4, "failed": 1, "stage": "gsm8k", "figures": {"score": 0.5}}


@pytest.fixture
def server() -> Iterator[ApiServer]:
    """Each test has an API server of its own."""
    with running_api_server() as running:
        yield running


def test_tags_are_labels_of_the_resource(server: ApiServer, tmp_path: Path) -> None:
    """Whoever set them: the service or kubectl. Other labels are no tags."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", str(server.kubeconfig(tmp_path / "kubeconfig")))
        with running_service(tmp_path / "outputs", backend="kubernetes", namespace="evals") as service:
            body = eval_body(tags={"team": "search", "nightly": ""})
            run_id = service.post("eval", body, Prefer="respond-async").json()["id"]
            made = server.one("evalruns", run_id)
            assert made is not None
            assert made["metadata"]["labels"] == {"tags.evalkube.io/team": "search", "tags.evalkube.io/nightly": ""}
            labels = {"tags.evalkube.io/team": "ads", "app": "x"}
            server.put("evalruns", applied("by-hand", labels=labels))
            until(lambda: service.client.get("/api/v1/runs", params={"tag": "team"}).json()["total"] == 2)
            assert service.run("by-hand")["tags"] == {"team": "ads"}
            found = service.client.get("/api/v1/runs", params={"tag": "team=search,nightly"}).json()["runs"]
            assert [(line["id"], line["tags"]) for line in found] == [(run_id, {"nightly": "", "team": "search"})]
            refused = service.post("eval", eval_body(tags={"team": "a b"}))
            assert (refused.status_code, refused.json()["problems"][0]["field"]) == (400, "tags.team")


def test_events_over_http(server: ApiServer, tmp_path: Path) -> None:
    """What the operator writes is told, and a deletion by anyone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", str(server.kubeconfig(tmp_path / "kubeconfig")))
        with running_service(tmp_path / "outputs", backend="kubernetes", namespace="evals") as service:
            with following(service.client) as events:
                read_until(events, lambda event: event.position is not None)
                server.put("evalruns", applied("e"))
                server.set_status("evalruns", "e", phase="Running", progress=PROGRESS)
                told = read_until(events, lambda event: event.data.get("phase") == "Running")[-1]
                assert (told.data["id"], told.data["failed"], told.data["progress"]["percent"]) == ("e", 1, 75.0)
            server.set_status("evalruns", "e", **ENDED)
            server.put("evalruns", applied("f"))
            server.remove("evalruns", "f")
            with following(service.client, after=told.position) as events:
                assert read_until(events, lambda event: event.name == "deleted")[-1].data == {"id": "f"}


def test_lines_have_what_filters_and_orders_need(server: ApiServer, tmp_path: Path) -> None:
    """From the resource alone: progress, verdict, failures, headline, data sets, namespace."""
    figures = {"rps": 9.0, "p/rps": 9.0, "p/ttft_p99_s": 0.2}
    status = {**ENDED, "progress": PROGRESS, "columns": {"verdict": "degraded"}, "summary": figures}

    async def test() -> None:
        server.put("perfruns", {**applied("p", "PerfRun"), "status": status})
        server.put("evalruns", {**applied("e"), "status": {"phase": "Running", "progress": PROGRESS}})
        async with backend(server, tmp_path) as runs:
            (line,) = (await runs.list(RunQuery(verdicts=frozenset({Verdict.DEGRADED})))).runs
            assert (line.run_id, line.namespace, line.datasets) == ("p", "evals", ("openqa",))
            assert (line.failed, line.headline) == (1, {"rps": 9.0, "ttft_p99_s": 0.2})
            assert (line.started is None, line.completed is None) == (False, False)
            assert [one.run_id for one in (await runs.list(RunQuery(dataset="gsm8k"))).runs] == ["e"]
            assert [one.run_id for one in (await runs.list(RunQuery(sort="rps"))).runs] == ["p", "e"]

    asyncio.run(test())


WAITING: dict[str, tuple[dict[str, Any], str | None]] = {
    "nobody has seen it": ({}, "the operator has not seen it yet"),
    "its queue": (
        {
            "phase": "Queued",
            "conditions": [condition("Running", "Unknown", "Queued", "the Job is suspended until its queue admits it")],
        },
        "the Job is suspended until its queue admits it",
    ),
    "quota": (
        {
            "phase": "Starting",
            "conditions": [
                condition("JobCreated", "True", "Started"),
                condition("Running", "Unknown", "QuotaExceeded", "exceeded quota: pods"),
            ],
        },
        "exceeded quota: pods",
    ),
    "a node": (
        {"phase": "Starting", "conditions": [condition("Running", "Unknown", "Unschedulable", "0/3 nodes have room")]},
        "0/3 nodes have room",
    ),
    "a reason without words": (
        {"phase": "Starting", "conditions": [condition("Running", "Unknown", "Unschedulable")]},
        "Unschedulable",
    ),
    "it is running": ({"phase": "Running", "conditions": [condition("Running", "True", "Started", "it runs")]}, None),
    "it has ended": (ENDED, None),
}


@pytest.mark.parametrize(("status", "words"), WAITING.values(), ids=WAITING.keys())
def test_what_a_run_waits_for(server: ApiServer, tmp_path: Path, status: dict[str, Any], words: str | None) -> None:
    """As its conditions say, in lists and alone; its place in a cluster's own queue is not known."""

    async def test() -> None:
        server.put("evalruns", {**applied("e"), "status": status})
        async with backend(server, tmp_path) as runs:
            (line,) = (await runs.list(RunQuery())).runs
            found = runs.queue(await runs.get("e"))
            assert line.queue == found
            assert (found.waits_for if found else None) == words
            assert found is None or found.position is None

    asyncio.run(test())


async def _taken(runs: KubernetesBackend, query: RunQuery, after: str, count: int) -> list[RunEvent]:
    found = []
    async for event in await runs.events(query, after):
        found += [event] if event is not None else []
        if len(found) == count:
            break
    return found


def test_events_have_the_ids_of_lists(server: ApiServer, tmp_path: Path) -> None:
    """Those of other namespaces say which; a filter leaves the others out."""

    async def test() -> None:
        async with backend(server, tmp_path, all_namespaces=True) as runs:
            position = (await runs.list(RunQuery())).position
            for name, namespace in (("a", "evals"), ("b", "other"), ("c", "other")):
                server.put("evalruns", applied(name, namespace=namespace))
            await soon(lambda: sum(runs.census().runs.values()) == 3)
            found = await _taken(runs, RunQuery(namespace="other"), position, 2)
            assert [event.run_id for event in found] == ["other:b", "other:c"]
            assert [event.line.run_id for event in found if event.line] == ["other:b", "other:c"]

    asyncio.run(test())


def test_a_snapshot_has_the_newest_runs(server: ApiServer, tmp_path: Path) -> None:
    """And not all of them, where there are thousands."""

    async def test() -> None:
        for number in range(510):
            time = f"2025-11-23T{20 + number // 3600:02d}:{number // 60 % 60:02d}:{number % 60:02d}Z"
            server.put("evalruns", applied(f"e-{number}", creationTimestamp=time))
        async with backend(server, tmp_path) as runs:
            found = await _taken(runs, RunQuery(), "", 501)
            assert [found[0].name, found[1].run_id, found[-1].run_id] == ["snapshot", "e-10", "e-509"]

    asyncio.run(test())


def test_a_namespace_that_the_service_may_not_see(server: ApiServer, tmp_path: Path) -> None:
    """Is refused before a stream begins."""

    async def test() -> None:
        async with backend(server, tmp_path) as runs:
            server.deny("list", "evalruns", "secret")
            with pytest.raises(errors.ApiError):
                await runs.events(RunQuery(namespace="secret"))

    asyncio.run(test())
