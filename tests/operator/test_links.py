"""Who belongs to a run: every link of the chain is forged, one at a time and all but one, and nobody is taken in."""

import base64
import copy
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from evalkube_crds.names import Phase, Reason
from evalkube_crds.results import EvalResult, Receipt
from evalkube_operator import facts, links, reading
from evalkube_operator.cache import Key
from evalkube_operator.ingest.app import create_ingest
from evalkube_operator.ingest.auth import ReviewedTokens, TokenAuthenticator
from evalkube_operator.pod_owners import PodOwners
from evalkube_operator.ports import Caller
from evalkube_operator.store.interface import Store
from fakes.chain import AT, Object, a_job, a_pod, a_run, an_event, ended
from fakes.ingest import listening
from fakes.small_cluster import SmallCluster, perf_spec
from fakes.small_operator import SmallOperator
from fakes.stores import opened

INDEX = "batch.kubernetes.io/job-completion-index"
CONTROLLER = "batch.kubernetes.io/controller-uid"


def _recorded() -> Object:
    return a_run(attempts=[{"number": 1, "startTime": AT}], jobName="demo-e1", jobUID="j", phase="Running")


@dataclass
class Chain:
    """A run, its Job, its pod, and whom the API server says that the caller is."""

    run: Object = field(default_factory=_recorded)
    job: Object = field(default_factory=lambda: a_job(_recorded()))
    pod: Object = field(default_factory=lambda: a_pod(a_job(_recorded())))
    caller: Caller = field(default_factory=lambda: Caller("system:serviceaccount:ns:default", "demo-e1-0-p", "p", "ns"))


Forgery = Callable[[Chain], None]


def _owner(raw: Object, **changes: object) -> None:
    for reference in raw["metadata"].get("ownerReferences", ()):
        reference.update(changes)


def _label(raw: Object, name: str, value: str | None) -> None:
    raw["metadata"]["labels"].pop(name, None)
    if value is not None:
        raw["metadata"]["labels"][name] = value


def _index(chain: Chain, annotation: str | None, label: str | None) -> None:
    chain.pod["metadata"]["annotations"] = {} if annotation is None else {INDEX: annotation}
    _label(chain.pod, INDEX, label)


def _elsewhere(chain: Chain) -> None:
    chain.pod["metadata"]["namespace"] = "theirs"
    chain.caller = replace(chain.caller, namespace="theirs")


def _unrecorded(chain: Chain, name: str, attempt: str) -> None:
    chain.run["status"] = {}
    chain.job["metadata"]["name"] = name
    _label(chain.job, "evalkube.io/attempt", attempt)


def _scaled(chain: Chain) -> None:
    chain.job["spec"]["completions"] = 5
    _index(chain, "3", "3")


def _says(chain: Chain, **changes: Any) -> None:
    chain.caller = replace(chain.caller, **changes)


