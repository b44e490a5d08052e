"""The evaluation's client behind the gate: real sockets on loopback, names from a resolver of the test."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from evalkube_benchmarks.benchmark import Message
from evalkube_crds import proxies
from evalkube_crds.evalrun import GenerationConfig
from evalkube_crds.names import ErrorClass
from evalkube_crds.targets import TargetRules
from evalkube_runner.eval.client import Client, RequestFailed
from evalkube_runner.gate import Gate
from evalkube_runner.http.guard import guard
from fakes import scripted_endpoint
from fakes.names import Names, listening
from fakes.scripted_endpoint import ScriptedEndpoint, answering, says

HI = [Message("user", "hi")]
RULES = TargetRules(denied=("127.0.0.2", "127.0.0.64/26"))


@contextlib.asynccontextmanager
async def asking(
    url: str, names: Names, rules: TargetRules = RULES, environment: dict[str, str] | None = None, **config: Any
) -> AsyncIterator[Client]:
    """A client with one connection."""
    options = GenerationConfig(**{"retries": 3, "retry_interval": 0.0, **config})
    found = proxies.read(environment or {})
    gate = Gate(rules, names)
    async with Client(url, "m", options, api_key="k", connections=1, gate=gate, proxies=found) as client:
        yield client


def port_of(endpoint: ScriptedEndpoint) -> int:
    """Where it listens."""
    return int(endpoint.url.rpartition(":")[2].removesuffix("/v1"))


async def refused(client: Client) -> RequestFailed:
    """The failure of a question."""
    with pytest.raises(RequestFailed) as failed:
        await client.ask(HI)
    return failed.value


def test_the_permitted_one_of_two_addresses_is_connected_to() -> None:
    """By number; the host's name is still what the server is asked for."""

    async def work() -> None:
        async with scripted_endpoint.running(answering("C")) as endpoint:
            port = port_of(endpoint)
            names = Names(["127.0.0.2", "127.0.0.1"])
            async with listening("127.0.0.2", port) as other, asking(f"http://model.test:{port}/v1", names) as client:
                assert (await client.ask(HI)).text == "C"
                assert (await client.ask(HI)).text == "C"
            assert other.connections == 0
            assert endpoint.headers[0]["host"] == f"model.test:{port}"
            assert names.asked == ["model.test"]  # for the connection, not for each request

    asyncio.run(work())


@pytest.mark.parametrize("rules", [RULES, TargetRules(denied=("127.0.0.0/8",)), TargetRules(denied=("*.test",))])
def test_nothing_reaches_a_denied_target(rules: TargetRules) -> None:
    """By its address, its network, its name: no connection, no second attempt, and a class of its own."""

    async def work() -> None:
        async with listening("127.0.0.2") as server:
            async with asking(f"http://model.test:{server.port}/v1", Names(["127.0.0.2"]), rules) as client:
                failure = await refused(client)
            assert failure.error is ErrorClass.FORBIDDEN_TARGET
            assert "targets.allow" in failure.message
            assert server.connections == 0

    asyncio.run(work())


def test_a_name_that_changes_its_address_is_judged_for_each_connection() -> None:
    """Good at first, forbidden when the connection has to be opened anew, good again: never connected to unjudged."""

    async def work() -> None:
        closing = says("C")
        closing.headers["connection"] = "close"
        async with scripted_endpoint.running(lambda _body, _number: closing) as endpoint:
            port = port_of(endpoint)
            names = Names(["127.0.0.1"], ["127.0.0.2"], ["127.0.0.1"])
            async with listening("127.0.0.2", port) as bad, asking(f"http://model.test:{port}/v1", names) as client:
                assert (await client.ask(HI)).text == "C"
                failure = await refused(client)
                assert (await client.ask(HI)).text == "C"
            assert failure.error is ErrorClass.FORBIDDEN_TARGET
            assert "model.test (127.0.0.2)" in failure.message
            assert (bad.connections, len(endpoint.bodies), len(names.asked)) == (0, 2, 3)

    asyncio.run(work())


def test_an_address_that_refuses_gives_way_to_the_next() -> None:
    """As with a host of two families that serves one of them."""

    async def work() -> None:
        async with scripted_endpoint.running(answering("C")) as endpoint:
            url = f"http://model.test:{port_of(endpoint)}/v1"
            async with asking(url, Names(["::1", "127.0.0.3", "127.0.0.1"]), retries=1) as client:
                assert (await client.ask(HI)).text == "C"

    asyncio.run(work())


