"""The lists of a few served namespaces, one of which is gone with the Role in it."""

import asyncio

import pytest

from evalkube_crds.names import Kind
from evalkube_operator.cache import Cache
from evalkube_operator.cluster import Listed
from evalkube_operator.errors import Forbidden, OperatorError
from evalkube_operator.health import Health
from evalkube_operator.metrics import Metrics
from evalkube_operator.unread import Unread
from evalkube_operator.watching import Watching
from fakes.small_cluster import eval_spec


class Lists:
    """`watching.Lists`: a run in each namespace, and no right to read what is in `gone`."""

    def __init__(self) -> None:
        self.gone: set[str] = set()

    def _refuse(self, namespace: str | None) -> None:
        if namespace in self.gone:
            raise Forbidden(403, f"may not list in {namespace}")

    async def list_runs(self, kind: Kind, namespace: str | None) -> Listed:
        """See `watching.Lists`."""
        self._refuse(namespace)
        stamp = "2026-11-01T00:00:00Z"
        names = {"namespace": namespace, "name": "demo", "uid": f"{kind}-{namespace}", "resourceVersion": "1"}
        metadata = {**names, "creationTimestamp": stamp, "generation": 1}
        return [{"metadata": metadata, "spec": eval_spec(), "status": {}}] if kind is Kind.EVAL_RUN else [], 2

    async def list_jobs(self, namespace: str | None, selector: str) -> Listed:
        """See `watching.Lists`."""
        self._refuse(namespace)
        return [], 2

    async def list_pods(self, namespace: str | None, selector: str) -> Listed:
        """See `watching.Lists`."""
        self._refuse(namespace)
        return [], 2

    async def list_events(self, namespace: str | None, selector: str) -> Listed:
        """See `watching.Lists`."""
        self._refuse(namespace)
        return [], 2


@pytest.fixture
def lists() -> Lists:
    """A new one."""
    return Lists()


def watching_of(lists: Lists, *namespaces: str) -> tuple[Watching, Cache]:
    """Those namespaces served."""
    cache, unread = Cache(lambda _: None), Unread(lambda _: None)
    health = Health(lambda: 1.0)
    made = Watching(cluster=lists, cache=cache, namespaces=namespaces, health=health, metrics=Metrics(), unread=unread)
    return made, cache


def test_a_namespace_that_is_gone_stops_nothing(lists: Lists) -> None:
    """The others are served; what was known of it stays, and is known to be incomplete."""
    watching, cache = watching_of(lists, "own", "team")
    asyncio.run(watching.resync())
    lists.gone.add("team")
    assert not asyncio.run(watching.resync())
    assert watching.passed_over == {"team"}
    assert len(cache) == 2
    assert asyncio.run(watching_of(lists, "own", "team")[0].readable()) == ["own"]


def test_a_namespace_that_is_there_again_is_told(lists: Lists) -> None:
    """It has to be watched anew."""
    watching, _ = watching_of(lists, "own", "team")
    lists.gone.add("team")
    assert asyncio.run(watching.readable()) == ["own"]
    assert not asyncio.run(watching.resync())
    lists.gone.clear()
    assert asyncio.run(watching.resync())
    assert not watching.passed_over


@pytest.mark.parametrize("served", [("own",), ("own", "team")])
def test_no_namespace_at_all_is_an_error(lists: Lists, served: tuple[str, ...]) -> None:
    """Then the rights are missing, and it is tried again."""
    lists.gone |= {"own", "team"}
    watching, _ = watching_of(lists, *served)
    with pytest.raises(OperatorError):
        asyncio.run(watching.resync())
    assert asyncio.run(watching.readable()) == list(served)