POD: dict[str, Forgery] = {
    "the pod's namespace": _elsewhere,
    "its owner's UID": lambda chain: _owner(chain.pod, uid="k"),
    "its owner's kind": lambda chain: _owner(chain.pod, kind="ReplicaSet"),
    "its owner's group": lambda chain: _owner(chain.pod, apiVersion="apps/v1"),
    "its owner's group, left out": lambda chain: _owner(chain.pod, apiVersion="v1"),
    "its owner, not its controller": lambda chain: _owner(chain.pod, controller=False),
    "its owner, left out": lambda chain: chain.pod["metadata"].pop("ownerReferences", None),
    "its run": lambda chain: _label(chain.pod, "evalkube.io/run-uid", "v"),
    "its controller's label": lambda chain: _label(chain.pod, CONTROLLER, "k"),
    "its controller's label, left out": lambda chain: _label(chain.pod, CONTROLLER, None),
    "no finalizer": lambda chain: chain.pod["metadata"].pop("finalizers", None),
    "another's finalizer": lambda chain: chain.pod["metadata"].update(finalizers=["foregroundDeletion"]),
    "no index": lambda chain: _index(chain, None, None),
    "an index in the label alone": lambda chain: _index(chain, None, "0"),
    "two indexes": lambda chain: _index(chain, "1", "0"),
    "an index out of range": lambda chain: _index(chain, "2", "2"),
    "an index below all": lambda chain: _index(chain, "-1", "-1"),
    "an index that is no number": lambda chain: _index(chain, "first", "first"),
    "an index beyond all numbers": lambda chain: _index(chain, "9" * 60, "9" * 60),
}
OTHERS: dict[str, Forgery] = {
    "the Job's namespace": lambda chain: chain.job["metadata"].update(namespace="theirs"),
    "the Job's owner's UID": lambda chain: _owner(chain.job, uid="v"),
    "the Job's owner's kind": lambda chain: _owner(chain.job, kind="PerfRun"),
    "the Job's owner's group": lambda chain: _owner(chain.job, apiVersion="example.org/v1alpha1"),
    "the Job's owner, not its controller": lambda chain: _owner(chain.job, controller=False),
    "the Job's owner, left out": lambda chain: chain.job["metadata"].pop("ownerReferences", None),
    "the Job's run": lambda chain: _label(chain.job, "evalkube.io/run-uid", "v"),
    "another Job than the one on record": lambda chain: chain.run["status"].update(jobUID="k"),
    "a Job of no attempt's name": lambda chain: _unrecorded(chain, "mine", "1"),
    "a Job of a later attempt": lambda chain: _unrecorded(chain, "demo-e2", "2"),
    "a Job that says another attempt than its name": lambda chain: _unrecorded(chain, "demo-e1", "2"),
    "a Job with more shards than the run": _scaled,
    "the run, made anew": lambda chain: chain.run["metadata"].update(uid="w"),
    "the run, of the other kind": lambda chain: chain.run.update(kind="PerfRun"),
    "the token's pod": lambda chain: _says(chain, pod_name="demo-e1-1-q"),
    "the token's pod's UID": lambda chain: _says(chain, pod_uid="q"),
    "the token's namespace": lambda chain: _says(chain, namespace="theirs"),
    "a token of no pod": lambda chain: _says(chain, pod_name=None, pod_uid=None),
}
FORGERIES = POD | OTHERS


@dataclass
class Ingest:
    """The operator's own ingest and rooms; the cluster is what it was told."""

    store: Store
    operator: SmallOperator
    client: httpx.Client = field(default_factory=lambda: httpx.Client(trust_env=False))
    callers: dict[str, Caller] = field(default_factory=dict)

    async def review(self, token: str, audience: str) -> Caller | None:
        """See `ports.Reviewer`."""
        return self.callers.get(token)

    def tell(self, *chains: Chain) -> None:
        """A new operator, which lists these."""
        self.operator.restart()
        for chain in chains:
            kind = f"{chain.run['kind'].lower()}s"
            for plural, raw in ((kind, chain.run), ("jobs", chain.job), ("pods", chain.pod)):
                self.operator.telling.told(plural, raw)

    def call(self, caller: Caller, method: str, path: str, body: bytes | None = None, *, shard: int = 0) -> str:
        """The code of the answer; a token is known for a minute, so that each call has one of its own."""
        token = f"token-{len(self.callers)}"
        self.callers[token] = caller
        headers = {"Authorization": f"Bearer {token}"}
        if body is not None:
            headers["Content-Digest"] = f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"
        answer = self.client.request(
            method, f"/v1/runs/u/attempts/1/shards/{shard}/{path}", content=body, headers=headers
        )
        code = answer.json()["code"] if answer.is_error else ""
        return f"{answer.status_code} {code}".strip()