def test_an_address_that_stays_silent_gives_way_to_the_next() -> None:
    """Its queue is full, so that it answers nothing; the next is tried beside it, not after the connect timeout."""

    async def work() -> float:
        async with scripted_endpoint.running(answering("C")) as endpoint, contextlib.AsyncExitStack() as stack:
            silent = stack.enter_context(socket.socket())
            silent.bind(("127.0.0.3", port_of(endpoint)))
            silent.listen(0)
            for _ in range(4):
                waiting = stack.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex(silent.getsockname())
            url = f"http://model.test:{port_of(endpoint)}/v1"
            async with asking(url, Names(["127.0.0.3", "127.0.0.1"]), retries=1) as client:
                begun = asyncio.get_running_loop().time()
                assert (await client.ask(HI)).text == "C"
                return asyncio.get_running_loop().time() - begun

    assert 0.2 < asyncio.run(work()) < 5


@pytest.mark.parametrize(
    ("found", "error"),
    [([], ErrorClass.DNS), (["127.0.0.3", "127.0.0.4"], ErrorClass.CONNECT)],
    ids=["no address", "nobody listens"],
)
def test_other_failures_keep_their_class(found: list[str], error: ErrorClass) -> None:
    """They may pass, and are tried again."""

    async def work() -> None:
        names = Names(found)
        async with asking("http://model.test:9/v1", names) as client:
            assert (await refused(client)).error is error
        assert len(names.asked) == 3

    asyncio.run(work())


def test_tls_is_for_the_hosts_name() -> None:
    """The handshake names the host, whose certificate is then verified, and not the number that is connected to."""

    async def work() -> None:
        async with listening() as server:
            async with asking(f"https://model.test:{server.port}/v1", Names(["127.0.0.1"]), retries=1) as client:
                await refused(client)
            assert server.heard.startswith(b"\x16\x03")  # a TLS handshake
            assert b"model.test" in server.heard
            assert b"127.0.0.1" not in server.heard

    asyncio.run(work())


PROXIED = {
    "permitted": ("model.test", ["127.0.0.1"], True),
    "only the proxy can resolve it": ("model.test", [], True),
    "a forbidden address": ("model.test", ["127.0.0.2"], False),
    "a forbidden address beside a good one": ("model.test", ["127.0.0.1", "127.0.0.2"], False),
    "a forbidden name": ("metadata.goog", [], False),
}


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(("host", "found", "permitted"), PROXIED.values(), ids=PROXIED.keys())
def test_through_a_proxy_it_is_the_target_that_is_judged(
    host: str, found: list[str], permitted: bool, scheme: str
) -> None:
    """The proxy is the installer's choice, though its address is one that runs may not name."""

    async def work() -> None:
        async with listening("127.0.0.65") as proxy:
            by = {f"{scheme.upper()}_PROXY": f"http://127.0.0.65:{proxy.port}"}
            async with asking(f"{scheme}://{host}/v1", Names(found), environment=by, retries=1) as client:
                failure = await refused(client)  # this proxy only hangs up
            assert (failure.error is ErrorClass.FORBIDDEN_TARGET) == (not permitted)
            assert proxy.connections == (1 if permitted else 0)
            assert (host.encode() in proxy.heard) == permitted

    asyncio.run(work())


def test_what_is_no_client_of_httpxs_own_making_is_refused() -> None:
    """An httpx that opens its connections in another way is an error, not an open door."""

    async def work() -> None:
        transport = httpx.MockTransport(lambda _: httpx.Response(200))
        guard(transport, Gate(RULES, Names([])), "http://model.test/v1", proxied=False)

    with pytest.raises(AttributeError):
        asyncio.run(work())


def test_what_goes_round_the_proxy_is_judged_too() -> None:
    """NO_PROXY leads to the direct way, which is guarded as ever."""

    async def work() -> None:
        async with listening("127.0.0.65") as proxy, listening("127.0.0.2") as server:
            by = {"HTTP_PROXY": f"http://127.0.0.65:{proxy.port}", "NO_PROXY": "model.test"}
            async with asking(f"http://model.test:{server.port}/v1", Names(["127.0.0.2"]), environment=by) as client:
                assert (await refused(client)).error is ErrorClass.FORBIDDEN_TARGET
            assert (proxy.connections, server.connections) == (0, 0)

    asyncio.run(work())
