"""Judges whether the operator is alive: its loop turns, its watches report, its queue moves. Times come in.

An answer to HTTP alone proves little: the worst failures of operators are those in which only that still works.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

__all__ = ["Health"]

_LOOP_LAG_S: Final = 5.0
_WATCH_AGE_S: Final = 180.0
_STUCK_S: Final = 120.0


@dataclass(slots=True)
class Health:
    """The last signs of life, on a monotonic clock. `lists` and `told_s` say when each kind of object was last listed
    in full, and when its watch last reported.
    """

    clock: Callable[[], float]
    beat_s: float = 0.0
    lag_s: float = 0.0
    lists: dict[str, float] = field(default_factory=dict)
    told_s: dict[str, float] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    watch_age_s: float = _WATCH_AGE_S
    serving: bool = False

    def beat(self, lag_s: float) -> None:
        """Note that the event loop works, and how late it is."""
        self.beat_s, self.lag_s = self.clock(), lag_s

    def told(self, kind: str) -> None:
        """Note that a watch reported an object of this kind."""
        self.told_s[kind] = self.clock()
        self.silent.discard(kind)

    def listed(self, kind: str, *, missed: bool = False) -> None:
        """Note that everything of this kind was listed. `missed` says whether the list had something that no watch had
        reported.

        Something is always on its way; but a watch that told nothing since the list before, while things happened, is
        dead.
        """
        before = self.lists.get(kind)
        if missed and before is not None and self.told_s.get(kind, float("-inf")) < before:
            self.silent.add(kind)
        self.lists[kind] = self.clock()

    def complaints(self, stuck_s: float) -> Mapping[str, str]:
        """The problems by part; empty when all is well."""
        now, found = self.clock(), {}
        if now - self.beat_s > _LOOP_LAG_S or self.lag_s > _LOOP_LAG_S:
            found["loop"] = f"the event loop is {max(now - self.beat_s, self.lag_s):.1f} s late"
        for kind, at in self.lists.items():
            if now - at > self.watch_age_s:
                found[kind] = f"no news of {kind} for {now - at:.0f} s"
        for kind in self.silent:
            found[kind] = f"the watch of {kind} tells nothing, and there was something to tell"
        if stuck_s > _STUCK_S:
            found["queue"] = f"runs are waiting, and none has been looked at for {stuck_s:.0f} s"
        return found
