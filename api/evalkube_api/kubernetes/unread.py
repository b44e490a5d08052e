"""Resources that cannot be read: each version of one is logged once, however often it is listed.

No I/O but the log. Memory is bounded, because any user who may create runs can create many unreadable ones.
"""

import logging
from collections import OrderedDict
from typing import Final

from evalkube_api import errors

__all__ = ["Unread", "Unreadable"]

_LOG = logging.getLogger("evalkube.service")
_KEPT: Final = 4096


class Unreadable(errors.ApiError):
    """500: the resource does not have the shape of a run. `uid` and `version` are set as far as they can be read."""

    def __init__(self, place: str, why: str, *, uid: str = "", version: str = "") -> None:
        super().__init__(f"the run {place} cannot be read: {why}; look at it with kubectl")
        self.known = uid or place, version


class Unread:
    """The versions of objects that could not be read. `total`: their number so far."""

    def __init__(self) -> None:
        self.total = 0
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()

    def note(self, problem: Unreadable) -> None:
        """Records a version that is skipped, with the reason."""
        if problem.known in self._known:
            self._known.move_to_end(problem.known)
            return
        self._known[problem.known] = None
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)
        self.total += 1
        _LOG.warning("skipped until it changes (%d so far): %s", self.total, problem)
