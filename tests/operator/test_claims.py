"""Which of two releases serves a namespace."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from evalkube_operator.claims import AGAIN_S, LEASE, Claims
from evalkube_operator.errors import Conflict, Forbidden, NotFound, Unavailable

Object = dict[str, Any]


@dataclass
class Leases:
    """The namespaces' Leases; `rival`: who is a moment faster; `fault`: what every call meets."""

    there: dict[str, Object] = field(default_factory=dict)
    rival: str = ""
    fault: Exception | None = None
    calls: int = 0
    now_s: float = 0.0

    def clock(self) -> float:
        """The operator's."""
        return self.now_s

    async def get_lease(self, namespace: str, name: str) -> Object | None:
        """See `claims`."""
        self._count()
        assert name == LEASE
        return self.there.get(namespace)

    async def put_lease(self, lease: Object) -> Object:
        """See `claims`: made, never replaced."""
        self._count()
        namespace = lease["metadata"]["namespace"]
        if self.rival:
            self.there[namespace] = {"spec": {"holderIdentity": self.rival}}
        if namespace in self.there:
            raise Conflict("there")
        self.there[namespace] = lease
        return lease

    async def cluster_role_uid(self, name: str) -> str | None:
        """See `claims`."""
        self._count()
        return f"uid of {name}"

    def _count(self) -> None:
        self.calls += 1
        if self.fault is not None:
            raise self.fault

    def of(self, release: str) -> Claims:
        """The claims of a release's operator."""
        return Claims(self, holder=f"evals/{release}", role=f"{release}-role", clock=self.clock)


def other(claims: Claims, namespace: str = "team") -> str | None:
    """Who else serves the namespace."""
    return asyncio.run(claims.other(namespace))


def test_the_first_serves_and_the_second_leaves_alone(caplog: pytest.LogCaptureFixture) -> None:
    """And says so once, and whom to ask; elsewhere it serves."""
    leases = Leases()
    first, second = leases.of("a"), leases.of("b")
    assert other(first) is None
    assert [other(second), other(second)] == ["evals/a", "evals/a"]
    assert other(second, "own") is None
    assert second.others == {"team": "evals/a"}
    assert [second.held(each) for each in ("team", "own", "unseen")] == [False, True, False]
    assert caplog.text.count("served by the release evals/a") == 1


def test_of_two_at_once_one_serves() -> None:
    """The API server makes a Lease once."""
    leases = Leases(rival="evals/a")
    assert other(leases.of("b")) == "evals/a"


def test_a_claim_goes_with_its_release() -> None:
    """Kubernetes deletes what the ClusterRole owned; the other release then serves."""
    leases = Leases()
    first, second = leases.of("a"), leases.of("b")
    assert (other(first), other(second)) == (None, "evals/a")
    (owner,) = leases.there["team"]["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["uid"]) == ("ClusterRole", "a-role", "uid of a-role")
    del leases.there["team"]
    leases.now_s = AGAIN_S
    assert other(second) is None
    assert leases.there["team"]["spec"]["holderIdentity"] == "evals/b"


def test_a_restart_finds_its_own_claim() -> None:
    """Also under an owner of an earlier installation."""
    leases = Leases()
    assert other(leases.of("a")) is None
    assert other(leases.of("a")) is None


def test_a_namespace_that_is_made_anew_is_claimed_anew() -> None:
    """The Lease went with the old one."""
    leases = Leases()
    claims = leases.of("a")
    assert other(claims) is None
    del leases.there["team"]
    leases.now_s = 61
    assert other(claims) is None
    assert "team" in leases.there


def test_many_runs_ask_once() -> None:
    """What is known for a minute costs the API server nothing."""
    leases = Leases()
    claims = leases.of("a")

    async def burst() -> None:
        await asyncio.gather(*(claims.other("team") for _ in range(100)))

    asyncio.run(burst())
    assert leases.calls == 3


@pytest.mark.parametrize(
    ("fault", "served"), [(Forbidden(403, "no"), True), (NotFound("none"), True), (Unavailable("away"), False)]
)
def test_what_cannot_be_known(fault: Exception, served: bool) -> None:
    """A namespace that takes no Lease (it is being deleted, or gone) is served; an API server that is away is asked
    again."""
    claims = Leases(fault=fault).of("a")
    if served:
        assert other(claims) is None
    else:
        with pytest.raises(Unavailable):
            other(claims)
