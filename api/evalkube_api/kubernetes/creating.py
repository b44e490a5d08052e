"""Creates a run and the Secret with its keys. A repetition has the same result, whatever failed before.

The run is created first, because it owns the Secret. The operator waits for a Secret that a run names. If the service
is killed before it makes the Secret, the run fails with that reason, and no key is left behind.
"""

import asyncio
import logging
import secrets
import time
from datetime import UTC, datetime
from typing import Any, Final

from evalkube_api import errors
from evalkube_api.backend import Submission
from evalkube_api.kubernetes import documents, ids, rejections
from evalkube_api.kubernetes.cluster import Cluster, Unreachable
from evalkube_api.kubernetes.documents import REQUEST
from evalkube_api.kubernetes.ids import Key
from evalkube_api.kubernetes.rejections import Rejected, Unavailable
from evalkube_crds import paths
from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.problems import Problem
from evalkube_crds.requests import JUDGE_KEYS

__all__ = ["Creator", "check"]

_LOG = logging.getLogger("evalkube.service")
_PATIENCE_S: Final = 10.0
_PAUSE_S: Final = 0.1
_DOING: Final = "create the run"
_SAID: Final = {
    "credentials": "a header, query parameter or body key that carries a secret",
    "judge_credentials": "a judge's header, query parameter or body key that carries a secret",
}

Object = dict[str, Any]


def check(submission: Submission) -> None:
    """Raises errors.InvalidRequest for a key that is given twice, and for a path that no pod of the run mounts."""
    spec, found = submission.spec, paths.unmounted(submission.spec)
    references = {"api_key": ("api_key_secret_ref", spec.api_key_secret_ref)}
    references["credentials"] = ("credentials_secret_ref", spec.credentials_secret_ref)
    if isinstance(spec, EvalRunSpec):
        references["judge_api_key"] = ("judge.api_key_secret_ref", spec.judge.api_key_secret_ref)
        references["judge_credentials"] = ("judge.credentials_secret_ref", spec.judge.credentials_secret_ref)
        for name, (place, model) in zip(JUDGE_KEYS, enumerate(spec.judge.models), strict=False):
            references[name] = (f"judge.models[{place}].api_key_secret_ref", model.api_key_secret_ref)
    for name, (field, reference) in references.items():
        if reference is not None and name in submission.secrets:
            said = field.replace("_secret_ref", "") if name in JUDGE_KEYS else _SAID.get(name, name)
            found.append(Problem(said, f"stands beside {field}; give one of them"))
    if found:
        raise errors.InvalidRequest(found)


class Creator:
    """Creates runs in one cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def create(self, submission: Submission, namespace: str) -> Object:
        """The resource of a new run, or of the one that the Idempotency-Key stands for.

        Raises errors.ApiError; then there is no run that was not there before.
        """
        digest = documents.request_digest(submission)
        key, secret = _names(submission, namespace)
        manifest = documents.manifest(submission, key, digest=digest, secret=secret)
        raw, new = await self._made(manifest, key)
        if (raw["metadata"].get("annotations") or {}).get(REQUEST) != digest:
            raise errors.KeyReused(
                f"this Idempotency-Key was used for another request, that of run {key.name}; use a new key"
            )
        await self._keep(raw, submission, new)
        return raw

    async def _made(self, manifest: Object, key: Key) -> tuple[Object, bool]:
        """The run, and whether this call certainly made it.

        If an answer is lost, the run is looked up first: the call is not simply repeated.
        """
        end, pause_s = time.monotonic() + _PATIENCE_S, _PAUSE_S
        while True:
            problem: Exception
            try:
                return await self._cluster.create_run(manifest), True
            except Rejected as refused:
                if _final(refused):
                    raise rejections.answer(refused, _DOING) from None
                problem, pause_s = refused, max(pause_s, refused.retry_after_s or 0)
            except Unreachable as lost:
                problem = lost
            found = await self._there(key)
            if found is not None:
                return found, False
            if time.monotonic() + pause_s > end:
                raise Unavailable(f"cannot {_DOING} now: {problem}")
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, 2.0)

    async def _there(self, key: Key) -> Object | None:
        try:
            return await self._cluster.get_run(key)
        except (Rejected, Unreachable):
            return None

    async def _keep(self, raw: Object, submission: Submission, new: bool) -> None:
        """Creates the Secret of the run's keys. An existing one is from an earlier attempt."""
        secret = documents.secret(raw, submission.secrets)
        if secret is None or documents.phase(raw).terminal:
            return
        try:
            await self._secret(secret)
        except errors.ApiError:
            if new:
                await self._undo(documents.key_of(raw), raw["metadata"]["uid"])
            raise

    async def _secret(self, secret: Object) -> None:
        end, pause_s = time.monotonic() + _PATIENCE_S, _PAUSE_S
        while True:
            try:
                await self._cluster.create_secret(secret)
            except Rejected as refused:
                if refused.status == 409:
                    return
                if refused.status != 429 and refused.status < 500:
                    raise _without_secret(refused) from None
                problem: Exception = refused
            except Unreachable as lost:
                problem = lost
            else:
                return
            if time.monotonic() + pause_s > end:
                raise Unavailable(f"cannot keep the run's key now: {problem}")
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, 2.0)

    async def _undo(self, key: Key, uid: str) -> None:
        try:
            await self._cluster.delete_run(key, uid)
        except (Rejected, Unreachable) as problem:  # it fails by itself: its Secret never comes
            _LOG.warning("%s/%s: has no key, and could not be deleted: %s", key.namespace, key.name, problem)


def _names(submission: Submission, namespace: str) -> tuple[Key, str]:
    """The run's key and the name of its Secret.

    A run that is made again under the same Idempotency-Key, after the first was deleted, must not use the first one's
    Secret.
    """
    kind = submission.kind
    if submission.idempotency_key is None:
        name = ids.new_name(kind, datetime.now(UTC), ids.random_name(secrets.token_bytes(5)))
        return Key(kind, namespace, name), documents.secret_name(name)
    name = ids.keyed_name(kind, namespace, submission.idempotency_key)
    return Key(kind, namespace, name), documents.secret_name(name, ids.random_name(secrets.token_bytes(5)))


def _final(refused: Rejected) -> bool:
    return (refused.status not in (409, 429) and refused.status < 500) or "too large" in refused.message


def _without_secret(refused: Rejected) -> errors.ApiError:
    if refused.status == 422:  # ours to get right, not the client's
        return Unavailable(f"cannot keep the run's key: {refused}")
    return rejections.answer(refused, "keep the run's key in a Secret")
