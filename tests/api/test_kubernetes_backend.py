"""The kubernetes backend over the real client and an API server that can fail in every way."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from evalkube_api import errors
from evalkube_api.backend import RunQuery, Submission
from evalkube_api.kubernetes.rejections import Forbidden, Unavailable
from evalkube_crds.names import Kind, Phase
from fakes.api_server import ApiServer, Fault, running_api_server
from fakes.bodies import KEY
from fakes.cluster_runs import ENDED, applied, backend, condition, eval_submission, perf_submission, soon


@pytest.fixture
def server() -> Iterator[ApiServer]:
    """An API server of the test's own."""
    with running_api_server() as running:
        yield running


def test_a_run_and_its_secret_are_made(server: ApiServer, tmp_path: Path) -> None:
    """The run names the Secret, the Secret is owned by the run, and the key stands nowhere else."""

    async def test() -> None:
        async with backend(server, tmp_path) as runs:
            run = await runs.submit(eval_submission())
            name = run.metadata.name
            assert (run.status.phase, run.metadata.namespace) == (Phase.PENDING, "evals")
            raw, secret = server.one("evalruns", name), server.one("secrets", f"{name}-key")
            assert raw is not None
            assert secret is not None
            assert raw["spec"]["apiKeySecretRef"] == {"name": f"{name}-key", "key": "api-key"}
            assert secret["metadata"]["ownerReferences"][0]["uid"] == raw["metadata"]["uid"]
            assert KEY not in str(raw)
            await runs.submit(perf_submission(api_key="EMPTY"))
            assert len(server.objects("secrets")) == 1

    asyncio.run(test())


@pytest.mark.parametrize(
    ("submission", "field"),
    [
        (perf_submission(dataset_path="/var/run/secrets/evalkube/token"), "dataset_path"),
        (perf_submission(prompt="@/etc/passwd"), "prompt"),
        (perf_submission(dataset_path="/data/other/x", data=[{"name": "a", "config_map": "c"}]), "dataset_path"),
        (eval_submission(dataset_args={"gsm8k": {"local_path": "mine"}}), "dataset_args.gsm8k.local_path"),
    ],
    ids=["the token", "a file of the image", "not what is mounted", "a relative path"],
)
def test_a_path_that_pods_do_not_mount_is_refused(
    server: ApiServer, tmp_path: Path, submission: Submission, field: str
) -> None:
    """At once, by its field; nothing is made."""

    async def test() -> None:
        async with backend(server, tmp_path) as runs:
            with pytest.raises(errors.InvalidRequest) as caught:
                await runs.submit(submission)
            assert [problem.field for problem in caught.value.problems] == [field]
            assert not server.objects("evalruns") + server.objects("perfruns")
            mounted = [{"name": "a", "config_map": "c"}]
            await runs.submit(perf_submission(dataset_path="/data/a/x", data=mounted))
            assert len(server.objects("perfruns")) == 1

    asyncio.run(test())


def test_a_wait_ends_with_the_run(server: ApiServer, tmp_path: Path) -> None:
    """And its results are there without another call."""

    async def test() -> None:
        async with backend(server, tmp_path) as runs:
            name = (await runs.submit(eval_submission())).metadata.name
            assert (await runs.wait(name, 0.05)).status.phase is Phase.PENDING
            waiting = asyncio.create_task(runs.wait(name))
            server.set_status("evalruns", name, phase="Running")
            await asyncio.sleep(0.05)
            server.set_status("evalruns", name, **ENDED)
            async with asyncio.timeout(60):
                assert (await waiting).status.phase is Phase.SUCCEEDED
            assert await runs.results(name) == b'{"gsm8k":{"score":1.0}}'
            assert server.calls["get evalruns"] == 0

    asyncio.run(test())


def test_many_wait_on_one_watch(server: ApiServer, tmp_path: Path) -> None:
    """Of each kind."""

    async def test() -> None:
        async with backend(server, tmp_path) as runs:
            made = await asyncio.gather(*(runs.submit(eval_submission(api_key="EMPTY")) for _ in range(50)))
            waits = [asyncio.create_task(runs.wait(run.metadata.name)) for run in made]
            await soon(lambda: runs.waiting == 50)
            for run in made:
                server.set_status("evalruns", run.metadata.name, **ENDED)
            ended = await asyncio.wait_for(asyncio.gather(*waits), 60)
            assert [run.metadata.name for run in ended] == [run.metadata.name for run in made]
            assert (server.watchers("evalruns"), server.watchers("perfruns")) == (1, 1)
            assert server.calls["watch evalruns"] == 1
            assert runs.waiting == 0

    asyncio.run(test())


