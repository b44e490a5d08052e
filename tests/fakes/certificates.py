"""Certificates of tests, valid for a hundred years: an authority, a server's by it, and a self-signed one, both for
model.test, localhost and 127.0.0.1. Their keys are no secrets.
"""

import ssl
from pathlib import Path

__all__ = ["AUTHORITY", "SELF_SIGNED", "SERVER", "serving"]

_FOLDER = Path(__file__).parent / "tls"
AUTHORITY = _FOLDER / "authority.pem"
SERVER = _FOLDER / "server.pem"
SELF_SIGNED = _FOLDER / "self_signed.pem"


def serving(certificate: Path = SERVER) -> ssl.SSLContext:
    """What a server with `certificate` needs."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context
