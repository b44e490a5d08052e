"""Logs JSON lines on standard error, one per record, kopf's included. Of a run they only have its name and reason."""

import json
import logging
from datetime import UTC, datetime
from typing import Any

from evalkube_crds.wording import in_json

__all__ = ["JsonLines", "start"]


class JsonLines(logging.Formatter):
    """Formats a log record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter`."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return in_json(json.dumps(line, ensure_ascii=False))


def start(level: str) -> None:
    """Set logging up: one line of JSON for each record."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in ("kopf.objects", "httpx", "uvicorn.access", "aiohttp.access"):
        logging.getLogger(name).setLevel(logging.WARNING)
