"""Calls to the API server through the asyncio client of the `kubernetes` library, on plain documents.

The library's client objects cost a second to import and tens of megabytes, and would turn answers into models that are
not needed here. This module uses the layer below (configuration, authentication, connections). No retries and no
decisions here. A refusal of the API server is raised as `Rejected` with its message.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import orjson
from kubernetes.aio import config
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.config.config_exception import ConfigException

from evalkube_api import errors
from evalkube_api.kubernetes import rejections
from evalkube_api.kubernetes.ids import Key
from evalkube_api.kubernetes.rejections import Rejected, Unavailable
from evalkube_crds.names import GROUP, VERSION, Kind

__all__ = ["Cluster", "Pieces", "Unreachable", "answered", "connect"]

Object = dict[str, Any]
Query = Mapping[str, str | int | bool]
Pieces = AsyncGenerator[bytes, None]
"""To be closed by whoever does not read them to the end."""

_PLURALS: Final = {Kind.EVAL_RUN: "evalruns", Kind.PERF_RUN: "perfruns"}
_CONNECTIONS: Final = 256
"""At once: watches and followed logs keep theirs."""

_CALLS: Final = 8
"""At once, watches and logs apart: more are no faster, and each connection's TLS holds a quarter of a megabyte."""

_CALL_S: Final = 15.0
_CONNECT_S: Final = 5.0
_FIELDS = "Strict"  # a field that the cluster's definition does not have would be dropped without a word


class Unreachable(Exception):
    """The API server did not answer. Whether the call was executed is not known."""


async def connect(kubeconfig: Path | None) -> "Cluster":
    """A connection with the pod's service account, or with a kubeconfig if one is given. Raises errors.ServiceError."""
    configuration = Configuration()
    try:
        if kubeconfig is None:
            config.load_incluster_config(configuration)  # type: ignore[no-untyped-call]  # the library's
        else:
            await config.load_kube_config(  # type: ignore[no-untyped-call]  # the library's
                str(kubeconfig), client_configuration=configuration
            )
    except (ConfigException, OSError) as problem:
        raise errors.ServiceError(f"no access to a cluster: {problem}; run in a pod, or set KUBECONFIG") from None
    configuration.connection_pool_maxsize = _CONNECTIONS
    configuration.proxy = configuration.proxy or _proxy_for(configuration.host)
    configuration.client_session_kwargs = {"trust_env": False, "cookie_jar": aiohttp.DummyCookieJar()}
    return Cluster(ApiClient(configuration))


def _proxy_for(url: str) -> str | None:
    """The environment's proxy, read once: aiohttp would read it before every request, in a thread."""
    parts = urlsplit(url)
    return None if proxy_bypass(parts.netloc) else getproxies().get(parts.scheme)


