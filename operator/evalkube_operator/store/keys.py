"""The keys of a run's objects in the store: names only, no I/O. Every path from outside passes through here.

<namespace>/<run name>.<uid>/<attempt>/<shard>/<path>     what one shard of one attempt delivered
<namespace>/<run name>.<uid>/run/<path>                   what is of the run as a whole: the operator's, and reports
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from evalkube_operator.ports import RunKey

__all__ = [
    "ABOUT",
    "MERGED_RESULT",
    "OWN",
    "PARTS",
    "RESPONSE",
    "BadPath",
    "ShardKey",
    "barrier",
    "checked_own_path",
    "checked_path",
    "own",
    "parse_artifact",
    "parse_result",
    "parse_run",
    "result_path",
    "run_prefix",
    "split",
]

PARTS: Final = ".parts"
"""Suffix of the folder that an appended artifact's pieces lie in where the store cannot append."""

OWN: Final = ".evalkube"
"""Our own files beside a shard's artifacts; runners cannot write there and listings leave it out."""

ABOUT: Final = f"{OWN}/run.json"
"""Below `run`: what the run is, so that its artifacts can be read without asking anybody else."""

MERGED_RESULT: Final = "result.json"
"""Below `run`: what the operator made of all shards' results; one of the run's artifacts."""

RESPONSE: Final = "response.json"
"""Below `run`: what the API answers, where it is too large for the status."""


def barrier(turn: int) -> str:
    """Below the attempt's first shard: when its shards were told to start point `turn` of their sweep."""
    return f"{OWN}/barrier-{turn}.json"


_RESULT = re.compile(rf"{re.escape(OWN)}/result-([0-9a-f]{{64}})\.json")

_MAX_SEGMENT_BYTES = 200  # file systems take 255; temporary names need some
_MAX_PATH_BYTES = 700  # S3 takes 1,024 for the key, of which the run's own names need up to 320


class BadPath(ValueError):
    """The path of an artifact is not one that every store can keep. The message says why."""


def run_prefix(run: RunKey) -> str:
    """Everything of the run is below this. The UID keeps apart runs of one name."""
    return f"{run.namespace}/{run.name}.{run.uid}"


def own(run: RunKey, path: str) -> str:
    """The key of an object of the whole run."""
    return f"{run_prefix(run)}/run/{path}"


@dataclass(frozen=True, slots=True)
class ShardKey:
    """The keys below which one shard of one attempt delivers."""

    run: RunKey
    attempt: int
    shard: int

    @property
    def prefix(self) -> str:
        """Everything of the shard is below this."""
        return f"{run_prefix(self.run)}/{self.attempt}/{self.shard}"

    def at(self, path: str) -> str:
        """Key of one artifact; `path` is one that `checked_path` gave, or one of our own."""
        return f"{self.prefix}/{path}"


def parse_run(prefix: str) -> RunKey | None:
    """The run whose prefix this is; None for what is not a run's."""
    namespace, slash, rest = prefix.partition("/")
    name, dot, uid = rest.rpartition(".")
    return RunKey(namespace, name, uid) if slash and dot and namespace and name and uid and "/" not in rest else None


def parse_artifact(run: RunKey, key: str) -> tuple[ShardKey | None, str] | None:
    """Shard (None: the run as a whole) and path of a key below the run's prefix; None for anything else."""
    relative = key.removeprefix(f"{run_prefix(run)}/")
    if relative == key:
        return None
    first, _, rest = relative.partition("/")
    if first == "run":
        return (None, rest) if rest else None
    second, _, path = rest.partition("/")
    if not (first.isdecimal() and second.isdecimal() and path):
        return None
    return ShardKey(run, int(first), int(second)), path


def result_path(sha256: str) -> str:
    """The path of a shard's result document. The name has its digest, which is known without reading it."""
    return f"{OWN}/result-{sha256}.json"


def parse_result(path: str) -> str | None:
    """The sha256 in the path of a result document; None for every other path."""
    found = _RESULT.fullmatch(path)
    return found[1] if found else None


def checked_path(path: str) -> str:
    """`path` as it is, where it may name an artifact: relative, forward slashes, nothing hidden. Raises BadPath."""
    if not path:
        raise BadPath("the path is empty")
    if len(path.encode("utf-8", "surrogatepass")) > _MAX_PATH_BYTES:
        raise BadPath(f"the path is longer than {_MAX_PATH_BYTES} bytes")
    for segment in path.split("/"):
        _check_segment(segment)
    return path


def checked_own_path(path: str) -> str:
    """The same for an artifact that a runner leaves of the whole run: not one that the operator makes."""
    if path in (MERGED_RESULT, RESPONSE):
        raise BadPath(f"{path!r}: the operator makes that itself")
    return checked_path(path)


def _check_segment(segment: str) -> None:
    if not segment:
        raise BadPath("the path has an empty segment: give a relative path without doubled or outer slashes")
    if segment.startswith("."):
        raise BadPath(f"{segment!r}: no segment may begin with a dot")
    if segment.endswith(PARTS):
        raise BadPath(f"{segment!r}: names that end with {PARTS} are the store's own")
    if "\\" in segment or any(unicodedata.category(char) in ("Cc", "Cs") for char in segment):
        raise BadPath(f"{segment!r}: backslashes and control characters are not allowed")
    if len(segment.encode()) > _MAX_SEGMENT_BYTES:
        raise BadPath(f"a segment is longer than {_MAX_SEGMENT_BYTES} bytes")


def split(key: str) -> list[str]:
    """The segments of a whole key, for a store that makes folders of them. Raises BadPath where they would leave the
    store.
    """
    segments = key.split("/")
    if any(segment in ("", ".", "..") or "\0" in segment for segment in segments):
        raise BadPath(f"{key!r} is not a key of the store")
    return segments
