"""Evaluations and load tests through proxies: the same proxies, the same rule, the same words. Real sockets."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest

from evalkube_benchmarks.benchmark import Message
from evalkube_crds import proxies
from evalkube_crds.evalrun import GenerationConfig
from evalkube_crds.names import ErrorClass, Reason
from evalkube_crds.perf_point import PerfPoint
from evalkube_crds.proxies import Proxies
from evalkube_crds.targets import TargetRules
from evalkube_runner.errors import RunFailed
from evalkube_runner.eval.client import Client, RequestFailed
from evalkube_runner.gate import Gate
from evalkube_runner.perf import sweep
from evalkube_runner.trust import Trust
from fakes import certificates, load_tests, scripted_endpoint
from fakes.certificates import AUTHORITY
from fakes.names import Names
from fakes.proxies import FakeProxy, http_proxy, socks_proxy
from fakes.scripted_endpoint import ScriptedEndpoint, answering

HI = [Message("user", "hi")]
Ways = Callable[[], contextlib.AbstractAsyncContextManager[FakeProxy]]
KEY = ("us@er", "pass word")

WAYS: dict[str, Ways] = {
    "http": http_proxy,
    "http with credentials": lambda: http_proxy(wants=KEY),
    "https": lambda: http_proxy(tls=certificates.serving(), wants=KEY),
    "SOCKS": socks_proxy,
    "SOCKS with credentials": lambda: socks_proxy(wants=KEY),
    "byte by byte": lambda: http_proxy(crumbs=True),
    "SOCKS byte by byte": lambda: socks_proxy(wants=KEY, crumbs=True),
}


def environment(proxy: FakeProxy, no_proxy: str = "", credentials: tuple[str, str] | None = None) -> Proxies:
    """The proxies of one for everything, with the credentials that it wants or with other ones."""
    spelt = None if credentials is None else (quote(credentials[0]), quote(credentials[1]))
    return proxies.read({"ALL_PROXY": proxy.spelt(spelt), "NO_PROXY": no_proxy})


@contextlib.asynccontextmanager
async def behind(way: Ways, *, tls: bool) -> AsyncIterator[tuple[FakeProxy, ScriptedEndpoint, str]]:
    """A proxy, an endpoint, and the endpoint's URL by a name that nobody but the proxy can resolve."""
    context: ssl.SSLContext | None = certificates.serving() if tls else None
    async with way() as proxy, scripted_endpoint.running(answering("C"), tls=context) as endpoint:
        yield proxy, endpoint, endpoint.url.replace("127.0.0.1", "model.test")


async def evaluated(url: str, found: Proxies, gate: Gate | None = None) -> str:
    """What a question is answered, asked twice. Raises RequestFailed."""
    config = GenerationConfig(retries=1)
    trust = Trust(AUTHORITY.read_text())
    nobody = gate or Gate(resolve=Names([]))
    async with Client(url, "m", config, api_key=None, connections=1, gate=nobody, trust=trust, proxies=found) as client:
        await client.ask(HI)
        return (await client.ask(HI)).text


async def load_tested(folder: Path, url: str, found: Proxies, gate: Gate | None = None) -> PerfPoint:
    """A load test of four requests, two at once. Raises RunFailed."""
    context = replace(load_tests.context(folder), proxies=found, gate=gate or Gate(resolve=Names([])))
    more = {"ca_file": str(AUTHORITY)} if url.startswith("https") else {}
    wanted = load_tests.spec(url, number=[4], parallel=[2], stream=False, connect_timeout=20, **more)
    return (await sweep.load_test(wanted, context)).points[0]


@pytest.fixture(autouse=True)
def _trusts_the_test_authority(monkeypatch: pytest.MonkeyPatch) -> None:
    """An https proxy is checked against the usual authorities alone, which SSL_CERT_FILE chooses."""
    monkeypatch.setenv("SSL_CERT_FILE", str(AUTHORITY))


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_an_evaluation_goes_through(way: Ways, tls: bool) -> None:
    """The endpoint is asked, by the proxy alone."""

    async def work() -> None:
        async with behind(way, tls=tls) as (proxy, endpoint, url):
            assert await evaluated(url, environment(proxy, credentials=proxy.wants)) == "C"
            assert "model.test" in proxy.asked[0]
            assert len(endpoint.bodies) == 2
            assert not any("proxy" in name for name in endpoint.headers[0])

    asyncio.run(work())


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_a_load_test_goes_through(tmp_path: Path, way: Ways, tls: bool) -> None:
    """So do its worker processes, and what was measured says which proxy it was, without its credentials."""

    async def work() -> None:
        async with behind(way, tls=tls) as (proxy, endpoint, url):
            point = await load_tested(tmp_path, url, environment(proxy, credentials=proxy.wants))
            assert (point.succeeded, point.failed, point.error_samples) == (4, 0, {})
            assert point.proxy == proxy.spelt(None)
            assert "model.test" in proxy.asked[0]
            assert proxy.asked[0].startswith(
                "CONNECT " if tls or proxy.scheme == "socks5" else "POST http://model.test"
            )
            assert endpoint.paths == ["/v1/chat/completions"] * 5

    load_tests.run(work())


