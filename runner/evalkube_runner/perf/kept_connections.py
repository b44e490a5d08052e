"""The connections that a worker process keeps from one run of a search to the next, so that none begins with
connecting. Other points of a load test begin with new ones: what the one before has opened is no part of its load.
"""

from collections.abc import Callable

from evalkube_runner.perf.pool import Pool
from evalkube_runner.perf.self_watch import Pulse
from evalkube_runner.perf.task import Task

__all__ = ["KeptConnections"]


class KeptConnections:
    """At most one pool, of the last run."""

    def __init__(self, pulse: Pulse) -> None:
        """`pulse` tells all pools how late reads may be."""
        self._pulse = pulse
        self._pool: Pool | None = None
        self._led_to: tuple[object, ...] = ()

    async def pool(self, given: Task, connected: Callable[[int], None]) -> Pool:
        """The pool for a task: the kept one where that leads to the same place in the same way, else a new one.
        `connected`: see `Pool`.
        """
        endpoint, limits, addresses = given.options.endpoint, given.options.limits, given.point.addresses
        kept, self._pool = self._pool, None
        leads_to = (endpoint, limits, frozenset(addresses))
        if kept is not None and _is_of_a_search(given) and leads_to == self._led_to:
            kept.go_on(connected)
            return kept
        if kept is not None:
            await kept.close()
        self._led_to = leads_to
        return Pool(
            endpoint.target,
            limits,
            list(addresses),
            connected=connected,
            pulse=self._pulse,
            trust=endpoint.trust,
            proxy=endpoint.proxy,
        )

    async def give_back(self, pool: Pool, given: Task) -> None:
        """Take the pool back once the load of a task is over."""
        if _is_of_a_search(given) and not pool.closed:
            self._pool = pool
        else:
            await pool.close()


def _is_of_a_search(given: Task) -> bool:
    return given.point.run is not None
