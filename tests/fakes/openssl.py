"""Certificates of one's own for tests, made by openssl: an authority and a server's certificate."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

__all__ = ["Mounted", "needs_openssl"]

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


@dataclass(frozen=True)
class Mounted:
    """A folder as Kubernetes mounts a Secret of type TLS."""

    folder: Path

    @property
    def certificate(self) -> Path:
        """What the server shows."""
        return self.folder / "tls.crt"

    @property
    def key(self) -> Path:
        """Its key."""
        return self.folder / "tls.key"

    @property
    def ca(self) -> Path:
        """Who signed it."""
        return self.folder / "ca.crt"

    def renew(self, *names: str, rsa: bool = False) -> "Mounted":
        """Another certificate of another authority, for 127.0.0.1 unless `names` (DNS:HOST, IP:ADDRESS) are given. Its
        key is an EC one unless `rsa`."""
        self.folder.mkdir(exist_ok=True)
        kind = ["rsa:2048"] if rsa else ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
        request = ["openssl", "req", "-x509", "-newkey", *kind, "-nodes"]
        named = ["-days", "2", "-subj", "/CN=ingest", "-addext", f"subjectAltName={','.join(names) or 'IP:127.0.0.1'}"]
        files = ["-keyout", str(self.key), "-out", str(self.certificate)]
        subprocess.run([*request, *named, *files], check=True, capture_output=True)
        self.ca.write_bytes(self.certificate.read_bytes())
        return self