# name: proxy, credentials it is given, what is said
REFUSALS: dict[str, tuple[Ways, tuple[str, str] | None, str]] = {
    "no credentials": (lambda: http_proxy(wants=KEY), None, "asks for credentials"),
    "wrong credentials": (lambda: http_proxy(wants=KEY), ("user", "wrongwrong"), "asks for credentials"),
    "no credentials, SOCKS": (lambda: socks_proxy(wants=KEY), None, "asks for credentials"),
    "wrong credentials, SOCKS": (lambda: socks_proxy(wants=KEY), ("user", "wrongwrong"), "asks for credentials"),
    "no connection": (lambda: http_proxy(refuses=True), None, "502"),
    "no connection, SOCKS": (lambda: socks_proxy(refuses=True), None, "refused"),
}


@pytest.mark.parametrize(("way", "credentials", "said"), REFUSALS.values(), ids=REFUSALS.keys())
def test_a_proxy_that_refuses_is_named(
    tmp_path: Path, way: Ways, credentials: tuple[str, str] | None, said: str
) -> None:
    """In both kinds, with its own class and without its credentials."""

    async def work() -> tuple[str, str]:
        async with behind(way, tls=True) as (proxy, endpoint, url):
            found = environment(proxy, credentials=credentials)
            with pytest.raises(RequestFailed) as asked:
                await evaluated(url, found)
            with pytest.raises(RunFailed) as loaded:
                await load_tested(tmp_path, url, found)
            assert (asked.value.error, loaded.value.reason) == (ErrorClass.PROXY, Reason.TARGET_UNREACHABLE)
            assert not endpoint.bodies
            name = proxy.spelt(None)
            assert all(f"proxy {name}: " in text for text in (asked.value.message, loaded.value.message))
            return asked.value.message, loaded.value.message

    for text in load_tests.run(work()):
        assert said in text
        assert "wrongwrong" not in text


@pytest.mark.parametrize("credentials", [None, ("user", "wrongwrong")], ids=["none", "wrong"])
def test_a_proxy_that_forwards_and_refuses_is_named(tmp_path: Path, credentials: tuple[str, str] | None) -> None:
    """Its 407 is an answer like the endpoint's own, and is not taken for one."""

    async def work() -> None:
        async with behind(lambda: http_proxy(wants=KEY), tls=False) as (proxy, _endpoint, url):
            found = environment(proxy, credentials=credentials)
            with pytest.raises(RequestFailed) as asked:
                await evaluated(url, found)
            with pytest.raises(RunFailed) as loaded:
                await load_tested(tmp_path, url, found)
            assert (asked.value.error, loaded.value.reason) == (ErrorClass.PROXY, Reason.TARGET_UNREACHABLE)
            for text in (asked.value.message, loaded.value.message):
                assert f"HTTP 407: proxy {proxy.spelt(None)}: asks for credentials" in text

    load_tests.run(work())


@pytest.mark.parametrize("scheme", ["http", "https", "socks5"])
@pytest.mark.parametrize("target", ["http://model.test/v1", "https://model.test/v1"])
def test_a_proxy_that_is_not_there_is_named(tmp_path: Path, scheme: str, target: str) -> None:
    """Nobody listens: it is not the endpoint that cannot be reached."""

    async def work() -> None:
        found = proxies.read({"ALL_PROXY": f"{scheme}://user:hiddenpass@127.0.0.1:9"})
        with pytest.raises(RequestFailed) as asked:
            await evaluated(target, found)
        with pytest.raises(RunFailed) as loaded:
            await load_tested(tmp_path, target, found)
        assert (asked.value.error, loaded.value.reason) == (ErrorClass.PROXY, Reason.TARGET_UNREACHABLE)
        for text in (asked.value.message, loaded.value.message):
            assert f"proxy {scheme}://127.0.0.1:9: connection refused" in text
            assert "hiddenpass" not in text

    load_tests.run(work())


def test_what_needs_no_proxy_goes_round_it(tmp_path: Path) -> None:
    """By a network, in both kinds."""

    async def work() -> None:
        async with behind(socks_proxy, tls=False) as (proxy, endpoint, _):
            found = environment(proxy, "127.0.0.0/8")
            assert await evaluated(endpoint.url, found, Gate()) == "C"
            point = await load_tested(tmp_path, endpoint.url, found, Gate())
            assert (point.succeeded, point.proxy, proxy.asked) == (4, None, [])

    load_tests.run(work())


# name: the target's addresses as seen from here, whether it is permitted
JUDGED = {"permitted": (["127.0.0.1"], True), "only the proxy knows it": ([], True), "denied": (["127.0.0.2"], False)}


@pytest.mark.parametrize(("addresses", "permitted"), JUDGED.values(), ids=JUDGED.keys())
@pytest.mark.parametrize("way", [http_proxy, socks_proxy], ids=["http", "SOCKS"])
def test_the_target_is_judged_behind_a_proxy(tmp_path: Path, way: Ways, addresses: list[str], permitted: bool) -> None:
    """By the rules of an installation, in both kinds."""

    async def work() -> None:
        async with behind(way, tls=False) as (proxy, _endpoint, url):
            found, gate = environment(proxy), Gate(TargetRules(denied=("127.0.0.2",)), Names(addresses))
            if permitted:
                assert await evaluated(url, found, gate) == "C"
                assert (await load_tested(tmp_path, url, found, gate)).succeeded == 4
                return
            with pytest.raises(RequestFailed) as asked:
                await evaluated(url, found, gate)
            with pytest.raises(RunFailed) as loaded:
                await load_tested(tmp_path, url, found, gate)
            assert (asked.value.error, loaded.value.reason) == (ErrorClass.FORBIDDEN_TARGET, Reason.TARGET_FORBIDDEN)
            assert not proxy.asked

    load_tests.run(work())
