"""The API server, through the shared client of `kubernetes.aio`: JSON objects in and out, and our errors.

The generated classes are left aside: turning objects into models costs more than the request. No decisions here, and
no retries: an answer that did not come is `Unavailable`, and whoever asked knows whether asking again is harmless.
"""

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import orjson
from kubernetes.aio import client, config

from evalkube_crds.names import GROUP, VERSION, Kind
from evalkube_operator.errors import Conflict, Forbidden, Gone, NotFound, OperatorError, Refused, Unavailable
from evalkube_operator.facts import CA_ANNOTATION, ObjectRef, PodFact, Referenced
from evalkube_operator.ports import Caller, Object, RunKey

__all__ = ["KubernetesCluster", "Listed", "error_of", "new_client"]

_TIMEOUT_S: Final = 30.0
_PAGE: Final = 500
_POOL: Final = 64
_PLURALS: Final = {Kind.EVAL_RUN: "evalruns", Kind.PERF_RUN: "perfruns"}
_REFERENCED: Final = {
    Referenced.SECRET: "secrets",
    Referenced.CONFIG_MAP: "configmaps",
    Referenced.CLAIM: "persistentvolumeclaims",
}
_METADATA_ONLY: Final = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_JSON_PATCH: Final = "application/json-patch+json"
_POD_WARNINGS: Final = "involvedObject.kind=Pod,type=Warning,reason!=FailedScheduling"
_POD_NAME: Final = "authentication.kubernetes.io/pod-name"
_POD_UID: Final = "authentication.kubernetes.io/pod-uid"

Listed = tuple[list[Object], int]
"""Objects, and the resource version that they are all of."""


async def new_client(kubeconfig: Path | None) -> client.ApiClient:
    """A client for the cluster that this pod is in, or for the one that `kubeconfig` names."""
    configuration = client.Configuration()
    if kubeconfig is None:
        config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]  # theirs
    else:
        await config.load_kube_config(  # type: ignore[no-untyped-call]  # theirs
            config_file=str(kubeconfig), client_configuration=configuration
        )
    configuration.connection_pool_maxsize = _POOL
    configuration.proxy = configuration.proxy or _proxy_for(configuration.host)
    configuration.client_session_kwargs = {"trust_env": False, "cookie_jar": aiohttp.DummyCookieJar()}
    return client.ApiClient(configuration=configuration)


def _proxy_for(url: str) -> str | None:
    """The environment's proxy, looked up once: aiohttp would look it up before every request, in a thread."""
    parts = urlsplit(url)
    return None if proxy_bypass(parts.netloc) else getproxies().get(parts.scheme)


