"""The runner's log: on stderr as it happens, and kept to become an artifact at the end."""

import logging
import sys
from collections import deque

from evalkube_runner.redact import LogFilter, Redactor

__all__ = ["Kept", "set_level", "start"]


class Kept(logging.Handler):
    """Keeps the last lines of the log, to become an artifact at the end."""

    _LINES = 20_000

    def __init__(self) -> None:
        super().__init__()
        self._lines: deque[str] = deque(maxlen=self._LINES)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one record."""
        self._lines.append(self.format(record))

    def text(self) -> str:
        """The text of all records that were kept."""
        return "".join(f"{line}\n" for line in self._lines)


def start(redactor: Redactor) -> Kept:
    """Log to stderr and into memory, both without secrets."""
    kept, shown = Kept(), logging.StreamHandler(sys.stderr)
    formatter = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    for handler in (kept, shown):
        handler.setFormatter(formatter)
        handler.addFilter(LogFilter(redactor))
    logging.basicConfig(level=logging.INFO, handlers=[kept, shown], force=True)
    for noisy in ("httpx", "httpcore", "urllib3", "filelock", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    return kept


def set_level(debug: bool) -> None:
    """Set the level of evalkube's own loggers."""
    logging.getLogger("evalkube").setLevel(logging.DEBUG if debug else logging.INFO)
