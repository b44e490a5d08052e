"""Decides whether a run may name an endpoint: never the cloud's metadata service, in whatever spelling.

A runner sits inside the cluster's network, where link-local addresses give out the node's credentials. What a name
resolves to is the runner's business (and a NetworkPolicy's); this is about what the run says. No look-ups here.
"""

import ipaddress
import re
import unicodedata
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final
from urllib.parse import unquote, urlsplit

__all__ = ["TargetRules", "host_address", "objection"]

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class TargetRules:
    """Which endpoints a run may name. ``allowed`` goes before everything, ``denied`` before the rest; both hold host
    names (``*.example.org`` for a domain) and networks (``10.0.0.0/8``)."""

    allow_link_local: bool = False
    allowed: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()


_METADATA_NAMES: Final = frozenset(
    {"metadata", "metadata.google.internal", "instance-data", "instance-data.ec2.internal", "metadata.tencentyun.com"}
)
_LINK_LOCAL: Final = tuple(ipaddress.ip_network(each) for each in ("169.254.0.0/16", "fe80::/10"))
_METADATA_NETWORKS: Final = tuple(
    ipaddress.ip_network(each)
    for each in (
        "100.100.100.200/32",  # Alibaba Cloud
        "168.63.129.16/32",  # Azure's wire server
        "192.0.0.192/32",  # Oracle Cloud
        "fd00:ec2::254/128",  # AWS over IPv6
        "fd20:ce::254/128",  # Google Cloud over IPv6
        "fd00:42::42/128",  # Scaleway
    )
)
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_WILDCARD_DNS: Final = ("nip.io", "sslip.io", "xip.io")


def objection(url: str, rules: TargetRules) -> str:
    """Why a run may not send requests to ``url``; empty where it may."""
    host = _host(url)
    if host is None:
        return f"{url[:200]} names no host"
    address = host_address(host)
    if _listed(host, address, rules.allowed):
        return ""
    if _listed(host, address, rules.denied):
        return f"{host} is among the targets that this installation denies"
    if rules.allow_link_local:
        return ""
    if host in _METADATA_NAMES:
        return f"{host} is a cloud's metadata service; runs may not reach it"
    if address is not None and any(address in network for network in (*_LINK_LOCAL, *_METADATA_NETWORKS)):
        return f"{host} is {address}, a link-local or metadata address; runs may not reach it"
    return ""


def _host(url: str) -> str | None:
    """The host as a client would see it: decoded, in compatibility form, lower case, without a trailing dot."""
    try:
        host = urlsplit(url).hostname
    except ValueError:
        return None
    if not host:
        return None
    host = unicodedata.normalize("NFKC", unquote(host)).lower()
    return host.replace("\N{IDEOGRAPHIC FULL STOP}", ".").rstrip(".") or None


def host_address(host: str) -> Address | None:
    """The IP address that ``host`` spells: dotted, one number, hexadecimal, octal, IPv6, or in a wildcard DNS name."""
    address = _ipv6(host) if ":" in host else _ipv4(host)
    if isinstance(address, ipaddress.IPv6Address):
        return _embedded(address) or address
    return address if address is not None else _in_wildcard_name(host)


def _ipv6(host: str) -> Address | None:
    try:
        return ipaddress.IPv6Address(host.strip("[]").partition("%")[0])
    except ValueError:
        return None


def _embedded(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in _NAT64 or (int(address) >> 32 == 0 and int(address) > 1):  # NAT64, or IPv4-compatible (RFC 4291)
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return None


def _ipv4(host: str) -> ipaddress.IPv4Address | None:
    """As inet_aton(3) reads it: one to four parts, each decimal, octal (0...) or hexadecimal (0x...)."""
    parts = host.split(".")
    if not 1 <= len(parts) <= 4:
        return None
    numbers = [_number(part) for part in parts]
    if any(number is None for number in numbers):
        return None
    *heads, last = [number for number in numbers if number is not None]
    if any(head > 255 for head in heads) or last >= 256 ** (4 - len(heads)):
        return None
    value = last
    for place, head in enumerate(heads):
        value |= head << (24 - 8 * place)
    return ipaddress.IPv4Address(value)


def _number(part: str) -> int | None:
    if re.fullmatch(r"0x[0-9a-f]*", part):
        return int(part[2:] or "0", 16)
    if re.fullmatch(r"0[0-7]+", part):
        return int(part, 8)
    return int(part) if re.fullmatch(r"[0-9]{1,10}", part) else None


def _in_wildcard_name(host: str) -> ipaddress.IPv4Address | None:
    """Public DNS zones answer with the address in the name: 169.254.169.254.nip.io, 169-254-169-254.sslip.io."""
    if not host.endswith(_WILDCARD_DNS):
        return None
    found = re.search(r"(\d{1,3})[.-](\d{1,3})[.-](\d{1,3})[.-](\d{1,3})", host)
    return _ipv4(".".join(found.groups())) if found else None


def _listed(host: str, address: Address | None, entries: tuple[str, ...]) -> bool:
    for entry in entries:
        try:
            network = ipaddress.ip_network(entry, strict=False)
        except ValueError:
            if fnmatchcase(host, entry.lower()):
                return True
        else:
            if address is not None and address in network:
                return True
    return False
