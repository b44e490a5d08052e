"""The line of runs that wait for their turn, in the order they came. In memory, no I/O."""

from collections.abc import Iterator, Mapping

from evalkube_crds.names import Kind

__all__ = ["Waiting"]


class Waiting:
    """Ids with the kinds of their runs, and the place of each."""

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
        """The kinds of runs by id, the one that came first first."""
        return self._kinds

    def add(self, run_id: str, kind: Kind) -> None:
        """It comes last."""
        self._kinds[run_id] = kind
        self._places = None

    def take(self, run_id: str) -> None:
        """It waits no more."""
        del self._kinds[run_id]
        self._places = None

    def place(self, run_id: str) -> int:
        """From 1."""
        if self._places is None:
            self._places = {each: place for place, each in enumerate(self._kinds, start=1)}
        return self._places[run_id]
