"""A Kubernetes API server as far as runs need one, over real HTTP: list, watch (bookmarks, 410), create, get, merge
patch, delete for runs, Secrets and pods, and pods' logs. What it stores and who asked is there for tests to look at.

It knows no controllers: tests play the operator by `set_status`. Faults are asked for by name.
"""

import asyncio
import contextlib
import copy
import json
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import web

__all__ = ["ApiServer", "Fault", "running_api_server"]

Object = dict[str, Any]
Answer = TypeVar("Answer")

_GROUP = "/apis/evalkube.io/v1alpha1"
_KINDS = {"evalruns": "EvalRun", "perfruns": "PerfRun", "secrets": "Secret", "pods": "Pod"}


@dataclass
class Fault:
    """What happens to the next `times` calls with this verb on this resource.

    `status` and `body`: answered instead. `lost`: the call is carried out, and the connection closed without an
    answer.
    """

    verb: str
    resource: str
    status: int = 500
    body: Object = field(default_factory=dict)
    times: int = 1
    lost: bool = False
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class _Watch:
    resource: str
    namespace: str | None
    queue: "asyncio.Queue[Object | None]"


class ApiServer:
    """Methods may be called from any thread."""

    def __init__(self) -> None:
        self.url = ""
        self.calls: Counter[str] = Counter()
        self.requests: list[tuple[str, str]] = []
        self.logs: dict[str, list[bytes]] = {}
        self._objects: dict[tuple[str, str, str], Object] = {}
        self._version = 100
        self._oldest = 0
        self._history: list[tuple[int, str, Object]] = []
        self._watches: list[_Watch] = []
        self._faults: list[Fault] = []
        self._denied: list[tuple[str, str, str | None]] = []
        self._open_logs: list[asyncio.Event] = []
        self._loop = asyncio.new_event_loop()
        self._port = 0
        self._runner: web.AppRunner | None = None

    # what tests see and do

    def objects(self, resource: str) -> list[Object]:
        """All of that resource, as they are now."""
        return self._call(
            lambda: [copy.deepcopy(one) for (kind, _, _), one in self._objects.items() if kind == resource]
        )

    def one(self, resource: str, name: str, namespace: str = "evals") -> Object | None:
        """The object of that name."""
        return self._call(lambda: copy.deepcopy(self._objects.get((resource, namespace, name))))

    def put(self, resource: str, raw: Object) -> Object:
        """Create or replace, as `kubectl apply` or a controller would."""
        return self._call(lambda: self._stored(resource, raw))

    def set_status(self, resource: str, name: str, namespace: str = "evals", **status: Any) -> None:
        """Merge into the run's status, as the operator would."""

        def change() -> None:
            raw = copy.deepcopy(self._objects[resource, namespace, name])
            raw["status"] = {**raw.get("status", {}), **status}
            self._stored(resource, raw)

        self._call(change)

    def remove(self, resource: str, name: str, namespace: str = "evals") -> None:
        """Delete."""
        self._call(lambda: self._removed((resource, namespace, name)))

    def fail(self, fault: Fault) -> None:
        """From the next matching call on."""
        self._call(lambda: self._faults.append(fault))

    def deny(self, verb: str, resource: str, namespace: str | None = None) -> None:
        """RBAC without this permission (in all namespaces)."""
        self._call(lambda: self._denied.append((verb, resource, namespace)))

    def allow(self) -> None:
        """RBAC with every permission again."""
        self._call(self._denied.clear)

    def watchers(self, resource: str) -> int:
        """Watches that are open now."""
        return self._call(lambda: sum(watch.resource == resource for watch in self._watches))

    def cut_watches(self) -> None:
        """Close the connection of every watch."""

        def cut() -> None:
            for watch in self._watches:
                watch.queue.put_nowait(None)

        self._call(cut)

    def compact(self) -> None:
        """Forget all history: watches from an earlier version get 410."""
        self._call(self._compact)

    def bookmark(self) -> None:
        """Tell every watch how far it is."""
        self._call(self._bookmark)

    def error_in_watch(self, code: int = 410) -> None:
        """Every watch is told of an error within its stream, and closed."""

        def tell() -> None:
            for watch in self._watches:
                status = {"kind": "Status", "code": code, "reason": "Expired", "message": "too old resource version"}
                watch.queue.put_nowait({"type": "ERROR", "object": status})
                watch.queue.put_nowait(None)

        self._call(tell)

    def write_log(self, pod: str, data: bytes) -> None:
        """The pod's runner writes."""

        def append() -> None:
            self.logs.setdefault(pod, []).append(data)
            self._wake_logs()

        self._call(append)

    def stop(self) -> None:
        """No longer there: connections refused and cut."""
        self._wait(self._stop())

    def restart(self) -> None:
        """There again, at the same address and with what it had."""
        self._wait(self._start())

    def kubeconfig(self, path: Path, namespace: str = "evals") -> Path:
        """A kubeconfig that leads here."""
        context = {"cluster": "fake", "user": "tester", "namespace": namespace}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "fake",
            "clusters": [{"name": "fake", "cluster": {"server": self.url}}],
            "users": [{"name": "tester", "user": {"token": "t0k"}}],
            "contexts": [{"name": "fake", "context": context}],
        }
        path.write_text(json.dumps(document))
        return path

    # the state

    def _stored(self, resource: str, raw: Object) -> Object:
        raw = copy.deepcopy(raw)
        metadata = raw["metadata"]
        metadata.setdefault("namespace", "evals")
        key = (resource, metadata["namespace"], metadata["name"])
        before = self._objects.get(key)
        self._version += 1
        metadata.setdefault("uid", before["metadata"]["uid"] if before else str(uuid.uuid4()))
        metadata.setdefault("creationTimestamp", datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
        metadata["resourceVersion"] = str(self._version)
        metadata["managedFields"] = [{"manager": "fake", "operation": "Update", "fieldsV1": {"f:spec": {}}}]
        raw.setdefault("kind", _KINDS[resource])
        self._objects[key] = raw
        self._tell(resource, "MODIFIED" if before else "ADDED", raw)
        return copy.deepcopy(raw)

    def _removed(self, key: tuple[str, str, str]) -> None:
        raw = self._objects.pop(key)
        self._version += 1
        raw["metadata"]["resourceVersion"] = str(self._version)
        self._tell(key[0], "DELETED", raw)
        uid = raw["metadata"]["uid"]
        for other, one in list(self._objects.items()):
            if any(owner["uid"] == uid for owner in one["metadata"].get("ownerReferences", ())):
                self._removed(other)

    def _tell(self, resource: str, kind: str, raw: Object) -> None:
        event = {"type": kind, "object": copy.deepcopy(raw)}
        self._history.append((self._version, resource, event))
        for watch in self._watches:
            if watch.resource == resource and watch.namespace in (None, raw["metadata"]["namespace"]):
                watch.queue.put_nowait(event)

    def _compact(self) -> None:
        self._version += 1
        self._oldest = self._version
        self._history.clear()

    def _bookmark(self) -> None:
        for watch in self._watches:
            raw = {"kind": _KINDS[watch.resource], "metadata": {"resourceVersion": str(self._version)}}
            watch.queue.put_nowait({"type": "BOOKMARK", "object": raw})

    def _wake_logs(self) -> None:
        for event in self._open_logs:
            event.set()

    # HTTP

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        resource, namespace, name, part = _parsed(request.path)
        verb = _verb(request, name, part)
        self.calls[f"{verb} {resource}"] += 1
        self.requests.append((request.method, request.path_qs))
        what = f"{resource}/{part}" if part else resource
        refused = self._forbidden(verb, what, namespace)
        if refused is not None:
            return refused
        fault = self._fault(verb, what)
        if fault is not None and not fault.lost:
            return web.json_response(fault.body or _status(fault.status, "Fault", "it failed"), status=fault.status,
                                     headers=fault.headers)  # fmt: skip
        answer = await self._do(request, verb, (resource, namespace or "", name or ""))
        if fault is not None:
            assert request.transport is not None
            request.transport.abort()
        return answer

    async def _do(self, request: web.Request, verb: str, key: tuple[str, str, str]) -> web.StreamResponse:
        if verb == "watch":
            return await self._watched(request, key[0], key[1] or None)
        if verb == "list":
            return self._listed(request, key[0], key[1] or None)
        if verb == "create":
            return self._created(key[0], key[1], await request.json())
        if key not in self._objects:
            return _error(404, "NotFound", f'{key[0]} "{key[2]}" not found', name=key[2], kind=key[0])
        if request.path.endswith("/log"):
            return await self._log(request, key[2])
        if verb == "get":
            return web.json_response(self._objects[key])
        body = await request.json()
        if verb == "delete":
            wanted = (body.get("preconditions") or {}).get("uid")
            if wanted not in (None, self._objects[key]["metadata"]["uid"]):
                return _error(409, "Conflict", "the UID in the precondition does not match", name=key[2])
            self._removed(key)
            return web.json_response({"kind": "Status", "status": "Success"})
        return self._patched(request, key, body)

    def _created(self, resource: str, namespace: str, raw: Object) -> web.Response:
        name = raw["metadata"]["name"]
        if namespace == "nowhere":
            return _error(404, "NotFound", 'namespaces "nowhere" not found', name="nowhere", kind="namespaces")
        if (resource, namespace, name) in self._objects:
            return _error(409, "AlreadyExists", f'{resource} "{name}" already exists', name=name)
        raw["metadata"]["namespace"] = namespace
        return web.json_response(self._stored(resource, raw), status=201)

    def _patched(self, request: web.Request, key: tuple[str, str, str], body: Object) -> web.Response:
        if request.content_type != "application/merge-patch+json":
            return _error(415, "UnsupportedMediaType", "only merge patches here")
        raw = copy.deepcopy(self._objects[key])
        uid = body.get("metadata", {}).get("uid")
        if uid not in (None, raw["metadata"]["uid"]):
            cause = {"field": "metadata.uid", "message": "Invalid value: field is immutable"}
            return _error(422, "Invalid", "metadata.uid: field is immutable", name=key[2], causes=[cause])
        _merge(raw, body)
        return web.json_response(self._stored(key[0], raw))

    def _listed(self, request: web.Request, resource: str, namespace: str | None) -> web.Response:
        after = request.query.get("continue", "")
        selector = dict(pair.split("=") for pair in request.query.get("labelSelector", "").split(",") if pair)
        found = [
            one
            for (kind, place, name), one in sorted(self._objects.items())
            if kind == resource
            and namespace in (None, place)
            and f"{place}/{name}" > after
            and selector.items() <= one["metadata"].get("labels", {}).items()
        ]
        limit = int(request.query.get("limit", 0)) or len(found)
        shown, rest = found[:limit], found[limit:]
        metadata = {"resourceVersion": str(self._version)}
        if rest:
            last = shown[-1]["metadata"]
            metadata["continue"] = f"{last['namespace']}/{last['name']}"
        items = [{key: value for key, value in one.items() if key != "kind"} for one in shown]
        return web.json_response({"kind": "List", "metadata": metadata, "items": items})

    async def _watched(self, request: web.Request, resource: str, namespace: str | None) -> web.StreamResponse:
        since = int(request.query["resourceVersion"])
        if since < self._oldest:
            return _error(410, "Expired", "too old resource version")
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        watch = _Watch(resource, namespace, asyncio.Queue())
        for version, kind, event in self._history:
            place = event["object"]["metadata"]["namespace"]
            if version > since and kind == resource and namespace in (None, place):
                watch.queue.put_nowait(event)
        self._watches.append(watch)
        try:
            while (news := await watch.queue.get()) is not None:
                await response.write(json.dumps(news).encode() + b"\n")
        except ConnectionError:
            pass  # the client has left
        finally:
            self._watches.remove(watch)
        return response

    async def _log(self, request: web.Request, pod: str) -> web.StreamResponse:
        """The log of a pod; followed until the pod has the phase Succeeded or Failed."""
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        await response.prepare(request)
        written = b"".join(self.logs.get(pod, []))
        if "tailLines" in request.query:
            lines = written.splitlines(keepends=True)
            written = b"".join(lines[len(lines) - int(request.query["tailLines"]) :])
        await response.write(written)
        seen, changed = len(self.logs.get(pod, [])), asyncio.Event()
        self._open_logs.append(changed)
        try:
            while request.query.get("follow") == "true" and not self._ended(pod):
                await changed.wait()
                changed.clear()
                for piece in self.logs.get(pod, [])[seen:]:
                    await response.write(piece)
                seen = len(self.logs.get(pod, []))
        finally:
            self._open_logs.remove(changed)
        return response

    def _ended(self, pod: str) -> bool:
        found = next((one for (kind, _, name), one in self._objects.items() if (kind, name) == ("pods", pod)), {})
        return found.get("status", {}).get("phase") in (None, "Succeeded", "Failed")

    def _forbidden(self, verb: str, resource: str, namespace: str | None) -> web.Response | None:
        for denied_verb, denied, place in self._denied:
            if (denied_verb, denied) == (verb, resource) and place in (None, namespace):
                group = "evalkube.io" if resource.endswith("runs") else ""
                where = f' in the namespace "{namespace}"' if namespace else " at the cluster scope"
                message = (
                    f'{resource}.{group} is forbidden: User "system:serviceaccount:evals:api" cannot {verb} resource'
                    f' "{resource}" in API group "{group}"{where}'
                )
                return _error(403, "Forbidden", message)
        return None

    def _fault(self, verb: str, resource: str) -> Fault | None:
        for fault in self._faults:
            if (fault.verb, fault.resource) == (verb, resource) and fault.times > 0:
                fault.times -= 1
                return fault
        return None

    # life

    def _call(self, work: Callable[[], Answer]) -> Answer:
        done: Future[Answer] = Future()

        def run() -> None:
            try:
                done.set_result(work())
            except BaseException as problem:
                done.set_exception(problem)

        self._loop.call_soon_threadsafe(run)
        return done.result(timeout=60)

    def _wait(self, coroutine: Any) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout=60)

    async def _start(self) -> None:
        app = web.Application(client_max_size=4 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True, backlog=1024)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self._port}"

    async def _stop(self) -> None:
        for watch in self._watches:
            watch.queue.put_nowait(None)
        self._wake_logs()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


