"""Limits of this machine: the number of worker processes for a load, and of requests in flight."""

from evalkube_crds.names import Reason
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_runner import machine
from evalkube_runner.context import RunContext
from evalkube_runner.errors import RunFailed

__all__ = ["PARALLEL_PER_WORKER", "check_limits", "most_parallel", "workers_wanted"]

PARALLEL_PER_WORKER = 512
_RATE_PER_WORKER = 250.0
"""A stream of 50 tokens a second costs a core about 0.05 %, a request whose tokens come one by one about 1 ms of CPU:
half a core.
"""


def workers_wanted(usable: int, *, slots: int | None, rate: float | None) -> int:
    """The number of worker processes for a load: one, until it would take half a core. Never more than `slots`."""
    worth = -(-slots // PARALLEL_PER_WORKER) if slots is not None else int(-(-(rate or 1.0) // _RATE_PER_WORKER))
    return max(1, min(usable, worth))


def check_limits(spec: PerfRunSpec, context: RunContext) -> None:
    """Refuse a load that this process could never carry, before any request. Raises RunFailed(InvalidSpec)."""
    key = context.api_key
    if key is not None and not (key.isascii() and key.isprintable()):
        raise RunFailed(Reason.INVALID_SPEC, "api_key: must be printable ASCII, as a header is")
    parallel = 1 if spec.open_loop else max(*spec.parallel, spec.sla_fixed_parallel or 1)
    most = most_parallel(context)
    if parallel > most:
        raise RunFailed(
            Reason.INVALID_SPEC,
            f"parallel: {parallel} needs as many connections, and no more than {most} can be held here "
            f"({machine.descriptors()} open files a process, {machine.ports()} local ports); raise the limits "
            "(ulimit -n, ip_local_port_range), or use shards",
        )


def most_parallel(context: RunContext) -> int:
    """The most requests in flight that a closed loop can have here."""
    descriptors = machine.descriptors() - machine.SPARE_DESCRIPTORS
    processes = machine.cores() if descriptors >= PARALLEL_PER_WORKER else 1
    return max(1, min(descriptors * processes, machine.ports())) * context.shards
