"""How a client reaches a service: URL, token, options of httpx, patience. Shared by both clients."""

import time
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from evalkube import calls, credentials, errors, settings
from evalkube_crds.problems import Problem

__all__ = ["PAUSE_S", "TRIES", "Wait", "address", "broken_off", "options", "streaming", "unreachable"]

TRIES: Final = 4
"""How often a request is sent where no answer comes: each may be sent twice."""

PAUSE_S: Final = 0.2

_SILENCE_S: Final = 60.0
"""The service sends a comment every few seconds; a stream that is silent for longer is dead."""


def address(url: str | None, token: str | None) -> tuple[str, str | None]:
    """The service's URL and token: the given ones, else those of the environment. Raises errors.BadRequest."""
    if url is not None:
        return _checked(url), token
    inherited = settings.from_environment()
    if inherited.server is None:
        reason = "is required: the URL of a service, here or in EVALKUBE_SERVER (evaluate() and load_test() need none)"
        raise errors.BadRequest([Problem("url", reason)])
    return _checked(inherited.server), inherited.token() if token is None else token


def _checked(url: str) -> str:
    try:
        found = httpx.URL(url.rstrip("/"))
    except httpx.InvalidURL:
        found = httpx.URL()
    if found.scheme not in ("http", "https") or not found.host:
        raise errors.BadRequest([Problem("url", f"{url!r} is not the URL of a service, such as http://localhost:9000")])
    return str(found)


def options(url: str, token: str | None, timeout_s: float) -> dict[str, Any]:
    """The arguments of httpx's clients."""
    proxy = None if _is_loopback(url) else settings.proxy_to(url)
    return {
        "base_url": url,
        "headers": {} if token is None else {"Authorization": f"Bearer {credentials.checked(token)}"},
        "timeout": timeout_s,
        "proxy": None if proxy is None else proxy.url,
        "verify": httpx.create_ssl_context(),  # heeds SSL_CERT_FILE, which is all that is wanted of the environment
        "trust_env": False,
        "follow_redirects": False,  # nobody but the service gets the token
    }


def unreachable(url: str, problem: httpx.TransportError, attempt: int) -> errors.Unreachable | None:
    """The error to raise after this attempt; None if the request is worth another attempt."""
    if attempt < TRIES and not isinstance(problem, httpx.UnsupportedProtocol | httpx.ReadTimeout):
        return None
    return broken_off(url, problem)


def broken_off(url: str, problem: httpx.TransportError) -> errors.Unreachable:
    """The error for an answer that did not come, or not to its end."""
    return errors.Unreachable(f"{url}: {str(problem) or type(problem).__name__}")


def streaming(timeout: httpx.Timeout) -> httpx.Timeout:
    """The time limits of an answer that is read while it is made."""
    return httpx.Timeout(timeout.connect, read=_SILENCE_S)


class Wait:
    """Waiting for the end of a run, by requests that the service holds. No I/O: the client sends and sleeps."""

    def __init__(self, run_id: str, timeout_s: float | None) -> None:
        self._run_id, self._timeout_s = run_id, timeout_s
        self._until = None if timeout_s is None else time.monotonic() + timeout_s

    def hold_s(self) -> int:
        """How long the service may hold the next request."""
        return calls.HOLD_S if self._until is None else max(0, min(calls.HOLD_S, int(self._left_s(self._until))))

    def pause_s(self, held_s: int) -> float:
        """The pause after a request that was held so long in vain. Raises TimeoutError if the time is over."""
        if self._until is None:
            return 0.0
        left_s = self._left_s(self._until)
        if left_s <= 0:
            raise TimeoutError(f"run {self._run_id} has not ended within {self._timeout_s:g} s")
        return 0.0 if held_s else min(PAUSE_S, left_s)

    @staticmethod
    def _left_s(until: float) -> float:
        return until - time.monotonic()


def _is_loopback(url: str) -> bool:
    """Whether a URL leads to this machine, so that no proxy is used."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
