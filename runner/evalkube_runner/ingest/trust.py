"""Trusts ingest's certificate, by the certificate authority in a file that Kubernetes keeps up to date.

A certificate of another authority may come at any time (cert-manager renews, a release is installed again). The file
follows a minute or two later, and is read again when it has changed; connections that are open go on meanwhile.
"""

import ssl
from pathlib import Path
from typing import Final

__all__ = ["PATIENCE_S", "Trust", "objection"]

PATIENCE_S: Final = 180.0
"""For how long ingest's certificate may be one that is not trusted: two rounds of a kubelet, which brings first the
operator and then the runner what has changed, and a minute more."""


class Trust:
    """`context`: for an HTTP client, which sees what `renew` brings."""

    def __init__(self, ca: Path | None) -> None:
        """Trust the authority in `ca`; None: the system's authorities."""
        self._ca = ca
        self._known = ca.read_text() if ca is not None else ""
        self.context = ssl.create_default_context(cadata=self._known or None)

    def renew(self) -> bool:
        """Read the file again; whether it has changed and is trusted now. What was trusted before stays trusted: a
        change takes time.
        """
        found = self._ca.read_text() if self._ca is not None else ""
        if found == self._known:
            return False
        try:
            self.context.load_verify_locations(cadata=found)
        except (ssl.SSLError, ValueError):  # half of it: the rest is on its way
            return False
        self._known = found
        return True


def objection(problem: BaseException) -> str:
    """The reason why the other side's certificate was not trusted; empty for another problem."""
    seen: BaseException | None = problem
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError):
            return seen.verify_message or str(seen)
        seen = seen.__cause__ or seen.__context__
    return ""
