"""The checkpoint of a run: what it has finished, so that it is never done again. JSON lines, found by the hash of their
content.

Nothing here knows a file: lines go through the run's delivery and come back through it. Lines are written in groups; a
sample does not wait for the disk, the end of the run does.
"""

import asyncio
import hashlib
import logging
from collections.abc import Mapping
from typing import Any

import orjson

from evalkube_crds.evalrun import GenerationConfig
from evalkube_runner.deliver import Delivery

__all__ = ["Journal", "Records", "by_question", "digest", "generation_identity", "load"]

_LOG = logging.getLogger("evalkube.eval")

Records = dict[str, dict[str, Any]]

# What changes how an answer is fetched and not what it says.
_NOT_THE_ANSWER = ("timeout", "retries", "retry_interval", "stream", "extra_headers")
_MOST_WAITING = 10_000


def digest(*parts: Any) -> str:
    """The sha256 of values, in one spelling of JSON."""
    return hashlib.sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)).hexdigest()


def generation_identity(config: GenerationConfig, api: str = "openai") -> dict[str, Any]:
    """The part of a generation config that changes an answer, with its dialect. OpenAI's is not named, because it was
    not named when it was the only one.
    """
    identity: dict[str, Any] = config.model_dump(exclude=set(_NOT_THE_ANSWER), exclude_none=True)
    return identity if api == "openai" else identity | {"api": api}


async def load(delivery: Delivery, path: str) -> tuple[Records, bool]:
    """The records of an earlier attempt by key, the last of each; and whether its last line was cut off.

    A line that does not parse was cut off when its writer died: it is a sample that was not finished.
    """
    data = await delivery.get(path)
    if not data:
        return {}, False
    records, strange = await asyncio.to_thread(_parse, data)
    torn = not data.endswith(b"\n")
    if strange:
        _LOG.warning(
            "%s: %d of its lines cannot be read%s; their samples are asked or scored again",
            path,
            strange,
            " (the last was cut off)" if torn else "",
        )
    return records, torn


def by_question(records: Records) -> Records:
    """The same records by their question, whichever endpoint answered. Records without the question are left out."""
    return {record["anywhere"]: record for record in records.values() if isinstance(record.get("anywhere"), str)}


def _parse(data: bytes) -> tuple[Records, int]:
    """The records by key, and the number of damaged lines."""
    records: Records = {}
    strange = 0
    for line in data.split(b"\n"):
        if not line.strip():
            continue
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError:
            record = None
        if isinstance(record, dict) and isinstance(record.get("key"), str):
            records[record["key"]] = record
        else:
            strange += 1
    return records, strange


class Journal:
    """Appends records, many of them with one write. Run `write_on` as a task beside what adds records, then `close`."""

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery
        self._waiting: dict[str, list[bytes]] = {}
        self._count = 0
        self._work = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._closed = False

    async def add(self, path: str, record: Mapping[str, Any]) -> None:
        """Hand over one record; returns at once unless thousands are waiting for the disk."""
        self._waiting.setdefault(path, []).append(
            orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS)
        )
        self._count += 1
        self._work.set()
        if self._count > _MOST_WAITING:
            self._room.clear()
            await self._room.wait()

    def mend(self, path: str) -> None:
        """Begin the next append to `path` with a line end: its last line was cut off."""
        self._waiting.setdefault(path, []).insert(0, b"\n")

    async def write_on(self) -> None:
        """Write all records until `close`, then the rest. Raises what the delivery raises."""
        while not self._closed or self._waiting:
            if not self._waiting:
                self._work.clear()
                await self._work.wait()
            groups, self._waiting = self._waiting, {}
            for path, lines in groups.items():
                await self._delivery.append(path, b"".join(lines))
            self._count = sum(map(len, self._waiting.values()))
            self._room.set()

    def close(self) -> None:
        """Take no more records: `write_on` returns when all is written."""
        self._closed = True
        self._work.set()

    def reopen(self) -> None:
        """Take records again, after `close` and the end of `write_on`."""
        self._closed = False
