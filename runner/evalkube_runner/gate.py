"""Checks the connections of a run: it resolves a host for each connection, and returns only addresses that the
installer's rules permit. A connection takes an address from here and no name: a name may have another address a moment
later.

On one machine there are no rules, and everything is handed out.
"""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from evalkube_crds import targets
from evalkube_crds.names import Reason
from evalkube_crds.targets import TargetRules
from evalkube_runner.errors import RunFailed

__all__ = ["Gate", "Resolve", "TargetForbidden", "resolve"]

_LOG = logging.getLogger("evalkube.runner")

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""The addresses of a host (and port), the one to try first first. Raises OSError where it has none."""


class TargetForbidden(RunFailed):
    """The installer's rules forbid this connection. Nothing was sent."""

    def __init__(self, message: str) -> None:
        super().__init__(Reason.TARGET_FORBIDDEN, message)


async def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host, as the system resolves it. Raises socket.gaierror."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as problem:  # a label that no DNS name can have
        raise socket.gaierror(socket.EAI_NONAME, f"{host[:100]!r} is not a host's name: {problem}") from None
    return list(dict.fromkeys(str(info[4][0]) for info in found))


@dataclass(frozen=True, slots=True)
class Gate:
    """The gate for a run's connections. `rules` None: there are no rules, as on one's own machine."""

    rules: TargetRules | None = None
    resolve: Resolve = resolve

    async def addresses(self, host: str, port: int) -> list[str]:
        """The addresses of `host` that may be connected to now, at least one.

        Raises OSError (socket.gaierror) where it has none, TargetForbidden where none is permitted.
        """
        found, refused = await self._found(host, port)
        permitted = [address for address in found if address not in refused]
        if not permitted:
            raise TargetForbidden(next(iter(refused.values())))
        for words in refused.values():
            _LOG.debug("left out: %s", words)
        return permitted

    async def check_passed_on(self, host: str, port: int) -> None:
        """Check a host that a proxy connects to: its name, and every address that it has here, because the proxy may
        take any. Raises TargetForbidden.
        """
        with suppress(OSError):  # perhaps only the proxy can resolve it
            _, refused = await self._found(host, port)
            for words in refused.values():
                raise TargetForbidden(words)

    async def check(self, urls: Iterable[str]) -> None:
        """Check a host early, before a connection would be refused. Raises TargetForbidden; a name without an address
        may get one later.
        """
        for parts in map(urlsplit, dict.fromkeys(urls) if self.rules is not None else ()):
            with suppress(OSError):
                await self.addresses(parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))

    async def _found(self, host: str, port: int) -> tuple[list[str], dict[str, str]]:
        """The addresses of `host`, and why some of them may not be connected to."""
        if self.rules is not None and (words := targets.name_objection(host, self.rules)):
            raise TargetForbidden(words)
        found = await self.resolve(host, port)
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "the name of the host cannot be resolved")
        if self.rules is None:
            return found, {}
        judged = {address: targets.address_objection(host, address, self.rules) for address in found}
        return found, {address: words for address, words in judged.items() if words}
