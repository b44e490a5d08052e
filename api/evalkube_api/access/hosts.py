"""The host names under which the service answers (RFC 9110, Host). Pure, except for the machine's own names.

A page of any site can let its own name resolve to this machine (DNS rebinding). Its browser then takes page and service
for one origin. The Host header shows the difference: it must be a name of this machine, or an allowed name. An IP
address passes, because DNS rebinding needs a name.
"""

import contextlib
import re
import socket
import threading
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Final

from evalkube_api import errors

__all__ = ["Hosts", "MachineNames", "host_of", "own_names", "pattern", "plain_name"]

_LABELS: Final = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*"
_NAME: Final = re.compile(rf"{_LABELS}\.?")
_PATTERN: Final = re.compile(rf"((?:\*\.)?{_LABELS})\.?(?::\d{{1,5}})?")
_HOST: Final = re.compile(
    rf"(?:\[(?P<six>[0-9a-f:.]+(?:%[\w.~%-]+)?)\]|(?P<name>{_LABELS})\.?)(?::(?P<port>\d{{0,5}}))?"
)
_LONGEST: Final = 300


def host_of(headers: Sequence[str]) -> str:
    """The host of a request, in lower case, without port and final dot. An IPv6 address has no brackets.

    `headers`: the values of all its Host headers. Raises errors.InvalidRequest where they are not one host.
    """
    if len(headers) != 1:
        raise errors.InvalidRequest.because(f"must be given once, not {len(headers)} times", "Host")
    found = _HOST.fullmatch(headers[0].lower()) if len(headers[0]) <= _LONGEST and headers[0].isascii() else None
    if found is None or int(found["port"] or 0) > 65535 or (found["six"] and not _is_address(found["six"], six=True)):
        raise errors.InvalidRequest.because("must be a name or an address, with a port or without", "Host")
    return found["six"] or found["name"]


def _is_address(text: str, *, six: bool = False) -> bool:
    try:
        return isinstance(ip_address(text), IPv6Address) or not six
    except ValueError:
        return False


def plain_name(text: str) -> str | None:
    """`text` as a host name to compare with; None if it is an address or cannot be a host name."""
    lower = text.lower()
    return None if _is_address(lower.partition("%")[0]) or not _NAME.fullmatch(lower) else lower.rstrip(".")


def pattern(text: str) -> str:
    """An allowed name to compare with, `example.org` or `*.example.org`. Raises errors.ServiceError."""
    found = _PATTERN.fullmatch(text.lower())
    if found is None:
        raise errors.ServiceError(
            f"--allowed-host {ascii(text)[1:-1]}: must be a name such as evals.example.org, or *.example.org for all"
            " below it; in ASCII (xn--...), without http://. Addresses need not be allowed"
        )
    return found[1]


@dataclass(frozen=True, slots=True)
class Hosts:
    """The host names that pass. `allowed`: as `pattern` returns them. `own`: the names of this machine."""

    own: Container[str]
    allowed: frozenset[str] = frozenset()

    def check(self, host: str) -> None:
        """Raises errors.Misdirected unless `host` (see `host_of`) passes."""
        if not self._passes(host):
            raise errors.Misdirected(
                f"this service is not known as {host}: if it should be, start it with --allowed-host {host};"
                " an address, localhost and the machine's own names always pass"
            )

    def _passes(self, host: str) -> bool:
        if _is_address(host) or host == "localhost" or host.endswith(".localhost"):
            return True
        return host in self.own or host in self.allowed or any(each in self.allowed for each in _domains(host))


def _domains(host: str) -> Iterable[str]:
    """The patterns that match `host`: `*.b.c` and `*.c` for a.b.c."""
    labels = host.split(".")
    return (f"*.{'.'.join(labels[first:])}" for first in range(1, len(labels)))


def own_names(host: str, full: str = "") -> frozenset[str]:
    """The names of a machine: its host name, with and without domain and under `.local`, and its full name.

    `full` comes from the resolver. It counts only if it begins with the machine's own name: a foreign network could
    return any name.
    """
    name, theirs = plain_name(host), plain_name(full)
    if name is None:
        return frozenset()
    short = name.partition(".")[0]
    names = frozenset({name, short, f"{short}.local"})
    return names | {theirs} if theirs is not None and theirs.partition(".")[0] == short else names


class MachineNames:
    """The names of this machine (see `own_names`). The full name is added later, because the resolver may be slow."""

    def __init__(self) -> None:
        host = socket.gethostname()
        self._names = own_names(host)
        threading.Thread(target=self._look_up, args=(host,), name="own-names", daemon=True).start()

    def _look_up(self, host: str) -> None:
        with contextlib.suppress(OSError, UnicodeError):
            self._names = own_names(host, socket.getfqdn(host))

    def __contains__(self, name: object) -> bool:
        return name in self._names
