"""The endpoints that a key may be sent to, from an annotation of its Secret. Pure.

An entry is a host (`api.example.org`), a host with a port (`api.example.org:8443`, `[fd00::7]:8000`), or all hosts
below a domain (`*.example.org`). `*` alone means every host: then anyone who creates runs decides where the key goes.
"""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

__all__ = ["hosts_of", "permits"]

_HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\]")


def hosts_of(urls: Iterable[str]) -> str:
    """The annotation of a key that is for these endpoints only: each host with its port, separated by commas."""
    return ",".join(dict.fromkeys(f"{host}:{port}" for host, port in map(_endpoint, urls)))


def permits(annotation: str, url: str) -> bool:
    """Whether a key whose Secret has `annotation` may be sent to `url`. An unreadable entry permits nothing."""
    host, port = _endpoint(url)
    entries = re.split(r"[,\s]+", annotation.strip().lower())
    return any(entry == "*" or _matches(entry, host, port) for entry in entries)


def _matches(entry: str, host: str, port: int) -> bool:
    name, wanted = _parts(entry)
    if wanted not in ("", str(port)) or not _HOST.fullmatch(host):
        return False
    if name.startswith("*."):
        return bool(_HOST.fullmatch(name[2:])) and host.endswith(name[1:])
    return name == host


def _parts(entry: str) -> tuple[str, str]:
    """The host and the port. An IPv6 address without a port may be without brackets."""
    if entry.count(":") > 1 and not entry.startswith("["):
        return f"[{entry}]", ""
    host, _, port = entry.rpartition(":") if re.search(r":\d*$", entry) and not entry.endswith("]") else (entry, "", "")
    return host.rstrip("."), port


def _endpoint(url: str) -> tuple[str, int]:
    """The host (IPv6 in brackets) and the port of a URL that the contract has checked."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".")
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return "", 0
    return f"[{host}]" if ":" in host else host, port
