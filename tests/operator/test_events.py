"""Events: about a run, and about the operator's own pod."""

import asyncio
from datetime import UTC, datetime

from evalkube_crds.names import Reason
from evalkube_operator import events
from evalkube_operator.actions import Announcement
from evalkube_operator.events import EventPoster, OwnPod
from fakes.small_cluster import SmallCluster

POD = OwnPod("evalkube", "evalkube-operator-0", "uid-1")
FULL = Announcement(Reason.STORE_FULL, "the store has no room", warning=True)


def test_an_event_about_the_operator_itself() -> None:
    """It stands where `kubectl describe pod` shows it, and each shortage is one of its own."""

    async def scenario() -> SmallCluster:
        cluster = SmallCluster()
        poster = EventPoster(cluster, POD.name)
        posting = asyncio.create_task(poster.run())
        for hour in (1, 2):
            poster.post(events.own(POD, FULL, datetime(2026, 1, 1, hour, tzinfo=UTC)))
        async with asyncio.timeout(30):
            while len(cluster.events) < 2:
                await asyncio.sleep(0.001)
        posting.cancel()
        return cluster

    first, second = asyncio.run(scenario()).events
    about = {"apiVersion": "v1", "kind": "Pod", "namespace": "evalkube", "name": POD.name, "uid": POD.uid}
    assert first["involvedObject"] == second["involvedObject"] == about
    assert (first["type"], first["reason"], first["message"]) == ("Warning", "StoreFull", "the store has no room")
    assert first["metadata"]["namespace"] == "evalkube"
    assert first["metadata"]["name"] != second["metadata"]["name"]