RESULT = EvalResult(run_id="demo", model="m", shards=[0], of_shards=2).model_dump_json(by_alias=True).encode()
RECEIPT = Receipt(run_id="demo", shard=0, reason=Reason.COMPLETED, done=1).model_dump_json(by_alias=True).encode()
CALLS: list[tuple[str, str, bytes | None]] = [
    ("GET", "artifacts/a", None),
    ("PUT", "artifacts/a", b"a"),
    ("POST", "append/p.jsonl?offset=0", b"1\n"),
    ("PUT", "result", RESULT),
    ("PUT", "receipt", RECEIPT),
    ("GET", "whole/results/0", None),
]


@pytest.fixture(scope="module")
def ingest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ingest]:
    """Served over HTTP for all of these tests."""
    operator, store = SmallOperator(SmallCluster()), opened("volume", tmp_path_factory.mktemp("store"))
    made = Ingest(store, operator)

    class Now(PodOwners):
        """Of the operator that there is now."""

        def __init__(self) -> None:
            """Nothing is kept."""

        def __getattribute__(self, name: str) -> object:
            return getattr(
                PodOwners(operator.cache, operator.reconciler, lambda key, _: operator.wanted.add(key)), name
            )

    runs = Now()
    tokens = TokenAuthenticator(ReviewedTokens(made), runs, readers=[])
    with listening(create_ingest(store=store, authenticator=tokens, runs=runs)) as url:
        made.client.base_url = httpx.URL(url)
        yield made
    made.client.close()
    operator.close()


def test_the_whole_chain_holds(ingest: Ingest) -> None:
    """What all the forgeries differ from: also where the Job is not on record yet."""
    for chain in (Chain(), Chain(run=a_run())):
        ingest.tell(chain)
        assert ingest.call(chain.caller, "GET", "artifacts/none") == "404 no_artifact"
        assert [pod.uid for pod in ingest.operator.cache.pods("u")] == ["p"]


def _forged(*names: str) -> Chain:
    chain = Chain()
    for name in names:
        FORGERIES[name](chain)
    return chain


def _refused(ingest: Ingest, chain: Chain) -> None:
    ingest.tell(chain)
    for method, path, body in CALLS:
        for shard in (0, 3):
            answer = ingest.call(chain.caller, method, path, body, shard=shard)
            assert answer in ("403 unknown_pod", "403 not_a_pod"), (method, path)
    assert not any(ingest.operator.reconciler.remembered())


@pytest.mark.parametrize("name", FORGERIES)
def test_one_link_is_forged(ingest: Ingest, name: str) -> None:
    """Nothing is read, nothing written, nobody's result taken."""
    _refused(ingest, _forged(name))


@pytest.mark.parametrize("name", FORGERIES)
def test_all_links_are_forged_but_one(ingest: Ingest, name: str) -> None:
    """One true link proves as little."""
    _refused(ingest, _forged(*(other for other in FORGERIES if other != name)))


def test_nothing_came_into_the_store(tmp_path: Path, ingest: Ingest) -> None:
    """Of any of them."""
    ingest.tell(Chain())
    assert ingest.call(Chain().caller, "GET", "artifacts/a") == "404 no_artifact"
    assert ingest.call(Chain().caller, "GET", "whole/results/0") == "404 no_result"


def _second(**metadata: object) -> Chain:
    """A further pod of the same shard."""
    chain = Chain(caller=Caller("system:serviceaccount:ns:default", "demo-e1-0-q", "q", "ns"))
    chain.pod = a_pod(chain.job, "q", 5)
    chain.pod["metadata"].update(metadata)
    return chain


LATER = {"creationTimestamp": "2026-11-01T00:00:07Z"}


@pytest.mark.parametrize("first_to_speak", ["the older", "the younger"])
def test_the_older_of_two_pods_of_a_shard_is_its_runner(ingest: Ingest, first_to_speak: str) -> None:
    """The younger is told to come back, and takes nothing away, whoever speaks first."""
    old, new = Chain(), _second(**LATER)
    ingest.tell(new, old)
    turns = [(old, "204"), (new, "403 unknown_pod")]
    for chain, expected in turns if first_to_speak == "the older" else turns[::-1]:
        assert ingest.call(chain.caller, "PUT", "artifacts/a", b"a") == expected
    assert ingest.call(old.caller, "PUT", "artifacts/a", b"a") == "204"


