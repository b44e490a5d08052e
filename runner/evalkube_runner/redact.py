"""Keeps secrets out of everything that leaves a runner; a server, too, may echo the key it was sent."""

import asyncio
import json
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from evalkube_crds.results import Progress
from evalkube_runner.deliver import Delivery, Whole

__all__ = ["LogFilter", "RedactingDelivery", "Redactor"]

Document = TypeVar("Document", bound=BaseModel)

_SHORTEST = 8
"""Shorter "keys" are placeholders such as EMPTY or test, and replacing those would mangle honest text."""

_BLOCK_BYTES = 1 << 20


class Redactor:
    """Replaces secrets in text and bytes, also as JSON writes them."""

    def __init__(self, secrets: Iterable[str | None]) -> None:
        known = {secret for secret in secrets if secret is not None and len(secret) >= _SHORTEST}
        spelt = known | {json.dumps(secret)[1:-1] for secret in known}
        self._texts = sorted(spelt, key=len, reverse=True)
        self._bytes = [text.encode() for text in self._texts]

    def __bool__(self) -> bool:
        return bool(self._texts)

    def text(self, value: str) -> str:
        """``value`` without the secrets."""
        for secret in self._texts:
            value = value.replace(secret, "***")
        return value

    def data(self, value: bytes) -> bytes:
        """``value`` without the secrets."""
        for secret in self._bytes:
            value = value.replace(secret, b"***")
        return value

    def document(self, value: Document) -> Document:
        """A document without the secrets; they are only ever in its messages, so most pass as they are."""
        text = value.model_dump_json()
        clean = self.text(text)
        return value if clean == text else type(value).model_validate_json(clean)

    def file(self, path: Path) -> None:
        """Rewrites a file of lines in place, a block of whole lines at a time, where it holds a secret."""
        clean = path.with_name(f"{path.name}.clean")
        changed = False
        with path.open("rb") as source, clean.open("wb") as target:
            while lines := source.readlines(_BLOCK_BYTES):
                block = b"".join(lines)
                redacted = self.data(block)
                changed = changed or redacted != block
                target.write(redacted)
        if changed:
            clean.replace(path)
        else:
            clean.unlink()


class LogFilter(logging.Filter):
    """Formats a record early and redacts it, its traceback included."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def filter(self, record: logging.LogRecord) -> bool:
        """Never drops a record."""
        record.msg, record.args = self._redactor.text(record.getMessage()), ()
        if record.exc_info:
            record.exc_text = self._redactor.text(logging.Formatter().formatException(record.exc_info))
            record.exc_info = None
        return True


class RedactingDelivery:
    """A delivery through which no secret passes."""

    def __init__(self, delivery: Delivery, redactor: Redactor) -> None:
        self._delivery = delivery
        self._redactor = redactor

    async def append(self, path: str, data: bytes, *, durable: bool = True) -> None:
        """See ``Delivery.append``."""
        await self._delivery.append(path, self._redactor.data(data), durable=durable)

    async def put(self, path: str, data: bytes) -> None:
        """See ``Delivery.put``."""
        await self._delivery.put(path, self._redactor.data(data))

    async def put_file(self, path: str, source: Path) -> None:
        """See ``Delivery.put_file``."""
        if self._redactor:
            await asyncio.to_thread(self._redactor.file, source)
        await self._delivery.put_file(path, source)

    async def get(self, path: str) -> bytes | None:
        """See ``Delivery.get``."""
        return await self._delivery.get(path)

    async def progress(self, progress: Progress, *, final: bool = False) -> None:
        """See ``Delivery.progress``."""
        await self._delivery.progress(progress, final=final)

    async def result(self, document: BaseModel) -> Whole | None:
        """See ``Delivery.result``."""
        whole = await self._delivery.result(self._redactor.document(document))
        return None if whole is None else _RedactingWhole(whole, self._redactor)


class _RedactingWhole:
    """A whole run to which no secret is written."""

    def __init__(self, whole: Whole, redactor: Redactor) -> None:
        self._whole = whole
        self._redactor = redactor

    async def put(self, path: str, data: bytes) -> None:
        """See ``Place.put``."""
        await self._whole.put(path, self._redactor.data(data))

    async def get(self, path: str) -> bytes | None:
        """See ``Place.get``."""
        return await self._whole.get(path)

    async def result_of(self, shard: int) -> bytes:
        """See ``Whole.result_of``."""
        return await self._whole.result_of(shard)
