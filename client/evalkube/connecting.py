"""How a client reaches a service: URL, token, options of httpx. Shared by both clients."""

from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from evalkube import credentials, errors, settings
from evalkube_crds.problems import Problem

__all__ = ["PAUSE_S", "SILENCE_S", "TRIES", "address", "options", "unreachable"]

TRIES: Final = 4
"""How often a request is sent where no answer comes: each may be sent twice."""

PAUSE_S: Final = 0.2

SILENCE_S: Final = 60.0
"""The service sends a comment every few seconds; a stream that is silent for longer is dead."""


def address(url: str | None, token: str | None) -> tuple[str, str | None]:
    """The service's URL and token: the given ones, else those of the environment. Raises errors.BadRequest."""
    if url is not None:
        return url.rstrip("/"), token
    inherited = settings.from_environment()
    if inherited.server is None:
        reason = "is required: the URL of a service, here or in EVALKUBE_SERVER (evaluate() and load_test() need none)"
        raise errors.BadRequest([Problem("url", reason)])
    return inherited.server.rstrip("/"), inherited.token() if token is None else token


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
    return errors.Unreachable(f"{url}: {str(problem) or type(problem).__name__}")


def _is_loopback(url: str) -> bool:
    """Whether a URL leads to this machine, so that no proxy is used."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
