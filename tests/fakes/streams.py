"""The named streams of tests/data/streams, each with its one right outcome; their fields are explained there."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from evalkube_crds.names import ErrorClass
from evalkube_runner.wire.answer import Usage

__all__ = ["STREAMS", "Row"]

_FOLDER = Path(__file__).parents[1] / "data" / "streams"


@dataclass(frozen=True)
class Row:
    """A stream in a dialect, and what it says; `texts` None: not looked at."""

    dialect: str
    stream: bytes
    chunks: int
    finish: str | None = None
    usage: Usage | None = None
    fault: ErrorClass | None = None
    texts: dict[str, str] | None = None
    blanks: int = 0
    inside: bool = False
    items: int = 0
    choices: int = field(default=1, kw_only=True)


def _rows() -> Iterator[tuple[str, Row]]:
    for path in sorted(_FOLDER.glob("*.yaml")):
        for found in yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader):
            yield f"{path.stem}: {found['name']}", _row(path.stem, found)


def _row(dialect: str, found: dict[str, Any]) -> Row:
    assert found.keys() <= {"name", "choices", "events", "body", "latin1", "expects"}, found
    said = found["expects"]
    if "usage" in said:
        said |= {"usage": Usage(**said["usage"])}
    if "fault" in said:
        said |= {"fault": ErrorClass(said["fault"])}
    return Row(dialect, _bytes(found), **said, choices=found.get("choices", 1))


def _bytes(found: dict[str, Any]) -> bytes:
    if "events" in found:
        return "".join(f"{event}\n\n" for event in found["events"]).encode()
    text: str = found.get("latin1") or found["body"]
    return text.encode("latin-1" if "latin1" in found else "utf-8")


STREAMS = dict(_rows())
