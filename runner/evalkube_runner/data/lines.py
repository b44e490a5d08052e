"""The prompts of a file of the user's own: lines of text, messages and whole bodies, or one JSON array of such.

What is taken as what (docs/data.md says it for users): a line that begins like a JSON object, or like an array of
objects, is that, also over several lines; a line of a .json or .jsonl file that is a JSON string is its text; any other
line is text as it stands. A file that is one array of anything but messages is the list of its prompts.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import orjson

from evalkube_crds.names import Reason
from evalkube_crds.paths import Readable
from evalkube_runner.data import spans
from evalkube_runner.errors import RunFailed
from evalkube_runner.wire.answer import Prompt

__all__ = ["LineFile"]

_BEGINS: Final = re.compile(rb"\{\s*\"|\[\s*\{")
_LIST_BEGINS: Final = re.compile(rb"\[\s*[\[{\"]")
_STRING_BEGINS: Final = re.compile(rb"\"")
_ENDS_LINE: Final = re.compile(rb"[ \t\r]*+(\n|\Z)")
_NAMES_OF_JSON: Final = (".json", ".jsonl", ".ndjson")


class LineFile:
    """Prompts on disk; memory holds two integers for each. Blank lines are none.

    `empty`: how many texts have white space alone, and are left out.
    """

    def __init__(self, path: Path, readable: Readable) -> None:
        """Reads the file once. Raises RunFailed(DatasetUnavailable) that names the line."""
        self.empty = 0
        self._places = spans.Spans()
        self._strings = path.suffix.lower() in _NAMES_OF_JSON
        try:
            self._bytes = spans.mapped(path, readable)
        except OSError as error:
            raise _failed(f"dataset_path: {path} cannot be read: {error.strerror or error}") from error
        try:
            self._is_list = self._index_list()
            if not self._is_list:
                self._index_lines()
        except spans.Broken as broken:
            number = spans.line_of(self._bytes, broken.at)
            raise _failed(f"{path}:{number}: {broken}") from broken

    def __len__(self) -> int:
        return len(self._places)

    @property
    def held_bytes(self) -> int:
        """The memory that the places of its prompts take."""
        return self._places.held_bytes

    def item(self, index: int) -> Prompt:
        """One prompt, parsed."""
        return self._parsed(self._bytes[self._places[index]])

    def _index_list(self) -> bool:
        """Whether the file is one array of prompts; then their places are known."""
        data = self._bytes
        start = spans.after_space(data, spans.begin_of(data))
        if not _LIST_BEGINS.match(data, start):
            return False
        certain = _BEGINS.match(data, start) is not None
        found, end = spans.Spans(), start
        try:
            for end, after in spans.elements(data, start):
                if end == after:
                    break
                if not found and spans.is_message(data[end:after]):
                    return False
                found.add(end, after)
        except spans.Broken as broken:
            if certain:
                raise spans.Broken(broken.at, f"begins like a JSON array but is not valid: {broken}") from broken
            return False  # text that begins with a bracket
        if not found or spans.after_space(data, end) < len(data):
            return False
        for at in range(len(found)):
            if not _BEGINS.match(data, found[at].start) and not _STRING_BEGINS.match(data, found[at].start):
                raise spans.Broken(found[at].start, "neither a text, nor messages, nor a body")
            self._add(found[at].start, found[at].stop, strings=True)
        return True

    def _index_lines(self) -> None:
        data, at = self._bytes, spans.begin_of(self._bytes)
        while at < len(data):
            stop = data.find(b"\n", at)
            stop = len(data) if stop < 0 else stop
            line = data[at:stop]
            if line.strip():
                start = at + len(line) - len(line.lstrip())
                stop = self._index_line(start, at + len(line.rstrip()), stop)
            at = stop + 1

    def _index_line(self, start: int, end: int, stop: int) -> int:
        """Note the prompts that begin on a line, from `start` to `end`; return where the last line of them ends."""
        data = self._bytes
        if not _BEGINS.match(data, start):
            self._add(start, end, strings=self._strings)
            return stop
        for first, after in self._values(start, end):
            self._add(first, after, strings=False)
            end = after
        stop = data.find(b"\n", end)
        return len(data) if stop < 0 else stop

    def _values(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """The JSON values that begin at `start`, up to the end of the line on which the last of them ends."""
        data = self._bytes
        try:
            orjson.loads(data[start:end])
        except orjson.JSONDecodeError as error:
            reason = str(error)
        else:
            yield start, end
            return
        first = start
        while True:
            try:
                after = spans.end_of(data, first)
            except spans.Broken as broken:
                raise spans.Broken(first, f"begins like JSON but is not valid: {broken} ({reason})") from broken
            yield first, after
            if _ENDS_LINE.match(data, after):
                return
            first = spans.after_space(data, after)
            if not _BEGINS.match(data, first):
                raise spans.Broken(
                    first, f"something stands behind JSON: {data[first : first + 20].decode(errors='replace')}"
                )

    def _add(self, start: int, end: int, *, strings: bool) -> None:
        try:
            found = _parsed(self._bytes[start:end], strings=strings)
        except orjson.JSONDecodeError as error:
            at = start + len(error.doc[: error.pos].encode())
            raise spans.Broken(at, f"begins like JSON but is not valid: {error}") from error
        except ValueError as error:
            raise spans.Broken(start, str(error)) from error
        if isinstance(found, str) and not found.strip():
            self.empty += 1
        else:
            self._places.add(start, end)

    def _parsed(self, value: bytes) -> Prompt:
        return _parsed(value, strings=self._strings or self._is_list)


def _parsed(value: bytes, *, strings: bool) -> Prompt:
    """The prompt of a line. Raises ValueError when it begins like JSON of ours and is not, or is not UTF-8. `strings`:
    JSON strings are the texts that they stand for.
    """
    if _BEGINS.match(value):
        found: Prompt = orjson.loads(value)
        if isinstance(found, list) and not all(isinstance(m, dict) and "role" in m for m in found):
            raise ValueError("a JSON array must hold messages, each an object with a role")
        return found
    if strings and value.startswith(b'"'):
        try:
            text: object = orjson.loads(value)
        except orjson.JSONDecodeError:
            text = None  # a quotation and more behind it
        if isinstance(text, str):
            return text
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8: byte 0x{value[error.start]:02x}") from error


def _failed(message: str) -> RunFailed:
    return RunFailed(Reason.DATASET_UNAVAILABLE, message)
