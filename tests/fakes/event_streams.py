"""A client of server-sent events, as far as tests need one."""

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx

__all__ = ["Event", "following", "read_until"]


@dataclass(frozen=True)
class Event:
    """One event. `position`: its `id`, None where it has none."""

    position: str | None
    name: str
    data: Any


@contextlib.contextmanager
def following(client: httpx.Client, after: str | None = None, **query: str) -> Iterator[Iterator[Event]]:
    """The events of all runs that match `query`."""
    headers = {} if after is None else {"Last-Event-ID": after}
    with client.stream("GET", "/api/v1/events", params=query, headers=headers) as response:
        assert response.status_code == 200, response.read()
        yield _events(response.iter_lines())


def read_until(events: Iterator[Event], wanted: Callable[[Event], bool]) -> list[Event]:
    """The next events up to the first that is wanted."""
    found = []
    for event in events:
        found.append(event)
        if wanted(event):
            return found
    raise AssertionError(f"the stream ended after {found}")


def _events(lines: Iterator[str]) -> Iterator[Event]:
    fields: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        if name in ("id", "event", "data"):
            fields[name] = value
        elif not line and "event" in fields:
            yield Event(fields.get("id"), fields["event"], json.loads(fields["data"]))
            fields = {}
