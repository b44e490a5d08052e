"""Finds the pages of a server's metrics, and the headers for each. Pure.

The endpoint's own scheme, host and port get the key and the headers of the run, as with every request: llama.cpp asks
for the key at /metrics, gateways may. No other place gets any of them.
"""

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import SplitResult, urlsplit, urlunsplit

from evalkube_crds.perfrun import PerfRunSpec
from evalkube_runner import urls
from evalkube_runner.context import RunContext
from evalkube_runner.errors import RunFailed
from evalkube_runner.wire import heads
from evalkube_runner.wire.dialect import DIALECTS

__all__ = ["Page", "own_page", "pages"]

_PORTS: Final = {"http": 80, "https": 443}
_VERSION: Final = re.compile(r"(.*?)/v\d\w*(/|$)")
_OURS: Final = {"Accept": "text/plain;version=0.0.4", "Accept-Encoding": "identity", "User-Agent": "evalkube"}
_OF_A_BODY: Final = frozenset(
    {"content-type", "content-length", "content-encoding", "transfer-encoding", "connection", "host"}
)


@dataclass(frozen=True, slots=True)
class Page:
    """A page of metrics. `name`: its URL as it is told; `url`, which is asked, and `headers` may have secrets.
    `fault`: why it cannot be asked at all.
    """

    name: str
    url: str = field(default="", repr=False)
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    fault: str = ""


def pages(spec: PerfRunSpec, context: RunContext) -> list[Page]:
    """The pages that a run asks for, each once; none where it asks for no server metrics."""
    if spec.server_metrics is None:
        return []
    endpoint = urls.encoded(spec.url)
    wanted = spec.server_metrics.url or [own_page(endpoint)]
    return [_page(url, endpoint, spec, context) for url in dict.fromkeys(wanted)]


def own_page(endpoint: str) -> str:
    """The page of the server behind an endpoint: /metrics beside /v1, or at the root where there is no /v1."""
    parts = urlsplit(endpoint)
    before = _VERSION.match(parts.path)
    return urlunsplit((parts.scheme, parts.netloc, f"{before[1] if before else ''}/metrics", "", ""))


def _page(name: str, endpoint: str, spec: PerfRunSpec, context: RunContext) -> Page:
    try:
        url = urls.encoded(name)
    except RunFailed as problem:
        return Page(name, fault=problem.message.removeprefix("url: "))
    if _origin(urlsplit(url)) != _origin(urlsplit(endpoint)):
        return Page(name, url, _OURS)
    key = DIALECTS[spec.api].headers(context.api_key, endpoint, spec.api_key_header)
    own = heads.joined(spec.headers, context.credentials.headers, key)
    kept = {header: value for header, value in own.items() if header.lower() not in _OF_A_BODY}
    return Page(name, heads.with_query(url, context.credentials.query), heads.joined(kept, _OURS))


def _origin(parts: SplitResult) -> tuple[str, str, int | None]:
    """The scheme, the host and the port (RFC 6454)."""
    return parts.scheme, (parts.hostname or "").rstrip("."), parts.port or _PORTS.get(parts.scheme)
