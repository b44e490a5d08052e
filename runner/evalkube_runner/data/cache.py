"""The cache of downloaded data sets on disk: one folder (shelf) for each. Two processes, and a crash at any moment, do
it no harm.

    <cache>/datasets/<hub>/<owner>--<name>/
        manifest.json           what the hub lists, at which revision, and which files are here, whole
        files/<revision>/...    the files; one that the manifest does not name does not count
        staging/                where a download under way writes; wiped by the next one that holds the lock
        lock

Readers need no lock: files never change once the manifest names them, and the manifest is replaced in one step. The
lock is the kernel's (flock), so it dies with its holder. Nothing here touches the network.
"""

import contextlib
import datetime
import hashlib
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import orjson

__all__ = ["Entry", "Manifest", "Shelf", "TornError", "new_manifest"]

_FORMAT: Final = 1
_PLAIN: Final = re.compile(r"[\w.-]{1,128}")


class TornError(Exception):
    """A downloaded file differs from what the hub lists."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file as a hub lists it. `digest`: "sha256:<hex>", "git:<hex>" (a git blob's SHA-1) or "" (none told)."""

    path: str
    size_bytes: int | None
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """The description of one data set in the cache. `fetched_by` is the run that asked the hub last; `sha256` has the
    digests of the files here.
    """

    hub: str
    dataset_id: str
    endpoint: str
    revision: str
    fetched_at: str
    fetched_by: str
    entries: Mapping[str, Entry]
    sha256: Mapping[str, str]

    def with_file(self, path: str, sha256: str) -> "Manifest":
        """The same with one file more."""
        return replace(self, sha256={**self.sha256, path: sha256})


def new_manifest(
    *, hub: str, dataset_id: str, endpoint: str, revision: str, fetched_by: str, entries: list[Entry]
) -> Manifest:
    """A manifest with no file yet. Entries whose paths would leave the shelf are dropped."""
    kept = {entry.path: entry for entry in entries if _stays_inside(entry.path)}
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return Manifest(hub, dataset_id, endpoint, revision, now, fetched_by, kept, {})


class Shelf:
    """The folder of one data set."""

    def __init__(self, cache: Path, hub: str, dataset_id: str) -> None:
        self.root = cache / "datasets" / hub / dataset_id.replace("/", "--")

    def manifest(self) -> Manifest | None:
        """The manifest; None where there is none that can be read."""
        try:
            document = orjson.loads((self.root / "manifest.json").read_bytes())
            return _manifest_of(document)
        except (OSError, orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
            return None

    def file(self, manifest: Manifest, path: str) -> Path | None:
        """The file where it is here and whole, else None."""
        place = self._place(manifest, path)
        try:
            found_bytes = place.stat().st_size
        except OSError:
            return None
        size_bytes = manifest.entries[path].size_bytes if path in manifest.entries else None
        whole = path in manifest.sha256 and size_bytes in (None, found_bytes)
        return place if whole else None

    @contextlib.contextmanager
    def locked(self, timeout_s: float) -> Iterator[Path]:
        """Holds the shelf for one download and gives an empty staging folder. Raises OSError, filelock.Timeout."""
        import filelock

        self.root.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(self.root / "lock", timeout=timeout_s):
            staging = self.root / "staging"
            shutil.rmtree(staging, ignore_errors=True)
            staging.mkdir()
            try:
                yield staging
            finally:
                shutil.rmtree(staging, ignore_errors=True)

    def add(self, manifest: Manifest, entry: Entry, staged: Path) -> Manifest:
        """Checks a downloaded file against its entry, moves it in, and records it. Raises TornError."""
        sha256 = _checked(entry, staged)
        place = self._place(manifest, entry.path)
        place.parent.mkdir(parents=True, exist_ok=True)
        with staged.open("rb") as file:
            os.fsync(file.fileno())
        staged.replace(place)
        grown = manifest.with_file(entry.path, sha256)
        self.write(grown)
        return grown

    def write(self, manifest: Manifest) -> None:
        """Replaces the manifest in one durable step (the caller holds the lock)."""
        document = {"format": _FORMAT, **asdict(manifest), "entries": [asdict(e) for e in manifest.entries.values()]}
        temporary = self.root / "staging" / "manifest.json"
        with temporary.open("wb") as file:
            file.write(orjson.dumps(document, option=orjson.OPT_INDENT_2))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.root / "manifest.json")

    def _place(self, manifest: Manifest, path: str) -> Path:
        revision = manifest.revision if _PLAIN.fullmatch(manifest.revision) else "head"
        return self.root / "files" / revision / path


def _manifest_of(document: Any) -> Manifest | None:
    if document.pop("format") != _FORMAT:
        return None
    entries = {entry["path"]: Entry(**entry) for entry in document.pop("entries") if _stays_inside(entry["path"])}
    return Manifest(entries=entries, **document)


def _stays_inside(path: str) -> bool:
    parts = path.split("/")
    return not ("\\" in path or "\0" in path or any(part in ("", ".", "..") for part in parts))


def _checked(entry: Entry, staged: Path) -> str:
    """The SHA-256 of the file, when size and digest are as listed. Raises TornError."""
    size_bytes = staged.stat().st_size
    if entry.size_bytes not in (None, size_bytes):
        raise TornError(f"{entry.path}: {size_bytes} bytes arrived where the hub lists {entry.size_bytes}")
    sha256 = hashlib.sha256()
    git = hashlib.sha1(b"blob %d\0" % size_bytes, usedforsecurity=False)
    with staged.open("rb") as file:
        while block := file.read(1 << 20):
            sha256.update(block)
            git.update(block)
    found = {"sha256": sha256.hexdigest(), "git": git.hexdigest()}
    kind, _, digest = entry.digest.partition(":")
    if digest and found.get(kind) != digest:
        raise TornError(f"{entry.path}: what arrived has {kind} {found.get(kind)} where the hub lists {digest}")
    return sha256.hexdigest()