class KubernetesCluster:
    """The API server's client: `ports.Cluster`, `ports.Reviewer`, and what main needs beside them."""

    def __init__(self, api: client.ApiClient) -> None:
        self._api = api

    # runs

    async def set_pod_ca(self, pod: PodFact, ca: str) -> None:
        """See `certificates.Pods`."""
        metadata = {"uid": pod.uid, "annotations": {CA_ANNOTATION: ca}}
        path = f"/api/v1/namespaces/{quote(pod.namespace)}/pods/{quote(pod.name)}"
        with contextlib.suppress(NotFound, Conflict):  # gone, or another one by now
            await self._call("PATCH", path, {"metadata": metadata}, content_type="application/merge-patch+json")

    async def get_run(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """See `ports.Cluster`."""
        return await self._get(_run_path(kind, namespace, name))

    async def write_status(self, kind: Kind, key: RunKey, resource_version: str, status: Object) -> Object:
        """See `ports.Cluster`. A wrong UID fails the patch's test (422), another version its replacement (409):
        a merge patch or an apply would ignore both."""
        patch: list[Object] = [
            {"op": "test", "path": "/metadata/uid", "value": key.uid},
            {"op": "replace", "path": "/metadata/resourceVersion", "value": resource_version},
            {"op": "add", "path": "/status", "value": status},
        ]
        path = f"{_run_path(kind, key.namespace, key.name)}/status"
        try:
            return await self._call("PATCH", path, patch, content_type=_JSON_PATCH)
        except Refused:
            found = await self.get_run(kind, key.namespace, key.name)
            if found is None or found["metadata"]["uid"] != key.uid:
                raise NotFound(f"{kind} {key.namespace}/{key.name} is another one by now") from None
            raise

    async def delete_run(self, kind: Kind, key: RunKey) -> None:
        """See `ports.Cluster`."""
        await self._delete(_run_path(kind, key.namespace, key.name), key.uid)

    # Jobs

    async def create_job(self, manifest: Object) -> Object:
        """See `ports.Cluster`."""
        return await self._call("POST", _jobs_path(manifest["metadata"]["namespace"]), manifest)

    async def get_job(self, namespace: str, name: str) -> Object | None:
        """See `ports.Cluster`."""
        return await self._get(f"{_jobs_path(namespace)}/{quote(name)}")

    async def delete_job(self, namespace: str, name: str, uid: str) -> None:
        """See `ports.Cluster`."""
        await self._delete(f"{_jobs_path(namespace)}/{quote(name)}", uid)

    async def set_job_ttl(self, namespace: str, name: str, uid: str, seconds: int) -> Object | None:
        """See `ports.Cluster`."""
        patch: list[Object] = [
            {"op": "test", "path": "/metadata/uid", "value": uid},
            {"op": "add", "path": "/spec/ttlSecondsAfterFinished", "value": seconds},
        ]
        try:
            return await self._call("PATCH", f"{_jobs_path(namespace)}/{quote(name)}", patch, content_type=_JSON_PATCH)
        except (NotFound, Conflict):
            return None
        except Refused as problem:
            if problem.code == 422:
                return None
            raise

    # what runs name, events

    async def get_metadata(self, namespace: str, ref: ObjectRef) -> Object | None:
        """See `ports.Cluster`: asked for as metadata only, what is in the object never comes here."""
        path = f"/api/v1/namespaces/{quote(namespace)}/{_REFERENCED[ref.kind]}/{quote(ref.name)}"
        return await self._get(path, accept=_METADATA_ONLY)

    async def delete_secret(self, namespace: str, name: str, uid: str) -> None:
        """See `ports.Cluster`."""
        await self._delete(f"/api/v1/namespaces/{quote(namespace)}/secrets/{quote(name)}", uid)

    async def pod_warnings(self, namespace: str) -> list[Object]:
        """See `ports.Cluster`."""
        items, _ = await self.list_events(namespace, _POD_WARNINGS)
        return items

    async def post_event(self, event: Object) -> None:
        """See `ports.Cluster`."""
        await self._call("POST", f"/api/v1/namespaces/{quote(event['metadata']['namespace'])}/events", event)

    # lists

    async def list_runs(self, kind: Kind, namespace: str | None) -> Listed:
        """All runs of `kind`, everywhere or in one namespace."""
        return await self._list(f"/apis/{GROUP}/{VERSION}", namespace, _PLURALS[kind])

    async def list_jobs(self, namespace: str | None, selector: str) -> Listed:
        """All Jobs with these labels."""
        return await self._list("/apis/batch/v1", namespace, "jobs", {"labelSelector": selector})

    async def list_pods(self, namespace: str | None, selector: str) -> Listed:
        """All pods with these labels."""
        return await self._list("/api/v1", namespace, "pods", {"labelSelector": selector})

    async def list_events(self, namespace: str | None, selector: str) -> Listed:
        """All events with these fields."""
        return await self._list("/api/v1", namespace, "events", {"fieldSelector": selector})

    async def _list(
        self, api: str, namespace: str | None, plural: str, query: Mapping[str, str] | None = None
    ) -> Listed:
        path = f"{api}/namespaces/{quote(namespace)}/{plural}" if namespace else f"{api}/{plural}"
        items: list[Object] = []
        more: dict[str, str] = {}
        while True:
            page = await self._call("GET", path, query={**(query or {}), "limit": str(_PAGE), **more})
            items += page.get("items") or []
            metadata = page.get("metadata") or {}
            if not metadata.get("continue"):
                version = str(metadata.get("resourceVersion") or "0")
                return items, int(version) if version.isdecimal() else 0
            more = {"continue": metadata["continue"]}

    # tokens, leases

    async def review(self, token: str, audience: str) -> Caller | None:
        """See `ports.Reviewer`."""
        body = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "spec": {"token": token, "audiences": [audience]},
        }
        try:
            found = await self._call("POST", "/apis/authentication.k8s.io/v1/tokenreviews", body)
        except Refused as problem:
            raise Unavailable(f"TokenReview: {problem}") from problem
        return _caller(found.get("status") or {}, audience)

    async def get_lease(self, namespace: str, name: str) -> Object | None:
        """The Lease of that name."""
        return await self._get(_lease_path(namespace, name), timeout_s=5.0)

    async def put_lease(self, lease: Object) -> Object:
        """Create the Lease, or replace it in the version that it carries. Raises Conflict."""
        metadata = lease["metadata"]
        if "resourceVersion" in metadata:
            path = _lease_path(metadata["namespace"], metadata["name"])
            return await self._call("PUT", path, lease, timeout_s=5.0)
        return await self._call("POST", _lease_path(metadata["namespace"]), lease, timeout_s=5.0)

    async def cluster_role_uid(self, name: str) -> str | None:
        """The UID of a ClusterRole; None where there is none."""
        path = f"/apis/rbac.authorization.k8s.io/v1/clusterroles/{quote(name)}"
        found = await self._get(path, accept=_METADATA_ONLY)
        return found["metadata"]["uid"] if found is not None else None

    async def pod_is_there(self, namespace: str, name: str) -> bool:
        """Whether the pod of that name may still run. True where the operator may not read the pod."""
        path = f"/api/v1/namespaces/{quote(namespace)}/pods/{quote(name)}"
        try:
            found = await self._get(path, timeout_s=5.0)
        except Refused:
            return True
        return found is not None and (found.get("status") or {}).get("phase") not in ("Failed", "Succeeded")

    # the wire

    async def _get(self, path: str, *, accept: str | None = None, timeout_s: float = _TIMEOUT_S) -> Object | None:
        try:
            return await self._call("GET", path, accept=accept, timeout_s=timeout_s)
        except NotFound:
            return None

    async def _delete(self, path: str, uid: str) -> None:
        body = {"preconditions": {"uid": uid}, "propagationPolicy": "Background"}
        try:
            await self._call("DELETE", path, body)
        except (NotFound, Conflict):
            return  # gone, or another one by now

    async def _call(
        self,
        method: str,
        path: str,
        body: Object | list[Object] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        content_type: str = "application/json",
        accept: str | None = None,
        timeout_s: float = _TIMEOUT_S,
    ) -> Object:
        headers = {"Content-Type": content_type, "Accept": accept or "application/json"}
        await self._api.update_params_for_auth(headers, [], ["BearerToken"], path, method, body)
        url = f"{self._api.configuration.host}{path}" + (f"?{urlencode(query)}" if query else "")
        timeout = aiohttp.ClientTimeout(total=timeout_s)
        try:
            response = await self._api.call_api(method, url, headers, body, None, timeout)
            data: bytes = await response.read()  # type: ignore[no-untyped-call]  # theirs
        except (aiohttp.ClientError, TimeoutError, OSError) as problem:
            raise Unavailable(f"{method} {path}: {problem!r}") from problem
        if response.status < 300:
            return cast("Object", orjson.loads(data))
        raise error_of(response.status, data, method, path, response.headers.get("Retry-After"))


