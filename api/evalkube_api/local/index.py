"""The index of runs: ids, their order, folders and idempotency keys, without the documents. In memory, no I/O."""

from bisect import insort
from collections.abc import Iterable, Iterator
from pathlib import Path

from evalkube_api import errors
from evalkube_api.backend import Line
from evalkube_api.local.paths import overlap
from evalkube_api.local.store import Entry

__all__ = ["Index"]


class Index:
    """Entries of runs, by id and in the order of creation."""

    def __init__(self) -> None:
        self._by_id: dict[str, Entry] = {}
        self._order: list[tuple[tuple[str, str, str], str]] = []
        self._by_key: dict[tuple[str, str], str] = {}

    def __contains__(self, run_id: str) -> bool:
        return run_id in self._by_id

    def put(self, entry: Entry) -> None:
        """Adds or replaces an entry."""
        if entry.run_id not in self._by_id:
            insort(self._order, _place(entry))
        self._by_id[entry.run_id] = entry
        if entry.idempotency_key is not None:
            self._by_key[entry.kind, entry.idempotency_key] = _later(
                self._by_id, self._by_key.get((entry.kind, entry.idempotency_key)), entry
            )

    def drop(self, run_id: str) -> None:
        """Removes a run."""
        entry = self._by_id.pop(run_id)
        self._order.remove(_place(entry))
        if entry.idempotency_key is not None and self._by_key.get((entry.kind, entry.idempotency_key)) == run_id:
            del self._by_key[entry.kind, entry.idempotency_key]

    def entry(self, run_id: str) -> Entry:
        """The entry of a run. Raises errors.NotFound."""
        try:
            return self._by_id[run_id]
        except KeyError:
            raise errors.NotFound(f"there is no run {run_id[:80]!r}; GET /api/v1/runs lists them") from None

    def ids(self) -> Iterable[str]:
        """The ids of all runs."""
        return self._by_id.keys()

    def entries(self) -> Iterable[Entry]:
        """All entries."""
        return self._by_id.values()

    def keyed(self, kind: str, key: str) -> Entry | None:
        """The last run that was made with that Idempotency-Key."""
        run_id = self._by_key.get((kind, key))
        return self._by_id[run_id] if run_id is not None else None

    def lines(self) -> Iterator[Line]:
        """The lines of all runs, newest first."""
        return (entry.line for entry in self._newest_first())

    def active_in(self, folder: Path) -> Entry | None:
        """An active run whose folder is `folder`, contains it, or is inside it."""
        unfinished = (entry for entry in self._by_id.values() if not entry.phase.terminal)
        return next((entry for entry in unfinished if overlap(entry.folder, folder)), None)

    def sharing(self, entry: Entry) -> Entry | None:
        """Another run whose folder is the folder of `entry`, contains it, or is inside it."""
        others = (other for other in self._by_id.values() if other.run_id != entry.run_id)
        return next((other for other in others if overlap(other.folder, entry.folder)), None)

    def cut_short(self, request: str) -> Entry | None:
        """The last interrupted run of that request (`run_document.request_digest`)."""
        last = next((entry for entry in self._newest_first() if entry.request == request), None)
        return last if last is not None and last.cut_short else None

    def made(self, folder: Path) -> bool:
        """Whether `folder` was made for an earlier run that is still known."""
        return any(entry.made_folder and entry.folder == folder for entry in self._by_id.values())

    def _newest_first(self) -> Iterator[Entry]:
        return (self._by_id[run_id] for _, run_id in reversed(self._order))


def _place(entry: Entry) -> tuple[tuple[str, str, str], str]:
    return entry.line.place, entry.run_id


def _later(known: dict[str, Entry], run_id: str | None, entry: Entry) -> str:
    before = known.get(run_id) if run_id is not None else None
    return entry.run_id if before is None or _place(before) <= _place(entry) else before.run_id
