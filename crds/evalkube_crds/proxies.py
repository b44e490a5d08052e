"""The choice of the proxy for a URL: one rule for evaluations, judges, load tests and hubs. Pure; see docs/network.md.

HTTP_PROXY is for http URLs, HTTPS_PROXY for https ones, ALL_PROXY for those without a proxy of their own. NO_PROXY
lists hosts that are reached directly. A variable in lower case has priority over the one in upper case, even if it is
empty.
"""

import base64
import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from evalkube_crds import addresses

__all__ = ["BadProxy", "Direct", "Proxies", "Proxy", "for_other_clients", "read"]

_PORTS: Final = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
_SHAPE: Final = "like http://proxy:3128 or socks5://user:password@proxy:1080 (%40 for an @ in a password)"
_SPLIT: Final = re.compile(r"[,\s]+")
_NAME: Final = re.compile(r"[^\s/@\[\]:*]+")


class BadProxy(ValueError):
    """A proxy variable whose value is not a proxy. The message names the variable and no credentials."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy. Its text has no credentials; `url` has them."""

    scheme: str
    host: str
    port: int
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"{self.scheme}://{self._place}"

    @property
    def _place(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def socks(self) -> bool:
        """Whether the proxy uses SOCKS5. With both schemes the proxy resolves names."""
        return self.scheme.startswith("socks")

    def forwards(self, *, tls: bool) -> bool:
        """Whether the proxy gets the requests themselves and not a connection.

        HTTP proxies do so for plain HTTP (RFC 9112, 3.2.2); many of them connect only to port 443.
        """
        return not tls and not self.socks

    @property
    def url(self) -> str:
        """The URL with the credentials, for clients that take a URL."""
        if self.username is None:
            return str(self)
        return f"{self.scheme}://{quote(self.username, safe='')}:{quote(self.password or '', safe='')}@{self._place}"

    @property
    def basic(self) -> str | None:
        """The value of the Proxy-Authorization header (RFC 7617); None without credentials."""
        if self.username is None:
            return None
        return "Basic " + base64.b64encode(f"{self.username}:{self.password or ''}".encode()).decode()

    def secrets(self) -> Iterator[str]:
        """The secret texts of the proxy, in all spellings that are sent."""
        if self.password:
            yield self.password
            yield quote(self.password, safe="")
            yield (self.basic or "").removeprefix("Basic ")


@dataclass(frozen=True, slots=True)
class Direct:
    """One entry of NO_PROXY: a network, or a name with all names below it, and perhaps a port."""

    name: str = ""
    network: ipaddress.IPv4Network | ipaddress.IPv6Network | None = None
    port: int | None = None

    def holds(self, host: str, port: int) -> bool:
        """Whether a host (in its normal form) matches."""
        if self.port is not None and self.port != port:
            return False
        if self.network is not None:
            address = addresses.literal(host)
            return address is not None and address.version == self.network.version and address in self.network
        return host == self.name or host.endswith(f".{self.name}")


@dataclass(frozen=True, slots=True)
class Proxies:
    """The proxies of an environment by the scheme of the URL. `unread` lists entries of NO_PROXY without a meaning."""

    http: Proxy | None = None
    https: Proxy | None = None
    direct: tuple[Direct, ...] = ()
    unread: tuple[str, ...] = ()

    def for_url(self, url: str) -> Proxy | None:
        """The proxy for an http or https URL; None for a direct connection."""
        parts = urlsplit(url)
        proxy = self.https if parts.scheme == "https" else self.http
        if proxy is None:
            return None
        host = _normal(parts.hostname or "")
        port = parts.port or _PORTS.get(parts.scheme, 80)
        return None if any(entry.holds(host, port) for entry in self.direct) else proxy

    def secrets(self) -> list[str]:
        """The secret texts of all proxies."""
        found = [proxy.secrets() for proxy in (self.http, self.https) if proxy is not None]
        return [secret for each in found for secret in each]


def read(environment: Mapping[str, str]) -> Proxies:
    """The proxies of `environment`. Raises BadProxy."""
    everything = _value(environment, "all_proxy")
    found = {
        scheme: _proxy(*value) if (value := _value(environment, f"{scheme}_proxy") or everything) else None
        for scheme in ("http", "https")
    }
    _, listed = _value(environment, "no_proxy") or ("", "")
    entries = [entry for entry in _SPLIT.split(listed) if entry]
    if "*" in entries:
        return Proxies()
    read_entries = [(entry, _entry(entry)) for entry in entries]
    return Proxies(
        http=found["http"],
        https=found["https"],
        direct=tuple(made for _, made in read_entries if made is not None),
        unread=tuple(entry for entry, made in read_entries if made is None),
    )


def _value(environment: Mapping[str, str], name: str) -> tuple[str, str] | None:
    """The variable's name as it is spelt there, and its value; None if it is empty or missing."""
    spelt = name if name in environment else name.upper()
    value = environment.get(spelt, "").strip()
    return (spelt, value) if value else None


def _proxy(variable: str, value: str) -> Proxy:
    """The proxy in a variable. Raises BadProxy.

    The message repeats nothing of `value`: in a misspelt value any part may be the password.
    """
    try:
        parts = urlsplit(value if "://" in value else f"http://{value}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise BadProxy(f"{variable}: is not the URL of a proxy; write it {_SHAPE}") from None
    if parts.scheme not in _PORTS:
        raise BadProxy(f"{variable}: is a proxy of an unknown scheme; known are {', '.join(_PORTS)}; write it {_SHAPE}")
    beyond = parts.path not in ("", "/") or parts.query or parts.fragment  # a password with a / or # in it
    if not host or port == 0 or beyond or not re.fullmatch(r"[!-~]+", value):
        raise BadProxy(f"{variable}: is not the URL of a proxy; write it {_SHAPE}")
    name = None if parts.username is None else unquote(parts.username)
    password = None if parts.password is None else unquote(parts.password)
    if parts.scheme.startswith("socks") and any(len((each or "").encode()) > 255 for each in (name, password)):
        raise BadProxy(f"{variable}: SOCKS5 allows names and passwords of at most 255 bytes; shorten them")
    return Proxy(parts.scheme, host, port or _PORTS[parts.scheme], name, password)


def _entry(text: str) -> Direct | None:
    """An entry of NO_PROXY, with or without a scheme before it.

    Examples: 10.0.0.0/8, fd00::/8, [::1], ::1, 10.1.2.3:8000, [::1]:8000, example.org, .example.org, *.example.org,
    example.org:8000.
    """
    text = text.rpartition("://")[2]
    if (network := _network(text)) is not None:
        return Direct(network=network)
    host, colon, number = text.rpartition(":") if re.search(r":\d{1,5}$", text) else (text, "", "")
    port = int(number) if colon else None
    if (network := _network(host)) is not None:
        return Direct(network=network, port=port)
    name = _normal(host.removeprefix("*").removeprefix("."))
    return Direct(name=name, port=port) if _NAME.fullmatch(name) else None


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """The network, or an address as a network. IPv4-mapped IPv6 becomes IPv4, as in `addresses.literal`."""
    bare = re.sub(r"^\[([^\]]*)\](?=/|$)", r"\1", text)
    with suppress(ValueError):
        network = ipaddress.ip_network(bare, strict=False)
        mapped = network.network_address.ipv4_mapped if isinstance(network, ipaddress.IPv6Network) else None
        if mapped is not None and network.prefixlen >= 96:
            return ipaddress.IPv4Network((mapped, network.prefixlen - 96))
        return network
    return None


def _normal(host: str) -> str:
    host = host.lower().rstrip(".")
    if not host.isascii():
        with suppress(UnicodeError):
            host = host.encode("idna").decode("ascii")
    return host


def for_other_clients(proxies: Proxies, urls: Iterable[str]) -> dict[str, str]:
    """The proxies as environment variables that all clients of hubs understand.

    Networks and addresses are left out, because some clients fail with them. Each of `urls` that is reached directly is
    listed by its host.
    """
    hosts = [urlsplit(url).hostname or "" for url in urls if proxies.for_url(url) is None]
    listed = [_spelt(entry) for entry in proxies.direct if entry.network is None or entry.network.version == 4]
    variables = {
        "HTTP_PROXY": _everywhere(proxies.http),
        "HTTPS_PROXY": _everywhere(proxies.https),
        "ALL_PROXY": "",
        "NO_PROXY": ",".join(dict.fromkeys([*hosts, *listed])),
    }
    return variables | {name.lower(): value for name, value in variables.items()}


def _everywhere(proxy: Proxy | None) -> str:
    """The scheme that all clients understand, because some of them resolve names here if it is socks5."""
    return "" if proxy is None else re.sub("^socks5:", "socks5h:", proxy.url)


def _spelt(entry: Direct) -> str:
    what = entry.name
    if entry.network is not None:
        single = entry.network.prefixlen == entry.network.max_prefixlen
        what = str(entry.network.network_address if single else entry.network)
    return what if entry.port is None else f"{what}:{entry.port}"