@contextlib.contextmanager
def running_api_server() -> Iterator[ApiServer]:
    """One on a free port, in a thread of its own."""
    server = ApiServer()
    thread = threading.Thread(target=server._loop.run_forever, daemon=True)
    thread.start()
    try:
        server.restart()
        yield server
    finally:
        server.stop()
        server._loop.call_soon_threadsafe(server._loop.stop)
        thread.join(timeout=60)
        server._loop.close()


def _parsed(path: str) -> tuple[str, str | None, str | None, str | None]:
    """Resource, namespace, name, subresource."""
    parts = path.removeprefix(_GROUP).removeprefix("/api/v1").strip("/").split("/")
    namespace = None
    if parts[0] == "namespaces":
        namespace, parts = parts[1], parts[2:]
    resource, name, part = [*parts, None, None][:3]
    assert resource is not None
    return resource, namespace, name, part


def _verb(request: web.Request, name: str | None, part: str | None) -> str:
    if request.method == "GET" and name is None:
        return "watch" if request.query.get("watch") == "true" else "list"
    return {"GET": "get", "POST": "create", "PATCH": "patch", "DELETE": "delete"}[request.method]


def _status(code: int, reason: str, message: str, **details: Any) -> Object:
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "code": code,
        "reason": reason,
        "message": message,
        "details": details,
    }


def _error(code: int, reason: str, message: str, **details: Any) -> web.Response:
    return web.json_response(_status(code, reason, message, **details), status=code)


def _merge(target: Object, change: Object) -> None:
    for name, value in change.items():
        if isinstance(value, dict) and isinstance(target.get(name), dict):
            _merge(target[name], value)
        elif value is None:
            target.pop(name, None)
        else:
            target[name] = value
