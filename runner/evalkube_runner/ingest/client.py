"""Sends requests to the operator's ingest, each again until it is answered or ingest has been away for too long. The
caller knows what they carry, and what their failure means.
"""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import httpx

from evalkube_crds import storage
from evalkube_crds.names import Reason
from evalkube_crds.wording import clip
from evalkube_runner.errors import RunFailed
from evalkube_runner.ingest import trust

__all__ = ["TIMEOUT", "Full", "IngestClient", "Refused", "Unreachable", "document_of"]

_LOG = logging.getLogger("evalkube.runner.ingest")
_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 5.0
_AGAIN: Final = frozenset({401, 408, 425, 429, 500, 502, 503, 504, 507})
_UNKNOWN: Final = "unknown_pod"
_AGAIN_CODES: Final = frozenset({_UNKNOWN, "digest_mismatch", "body_cut", "not_uploaded"})
_GONE_S: Final = 5.0
"""An ingest that knew this pod, and has not known it for so long, will not know it again."""
_FULL: Final = 507
_BLOCK_BYTES: Final = 1 << 20
_STORING: Final = frozenset({"append", "artifacts", "result", "uploads", "whole"})
TIMEOUT: Final = httpx.Timeout(60.0, connect=5.0)


class Unreachable(Exception):
    """Ingest has been away for longer than the patience."""


class Full(Unreachable):
    """The store behind ingest has had no room for longer than the patience."""


class Refused(Exception):
    """Ingest refused the request, and would refuse it again. `code` is empty if the answer is not ingest's own."""

    def __init__(self, response: httpx.Response) -> None:
        self.status = response.status_code
        self.document = document_of(response)
        self.code = str(self.document.get("code") or response.headers.get("Evalkube-Code", ""))
        super().__init__(f"{self.status} {self.code}: {self.document.get('detail', '')}")


