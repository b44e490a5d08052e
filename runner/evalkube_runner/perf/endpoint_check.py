"""Sends one request before the load, to find out early whether the endpoint can be reached, accepts the key, and
answers.
"""

import asyncio
from collections.abc import Sequence
from urllib.parse import urlsplit

from evalkube_crds.names import NO_CONNECTION, ErrorClass, Reason
from evalkube_runner import arrival
from evalkube_runner.errors import RunFailed
from evalkube_runner.perf import pool as pools
from evalkube_runner.perf.exchange import Exchange
from evalkube_runner.perf.payloads import Layout, Payloads
from evalkube_runner.perf.task import Endpoint, LoadOptions
from evalkube_runner.wire.refusals import says_no_model, says_wrong_key
from evalkube_runner.wire.tunnel import CREDENTIALS

__all__ = ["NotUpYet", "check_endpoint"]

_PROBE_S = 120.0
"""Longer than a cold model takes for its first token; a spec's own shorter limits win."""

_UNREACHABLE = NO_CONNECTION | {ErrorClass.SEND, ErrorClass.DISCONNECTED}
_SILENT = frozenset(
    {ErrorClass.HEADER_TIMEOUT, ErrorClass.FIRST_TOKEN_TIMEOUT, ErrorClass.IDLE_TIMEOUT, ErrorClass.TOTAL_TIMEOUT}
)
_POLL_S = 0.005
_COMPLETE = (
    "/completions",
    "/responses",
    "/generation",
    "/messages",
    "GenerateContent",
    ":generateContent",
    "/embeddings",
    "/rerank",
)  # paths that a URL has, or was given


class NotUpYet(RunFailed):
    """The endpoint does not work yet, and may still be starting."""


async def check_endpoint(options: LoadOptions, bodies: Layout, addresses: Sequence[str]) -> None:
    """Send the first rendered request of `bodies` to one of `addresses`. A stream is closed at its first token. Raises
    RunFailed with the server's status and message, NotUpYet where that may pass.
    """
    endpoint, limits = options.endpoint, options.limits
    limits = pools.Limits(limits.connect_s or 30.0, limits.read_s, min(limits.total_s, _PROBE_S))
    over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    pool = pools.Pool(
        endpoint.target,
        limits,
        list(addresses),
        connected=lambda _: None,
        trust=endpoint.trust,
        proxy=endpoint.proxy,
    )
    requests = Payloads(bodies, endpoint.head, 0, reached=lambda _: None)
    source = options.sessions_of(requests) or requests
    request = source.render(0, options.max_tokens[0] if options.max_tokens else None)
    requests.close()
    assert request is not None, "it was rendered before"

    def ended(_: Exchange) -> None:
        if not over.done():
            over.set_result(None)

    exchange = Exchange(
        0,
        request,
        endpoint.dialect,
        stream=options.stream,
        choices=1,
        ended=ended,
        count=endpoint.count,
    )
    try:
        pool.send_fresh(exchange)
        while not over.done() and not exchange.first_token_ns:
            await asyncio.wait([over], timeout=_POLL_S)
    finally:
        await pool.close()
    if not exchange.first_token_ns:
        _judge(endpoint, exchange, stream=options.stream)


def _judge(endpoint: Endpoint, exchange: Exchange, *, stream: bool) -> None:
    url, proxy = endpoint.url, endpoint.proxy
    error = exchange.error
    if error is None or (
        error in _SILENT and not stream
    ):  # a whole long answer may take its time: it is the load that will tell
        return
    status = f"HTTP {exchange.status}: " if exchange.status else ""
    text = f"{url.partition('?')[0]}: {status}{exchange.message or error}"
    failure = NotUpYet if arrival.may_come_up(error, exchange.status) else RunFailed
    if error in (ErrorClass.STATUS_401, ErrorClass.STATUS_403) or says_wrong_key(exchange.message):
        raise RunFailed(Reason.AUTHENTICATION_FAILED, f"{text}; check api_key")
    if says_no_model(exchange.message):
        raise RunFailed(Reason.MODEL_NOT_FOUND, f"{text}; check model")
    if error is ErrorClass.PROXY:
        if exchange.status == 407 and proxy is not None:  # in an answer, which does not say whose it is
            text = f"{url}: HTTP 407: proxy {proxy}: {CREDENTIALS}"
        raise RunFailed(
            Reason.TARGET_UNREACHABLE, f"{text}; check the proxies of the environment (HTTP_PROXY, NO_PROXY, ...)"
        )
    if error in _UNREACHABLE or error in _SILENT:
        raise failure(Reason.TARGET_UNREACHABLE, f"{text}; check url, and that the server is up")
    advice = "the first request must succeed (no_test_connection skips this test)"
    if error is ErrorClass.STATUS_404 and not urlsplit(url).path.rstrip("/").endswith(_COMPLETE):
        advice = f"url is taken as it stands, and only a base URL gets the path of its api; {advice}"
    raise failure(Reason.TARGET_REFUSED, f"{text}; {advice}")