def error_of(status: int, data: bytes, method: str, path: str, retry_after: str | None = None) -> OperatorError:
    """The error for an answer of the API server that is not a success."""
    try:
        message = str(orjson.loads(data).get("message") or "")
    except (orjson.JSONDecodeError, AttributeError):
        message = data[:500].decode("utf-8", "replace")
    words = f"{method} {path}: {status}: {message[:1000]}"
    if status == 404:
        return NotFound(words)
    if status == 409:
        return Conflict(words)
    if status == 410:
        return Gone(words)
    if status == 403:
        return Forbidden(status, message)
    if status == 413 or (status == 500 and "request is too large" in message):
        return Refused(413, message)  # etcd's limit comes as a 500, which asking again does not mend
    if status in (401, 408, 429) or status >= 500:
        seconds = float(retry_after) if retry_after and retry_after.isdecimal() else None
        return Unavailable(words, retry_after_s=seconds)
    return Refused(status, message)


def _run_path(kind: Kind, namespace: str, name: str) -> str:
    return f"/apis/{GROUP}/{VERSION}/namespaces/{quote(namespace)}/{_PLURALS[kind]}/{quote(name)}"


def _jobs_path(namespace: str) -> str:
    return f"/apis/batch/v1/namespaces/{quote(namespace)}/jobs"


def _lease_path(namespace: str, name: str | None = None) -> str:
    path = f"/apis/coordination.k8s.io/v1/namespaces/{quote(namespace)}/leases"
    return path if name is None else f"{path}/{quote(name)}"


def _caller(status: Mapping[str, Any], audience: str) -> Caller | None:
    if not status.get("authenticated") or audience not in (status.get("audiences") or ()):
        return None
    user = status.get("user") or {}
    extra = user.get("extra") or {}
    username = str(user.get("username") or "")
    parts = username.split(":")
    namespace = parts[2] if len(parts) == 4 and parts[:2] == ["system", "serviceaccount"] else None
    return Caller(
        username=username,
        pod_name=next(iter(extra.get(_POD_NAME) or ()), None),
        pod_uid=next(iter(extra.get(_POD_UID) or ()), None),
        namespace=namespace,
    )