class IngestClient:
    """A shard's way to ingest. Close it when the run is over."""

    def __init__(
        self,
        url: str,
        token_file: Path,
        *,
        run_uid: str,
        attempt: int,
        shard: int,
        ca: Path | None,
        patience_s: float,
    ) -> None:
        """`token_file` is read for each request, for the kubelet renews it."""
        self._base = f"/v1/runs/{quote(run_uid)}/attempts/{attempt}/shards/{shard}"
        self._token_file = token_file
        self._patience_s = patience_s
        self._trust = trust.Trust(ca)
        self._client = httpx.AsyncClient(base_url=url, timeout=TIMEOUT, verify=self._trust.context, trust_env=False)
        self._away_since: float | None = None
        self._distrusted_since: float | None = None
        self._full_since: float | None = None
        self._recognised = False
        self._unknown_since: float | None = None

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def greet(self) -> None:
        """Wait until ingest is trusted and knows this pod as its shard's runner. One that is away is not waited for.

        What another pod's turn or a deleted run would bring could not be delivered, and had better not begin. Raises
        Unreachable after the patience, RunFailed if the pod's place was taken.
        """
        began = time.monotonic()
        while True:
            response, problem = await self._try("HEAD", "artifacts/none", None, {}, {})
            if response is None and self._distrusted_since is None:
                return
            self._check_trust(problem)
            if response is not None:
                if isinstance(final := _final(response), RunFailed):
                    raise final
                if Refused(response).code != _UNKNOWN:
                    return
                if time.monotonic() - began >= self._patience_s:
                    raise Unreachable(problem)
            asked_s = _retry_after_s(response) or _LONGEST_PAUSE_S
            await asyncio.sleep(asked_s * random.uniform(0.5, 1.0))

    def _check_trust(self, problem: str) -> None:
        since = self._distrusted_since
        if since is not None and time.monotonic() - since >= min(trust.PATIENCE_S, self._patience_s):
            raise Unreachable(problem)

    async def send(
        self,
        method: str,
        where: str,
        *,
        content: bytes | Callable[[], AsyncIterator[bytes]] | None = None,
        patience_s: float | None = None,
        expected: frozenset[int] = frozenset(),
        headers: dict[str, str] | None = None,
        into: Path | None = None,
        **request: Any,
    ) -> httpx.Response:
        """The response with success or an expected status, after as many tries as needed. Raises Refused, Unreachable,
        RunFailed.

        Every request may be repeated: ingest recognises what it has already. `into`: a file that the body of a
        success is written to, instead of held.
        """
        patience_s = self._patience_s if patience_s is None else patience_s
        pause_s, began = _FIRST_PAUSE_S, time.monotonic()
        while True:
            response, problem = await self._try(method, where, content, headers or {}, request, into)
            if response is not None and (response.is_success or response.status_code in expected):
                self._away_since, self._recognised = None, True
                if method in ("PUT", "POST") and where.partition("/")[0] in _STORING:
                    self._full_since = None
                return response
            if response is not None and (final := _final(response)) is not None:
                self._away_since = None
                raise final
            self._check_trust(problem)
            now = time.monotonic()
            self._check_known(response, now)
            if response is not None and response.status_code == _FULL:
                self._wait_for_room(now, patience_s, problem)
            if self._away_since is None:
                self._away_since = now
                if self._distrusted_since is None and self._full_since is None:  # which are told by themselves
                    _LOG.warning("ingest did not take %s %s, which is tried again: %s", method, where, problem)
            # The outage is everybody's: what comes late in one does not wait as long again. Twice the patience ends
            # what alone goes wrong while all else goes well.
            if now - self._away_since >= patience_s or now - began >= 2 * patience_s:
                raise Unreachable(f"ingest did not take it for {now - self._away_since:.0f} s: {problem}")
            asked_s = _retry_after_s(response)
            await asyncio.sleep(max(asked_s, pause_s * random.uniform(0.5, 1.0)))
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    async def required(self, method: str, where: str, **request: Any) -> httpx.Response:
        """As `send`, where the run cannot go on without an answer. Raises RunFailed."""
        try:
            return await self.send(method, where, **request)
        except Refused as refused:
            raise RunFailed(Reason.INTERNAL_ERROR, f"{method} {where}: {refused}") from None
        except Full as problem:
            raise RunFailed(Reason.STORE_FULL, f"{method} {where}: {problem}") from None
        except Unreachable as problem:
            raise RunFailed(Reason.INGEST_UNAVAILABLE, f"{method} {where}: {problem}") from None

    async def found(self, where: str, *, into: Path | None = None) -> httpx.Response | None:
        """The answer with what lies there, or None where nothing does; `into` as in `send`. Raises RunFailed."""
        answer = await self.required("GET", where, expected=frozenset({404}), into=into)
        return answer if answer.is_success else None

    def _check_known(self, response: httpx.Response | None, now: float) -> None:
        """Raises RunFailed. A new pod is unknown until the operator sees it; one that was known has lost its run."""
        if response is None or Refused(response).code != _UNKNOWN or not self._recognised:
            self._unknown_since = None
            return
        self._unknown_since = now if self._unknown_since is None else self._unknown_since
        if now - self._unknown_since >= _GONE_S:
            raise RunFailed(Reason.INTERRUPTED, "ingest no longer knows this pod: its run or its Job was deleted")

    def _wait_for_room(self, now: float, patience_s: float, problem: str) -> None:
        """Raises Full. That ingest answers other requests meanwhile does not begin the patience anew."""
        if self._full_since is None:
            self._full_since = now
            _LOG.warning("the store has no room; it is tried again for %g s: %s", self._patience_s, problem)
        if now - self._full_since >= patience_s:
            raise Full(f"the store has had no room for {now - self._full_since:.0f} s: {problem}")

    async def _try(
        self,
        method: str,
        where: str,
        content: bytes | Callable[[], AsyncIterator[bytes]] | None,
        headers: dict[str, str],
        request: dict[str, Any],
        into: Path | None = None,
    ) -> tuple[httpx.Response | None, str]:
        try:
            token = (await asyncio.to_thread(self._token_file.read_text)).strip()
            asked = self._client.stream(
                method,
                f"{self._base}/{where}",
                content=content() if callable(content) else content,
                headers={**headers, "Authorization": f"Bearer {token}"},
                **request,
            )
            async with asked as response:
                if into is not None and response.is_success:
                    await _write(response, into)
                else:
                    await response.aread()
        except (httpx.TransportError, OSError) as problem:
            if words := trust.objection(problem):
                return None, await self._distrusted(words)
            self._distrusted_since = None
            return None, f"{type(problem).__name__}: {problem}"
        self._distrusted_since = None
        return response, f"{response.status_code} {clip(response.text)}" if response.is_error else ""

    async def _distrusted(self, words: str) -> str:
        """The message about a certificate that is not trusted. It is logged at once, and passes when the authority's
        file has changed.
        """
        told = f"the runner does not trust the ingest's certificate: {words}"
        if self._distrusted_since is None:
            self._distrusted_since = time.monotonic()
            _LOG.error("%s", told)
        if await asyncio.to_thread(self._trust.renew):
            _LOG.info("the authority of ingest's certificate has changed, and is trusted now")
        return told


async def _write(response: httpx.Response, target: Path) -> None:
    """Write a file here. Raises RunFailed where there is no room: that is not ingest's fault, and waiting does not
    help.
    """
    with await _kept(target.open, "wb") as file:
        async for block in response.aiter_bytes(_BLOCK_BYTES):
            await _kept(file.write, block)


async def _kept(work: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return await asyncio.to_thread(work, *arguments)
    except OSError as problem:
        words = f"what is read back cannot be kept in the scratch directory: {storage.words_of(problem)}"
        raise RunFailed(storage.reason_of(problem), words) from None


def _final(response: httpx.Response) -> Exception | None:
    """The error of an answer that would be the same again; None for one that may change."""
    refused = Refused(response)
    if response.status_code == 410:
        return RunFailed(Reason.INTERRUPTED, f"this pod's place was taken: {refused.document.get('detail', '')}")
    return None if response.status_code in _AGAIN or refused.code in _AGAIN_CODES else refused


def document_of(response: httpx.Response) -> dict[str, Any]:
    """The answer's JSON object; empty where it has none."""
    try:
        document = response.json()
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _retry_after_s(response: httpx.Response | None) -> float:
    asked = "" if response is None else response.headers.get("Retry-After", "")
    return min(float(asked), 30.0) if asked.isdecimal() else 0.0