FAULTS = {
    "the connection is cut": lambda server: server.cut_watches(),
    "the history is compacted": lambda server: (server.compact(), server.cut_watches()),
    "the watch is told that it is too late": lambda server: (server.compact(), server.error_in_watch(410)),
    "the watch is told of an error": lambda server: server.error_in_watch(500),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
@pytest.mark.parametrize("end", ["ended", "deleted"])
def test_no_end_is_missed(server: ApiServer, tmp_path: Path, fault: object, end: str) -> None:
    """Whatever happens to the watch while a run ends, or is deleted."""

    async def test() -> None:
        async with backend(server, tmp_path) as runs:
            name = (await runs.submit(eval_submission())).metadata.name
            waiting = asyncio.create_task(runs.wait(name))
            await soon(lambda: runs.waiting and server.watchers("evalruns"))
            server.fail(Fault("watch", "evalruns", 503, times=2))
            assert callable(fault)
            fault(server)
            if end == "ended":
                server.set_status("evalruns", name, **ENDED)
            else:
                server.remove("evalruns", name)
            server.compact()
            async with asyncio.timeout(60):
                if end == "ended":
                    assert (await waiting).status.phase is Phase.SUCCEEDED
                else:
                    with pytest.raises(errors.RunDeleted):
                        await waiting

    asyncio.run(test())


def test_an_api_server_that_was_away(server: ApiServer, tmp_path: Path) -> None:
    """Blocked requests wait it out; others are told to come again."""

    async def test() -> None:
        async with backend(server, tmp_path) as runs:
            name = (await runs.submit(eval_submission())).metadata.name
            waiting = asyncio.create_task(runs.wait(name))
            await soon(lambda: runs.waiting == 1)
            server.stop()
            with pytest.raises(Unavailable):
                await runs.get(name)
            assert (await runs.moment(name)).phase is Phase.PENDING
            server.restart()
            server.set_status("evalruns", name, **ENDED)
            assert (await asyncio.wait_for(waiting, 60)).status.phase is Phase.SUCCEEDED

    asyncio.run(test())


def test_nothing_is_lost_between_looking_and_waiting(server: ApiServer, tmp_path: Path) -> None:
    """Runs that end at about the moment that someone begins to wait for them."""

    async def test() -> None:
        async with backend(server, tmp_path) as runs:
            made = [(await runs.submit(eval_submission(api_key="EMPTY"))).metadata.name for _ in range(40)]

            async def end(name: str, after_s: float) -> None:
                await asyncio.sleep(after_s)
                await asyncio.to_thread(server.set_status, "evalruns", name, **ENDED)

            async def wait(name: str) -> Phase:
                await asyncio.sleep(0.05)
                return (await runs.wait(name)).status.phase

            ends = [end(name, 0.04 + place * 0.0005) for place, name in enumerate(made)]
            phases, _ = await asyncio.wait_for(
                asyncio.gather(asyncio.gather(*map(wait, made)), asyncio.gather(*ends)), 60
            )
            assert set(phases) == {Phase.SUCCEEDED}

    asyncio.run(test())


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Fault("create", "evalruns", lost=True), id="made, and the answer lost"),
        pytest.param(Fault("create", "evalruns", 500, times=2), id="its own fault"),
        pytest.param(Fault("create", "evalruns", 429, headers={"Retry-After": "0"}), id="too many"),
        pytest.param(Fault("create", "secrets", lost=True), id="the Secret made, and the answer lost"),
        pytest.param(Fault("create", "secrets", 503, times=2), id="the Secret's fault"),
    ],
)
def test_a_run_is_made_once(server: ApiServer, tmp_path: Path, fault: Fault) -> None:
    """An answer that got lost is looked for."""

    async def test() -> None:
        async with backend(server, tmp_path) as runs:
            server.fail(fault)
            run = await runs.submit(eval_submission())
            assert [one["metadata"]["name"] for one in server.objects("evalruns")] == [run.metadata.name]
            assert [one["metadata"]["name"] for one in server.objects("secrets")] == [f"{run.metadata.name}-key"]

    asyncio.run(test())


def test_without_its_key_no_run_is_left(server: ApiServer, tmp_path: Path) -> None:
    """The permission that is missing is named."""

    async def test() -> None:
        async with backend(server, tmp_path) as runs:
            server.deny("create", "secrets")
            with pytest.raises(Forbidden, match="create secrets in the namespace evals"):
                await runs.submit(eval_submission())
            assert server.objects("evalruns") == []

    asyncio.run(test())


