"""Makes the endpoint under load from a spec and its credentials, once per load test. Names are looked up here too."""

import logging

from evalkube_crds.names import Reason
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_runner import gate, urls
from evalkube_runner.ca_file import trust_of
from evalkube_runner.context import RunContext
from evalkube_runner.errors import RunFailed
from evalkube_runner.http.target import proxied_by, target_of
from evalkube_runner.perf import scripting
from evalkube_runner.perf.conversation import SessionOptions
from evalkube_runner.perf.goodput import Criteria
from evalkube_runner.perf.pool import Limits
from evalkube_runner.perf.task import Endpoint, LoadOptions, TokenCounting
from evalkube_runner.wire import heads
from evalkube_runner.wire.ask import Operation
from evalkube_runner.wire.dialect import DIALECTS, HISTORIES

__all__ = ["addresses_of", "endpoint_of", "options_of", "url_of"]

_LOG = logging.getLogger("evalkube.runner.perf")
_NANO = 1_000_000_000


def url_of(spec: PerfRunSpec) -> str:
    """The URL that requests go to, without what credentials add to it: as it stands in results."""
    plain = spec.tokenize_prompt or spec.apply_chat_template is False
    operation = Operation(spec.model, spec.streams, messages=not plain)
    return heads.with_query(DIALECTS[spec.api].endpoint(spec.url, operation), spec.extra_query)


def endpoint_of(spec: PerfRunSpec, context: RunContext) -> Endpoint:
    """The endpoint of a load test, with all that credentials, environment and files say of it. Raises RunFailed:
    PathForbidden, InvalidSpec.
    """
    url = heads.with_query(urls.encoded(url_of(spec)), context.credentials.query)
    proxy = context.proxies.for_url(url)
    if proxy is not None:
        _LOG.info("through the proxy %s: its delay is in all times", proxy)
    dialect = DIALECTS[spec.api]
    key = dialect.headers(context.api_key, url, spec.api_key_header)
    fixed, given = dialect.fixed_headers(stream=spec.streams), context.credentials.headers
    headers = heads.joined(fixed, spec.headers, given, key, proxied_by(proxy, tls=url.startswith("https:")))
    return Endpoint(spec.api, url, headers, trust_of(spec, context.readable), proxy)


def options_of(spec: PerfRunSpec, context: RunContext) -> LoadOptions:
    """The options that all points of a load test share. Raises as `endpoint_of`."""
    readable = context.readable
    _check_messages(spec)
    return LoadOptions(
        endpoint=endpoint_of(spec, context),
        limits=Limits(spec.connect_timeout, spec.read_timeout, spec.total_timeout),
        stream=spec.streams,
        choices=spec.n_choices or 1,
        seed=spec.seed,
        max_tokens=(spec.max_tokens[0], spec.max_tokens[1]) if len(spec.max_tokens) == 2 else None,
        duration_ns=None if spec.duration is None else int(spec.duration * _NANO),
        counting=TokenCounting(spec.tokenizer_path, tuple(readable.folders), tuple(readable.closed))
        if spec.tokenizer_path is not None
        else None,
        goodput=_criteria_of(spec),
        sessions=_session_options(spec) if spec.converses else None,
    )


def _criteria_of(spec: PerfRunSpec) -> Criteria | None:
    if spec.goodput is None:
        return None
    bounds = (spec.goodput.ttft, spec.goodput.tpot, spec.goodput.latency)
    return Criteria(*(None if bound is None else round(bound * _NANO) for bound in bounds))


def _check_messages(spec: PerfRunSpec) -> None:
    """Raises RunFailed(InvalidSpec) for what only messages have where the endpoint takes none."""
    field = "dataset" if spec.converses else "tools" if spec.tools else None
    if field is not None and not spec.apply_chat_template and not DIALECTS[spec.api].takes_messages(spec.url):
        text = f"{field}: the url takes no messages; give that of chat completions"
        raise RunFailed(Reason.INVALID_SPEC, text)


def _session_options(spec: PerfRunSpec) -> SessionOptions:
    """The options of conversations."""
    dialect = DIALECTS[spec.api]
    thinks = [int(seconds * _NANO) for seconds in spec.think_time or (0.0,)]
    answered = scripting.answered(dialect, HISTORIES[spec.api], spec.url)
    return SessionOptions(answered, (thinks[0], thinks[-1]))


async def addresses_of(endpoint: Endpoint, context: RunContext) -> tuple[str, ...]:
    """The addresses of connections, looked up and judged once for all workers, so that no request waits for DNS. None
    where the name has none, which the requests report. With a proxy they are the proxy's, and the target is judged.
    Raises TargetForbidden.
    """
    where = target_of(endpoint.url)
    try:
        if endpoint.proxy is not None:
            await context.gate.check_passed_on(where.host, where.port)
            return tuple(await gate.resolve(endpoint.proxy.host, endpoint.proxy.port))
        return tuple(await context.gate.addresses(where.host, where.port))
    except OSError:
        return ()
