"""The target of requests: the parts of a URL, and the head that all requests share. No look-ups here."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from evalkube_crds.proxies import Proxy

__all__ = ["Target", "proxied_by", "request_head", "target_of"]


@dataclass(frozen=True, slots=True)
class Target:
    """The parts of a URL that a request and its connection need."""

    host: str
    port: int
    tls: bool
    path: str

    @property
    def url(self) -> str:
        """The whole URL."""
        return f"{'https' if self.tls else 'http'}://{self.authority}{self.path}"

    @property
    def authority(self) -> str:
        """The host, and the port where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"


def target_of(url: str, proxy: Proxy | None = None) -> Target:
    """The parts of `url` (http or https, checked by the contract). A proxy that forwards is asked for all of it."""
    parts = urlsplit(url)
    tls = parts.scheme == "https"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if proxy is not None and proxy.forwards(tls=tls):
        path = f"http://{parts.netloc}{path}"
    return Target(parts.hostname or "", parts.port or (443 if tls else 80), tls, path)


def proxied_by(proxy: Proxy | None, *, tls: bool) -> dict[str, str]:
    """The headers of a request to a proxy that forwards it."""
    if proxy is not None and proxy.basic and proxy.forwards(tls=tls):
        return {"Proxy-Authorization": proxy.basic}
    return {}


def request_head(target: Target, headers: dict[str, str]) -> bytes:
    """The head of every request up to the value of its last header, `Content-Length: `."""
    made = {
        "Host": target.authority,
        "User-Agent": "evalkube",
        "Accept": "text/event-stream, application/json",
        "Accept-Encoding": "identity",
        "Content-Type": "application/json",
    }
    ours = {name.lower() for name in headers}
    lines = [f"{name}: {value}\r\n" for name, value in made.items() if name.lower() not in ours]
    lines += [
        f"{name}: {value}\r\n"
        for name, value in headers.items()
        if name.lower() not in ("content-length", "transfer-encoding", "connection")
    ]
    return f"POST {target.path} HTTP/1.1\r\n{''.join(lines)}Content-Length: ".encode("latin-1")
