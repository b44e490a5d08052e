"""Reports objects that cannot be read: each version of one is logged once and counted once, however often it is listed.

No I/O but the log, and bounded memory: whoever may make objects may make many that cannot be read.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from evalkube_operator.errors import Unreadable

__all__ = ["Unread"]

_LOG = logging.getLogger("evalkube.operator")
_KEPT: Final = 4096


class Unread:
    """`count`: called with the object's kind, once for each version of it."""

    def __init__(self, count: Callable[[str], None] = lambda _: None) -> None:
        self._count = count
        self._known: OrderedDict[tuple[str, str, str], None] = OrderedDict()

    def note(self, problem: Unreadable) -> None:
        """Note that the object is skipped, for this reason."""
        known = problem.kind, problem.uid or problem.place, problem.version
        if known in self._known:
            self._known.move_to_end(known)
            return
        self._known[known] = None
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)
        self._count(problem.kind)
        _LOG.warning("skipped until it changes: %s", problem)