def test_an_idempotency_key_is_one_run(server: ApiServer, tmp_path: Path) -> None:
    """At once, later, at another replica; and another request under it is refused."""

    async def test() -> None:
        async with backend(server, tmp_path) as runs, backend(server, tmp_path) as others:
            made = await asyncio.gather(*(each.submit(eval_submission("k-1")) for each in (runs, others) * 4))
            assert len({run.metadata.uid for run in made}) == 1
            assert len(server.objects("evalruns")) == len(server.objects("secrets")) == 1
            with pytest.raises(errors.KeyReused):
                await others.submit(eval_submission("k-1", limit=4))
            assert (await runs.submit(perf_submission("k-1"))).metadata.uid != made[0].metadata.uid

    asyncio.run(test())


def test_a_retry_brings_the_key_that_a_crash_left_out(server: ApiServer, tmp_path: Path) -> None:
    """The service was killed between run and Secret; a run that has ended needs none any more."""

    async def test() -> None:
        async with backend(server, tmp_path) as runs:
            run = await runs.submit(eval_submission("k-1"))
            secret = server.objects("secrets")[0]["metadata"]["name"]
            server.remove("secrets", secret)
            await runs.submit(eval_submission("k-1"))
            assert server.one("secrets", secret) is not None
            server.remove("secrets", secret)
            server.set_status("evalruns", run.metadata.name, **ENDED)
            await runs.submit(eval_submission("k-1"))
            assert server.objects("secrets") == []

    asyncio.run(test())


def test_a_deleted_run_gives_its_key_back(server: ApiServer, tmp_path: Path) -> None:
    """The next one has the same name, and is waited for as itself."""

    async def test() -> None:
        async with backend(server, tmp_path) as runs:
            first = await runs.submit(eval_submission("k-1"))
            server.set_status("evalruns", first.metadata.name, **ENDED)
            await runs.wait(first.metadata.name)
            await runs.delete(first.metadata.name, force=False)
            second = await runs.submit(eval_submission("k-1"))
            assert second.metadata.name == first.metadata.name
            assert (await runs.wait(second.metadata.name, 0.1)).status.phase is Phase.PENDING

    asyncio.run(test())


def test_a_refused_run_says_what_to_change(server: ApiServer, tmp_path: Path) -> None:
    """In the request's names."""
    causes = [{"field": "spec.generationConfig.maxTokens", "message": "Invalid value: 0: must be positive"}]
    body = {"reason": "Invalid", "message": "is invalid", "details": {"causes": causes}}

    async def test() -> None:
        async with backend(server, tmp_path) as runs:
            server.fail(Fault("create", "evalruns", 422, body))
            with pytest.raises(errors.InvalidRequest, match=r"generation_config\.max_tokens: must be positive"):
                await runs.submit(eval_submission())

    asyncio.run(test())


def test_a_key_is_given_once(server: ApiServer, tmp_path: Path) -> None:
    """As itself or by reference."""

    async def test() -> None:
        async with backend(server, tmp_path) as runs:
            with pytest.raises(errors.InvalidRequest, match="api_key_secret_ref"):
                await runs.submit(eval_submission(api_key_secret_ref={"name": "mine"}))
            run = await runs.submit(eval_submission(api_key="EMPTY", api_key_secret_ref={"name": "mine"}))
            raw = server.one("evalruns", run.metadata.name)
            assert raw is not None
            assert raw["spec"]["apiKeySecretRef"] == {"name": "mine"}

    asyncio.run(test())


def test_another_namespace(server: ApiServer, tmp_path: Path) -> None:
    """Its runs are watched from the first on, and found by an id that says where."""

    async def test() -> None:
        async with backend(server, tmp_path) as runs:
            plain = eval_submission()
            placed = Submission(plain.kind, plain.spec, plain.secrets, namespace="team")
            run = await runs.submit(placed)
            assert run.metadata.name.startswith("team:eval-")
            name = run.metadata.name.removeprefix("team:")
            assert server.one("secrets", f"{name}-key", "team") is not None
            waiting = asyncio.create_task(runs.wait(run.metadata.name))
            await soon(lambda: runs.waiting == 1)
            server.set_status("evalruns", name, "team", **ENDED)
            assert (await asyncio.wait_for(waiting, 60)).metadata.name == run.metadata.name
            with pytest.raises(errors.NotFound):
                await runs.get(name)

    asyncio.run(test())


