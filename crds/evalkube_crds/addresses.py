"""IP addresses as clients and resolvers read them: in any spelling, inside other addresses, inside names. Pure."""

import ipaddress
import re
from collections.abc import Iterator
from typing import Final

__all__ = ["Address", "in_name", "literal", "meanings"]

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_IPV4_IN_LOW_BITS: Final = tuple(
    ipaddress.IPv6Network(each)
    for each in (
        "64:ff9b::/96",  # NAT64 (RFC 6052)
        "64:ff9b:1::/48",  # NAT64 of one's own (RFC 8215), in its usual form
        "::ffff:0:0:0/96",  # translated (RFC 2765)
        "::/96",  # IPv4-compatible (RFC 4291)
    )
)
_ISATAP: Final = (0x0000_5EFE, 0x0200_5EFE)  # RFC 5214
_OWN: Final = (ipaddress.IPv6Address("::"), ipaddress.IPv6Address("::1"))  # in ::/96, and no IPv4 addresses


def literal(host: str) -> Address | None:
    """The IP address that `host` spells: dotted, one number, hexadecimal, octal, or IPv6 with or without a zone.

    An IPv4-mapped IPv6 address is returned as IPv4: to the kernel the two are the same.
    """
    if ":" not in host:
        return _ipv4(host)
    try:
        address = ipaddress.IPv6Address(host.strip("[]").partition("%")[0])
    except ValueError:
        return None
    return address.ipv4_mapped or address


def meanings(address: Address) -> tuple[Address, ...]:
    """`address` itself, and the IPv4 addresses that a translator (NAT64) or a tunnel would make of it."""
    return address, *(_carried(address) if isinstance(address, ipaddress.IPv6Address) else ())


def _carried(address: ipaddress.IPv6Address) -> Iterator[ipaddress.IPv4Address]:
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    number = int(address)
    translated = address not in _OWN and any(address in network for network in _IPV4_IN_LOW_BITS)
    if translated or (number >> 32) & 0xFFFF_FFFF in _ISATAP:
        yield ipaddress.IPv4Address(number & 0xFFFF_FFFF)


def _ipv4(host: str) -> ipaddress.IPv4Address | None:
    """The IPv4 address as inet_aton(3) reads it: one to four parts, each decimal, octal (0...) or hex (0x...)."""
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


# ------------------------------------------------------------------------------------------------------------- in names

_ZONES: Final = (
    *("nip.io", "sslip.io", "xip.io", "traefik.me", "backname.io", "local-ip.co", "local-ip.sh"),
    *("ec2.internal", "compute.internal"),  # ip-10-0-0-1.eu-west-1.compute.internal
)
_FOUR_NUMBERS: Final = re.compile(r"(?<![0-9])([0-9]{1,3})[.-]([0-9]{1,3})[.-]([0-9]{1,3})[.-]([0-9]{1,3})(?![0-9])")
_HEXADECIMAL: Final = re.compile(r"(?<![^.-])(?:0x)?([0-9a-f]{8})(?![^.-])")


def in_name(host: str) -> tuple[Address, ...]:
    """The addresses inside a host name, where its zone answers with the address that the name contains.

    `host` is in lower case. Examples: 169.254.169.254.nip.io, a9fea9fe.nip.io, fd00-ec2--254.sslip.io,
    169-254-169-254.default.pod.cluster.local.
    """
    text = _before_zone(host)
    if not text:
        return ()
    four = [_ipv4(".".join(found.groups())) for found in _FOUR_NUMBERS.finditer(text)]
    one = [_ipv4(f"0x{found[1]}") for found in _HEXADECIMAL.finditer(text)]
    six = [literal(label.replace("-", ":")) for label in text.split(".") if label.count("-") > 1]
    return tuple(address for address in (*four, *one, *six) if address is not None)


def _before_zone(host: str) -> str:
    labels = host.split(".")
    if labels[2:3] == ["pod"]:  # of a cluster, whatever its domain is
        return labels[0]
    zone = next((zone for zone in _ZONES if host.endswith(f".{zone}")), None)
    return host.removesuffix(f".{zone}") if zone is not None else ""
