"""Authentication of callers: a runner's pod, by a token that is bound to it, or the API's service account. No HTTP
here.

TokenReview says whose token it is and for which audience; the pod's chain of owners (pod, Job, run, each in the same
namespace and by UID, in the operator's own cache) says what the pod may write. The first is remembered for a minute,
the second is looked up each time, so that an attempt that is over cannot go on writing for that minute.
"""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final, Protocol

from evalkube_operator.ingest.refusals import Refusal
from evalkube_operator.ports import Caller, Owner, Reviewer, Runs
from evalkube_operator.store.locks import KeyLocks

__all__ = ["INGEST_AUDIENCE", "STORE_AUDIENCE", "Authenticator", "PodIdentity", "ReviewedTokens", "TokenAuthenticator"]

INGEST_AUDIENCE: Final = "evalkube.io/ingest"
STORE_AUDIENCE: Final = "evalkube.io/store"

_VALID_S: Final = 60.0
_INVALID_S: Final = 10.0
_KEPT: Final = 10_000
_MAX_TOKEN_CHARACTERS: Final = 8192


@dataclass(frozen=True, slots=True)
class PodIdentity:
    """A runner's pod, and the shard that it runs."""

    namespace: str
    pod_name: str
    pod_uid: str
    owner: Owner


class Authenticator(Protocol):
    """Turns a bearer token into its caller. Raises Refusal (401, 403), or errors.Unavailable."""

    async def runner(self, token: str) -> PodIdentity:
        """The pod that the token is bound to."""

    async def reader(self, token: str) -> None:
        """Return if the caller may read every run's artifacts."""


class ReviewedTokens:
    """TokenReview with a cache: 60 s for a valid token, 10 s for another. Each token has one review at a time."""

    def __init__(self, reviewer: Reviewer, *, now: Callable[[], float] = time.monotonic) -> None:
        self._reviewer = reviewer
        self._now = now
        self._known: OrderedDict[str, tuple[float, Caller | None]] = OrderedDict()
        self._locks = KeyLocks()

    async def review(self, token: str, audience: str) -> Caller | None:
        """See `ports.Reviewer.review`. Tokens themselves are not kept."""
        if not token or len(token) > _MAX_TOKEN_CHARACTERS:
            return None
        key = hashlib.sha256(f"{audience}\0{token}".encode("utf-8", "surrogatepass")).hexdigest()
        async with self._locks.of(key):
            until, caller = self._known.get(key, (0.0, None))
            if until <= self._now():
                caller = await self._reviewer.review(token, audience)
                self._remember(key, caller)
        return caller

    def _remember(self, key: str, caller: Caller | None) -> None:
        self._known[key] = (self._now() + (_INVALID_S if caller is None else _VALID_S), caller)
        self._known.move_to_end(key)
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)


class TokenAuthenticator:
    """See `Authenticator`. `readers`: usernames as TokenReview gives them (system:serviceaccount:NS:NAME)."""

    def __init__(self, tokens: ReviewedTokens, runs: Runs, *, readers: Collection[str]) -> None:
        self._tokens = tokens
        self._runs = runs
        self._readers = frozenset(readers)

    async def runner(self, token: str) -> PodIdentity:
        """See `Authenticator.runner`."""
        caller = await self._caller(token, INGEST_AUDIENCE)
        if caller.namespace is None or caller.pod_name is None or caller.pod_uid is None:
            raise Refusal(403, "not_a_pod", "the token is not bound to a pod: runners use their projected token")
        owner = await self._runs.owner(caller.namespace, caller.pod_name, caller.pod_uid)
        if owner is None and self._runs.left_over(caller.pod_uid):
            raise Refusal(410, "superseded", "this pod is being deleted, and its run or its Job is gone already")
        if owner is None:
            raise Refusal(
                403,
                "unknown_pod",
                f"pod {caller.namespace}/{caller.pod_name} runs no shard of a run that exists, or is not the one whose"
                " turn it is (it may be too new)",
                retry_after_s=1,
            )
        return PodIdentity(caller.namespace, caller.pod_name, caller.pod_uid, owner)

    async def reader(self, token: str) -> None:
        """See `Authenticator.reader`."""
        caller = await self._caller(token, STORE_AUDIENCE)
        if caller.username not in self._readers:
            raise Refusal(403, "not_a_reader", f"{caller.username} may not read the artifacts of runs")

    async def _caller(self, token: str, audience: str) -> Caller:
        caller = await self._tokens.review(token, audience)
        if caller is None:
            raise Refusal(401, "bad_token", f"a valid token for the audience {audience} is needed")
        return caller