@pytest.mark.parametrize("verb", ["create", "list"])
def test_a_namespace_that_the_service_may_not_use(server: ApiServer, tmp_path: Path, verb: str) -> None:
    """403, with the permission; and it works once that is granted."""

    async def test() -> None:
        async with backend(server, tmp_path) as runs:
            plain = eval_submission()
            placed = Submission(plain.kind, plain.spec, plain.secrets, namespace="team")
            server.deny(verb, "evalruns", "team")
            with pytest.raises(Forbidden, match=f"{verb} evalruns.evalkube.io in the namespace team"):
                await runs.submit(placed)
            assert server.objects("evalruns") == []
            server.allow()
            assert (await runs.submit(placed)).metadata.namespace == "team"

    asyncio.run(test())


def test_all_namespaces(server: ApiServer, tmp_path: Path) -> None:
    """One watch of each kind, however many namespaces."""

    async def test() -> None:
        server.put("evalruns", applied("a", namespace="one"))
        async with backend(server, tmp_path, all_namespaces=True) as runs:
            server.put("evalruns", applied("b", namespace="two"))
            await soon(lambda: len(runs_listed(runs)) == 2)
            assert {run.run_id for run in (await runs.list(RunQuery())).runs} == {"one:a", "two:b"}
            assert (server.calls["watch evalruns"], server.watchers("evalruns")) == (1, 1)

    def runs_listed(runs: object) -> list[object]:
        return list(runs._cache.entries())  # type: ignore[attr-defined]  # to know when the watch has told of it

    asyncio.run(test())


def test_runs_that_kubectl_made(server: ApiServer, tmp_path: Path) -> None:
    """Of one name and both kinds: neither is taken for the other."""

    async def test() -> None:
        server.put("evalruns", applied("smoke"))
        async with backend(server, tmp_path) as runs:
            assert (await runs.get("smoke")).metadata.name == "smoke"
            server.put("perfruns", applied("smoke", "PerfRun"))
            await soon(lambda: ambiguous(runs))
            assert (await runs.get("smoke~perf")).kind is Kind.PERF_RUN
            assert (await runs.get("smoke~eval")).metadata.name == "smoke~eval"
            with pytest.raises(errors.NotFound):
                await runs.get("nothing")

    async def ambiguous(runs: object) -> bool:
        try:
            await runs.get("smoke")  # type: ignore[attr-defined]  # a backend
        except errors.Conflict:
            return True
        return False

    asyncio.run(test())


def test_a_restart_forgets_nothing(server: ApiServer, tmp_path: Path) -> None:
    """The resource is the only state: the next service goes on waiting, and lists what there was."""

    async def test() -> None:
        async with backend(server, tmp_path) as runs:
            name = (await runs.submit(eval_submission())).metadata.name
            blocked = asyncio.create_task(runs.wait(name))
            await soon(lambda: runs.waiting == 1)
        assert (await blocked).status.phase is Phase.PENDING
        with pytest.raises(errors.ShuttingDown):
            await runs.submit(eval_submission())
        async with backend(server, tmp_path) as runs:
            waiting = asyncio.create_task(runs.wait(name))
            await soon(lambda: runs.waiting == 1)
            server.set_status("evalruns", name, **ENDED)
            assert (await asyncio.wait_for(waiting, 60)).status.phase is Phase.SUCCEEDED
            assert [run.run_id for run in (await runs.list(RunQuery())).runs] == [name]

    asyncio.run(test())


def test_pages(server: ApiServer, tmp_path: Path) -> None:
    """Newest first, of many at the start, and without gaps while new ones come."""

    async def test() -> None:
        for number in range(5):
            time = f"2025-11-23T20:00:0{number}Z"
            server.put("evalruns", applied(f"eval-{number}", creationTimestamp=time))
        server.put("perfruns", applied("perf-9", "PerfRun", creationTimestamp="2025-11-23T21:00:00Z"))
        async with backend(server, tmp_path) as runs:
            first = await runs.list(RunQuery(kind=Kind.EVAL_RUN, limit=2))
            assert ([run.run_id for run in first.runs], first.total) == (["eval-4", "eval-3"], 5)
            await runs.submit(eval_submission())
            second = await runs.list(RunQuery(kind=Kind.EVAL_RUN, limit=2, after=first.next))
            assert [run.run_id for run in second.runs] == ["eval-2", "eval-1"]
            last = await runs.list(RunQuery(kind=Kind.EVAL_RUN, limit=2, after=second.next))
            assert ([run.run_id for run in last.runs], last.next) == (["eval-0"], None)
            assert (await runs.list(RunQuery(phases=frozenset({Phase.FAILED})))).total == 0
            with pytest.raises(errors.InvalidRequest):
                await runs.list(RunQuery(after="x"))

    asyncio.run(test())


