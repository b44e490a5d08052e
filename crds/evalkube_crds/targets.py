"""The endpoints to which a run may send requests: never the cloud's metadata service, in any spelling.

A runner is inside the cluster's network, where link-local addresses give away the node's credentials. There are two
checks: by name before a run has a pod (`objection`), and by address at each new connection (`address_objection`),
because only then is it known what a name resolves to. No DNS look-ups here.
"""

import ipaddress
import re
import unicodedata
from collections.abc import Iterable
from contextlib import suppress
from fnmatch import fnmatchcase
from typing import Annotated, Final
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, Field

from evalkube_crds import addresses
from evalkube_crds.addresses import Address
from evalkube_crds.fields import Contract

__all__ = ["CLOSED_NETWORKS", "TargetRules", "address_objection", "name_objection", "objection"]

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_METADATA_NAMES: Final = (
    "metadata",
    "metadata.google.internal",
    "metadata.goog",
    "instance-data",
    "instance-data.ec2.internal",
    "instance-data.*.compute.internal",
    "metadata.tencentyun.com",
    "api.metadata.cloud.ibm.com",
    "metadata.exoscale.com",
    "metadata.azure.internal",
    "rancher-metadata",
)
CLOSED_NETWORKS: Final = (
    "169.254.0.0/16",
    "100.100.100.200/32",  # Alibaba Cloud
    "168.63.129.16/32",  # Azure's wire server
    "192.0.0.192/32",  # Oracle Cloud
    "fe80::/10",
    "fd00:ec2::254/128",  # AWS over IPv6
    "fd00:ec2::23/128",  # AWS, credentials of pods
    "fd20:ce::254/128",  # Google Cloud over IPv6
    "fd00:42::42/128",  # Scaleway
    "fd00:c1::a9fe:a9fe/128",  # Oracle Cloud over IPv6
    "fd00:a9fe:a9fe::1/128",  # Akamai
    "fd00:100::100:200/128",  # Alibaba Cloud over IPv6
)
"""Link-local and metadata addresses.

The chart's NetworkPolicy for runners excludes the same ones, and a test checks that.
"""

_CLOSED: Final = tuple(ipaddress.ip_network(each) for each in CLOSED_NETWORKS)
_NOBODY: Final = tuple(
    ipaddress.ip_network(each) for each in ("0.0.0.0/8", "224.0.0.0/4", "255.255.255.255/32", "::/128", "ff00::/8")
)
"""Addresses that no endpoint has. To the kernel 0.0.0.0 and :: are the pod itself."""

_ADVICE: Final = "runs may not reach it (the installer can allow it: targets.allow)"


def _entry(text: str) -> str:
    """An entry in the form in which hosts are compared.

    `10.*` is refused, because it would also match the name 10.evil.example.
    """
    entry = _normal(text)
    pattern = re.fullmatch(r"[a-z0-9_.*?\[\]!-]+", entry) and not re.fullmatch(r"(?=.*[0-9])[0-9.*?\[\]!-]+", entry)
    if _network(entry) is None and not pattern:
        raise ValueError(
            f"{text!r} is neither a host name (model.example.org, *.example.org) nor a network (10.0.0.0/8)"
        )
    return entry


Entries = Annotated[tuple[Annotated[str, AfterValidator(_entry)], ...], Field(strict=False)]


class TargetRules(Contract):
    """The rules of endpoints that runs may reach.

    `allowed` has priority over everything, and `denied` over the built-in rules. Both have host names (`*.example.org`
    for a domain) and networks (`10.0.0.0/8`).
    """

    allow_link_local: bool = False
    allowed: Entries = ()
    denied: Entries = ()


def objection(url: str, rules: TargetRules) -> str:
    """The reason why a run may not send requests to `url`, without a DNS look-up; empty if it may."""
    host = _host(url)
    return name_objection(host, rules) if host else f"{url[:200]} names no host"


def name_objection(host: str, rules: TargetRules) -> str:
    """The reason why a run may not send requests to `host`, from its name and the addresses in it; empty if it may."""
    host = _normal(host)
    address = addresses.literal(host)
    spelled: Iterable[Address | None] = (address,) if address is not None else addresses.in_name(host) or (None,)
    return next((words for each in spelled if (words := _judged(host, each, rules))), "")


def address_objection(host: str, address: str, rules: TargetRules) -> str:
    """The reason why a run may not connect to `address`, to which `host` resolves; empty if it may."""
    found = addresses.literal(address)
    return f"{address!r} of {host} is not an IP address" if found is None else _judged(_normal(host), found, rules)


def _judged(host: str, address: Address | None, rules: TargetRules) -> str:
    meant = () if address is None else addresses.meanings(address)
    what = host if address is None or str(address) == host else f"{host} ({address})"
    if _allowed(host, meant, rules.allowed):
        return ""
    if _listed(host, meant, rules.denied):
        return f"{what} is a target that this installation denies; {_ADVICE}"
    if _within(meant[:1], _NOBODY):
        return f"{what} is an unspecified, multicast or broadcast address, which no endpoint has; {_ADVICE}"
    if rules.allow_link_local:
        return ""
    if any(fnmatchcase(host, name) for name in _METADATA_NAMES):
        return f"{what} is a cloud's metadata service; {_ADVICE}"
    if _within(meant, _CLOSED):
        return f"{what} is a link-local or metadata address; {_ADVICE}"
    return ""


def _allowed(host: str, meant: tuple[Address, ...], entries: tuple[str, ...]) -> bool:
    """Whether the rules match: by name, by the address itself, or by all addresses that it contains.

    One of two addresses is not enough, because it would let the other through. A name that is not a valid DNS name
    matches no pattern.
    """
    host = host if re.fullmatch(r"[a-z0-9_.:-]+", host) else ""
    return _listed(host, meant[:1], entries) or (
        len(meant) > 1 and all(_listed(host, (carried,), entries) for carried in meant[1:])
    )


def _within(meant: Iterable[Address], networks: Iterable[Network]) -> bool:
    return any(address in network for address in meant for network in networks)


def _listed(host: str, meant: tuple[Address, ...], entries: tuple[str, ...]) -> bool:
    for entry in entries:
        network = _network(entry)
        if fnmatchcase(host, entry) if network is None else _within(meant, (network,)):
            return True
    return False


def _network(entry: str) -> Network | None:
    try:
        network = ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return None
    mapped = network.network_address.ipv4_mapped if isinstance(network, ipaddress.IPv6Network) else None
    if mapped is not None and network.prefixlen >= 96:
        return ipaddress.IPv4Network((mapped, network.prefixlen - 96))
    return network


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _normal(host: str) -> str:
    """`host` as a client would look it up: decoded, in compatibility form, lower case, without a trailing dot."""
    host = unicodedata.normalize("NFKC", unquote(host)).lower().replace("\N{IDEOGRAPHIC FULL STOP}", ".")
    if not host.isascii():
        with suppress(UnicodeError):  # no resolver takes it either
            host = host.encode("idna").decode("ascii")
    return host.rstrip(".")
