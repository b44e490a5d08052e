"""The decisions inside the adapters: answers into errors, whose Lease it is, whose token, what is healthy."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from evalkube_operator import cluster, errors, leader, settings
from evalkube_operator.health import Health
from evalkube_operator.leader import Election, Observed

Object = dict[str, Any]

ANSWERS = {
    "not there": (404, "", errors.NotFound),
    "there already, or changed": (409, "", errors.Conflict),
    "a watch's past": (410, "", errors.Gone),
    "not allowed, or over a quota": (403, "", errors.Forbidden),
    "not valid": (422, "", errors.Refused),
    "too large for etcd, as a 500": (500, "etcdserver: request is too large", errors.Refused),
    "too large": (413, "", errors.Refused),
    "slow down": (429, "", errors.Unavailable),
    "a token that is being renewed": (401, "", errors.Unavailable),
    "out of order": (503, "", errors.Unavailable),
}


@pytest.mark.parametrize(("status", "message", "kind"), ANSWERS.values(), ids=ANSWERS.keys())
def test_what_an_answer_means(status: int, message: str, kind: type[errors.OperatorError]) -> None:
    """By what its asker does next."""
    found = cluster.error_of(status, json.dumps({"message": message}).encode(), "GET", "/x", "7")
    assert type(found) is kind
    if isinstance(found, errors.Unavailable):
        assert found.retry_after_s == 7


def test_an_answer_that_is_no_json() -> None:
    """From a proxy on the way."""
    assert isinstance(cluster.error_of(502, b"<html>", "GET", "/x"), errors.Unavailable)


def lease(holder: str, version: str = "1") -> Object:
    """A Lease of 15 s."""
    return {"metadata": {"resourceVersion": version}, "spec": {"holderIdentity": holder, "leaseDurationSeconds": 15}}


@pytest.mark.parametrize(
    ("found", "observed", "may"),
    [
        (None, None, True),
        (lease("me"), None, True),
        (lease(""), None, True),
        (lease("you"), None, False),
        (lease("you"), Observed("1", 90), False),
        (lease("you"), Observed("1", 84), True),
        (lease("you", "2"), Observed("1", 10), False),
    ],
    ids=["none", "mine", "given up", "unseen", "fresh", "not renewed", "renewed since"],
)
def test_who_may_lead(found: Object | None, observed: Observed | None, may: bool) -> None:
    """Judged by this machine's clock alone: nobody else's needs to be right."""
    assert leader.judge(found, "me", observed, 100.0) is may


class Leases:
    """One Lease with versions; `down`: the API server does not answer."""

    def __init__(self) -> None:
        self.lease: Object | None = None
        self.down = False
        self.looks = 0
        self.pods = {"first", "second"}

    async def looked(self, times: int) -> None:
        """Wait until somebody has looked so many more times."""
        wanted = self.looks + times
        async with asyncio.timeout(30):
            while self.looks < wanted:
                await asyncio.sleep(0.001)

    async def get_lease(self, namespace: str, name: str) -> Object | None:
        """See `leader`."""
        self.looks += 1
        if self.down:
            raise errors.Unavailable("down")
        return json.loads(json.dumps(self.lease)) if self.lease else None

    async def pod_is_there(self, namespace: str, name: str) -> bool:
        """See `leader`."""
        return name in self.pods

    async def put_lease(self, lease: Object) -> Object:
        """See `leader`."""
        if self.down:
            raise errors.Unavailable("down")
        version = self.lease["metadata"]["resourceVersion"] if self.lease else None
        if lease["metadata"].get("resourceVersion") != version:
            raise errors.Conflict("changed")
        lease["metadata"]["resourceVersion"] = str(int(version or 0) + 1)
        self.lease = lease
        return lease


def test_a_pod_that_is_gone_is_not_waited_for() -> None:
    """Its Lease has long to go; the successor of a pod leads as soon as the pod is no more, and of no other process."""

    async def story(in_pod: bool) -> bool:
        leases = Leases()
        first, second = (
            Election(leases, namespace="ns", name="l", identity=name, in_pod=in_pod, every_s=0.001)
            for name in ("first", "second")
        )
        one = asyncio.create_task(first.run())
        await asyncio.wait_for(first.leading.wait(), 30)
        two = asyncio.create_task(second.run())
        await leases.looked(10)
        assert not second.leading.is_set()
        one.cancel()
        await asyncio.gather(one, return_exceptions=True)
        leases.pods.remove("first")
        if in_pod:
            await asyncio.wait_for(second.leading.wait(), 30)
        else:
            await leases.looked(4)
        two.cancel()
        await asyncio.gather(two, return_exceptions=True)
        return second.leading.is_set()

    assert asyncio.run(story(in_pod=True))
    assert not asyncio.run(story(in_pod=False))


def test_a_standby_takes_over() -> None:
    """At once where the lead was given up; after its time where it was not renewed; and the loser ends."""

    async def story() -> None:
        now = [0.0]
        leases = Leases()
        first, second = (
            Election(leases, namespace="ns", name="l", identity=name, clock=lambda: now[0], every_s=0.001)
            for name in ("first", "second")
        )
        one = asyncio.create_task(first.run())
        await asyncio.wait_for(first.leading.wait(), 30)
        two = asyncio.create_task(second.run())
        await leases.looked(10)
        assert not second.leading.is_set()
        one.cancel()
        await asyncio.gather(one, return_exceptions=True)
        await leases.looked(2)  # now the standby alone: it has seen the last version of the other
        now[0] += 16
        await asyncio.wait_for(second.leading.wait(), 30)
        assert leases.lease is not None
        assert leases.lease["spec"]["leaseTransitions"] == 1
        leases.down = True
        now[0] += 11
        await asyncio.wait_for(second.lost.wait(), 30)
        assert not second.leading.is_set()
        await two

    asyncio.run(story())


def test_giving_up_empties_the_lease() -> None:
    """So that nobody has to wait for its end."""

    async def story() -> Object | None:
        leases = Leases()
        election = Election(leases, namespace="ns", name="l", identity="me", every_s=0.001)
        task = asyncio.create_task(election.run())
        await asyncio.wait_for(election.leading.wait(), 30)
        task.cancel()
        await election.give_up()
        return leases.lease

    found = asyncio.run(story())
    assert found is not None
    assert found["spec"]["holderIdentity"] == ""


def test_signs_of_life() -> None:
    """The loop, the lists, the watches, the queue: each is missed on its own."""
    now = [0.0]
    health = Health(lambda: now[0])
    health.beat(0.0)
    health.listed("pods")
    assert not health.complaints(0.0)
    assert set(health.complaints(121.0)) == {"queue"}
    now[0] = 6
    assert set(health.complaints(0.0)) == {"loop"}
    now[0] = 181
    health.beat(0.0)
    assert set(health.complaints(0.0)) == {"pods"}
    health.listed("pods", missed=True)
    assert "tells nothing" in health.complaints(0.0)["pods"]
    health.told("pods")
    assert not health.complaints(0.0)


CONFIG: Object = {
    "namespaces": ["a"],
    "store": {"kind": "s3", "bucket": "b"},
    "ingest": {"url": "https://x:8443"},
    "allow": ["image"],
    "targets": {"denied": ["10.0.0.0/8"]},
    "runner": {"image": "evalkube:1", "userId": None, "nodeLossSeconds": 5},
}


def test_the_configuration_becomes_settings(tmp_path: Path) -> None:
    """As the chart writes it."""
    path = tmp_path / "operator.json"
    path.write_text(json.dumps(CONFIG))
    found = settings.read(["--config", str(path)])
    assert found.namespaces == ("a",)
    assert found.rules.allow == {"image"}
    assert found.rules.targets.denied == found.runner.targets.denied == ("10.0.0.0/8",)
    assert (found.runner.user_id, found.runner.node_loss_s) == (None, 5)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"nonsense": 1}, "nonsense"),
        ({"allow": ["root"]}, "root is no override"),
        ({"store": {"kind": "tape"}}, "store"),
        ({"targets": {"allowed": ["a.org", "10.0.0.0/33"]}}, r"targets\.allowed\.1: .*'10\.0\.0\.0/33' is neither"),
    ],
)
def test_a_wrong_configuration_is_said_so(tmp_path: Path, change: Object, words: str) -> None:
    """In one sentence, with the key."""
    path = tmp_path / "operator.json"
    path.write_text(json.dumps({**CONFIG, **change}))
    with pytest.raises(SystemExit, match=words):
        settings.read(["--config", str(path)])
