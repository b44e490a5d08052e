"""Keeps ingest's certificate, and the authority that runners trust, equal to the mounted files: certificates are
renewed while everything runs.

Runners of Jobs to come get the authority with their Job; those at work read it from an annotation of their pod, which
Kubernetes brings them when it changes.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from evalkube_operator.errors import OperatorError
from evalkube_operator.facts import PodFact, digest

__all__ = ["Certificates", "Files"]

_LOG = logging.getLogger("evalkube.operator.certificates")
_EVERY_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Files:
    """The mounted certificate files. None means plain HTTP, or an authority that every system knows."""

    certificate: Path | None
    key: Path | None
    ca: Path | None


class Pods(Protocol):
    """The cluster as `Certificates` uses it: a way to tell a running pod of a new authority."""

    async def set_pod_ca(self, pod: PodFact, ca: str) -> None:
        """Write the authority where the pod's runner reads it. Raises OperatorError."""


class Certificates:
    """Follows the mounted files. `serve` loads the certificate's files again (raises OSError or ValueError where they
    cannot be used). `trust` gives further Jobs this authority. `working` has the pods of runs that may be at work.
    """

    def __init__(
        self,
        files: Files,
        pods: Pods,
        *,
        serve: Callable[[], None],
        trust: Callable[[str], None],
        working: Callable[[], Iterable[PodFact]],
    ) -> None:
        self._files = files
        self._pods = pods
        self._serve = serve
        self._trust = trust
        self._working = working
        self._served = self._of_server()
        self._ca = _text(files.ca)

    async def keep(self) -> None:
        """Look for changed files every few seconds, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(_EVERY_S)

    async def look(self) -> None:
        """Load changed files, and send the authority to runners that do not have it. What fails is tried again."""
        self._look_at_server()
        found = _text(self._files.ca)
        if found and found != self._ca:
            self._ca = found
            self._trust(found)
            _LOG.info("the authority of ingest's certificate has changed; runners are informed")
        if not self._ca:
            return
        wanted = digest(self._ca)
        for pod in [each for each in self._working() if each.trusts not in ("", wanted)]:
            try:
                await self._pods.set_pod_ca(pod, self._ca)
            except OperatorError as problem:
                _LOG.warning("the runner %s/%s has an old authority: %s", pod.namespace, pod.name, problem)

    def _look_at_server(self) -> None:
        found = self._of_server()
        if found == self._served:
            return
        try:
            self._serve()
        except (OSError, ValueError) as problem:  # ssl.SSLError is an OSError
            _LOG.error("ingest's new certificate cannot be used: %s", problem)
            return
        self._served = found
        _LOG.info("ingest's certificate has changed, and is served now")

    def _of_server(self) -> str:
        return digest(_text(self._files.certificate) + _text(self._files.key))


def _text(path: Path | None) -> str:
    try:
        return path.read_text() if path is not None else ""
    except (OSError, UnicodeDecodeError):
        return ""
