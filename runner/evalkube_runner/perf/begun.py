"""The start of this shard's load of a point, on the clock that all shards share. Pure."""

from collections.abc import Iterable

from evalkube_crds.perf_point import Begun
from evalkube_runner.context import StartInstant

__all__ = ["begun_of"]


def begun_of(instant: StartInstant | None, begun_ns: Iterable[int]) -> Begun | None:
    """The earliest and the latest possible start. `begun_ns` has each worker's, on the monotonic clock, 0 for one that
    sent nothing. None where no instant was agreed on, or where the offset of its clock is not known.
    """
    known = [at_ns for at_ns in begun_ns if at_ns]
    if instant is None or instant.doubt_ns is None or not known:
        return None
    offset_ns = instant.start_at_ns - instant.monotonic_ns
    return Begun(first_ns=min(known) + offset_ns - instant.doubt_ns, last_ns=max(known) + offset_ns + instant.doubt_ns)