def test_a_first_list_has_many_pages(server: ApiServer, tmp_path: Path) -> None:
    """And is whole nevertheless."""

    async def test() -> None:
        for number in range(450):
            server.put("evalruns", applied(f"eval-{number}"))
        async with backend(server, tmp_path) as runs:
            assert (await runs.list(RunQuery())).total == 450
            assert server.calls["list evalruns"] == 3

    asyncio.run(test())


def test_a_run_is_cancelled(server: ApiServer, tmp_path: Path) -> None:
    """By its spec; the answer comes at its end."""

    async def test() -> None:
        async with backend(server, tmp_path) as runs:
            name = (await runs.submit(eval_submission())).metadata.name
            cancelling = asyncio.create_task(runs.cancel(name))
            await soon(lambda: (server.one("evalruns", name) or {})["spec"].get("cancel"))
            ended = [condition("Succeeded", "False", "Cancelled", "the run was cancelled")]
            server.set_status("evalruns", name, phase="Cancelled", conditions=ended)
            assert (await asyncio.wait_for(cancelling, 60)).status.phase is Phase.CANCELLED
            assert (await runs.cancel(name)).status.phase is Phase.CANCELLED

    asyncio.run(test())


def test_a_run_is_deleted(server: ApiServer, tmp_path: Path) -> None:
    """An active one only by force, which cancels it first; its Secret goes with it."""

    async def test() -> None:
        async with backend(server, tmp_path) as runs:
            name = (await runs.submit(eval_submission())).metadata.name
            with pytest.raises(errors.Conflict):
                await runs.delete(name, force=False)
            deleting = asyncio.create_task(runs.delete(name, force=True))
            await soon(lambda: (server.one("evalruns", name) or {})["spec"].get("cancel"))
            server.set_status("evalruns", name, phase="Cancelled")
            assert (await asyncio.wait_for(deleting, 60)).artifacts == "deleted"
            assert server.objects("evalruns") == server.objects("secrets") == []
            for call in (runs.get, runs.wait, runs.moment, runs.results):
                with pytest.raises(errors.NotFound):
                    await call(name)

    asyncio.run(test())


def test_another_run_of_the_same_name_is_left_alone(server: ApiServer, tmp_path: Path) -> None:
    """It was made between our look and our call."""

    async def test() -> None:
        async with backend(server, tmp_path) as runs, backend(server, tmp_path) as others:
            name = (await runs.submit(eval_submission("k-1"))).metadata.name
            seen = server.one("evalruns", name)
            assert seen is not None
            server.remove("evalruns", name)
            await others.submit(eval_submission("k-1"))
            with pytest.raises(errors.RunDeleted):
                await runs._ask_to_end(seen)  # what cancel and delete do after their look
            raw = server.one("evalruns", name)
            assert raw is not None
            assert "cancel" not in raw["spec"]

    asyncio.run(test())


def test_progress_comes_as_it_is_written(server: ApiServer, tmp_path: Path) -> None:
    """Each change once, up to the end."""

    async def test() -> None:
        async with backend(server, tmp_path) as runs:
            name = (await runs.submit(eval_submission())).metadata.name
            seen = []

            async def follow() -> None:
                async for moment in runs.moments(name):
                    assert moment is not None
                    seen.append((moment.phase, moment.progress.done))

            following = asyncio.create_task(follow())
            for done in (1, 2):
                await soon(lambda: len(seen) == done)  # noqa: B023 - looked at before the next round
                server.set_status("evalruns", name, phase="Running", progress={"done": done, "total": 2})
            await soon(lambda: len(seen) == 3)
            server.set_status("evalruns", name, **ENDED)
            await asyncio.wait_for(following, 60)
            assert seen == [(Phase.PENDING, 0), (Phase.RUNNING, 1), (Phase.RUNNING, 2), (Phase.SUCCEEDED, 2)]

    asyncio.run(test())


def test_a_cluster_without_the_definitions(server: ApiServer, tmp_path: Path) -> None:
    """The service does not start, and says what is missing."""

    async def test() -> None:
        server.fail(Fault("list", "evalruns", 404, {"message": "404 page not found"}))
        with pytest.raises(errors.ServiceError, match="custom resource definitions"):
            async with backend(server, tmp_path):
                pass

    asyncio.run(test())


def test_a_service_without_permissions(server: ApiServer, tmp_path: Path) -> None:
    """Does not start either."""

    async def test() -> None:
        server.deny("list", "perfruns")
        with pytest.raises(errors.ServiceError, match=r"list perfruns\.evalkube.io in the namespace evals"):
            async with backend(server, tmp_path):
                pass

    asyncio.run(test())
