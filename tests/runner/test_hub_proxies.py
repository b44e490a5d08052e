"""The hubs' own clients, in a process of their own, take the proxies that everything else takes."""

import asyncio
import os
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from fakes.hub_server import HubServer
from fakes.proxies import FakeProxy, http_proxy, socks_proxy

PROGRAM = """
import sys
from pathlib import Path
from evalkube_runner import settings
from evalkube_runner.data import clients

found, folder = settings.read_settings(), Path(sys.argv[2])
settings.tell_other_clients(found)
client = clients.client_of(sys.argv[1], found.hubs, folder)
listing = client.listing("owner/name")
entry = next(entry for entry in listing.entries if entry.path == "README.md")
print(client.download("owner/name", listing.revision, entry, folder).read_text())
"""
CHOKING = "10.0.0.0/8,fd00::/8,[::1],::1/128,127.0.0.1:1"
KEY = ("user", "password")

Ways = Callable[[], AbstractAsyncContextManager[FakeProxy]]


async def fetched(hub: str, url: str, folder: Path, environment: dict[str, str]) -> str:
    """What a hub's client brings, or its complaint."""
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROGRAM, hub, str(folder)),
        env={**kept, "MODELSCOPE_ENDPOINT": url, "HF_ENDPOINT": url, "HOME": str(folder), **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    return out.decode()


@pytest.mark.parametrize("hub", ["modelscope", "huggingface"])
@pytest.mark.parametrize(
    "way", [http_proxy, lambda: http_proxy(wants=KEY), lambda: socks_proxy(wants=KEY)], ids=["http", "key", "SOCKS"]
)
def test_a_hub_is_reached_through_a_proxy(tmp_path: Path, hub: str, way: Ways) -> None:
    """By a name that only the proxy can resolve, beside exceptions that those clients cannot read."""

    async def work() -> None:
        with HubServer("owner/name", {"README.md": b"hello from the hub"}) as server:
            url = server.url.replace("127.0.0.1", "hub.test")
            async with way() as proxy:
                said = await fetched(hub, url, tmp_path, {"ALL_PROXY": proxy.url, "NO_PROXY": CHOKING})
                assert "hello from the hub" in said
                assert "hub.test" in proxy.asked[0]

    asyncio.run(work())


@pytest.mark.parametrize("hub", ["modelscope", "huggingface"])
def test_a_hub_that_needs_no_proxy_is_reached_directly(tmp_path: Path, hub: str) -> None:
    """By a network, which not every client knows."""

    async def work() -> None:
        with HubServer("owner/name", {"README.md": b"hello from the hub"}) as server:
            environment = {"http_proxy": "socks5://127.0.0.1:9", "NO_PROXY": f"{CHOKING},127.0.0.0/8"}
            assert "hello from the hub" in await fetched(hub, server.url, tmp_path, environment)

    asyncio.run(work())