class Cluster:
    """One API server."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client
        self._turns = asyncio.Semaphore(_CALLS)
        self._closed = False

    async def close(self) -> None:
        """Closes every connection."""
        self._closed = True
        await self._client.close()  # type: ignore[no-untyped-call]  # the library's

    # runs

    async def create_run(self, manifest: Mapping[str, Any]) -> Object:
        """Creates a run. Raises Rejected, Unreachable."""
        path = _runs(Kind(manifest["kind"]), manifest["metadata"]["namespace"])
        return await self._call("POST", path, {"fieldValidation": _FIELDS}, body=manifest)

    async def get_run(self, key: Key) -> Object | None:
        """The run; None if it (or its namespace) does not exist. Raises Rejected, Unreachable."""
        try:
            return await self._call("GET", f"{_runs(key.kind, key.namespace)}/{key.name}")
        except Rejected as refused:
            if refused.status == 404 and refused.details.get("name"):
                return None
            raise

    async def patch_run(self, key: Key, uid: str, change: Mapping[str, Any]) -> Object:
        """Merges `change` into the run with that UID. Raises Rejected (`another`), Unreachable."""
        body = {"metadata": {"uid": uid}, **change}
        path = f"{_runs(key.kind, key.namespace)}/{key.name}"
        return await self._call("PATCH", path, body=body, content_type="application/merge-patch+json")

    async def delete_run(self, key: Key, uid: str) -> None:
        """Deletes the run with that UID. No error if it is gone. Raises Rejected (`another`), Unreachable."""
        body = {"preconditions": {"uid": uid}, "propagationPolicy": "Background"}
        with contextlib.suppress(_Missing):
            await self._call("DELETE", f"{_runs(key.kind, key.namespace)}/{key.name}", body=body)

    async def list_runs(self, kind: Kind, namespace: str | None, *, limit: int, after: str = "") -> Object:
        """One page of runs. Raises Rejected (410: start again), Unreachable."""
        query: dict[str, str | int | bool] = {"limit": limit}
        if after:
            query["continue"] = after
        return await self._call("GET", _runs(kind, namespace), query)

    def watch_runs(self, kind: Kind, namespace: str | None, *, version: str, timeout_s: int, quiet_s: float) -> Pieces:
        """Lines of JSON from a watch, until the API server ends it.

        Raises Rejected, Unreachable (also after `quiet_s` seconds of silence).
        """
        query: dict[str, str | int | bool] = {
            "watch": True,
            "allowWatchBookmarks": True,
            "resourceVersion": version,
            "timeoutSeconds": timeout_s,
        }
        return _lines(self._stream(_runs(kind, namespace), query, quiet_s=quiet_s))

    # what belongs to runs

    async def create_secret(self, manifest: Mapping[str, Any]) -> None:
        """Creates a Secret. Raises Rejected, Unreachable."""
        await self._call("POST", f"/api/v1/namespaces/{manifest['metadata']['namespace']}/secrets", body=manifest)

    async def list_pods(self, namespace: str, label: str) -> list[Object]:
        """The pods with that label. Raises Rejected, Unreachable."""
        page = await self._call("GET", f"/api/v1/namespaces/{namespace}/pods", {"labelSelector": label})
        items: list[Object] = page["items"]
        return items

    def pod_log(
        self, namespace: str, pod: str, *, container: str, tail_lines: int | None, follow: bool, quiet_s: float | None
    ) -> Pieces:
        """The chunks of a container's log; with `follow` until the container ends. Raises Rejected, Unreachable."""
        query: dict[str, str | int | bool] = {"container": container, "follow": follow}
        if tail_lines is not None:
            query["tailLines"] = tail_lines
        return self._stream(f"/api/v1/namespaces/{namespace}/pods/{pod}/log", query, quiet_s=quiet_s)

    # the wire

    async def _call(
        self,
        method: str,
        path: str,
        query: Query | None = None,
        *,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
    ) -> Object:
        limits = aiohttp.ClientTimeout(total=_CALL_S, sock_connect=_CONNECT_S)
        async with self._turns, self._answered(method, path, query, body, content_type, limits) as response:
            found: Object = orjson.loads(await response.read())
            return found

    async def _stream(self, path: str, query: Query, *, quiet_s: float | None) -> Pieces:
        limits = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_S, sock_read=quiet_s)
        async with self._answered("GET", path, query, None, "application/json", limits) as response:
            async for chunk in response.content.iter_any():
                yield chunk

    @contextlib.asynccontextmanager
    async def _answered(
        self,
        method: str,
        path: str,
        query: Query | None,
        body: Mapping[str, Any] | None,
        content_type: str,
        limits: aiohttp.ClientTimeout,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        if self._closed:
            raise Unreachable("the service is stopping")
        try:
            request = await self._client.param_serialize(
                method,
                path,
                query_params=list((query or {}).items()),
                header_params={"Accept": "application/json, */*", "Content-Type": content_type},
                body=body,
                auth_settings=["BearerToken"],
            )
            answer = await self._client.call_api(*request, _request_timeout=limits)
            async with answer.response as response:
                if response.status >= 300:
                    raise _rejected(response, await response.read())
                yield response
        except (aiohttp.ClientError, TimeoutError, OSError) as problem:
            raise Unreachable(f"the API server did not answer ({_words(problem)})") from None


@contextlib.contextmanager
def answered(doing: str) -> Iterator[None]:
    """Turns a refusal of the API server, or a missing answer, into an error for the client."""
    try:
        yield
    except Rejected as refused:
        raise rejections.answer(refused, doing) from None
    except Unreachable as problem:
        raise Unavailable(f"cannot {doing} now: {problem}") from None


class _Missing(Rejected):
    """404 with a name: this object does not exist."""


def _runs(kind: Kind, namespace: str | None) -> str:
    place = f"namespaces/{namespace}/" if namespace is not None else ""
    return f"/apis/{GROUP}/{VERSION}/{place}{_PLURALS[kind]}"


def _rejected(response: aiohttp.ClientResponse, data: bytes) -> Rejected:
    try:
        status = orjson.loads(data)
        message, details = str(status.get("message") or ""), status.get("details") or {}
        reason = str(status.get("reason") or "")
    except (ValueError, AttributeError):
        message, details, reason = data[:500].decode(errors="replace").strip(), {}, response.reason or ""
    wait = details.get("retryAfterSeconds") or response.headers.get("Retry-After") or ""
    retry_after_s = float(wait) if str(wait).isdecimal() else None
    missing = response.status == 404 and details.get("name")
    return (_Missing if missing else Rejected)(response.status, reason, message, details, retry_after_s)


def _words(problem: BaseException) -> str:
    return str(problem) or type(problem).__name__


async def _lines(chunks: Pieces) -> Pieces:
    """Whole lines. An incomplete last line is dropped: the next watch sends it again."""
    held: list[bytes] = []
    async with contextlib.aclosing(chunks):
        async for chunk in chunks:
            first, *rest = chunk.split(b"\n")
            held.append(first)
            for piece in rest:
                line = b"".join(held)
                held = [piece]
                if line:
                    yield line