@pytest.mark.parametrize("end", ["it failed", "it was counted", "it is gone"])
def test_a_replacement_takes_over_when_its_predecessor_has_ended(ingest: Ingest, end: str) -> None:
    """Whatever still runs of the first, as on a lost node, is told that it is over."""
    old, new = Chain(), _second(**LATER)
    ingest.tell(old, new)
    assert ingest.call(new.caller, "PUT", "artifacts/a", b"a") == "403 unknown_pod"
    ingest.operator.telling.told(
        "pods", ended(old.pod, 9, 137, counted=end != "it failed"), deleted=end == "it is gone"
    )
    assert ingest.call(new.caller, "PUT", "artifacts/a", b"a") == "204"
    expected = "403 unknown_pod" if end == "it is gone" else "410 superseded"
    assert ingest.call(old.caller, "PUT", "artifacts/a", b"a") == expected


def test_a_pod_that_is_told_to_stop_is_the_runner_until_it_has(ingest: Ingest) -> None:
    """It delivers what it has; its replacement comes after it."""
    old, new = Chain(), _second(**LATER)
    old.pod["metadata"]["deletionTimestamp"] = AT
    ingest.tell(old, new)
    assert ingest.call(old.caller, "PUT", "artifacts/a", b"a") == "204"
    assert ingest.call(new.caller, "PUT", "artifacts/a", b"a") == "403 unknown_pod"


@pytest.mark.parametrize("gone", ["run", "job"])
def test_a_pod_that_is_deleted_after_its_run_or_job(ingest: Ingest, gone: str) -> None:
    """It is told that it is over; one that is not being deleted may be too new, and is to come back."""
    chain = Chain()
    ingest.tell(chain)
    telling = ingest.operator.telling
    telling.told("evalruns" if gone == "run" else "jobs", chain.run if gone == "run" else chain.job, deleted=True)
    assert ingest.call(chain.caller, "PUT", "artifacts/a", b"a") == "403 unknown_pod"
    chain.pod["metadata"] |= {"deletionTimestamp": AT, "resourceVersion": "1000"}
    telling.told("pods", chain.pod)
    assert ingest.call(chain.caller, "PUT", "artifacts/a", b"a") == "410 superseded"


def test_a_pod_of_an_attempt_that_is_over(ingest: Ingest) -> None:
    """It is told so, that it may stop; its Job's name and label say which attempt it was."""
    for status in (
        {"attempts": [{"number": 1, "reason": "JobLost"}]},
        {"attempts": [{"number": 1, "reason": "JobLost"}, {"number": 2}]},
        {"attempts": [{"number": 1, "reason": "JobLost"}, {"number": 2}], "jobUID": "j2", "jobName": "demo-e2"},
        {"attempts": [{"number": 1}], "jobUID": "j", "phase": "Cancelled"},
    ):
        chain = Chain(run=a_run(**status))
        ingest.tell(chain)
        assert ingest.call(chain.caller, "GET", "artifacts/a") == "410 superseded"


def test_strangers_wake_nobody() -> None:
    """What others write in a run's name, and as often as they like, is no news of the run."""
    for name, forge in POD.items():
        operator, chain = SmallOperator(SmallCluster()), Chain()
        for plural, raw in (("evalruns", chain.run), ("jobs", chain.job)):
            operator.telling.told(plural, raw)
        operator.wanted.clear()
        forge(chain)
        for version, deleted in ((10, False), (11, False), (12, True)):
            chain.pod["metadata"]["resourceVersion"] = str(version)
            operator.telling.told("pods", chain.pod, deleted=deleted)
        stray = an_event({**chain.job, "metadata": {**chain.job["metadata"], "namespace": "theirs"}})
        operator.telling.told("events", stray)
        assert operator.wanted == set(), name
        assert operator.cache.pods("u") == ()
        assert operator.cache.failed_creates("ns", ["j"]) == ()
        operator.close()


