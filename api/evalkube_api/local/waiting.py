"""The queue of waiting runs, in the order of arrival. In memory, no I/O."""

from collections.abc import Iterator, Mapping

from evalkube_crds.names import Kind

__all__ = ["Waiting"]


class Waiting:
    """The ids and kinds of waiting runs, and their places."""

    def __init__(self) -> None:
        self._kinds: dict[str, Kind] = {}
        self._places: dict[str, int] | None = None

    def __contains__(self, run_id: str) -> bool:
        return run_id in self._kinds

    def __len__(self) -> int:
        return len(self._kinds)

    def __iter__(self) -> Iterator[str]:
        return iter(self._kinds)

    @property
    def kinds(self) -> Mapping[str, Kind]:
        """The kinds of runs by id, in the order of arrival."""
        return self._kinds

    def add(self, run_id: str, kind: Kind) -> None:
        """Adds a run at the end."""
        self._kinds[run_id] = kind
        self._places = None

    def take(self, run_id: str) -> None:
        """Removes a run."""
        del self._kinds[run_id]
        self._places = None

    def place(self, run_id: str) -> int:
        """The place of a run, from 1."""
        if self._places is None:
            self._places = {each: place for place, each in enumerate(self._kinds, start=1)}
        return self._places[run_id]
