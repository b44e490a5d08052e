"""Keeps secrets out of everything that leaves a runner; a server, too, may echo the key it was sent.

JSON is looked at value by value (`redaction`), and decoded only where a trace of a secret is in its bytes. Pages,
tables and indexes are not looked at: they are made of results, lines and a spec that have been.
"""

import json
import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel

from evalkube_crds import redaction
from evalkube_crds.load_news import LoadNews, OthersNews
from evalkube_crds.progress import ProgressState, advanced
from evalkube_crds.results import Progress
from evalkube_crds.wording import printable
from evalkube_runner.context import Share
from evalkube_runner.deliver import Delivery, Whole
from evalkube_runner.packing import SUFFIX, Through, unchanged

__all__ = ["LogFilter", "RedactingDelivery", "Redactor", "redacting"]

Document = TypeVar("Document", bound=BaseModel)


class Redactor(redaction.Redactor):
    """Removes secrets from what a run writes."""

    def __init__(self, secrets: Iterable[str | None], *, spared: Iterable[str] = ()) -> None:
        super().__init__(secrets, spared=spared)
        self._traces = _least(self.traces())

    def document(self, value: Document) -> Document:
        """A document without the secrets."""
        text = value.model_dump_json()
        if not self._is_suspect(text.encode()):
            return value
        before = json.loads(text)
        clean = self.value(before)
        return value if clean == before else type(value).model_validate_json(_json(clean))

    def data(self, data: bytes, path: str) -> bytes:
        """What is written to `path`, without the secrets."""
        if path.endswith(_PAGES) or not self._is_suspect(data):
            return data
        if path.endswith(_LINES):
            return b"".join(map(self._line, data.splitlines(keepends=True)))
        if path.endswith(_DOCUMENTS):
            return self._document(data, indent=2)
        if path.endswith(_YAML):
            return self._yaml(data)
        return self._plain(data)

    def _is_suspect(self, data: bytes) -> bool:
        return any(trace in data for trace in self._traces)

    def _line(self, line: bytes) -> bytes:
        if not self._is_suspect(line):
            return line
        end = b"\n" if line.endswith(b"\n") else b""
        return self._document(line.removesuffix(b"\n"), indent=None) + end

    def _document(self, data: bytes, *, indent: int | None) -> bytes:
        try:
            before = json.loads(data)
        except (ValueError, RecursionError):
            return self._plain(data)
        clean = self.value(before)
        return data if clean == before else _json(clean, indent)

    def _yaml(self, data: bytes) -> bytes:
        import yaml  # for the one file that a person may want to read

        clean = self.value(yaml.safe_load(data))
        return yaml.safe_dump(clean, allow_unicode=True, sort_keys=False).encode()

    def _plain(self, data: bytes) -> bytes:
        return self.text(data.decode(errors="surrogateescape")).encode(errors="surrogateescape")


_LINES: Final = ".jsonl"
_DOCUMENTS: Final = ".json"
_YAML: Final = ".yaml"
_PAGES: Final = ".html"


def _least(traces: frozenset[bytes]) -> list[bytes]:
    """The secrets that contain no other: where none of these is found, no longer one is."""
    return sorted(one for one in traces if not any(other in one for other in traces - {one}))


def _json(value: Any, indent: int | None = None) -> bytes:
    separators = (",", ":") if indent is None else (",", ": ")
    try:
        return json.dumps(value, ensure_ascii=False, indent=indent, separators=separators).encode()
    except UnicodeEncodeError:  # half a pair of surrogates, which JSON can write and UTF-8 cannot
        return json.dumps(value, indent=indent, separators=separators).encode()


class LogFilter(logging.Filter):
    """Formats a record early, redacts it and makes it printable, its traceback included."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def filter(self, record: logging.LogRecord) -> bool:
        """Take the secrets out of a record; it always stays."""
        record.msg, record.args = printable(self._redactor.text(record.getMessage())), ()
        if record.exc_info:
            record.exc_text = printable(self._redactor.text(logging.Formatter().formatException(record.exc_info)))
            record.exc_info = None
        return True


def redacting(share: Share, redactor: Redactor) -> Share:
    """The same result without the secrets: the reason of an early end may quote its target."""

    async def redacted(news: LoadNews) -> OthersNews | None:
        return await share(redactor.document(news))

    return redacted


class RedactingDelivery:
    """A delivery through which no secret passes, and no progress that runs backwards."""

    def __init__(self, delivery: Delivery, redactor: Redactor) -> None:
        self._delivery = delivery
        self._redactor = redactor
        self._told: Progress | None = None

    async def append(self, path: str, data: bytes, *, durable: bool = True) -> None:
        """See `Delivery.append`."""
        await self._delivery.append(path, self._redactor.data(data, path), durable=durable)

    async def put(self, path: str, data: bytes) -> None:
        """See `Delivery.put`."""
        await self._delivery.put(path, self._redactor.data(data, path))

    async def put_lines(
        self, path: str, sources: Sequence[Path], *, through: Through = unchanged, hurry: bool = False
    ) -> None:
        """See `Delivery.put_lines`. What is compressed holds no secret any more."""
        name = path.removesuffix(SUFFIX)

        def clean(lines: bytes) -> bytes:
            return self._redactor.data(through(lines), name)

        await self._delivery.put_lines(path, sources, through=clean, hurry=hurry)

    async def put_file(self, path: str, source: Path) -> None:
        """See `Place.put_file`: made of lines and results that have been looked at."""
        await self._delivery.put_file(path, source)

    async def get(self, path: str) -> bytes | None:
        """See `Delivery.get`."""
        return await self._delivery.get(path)

    async def file(self, path: str, copy: Path) -> Path | None:
        """See `Place.file`."""
        return await self._delivery.file(path, copy)

    async def progress(self, progress: Progress, *, state: ProgressState = "running") -> None:
        """See `Delivery.progress`."""
        self._told = advanced(self._told, progress)
        await self._delivery.progress(self._told, state=state)

    async def result(self, document: BaseModel) -> Whole | None:
        """See `Delivery.result`."""
        whole = await self._delivery.result(self._redactor.document(document))
        return None if whole is None else _RedactingWhole(whole, self._redactor)


class _RedactingWhole:
    """A whole run to which no secret is written."""

    def __init__(self, whole: Whole, redactor: Redactor) -> None:
        self._whole = whole
        self._redactor = redactor

    async def put(self, path: str, data: bytes) -> None:
        """See `Place.put`."""
        await self._whole.put(path, self._redactor.data(data, path))

    async def put_file(self, path: str, source: Path) -> None:
        """See `Place.put_file`: made of lines and results that have been looked at."""
        await self._whole.put_file(path, source)

    async def get(self, path: str) -> bytes | None:
        """See `Place.get`."""
        return await self._whole.get(path)

    async def file(self, path: str, copy: Path) -> Path | None:
        """See `Place.file`."""
        return await self._whole.file(path, copy)

    async def result_of(self, shard: int) -> bytes:
        """See `Whole.result_of`."""
        return await self._whole.result_of(shard)