def test_strangers_push_nobody_out() -> None:
    """The ends of a run's own pods are kept, however many others end in its name."""
    operator, chain = SmallOperator(SmallCluster()), Chain()
    for plural, raw in (("evalruns", chain.run), ("jobs", chain.job), ("pods", chain.pod)):
        operator.telling.told(plural, raw)
    operator.telling.told("pods", ended(chain.pod, 9, 1))
    operator.telling.told("pods", ended(chain.pod, 10, 1), deleted=True)
    for number in range(100):
        for forge in (POD["the pod's namespace"], POD["no finalizer"]):
            stranger = Chain(pod=a_pod(chain.job, f"x{number}", 20))
            forge(stranger)
            operator.telling.told("pods", stranger.pod)
            operator.telling.told("pods", ended(stranger.pod, 21, 1), deleted=True)
    assert [pod.uid for pod in operator.cache.pods("u")] == ["p"]
    operator.close()


KEY: Key = ("PerfRun", "ns", "demo")
_LOST = {"type": "DisruptionTarget", "status": "True", "reason": "DeletionByTaintManager"}
ENDS: dict[str, Callable[[Object], Object]] = {
    "it fails for good": lambda pod: ended(pod, 1 << 40, 64),
    "it fails, and is counted": lambda pod: ended(pod, 1 << 40, 64, counted=True),
    "it succeeds": lambda pod: ended(pod, 1 << 40, 0, RECEIPT.decode()),
    "it succeeds, and is counted": lambda pod: ended(pod, 1 << 40, 0, RECEIPT.decode(), counted=True),
    "it is deleted": lambda pod: {**pod, "metadata": {**pod["metadata"], "deletionTimestamp": AT}},
    "its node is lost": lambda pod: {**pod, "status": {**pod["status"], "conditions": [_LOST]}},
}


@pytest.mark.parametrize("name", POD)
@pytest.mark.parametrize("end", ENDS)
def test_a_strangers_end_decides_nothing(name: str, end: str) -> None:
    """A load test ends with the first of its pods that ends badly: a stranger's end is not one of them."""
    cluster = SmallCluster()
    operator = SmallOperator(cluster)
    cluster.new("PerfRun", "demo", spec=perf_spec(), status={})

    def turn() -> Phase:
        for _ in range(3):
            cluster.controllers()
            operator.deliver()
            operator.work(KEY)
        return Phase(cluster.objects[KEY]["status"]["phase"])

    turn()
    [pod] = cluster.of_kind("Pod")
    cluster.start(pod)
    assert turn() is Phase.RUNNING
    stranger = Chain(pod=copy.deepcopy(pod))
    stranger.pod["metadata"].update(uid="x", name="demo-e1-0-x")
    POD[name](stranger)
    operator.telling.told("pods", stranger.pod)
    operator.telling.told("pods", ENDS[end](stranger.pod))
    cluster.now_s += 100
    assert turn() is Phase.RUNNING
    cluster.succeed(pod)
    assert turn() is Phase.SUCCEEDED
    [attempt] = cluster.objects[KEY]["status"]["attempts"]
    assert attempt["reason"] == "Completed"
    operator.close()


def test_a_receipt_of_another_shard_is_none() -> None:
    """In a pod's last words, too."""

    said = ended(a_pod(a_job(a_run()), index=1), 9, 0, RECEIPT.decode())
    assert facts.receipt_of(reading.pod(said)) is None


def test_a_job_is_its_runs_in_the_runs_own_namespace_alone() -> None:
    """Wherever it was found."""
    made = reading.job(a_job(a_run()))
    assert links.owns(("EvalRun", "ns", "demo"), "u", made)
    assert not links.owns(("EvalRun", "ns", "demo"), "u", replace(made, namespace="theirs"))
