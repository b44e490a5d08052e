"""The log of a run: the output of its last attempt's runners, as Kubernetes keeps it.

Runners remove keys from their output. With several shards each line begins with the number of its shard.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from evalkube_api import errors
from evalkube_api.kubernetes import rejections
from evalkube_api.kubernetes.cluster import Cluster, Pieces, Unreachable
from evalkube_api.kubernetes.rejections import Rejected, Unavailable
from evalkube_crds.names import GROUP

__all__ = ["Pod", "followed", "last_pods", "pods_of", "written"]

_RUN_UID: Final = f"{GROUP}/run-uid"
_ATTEMPT: Final = f"{GROUP}/attempt"
_SHARD: Final = "batch.kubernetes.io/job-completion-index"
_CONTAINER: Final = "runner"
_FOLLOWED: Final = 64
"""Shards whose logs are followed at once; every one is a connection."""

_QUEUED: Final = 64
_LOOK_S: Final = 1.0
_REST_S: Final = 10.0
"""How long the rest of a log may take after the run's end: a lost node never ends its stream."""

Waiting = Callable[[float], Awaitable[bool]]
"""Waits for the run's end, at most so many seconds; whether it has ended. Raises errors.ShuttingDown."""


@dataclass(frozen=True, slots=True)
class Pod:
    """The pod of one runner. `started`: it has a log."""

    namespace: str
    name: str
    uid: str
    attempt: int
    shard: int
    created: str
    started: bool


async def pods_of(cluster: Cluster, namespace: str, run_uid: str) -> list[Pod]:
    """The pods of a run's last attempt, one for each shard, in their order. Raises errors.ApiError."""
    try:
        raw = await cluster.list_pods(namespace, f"{_RUN_UID}={run_uid}")
    except Rejected as refused:
        raise rejections.answer(refused, "find the run's pods") from None
    except Unreachable as problem:
        raise Unavailable(str(problem)) from None
    return last_pods(_pod(one) for one in raw)


def last_pods(pods: Iterable[Pod]) -> list[Pod]:
    """The newest pod of the last attempt for each shard. Pure."""
    every = sorted(pods, key=lambda pod: (pod.attempt, pod.created, pod.name))
    last = {pod.shard: pod for pod in every if pod.attempt == every[-1].attempt}
    return [last[shard] for shard in sorted(last)]


def _pod(raw: dict[str, Any]) -> Pod:
    metadata = raw["metadata"]
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    states = [each.get("state") or {} for each in (raw.get("status") or {}).get("containerStatuses") or []]
    return Pod(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        attempt=_number(labels.get(_ATTEMPT)),
        shard=_number(labels.get(_SHARD, annotations.get(_SHARD))),
        created=metadata["creationTimestamp"],
        started=any("running" in state or "terminated" in state for state in states),
    )


def _number(text: str | None) -> int:
    return int(text) if text is not None and text.isdecimal() else 0


async def written(cluster: Cluster, pods: list[Pod], tail_lines: int | None) -> Pieces:
    """The log so far, one shard after the other."""
    for pod in pods:
        if pod.started:
            async for chunk in _of_pod(cluster, pod, tail_lines, follow=False, numbered=len(pods) > 1):
                yield chunk


async def followed(
    cluster: Cluster, look: Callable[[], Awaitable[list[Pod]]], tail_lines: int | None, wait: Waiting
) -> Pieces:
    """The log until the run has ended, of current runners and of later ones."""
    chunks: asyncio.Queue[bytes | None] = asyncio.Queue(_QUEUED)
    readers: dict[str, asyncio.Task[None]] = {}

    async def read(pod: Pod, numbered: bool) -> None:
        with contextlib.suppress(errors.ApiError):  # it may have been deleted; what comes next is still wanted
            async for chunk in _of_pod(cluster, pod, tail_lines, follow=True, numbered=numbered):
                await chunks.put(chunk)

    async def watch_over() -> None:
        ended = False
        while True:
            with contextlib.suppress(Unavailable):
                pods = await look()
                for pod in pods[:_FOLLOWED]:
                    if pod.started and pod.uid not in readers:
                        readers[pod.uid] = asyncio.create_task(read(pod, len(pods) > 1))
            if ended:
                if readers:
                    await asyncio.wait(readers.values(), timeout=_REST_S)
                return
            ended = await wait(_LOOK_S)

    async def whole() -> None:
        try:
            with contextlib.suppress(errors.ShuttingDown):
                await watch_over()
        finally:
            await chunks.put(None)

    task = asyncio.create_task(whole())
    try:
        while (chunk := await chunks.get()) is not None:
            yield chunk
    finally:
        for each in (task, *readers.values()):
            each.cancel()
        await asyncio.gather(task, *readers.values(), return_exceptions=True)


async def _of_pod(cluster: Cluster, pod: Pod, tail_lines: int | None, *, follow: bool, numbered: bool) -> Pieces:
    """The log of a pod; empty if the pod or its log is gone."""
    pieces = cluster.pod_log(
        pod.namespace, pod.name, container=_CONTAINER, tail_lines=tail_lines, follow=follow, quiet_s=None
    )
    shown = _numbered(pieces, pod.shard) if numbered else pieces
    try:
        async with contextlib.aclosing(pieces), contextlib.aclosing(shown):
            async for piece in shown:
                yield piece
    except Rejected as refused:
        if refused.status not in (400, 404):
            raise rejections.answer(refused, "read the run's log") from None
    except Unreachable as problem:
        raise Unavailable(str(problem)) from None


async def _numbered(pieces: Pieces, shard: int) -> Pieces:
    """Whole lines, so that lines of several shards do not mix."""
    prefix, held = b"[%d] " % shard, b""
    async for piece in pieces:
        *lines, held = (held + piece).split(b"\n")
        if lines:
            yield b"".join(prefix + line + b"\n" for line in lines)
    if held:
        yield prefix + held + b"\n"
