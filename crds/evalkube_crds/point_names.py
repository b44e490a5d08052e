"""Names of a load test's points: the keys of their results, and how their requests arrive, in words. Pure."""

from collections import Counter
from collections.abc import Sequence

from evalkube_crds.perf_trace import TRACE
from evalkube_crds.perfrun import PerfRunSpec

__all__ = ["arrivals_words", "point_name", "point_names"]


def arrivals_words(spec: PerfRunSpec, rate: float | None) -> str | None:
    """The arrival of a point's requests in words; None where only answers decide when requests are sent.

    Examples: "gamma, burstiness 0.5; 5 to 50 requests/s in 60 s"; "as recorded, 2 times as fast".
    """
    if spec.dataset == TRACE:
        return "as recorded" if spec.trace_speed == 1 else f"as recorded, {spec.trace_speed:g} times as fast"
    if rate is None:
        return f"requests in flight grow for {spec.ramp_up:g} s" if spec.ramp_up is not None else None
    process = {"poisson": "Poisson", "constant": "constant", "gamma": f"gamma, burstiness {spec.burstiness or 0:g}"}
    return "; ".join([process[spec.arrivals], *(stage.words for stage in spec.rate_stages or ())])


def point_name(*, number: int, parallel: int | None = None, rate: float | None = None, unrated: str = "stages") -> str:
    """The key of one point of a sweep.

    Examples: `parallel_10_number_100`, or `rate_2.5_number_100` in open loop. If the rate changes: `stages_number_100`,
    or another word.
    """
    if rate is not None:
        return f"rate_{_spelled(rate)}_number_{number}"
    return f"{unrated}_number_{number}" if parallel is None else f"parallel_{parallel}_number_{number}"


def point_names(points: Sequence[tuple[int, int | None, float | None]], unrated: str = "stages") -> list[str]:
    """The keys of the points of a sweep, given as (number, parallel, rate); no two are the same.

    `parallel` None is the open loop. `rate` None is no limit, or in open loop what `unrated` names. A key that only one
    point has is `point_name`'s. If several points have it, their rates are added to the key where they differ. Keys
    that are still equal are numbered from 2 on.
    """
    loads = [
        point_name(number=number, parallel=parallel, rate=rate if parallel is None else None, unrated=unrated)
        for number, parallel, rate in points
    ]
    rates: dict[str, set[float | None]] = {}
    for load, (_, _, rate) in zip(loads, points, strict=True):
        rates.setdefault(load, set()).add(rate)
    names: list[str] = []
    seen: Counter[str] = Counter()
    for load, (_, _, rate) in zip(loads, points, strict=True):
        name = f"{load}_rate_{_spelled(rate)}" if len(rates[load]) > 1 else load
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name}_repeat_{seen[name]}")
    return names


def _spelled(rate: float | None) -> str:
    return "unlimited" if rate is None else repr(rate).removesuffix(".0")
