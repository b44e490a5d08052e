"""Whether the client was healthy enough for its numbers to speak of the server: figures in, a verdict and its reasons
out. No I/O.

A delay of the client adds to what it reports of the server, so what is tolerable depends on what is measured: a lag
of 2 ms is nothing on a TTFT of 200 ms and everything on one of 3 ms. The scale is the median TTFT (latency where
nothing is streamed). The numbers below are ours: one part in twenty is what two careful runs differ by anyway, and
beyond one in five no comparison holds.

A stall is weighed by the requests that it touched: each percentile is compared with what it would be if those had lost
nothing but their wait in the client, so a stall that many requests met counts, however rare stalls are, and one that no
request met does not.

Where the kernel took the times of arrival (`PerfPoint.clocks`), a late read changes none of them. What is left is what
the client does late: requests of a schedule that leave late, and a closed loop that sees an answer late and so sends
the next one late, which lowers the load by as much.

Figures are of the requests that succeeded. Where many failed they are of the lucky ones, which is degraded whoever's
fault it is; but never invalid, for it is the server that they speak of.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from evalkube_crds.histogram import Histogram
from evalkube_crds.names import Clock, ErrorClass, Verdict
from evalkube_crds.perf_point import PerfPoint
from evalkube_crds.result_parts import NANO
from evalkube_crds.summary import failures

__all__ = ["MOST_REASONS", "Delay", "Figures", "by_kernel", "judge", "judge_point", "judge_shards", "worst_of"]

_MS = 1_000_000
DEGRADED_SHARE = 0.05
INVALID_SHARE = 0.20
BUNCHED_SHARE = 0.03
"""What bursts did at the server is estimated; where it is estimated to be so much it may have been 5 %."""
FLOOR_NS = 1 * _MS
"""A lag below this is never held against a run: it is what a timer and a wake-up cost on an ordinary machine."""
INVALID_FLOOR_NS = 5 * _MS
STALL_DEGRADED_NS = 100 * _MS
STALL_INVALID_NS = 1_000 * _MS
"""A single stall, however rare: all requests in flight carry it, and what the server did meanwhile is unknown."""
BY_KERNEL = 0.99
"""Share of the requests from which on a point's times are the kernel's: no percentile that is reported has others."""
CPU_DEGRADED = 0.80
CPU_INVALID = 0.95
"""Of a core, by each worker process (one thread): near 1 it is the client that sets the pace."""
CPU_WINDOW_NS = 200 * _MS
"""Shorter runs are start-up; their CPU share says nothing."""
SENT_DEGRADED = 0.99
SENT_INVALID = 0.95
CONNECTIONS_DEGRADED = 0.90
FAILED_DEGRADED = 0.05
DOUBTFUL_DEGRADED = 0.01
DOUBTFUL_INVALID = 0.05
"""Of all requests: goodput is asked for as a share near 1 (0.95, 0.99), which few requests decide."""
SKEW_NS = 50 * _MS
SKEW_INVALID_NS = 250 * _MS
"""Starts of shards that are less apart are never held against a run, however short it is."""
SKEW_MOST_NS = 1 * NANO
"""Nobody calls it one start beyond this, however long the run is."""
WORD_NS = 3 * NANO
WORD_SHARD_NS = 10 * _MS
"""By then all shards have heard that one has ended the load: that, and as much for each of them."""
_NAMED = 3
MOST_REASONS = 20
"""A thousand shards on one bad node have one thing to say, not a thousand."""
_PERCENTS = (50, 90, 95, 99)
_DELAYABLE = (
    ("TTFT", "ttft_ns"),
    ("latency", "latency_ns"),
    ("TTFT since the intended time", "intended_ttft_ns"),
    ("latency since the intended time", "intended_latency_ns"),
)
_SEVERITY = (Verdict.VALID, Verdict.DEGRADED, Verdict.INVALID)


@dataclass(frozen=True, slots=True)
class Delay:
    """One statistic (`mean`, `p99`) of what was measured, and the least that it can be without the client's stalls.
    Not `sound`: it is of too few requests to be more than their largest value.
    """

    figure: str
    statistic: str
    measured_ns: float
    least_ns: float
    touched: int
    requests: int
    sound: bool = True
    cause: str = "stalls of the client touched"
    most_share: float = DEGRADED_SHARE

    @property
    def verdict(self) -> Verdict:
        """How far the stalls spoil it."""
        added_ns = self.measured_ns - self.least_ns
        if self.sound and added_ns > max(INVALID_FLOOR_NS, INVALID_SHARE * self.measured_ns):
            return Verdict.INVALID
        return Verdict.DEGRADED if added_ns > max(FLOOR_NS, self.most_share * self.measured_ns) else Verdict.VALID


@dataclass(frozen=True, slots=True)
class Figures:
    """What is judged. Times in ns; None where there is nothing to tell."""

    scale_ns: float | None
    schedule_lag_p99_ns: float | None
    loop_lag_p99_ns: float | None
    longest_stall_ns: float
    longest_gc_ns: float
    cpu_ns: int
    wall_ns: int
    offered: int
    sent: int
    connections_peak: int
    connections_limit: int
    delays: tuple[Delay, ...] = ()
    requests: int = 0
    failed: int = 0
    failures: str = ""
    no_room: int = 0
    pace_lag_ns: float | None = None
    """Of a closed loop: how long after an answer had arrived the next request left, on average; and the answer took."""
    pace_scale_ns: float = 0.0
    unread_ns: float = 0.0
    """The longest time in which nothing was read, where that does not change the times themselves."""
    clock_step_ns: int = 0
    stopped: tuple[str, ...] = ()
    good: int | None = None
    doubtful: int = 0
    """Requests that the client's stalls alone may have made good, or not good."""


def judge_point(point: PerfPoint) -> tuple[Verdict, list[str]]:
    """The verdict on a measured (or merged) point."""
    health = point.health
    scale = point.histograms.get("ttft_ns" if point.stream else "latency_ns")
    figures = Figures(
        scale_ns=scale.percentile(50) if scale is not None else None,
        schedule_lag_p99_ns=health.schedule_lag_ns.percentile(99),
        loop_lag_p99_ns=health.loop_lag_ns.percentile(99),
        longest_stall_ns=max(health.loop_lag_ns.high, health.schedule_lag_ns.high),
        longest_gc_ns=health.gc_pause_ns.high,
        cpu_ns=health.cpu_ns,
        wall_ns=health.wall_ns,
        offered=health.offered,
        sent=health.sent,
        connections_peak=health.connections_peak,
        connections_limit=health.connections_limit,
        delays=tuple(_delays_of(point)),
        requests=point.succeeded + point.failed,
        failed=point.failed,
        failures=failures([point]),
        no_room=point.errors.get(ErrorClass.CLIENT_LIMIT, 0),
        clock_step_ns=health.clock_step_ns,
        stopped=tuple(point.stopped),
        good=point.good,
        doubtful=health.doubtful,
    )
    return judge(_by_kernel(figures, point) if by_kernel(point) else figures)


def by_kernel(point: PerfPoint) -> bool:
    """Whether a point's times of arrival are the kernel's."""
    return point.clocks.get(Clock.KERNEL, 0) >= BY_KERNEL * max(1, sum(point.clocks.values()))


def _by_kernel(figures: Figures, point: PerfPoint) -> Figures:
    """What of it is the client's fault where the kernel took the times."""
    health, latency = point.health, point.histograms.get("latency_ns")
    figures = replace(
        figures,
        loop_lag_p99_ns=None,
        longest_stall_ns=health.schedule_lag_ns.high,
        unread_ns=health.loop_lag_ns.high,
    )
    if point.open_loop or point.rate is not None or latency is None:
        return figures
    return replace(
        figures,
        schedule_lag_p99_ns=None,
        pace_lag_ns=health.schedule_lag_ns.mean,
        pace_scale_ns=latency.mean or 0.0,
    )


def _delays_of(point: PerfPoint) -> Iterator[Delay]:
    """Of each figure that a stall touched, its mean and percentiles."""
    health = point.health
    for figure, name in _DELAYABLE:
        measured = point.histograms.get(name)
        if measured is None or (point.rate is None and name.startswith("intended_")):
            continue  # nothing was scheduled: the same once more
        delayed, undelayed = health.delayed.get(name), health.undelayed.get(name)
        if delayed is not None and undelayed is not None and delayed.count:
            yield from _compared(figure, measured, delayed, [measured.replaced(delayed, undelayed)])
        bunched, unbunched = health.bunched.get(name), health.unbunched.get(name)
        if bunched is not None and unbunched is not None and bunched.count:
            least = [measured.replaced(bunched, unbunched), measured.replaced(bunched, Histogram())]
            for delay in _compared(figure, measured, bunched, least):
                yield replace(delay, cause="bursts after stalls of the client met", most_share=BUNCHED_SHARE)


def _compared(figure: str, measured: Histogram, touched: Histogram, least: Sequence[Histogram]) -> Iterator[Delay]:
    """The mean and percentiles, beside the highest of those that they can have been at least.

    Of a burst these are two: with nothing lost but the stall, and as those are that no burst met. Where a server
    was slow for reasons of its own the first stays high, and where all were alike the second.
    """
    rows = [[one.mean, *one.percentiles(_PERCENTS)] for one in (measured, *(each for each in least if each.count))]
    names = [("mean", 50), *((f"p{percent}", percent) for percent in _PERCENTS)]
    for (statistic, percent), before, *after in zip(names, *rows, strict=True):
        known = [value for value in after if value is not None]
        if before is not None and known:
            sound = measured.count * (100 - percent) >= 100
            yield Delay(figure, statistic, before, max(known), touched.count, measured.count, sound)


def judge_shards(whole: PerfPoint, shards: Mapping[int, PerfPoint]) -> tuple[Verdict, list[str]]:
    """The verdict on the sum of several shards' points: the worst of that on the sum and of their own, for one
    saturated shard of many vanishes in the sum. At most `MOST_REASONS`, the sum's before the shards' and the worst
    first, and one that says how many more there are.
    """
    alone, own = judge_point(whole.model_copy(update={"stopped": []}))  # each shard says its own
    together = [*_skew(whole), *_left_alone(shards)]
    found = worst_of([alone, *(verdict for verdict, _ in together)]) or alone
    reasons = own + [f"{verdict}: {text}" for verdict, text in together]
    by_severity = sorted(shards.items(), key=lambda item: (-_SEVERITY.index(item[1].verdict), item[0]))
    worst = max([found, *(point.verdict for point in shards.values())], key=_SEVERITY.index)
    reasons += [f"shard {shard}: {reason}" for shard, point in by_severity for reason in point.verdict_reasons]
    more = len(reasons) - MOST_REASONS
    return worst, reasons if more <= 0 else [*reasons[:MOST_REASONS], f"and {more} more"]


def _skew(whole: PerfPoint) -> Iterator[tuple[Verdict, str]]:
    """Shards that began apart put less load than was asked for until the last had begun."""
    if whole.begun is None:
        return
    skew_ns, length_ns = whole.begun.skew_ns, max(whole.ended_at_ns - whole.started_at_ns, 0)
    text = f"the shards' starts may be {skew_ns / _MS:.0f} ms apart, of {length_ns / NANO:.1f} s"
    if skew_ns > max(SKEW_INVALID_NS, INVALID_SHARE * length_ns):
        yield Verdict.INVALID, text
    elif skew_ns > min(max(SKEW_NS, DEGRADED_SHARE * length_ns), SKEW_MOST_NS):
        yield Verdict.DEGRADED, text


def _left_alone(shards: Mapping[int, PerfPoint]) -> Iterator[tuple[Verdict, str]]:
    """Where some shards ended early, or failed, and others went on, it was with less load than was asked for."""
    loading = {shard: point for shard, point in shards.items() if point.stopped or point.health.processes}
    early = {shard: point for shard, point in loading.items() if point.stopped or point.failed > point.succeeded}
    if not early:
        return
    longest_ns = max(map(_lasted_ns, loading.values()))
    alone_ns = longest_ns - min(map(_lasted_ns, early.values()))
    if all(point.stopped for point in loading.values()):
        alone_ns -= WORD_NS + len(shards) * WORD_SHARD_NS
    if alone_ns <= DEGRADED_SHARE * longest_ns:
        return
    names = [str(shard) for shard in sorted(early, key=lambda shard: (_lasted_ns(early[shard]), shard))]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    text = (
        f"shard {', '.join(names[:_NAMED])}{more} ended early, or failed, and others went on for up to "
        f"{alone_ns / NANO:.1f} s of {longest_ns / NANO:.1f} s: meanwhile the load was lower than asked for"
    )
    yield Verdict.INVALID if alone_ns > INVALID_SHARE * longest_ns else Verdict.DEGRADED, text


def _lasted_ns(point: PerfPoint) -> int:
    """For how long a shard sent, of the measured part: by its own clock, from its first measured request on."""
    if not point.started_at_ns:
        return 0
    return max(0, (point.stopped_at_ns if point.stopped else point.ended_at_ns) - point.started_at_ns)


def worst_of(verdicts: Iterable[Verdict]) -> Verdict | None:
    """The one that speaks for all; None of none."""
    return max(verdicts, key=_SEVERITY.index, default=None)


def judge(figures: Figures) -> tuple[Verdict, list[str]]:
    """The verdict and the reasons for it, worst first; valid has none."""
    each = (_stopped, _lags, _pace, _delays, _stalls, _clock, _load, _goodput, _failed)
    found = [finding for rule in each for finding in rule(figures)]
    found.sort(key=lambda finding: finding[0] is not Verdict.INVALID)
    return (found[0][0] if found else Verdict.VALID), [f"{verdict}: {text}" for verdict, text in found]


def _stopped(figures: Figures) -> Iterator[tuple[Verdict, str]]:
    for reason in figures.stopped:
        yield Verdict.DEGRADED, reason


def _lags(figures: Figures) -> Iterator[tuple[Verdict, str]]:
    for name, lag_ns in (("schedule lag", figures.schedule_lag_p99_ns), ("receive lag", figures.loop_lag_p99_ns)):
        scale_ns = figures.scale_ns or 0.0
        if lag_ns is not None and (verdict := _weighed(lag_ns, scale_ns)) is not Verdict.VALID:
            yield (
                verdict,
                f"{name} p99 is {lag_ns / _MS:.2f} ms beside a median of {scale_ns / _MS:.2f} ms that was measured",
            )


def _weighed(lag_ns: float, scale_ns: float) -> Verdict:
    if lag_ns > max(INVALID_FLOOR_NS, INVALID_SHARE * scale_ns):
        return Verdict.INVALID
    return Verdict.DEGRADED if lag_ns > max(FLOOR_NS, DEGRADED_SHARE * scale_ns) else Verdict.VALID


def _pace(figures: Figures) -> Iterator[tuple[Verdict, str]]:
    lag_ns, scale_ns = figures.pace_lag_ns, figures.pace_scale_ns
    if lag_ns is not None and (verdict := _weighed(lag_ns, scale_ns)) is not Verdict.VALID:
        text = (
            f"from an answer to the next request the client took {lag_ns / _MS:.2f} ms on average, beside a latency of "
            f"{scale_ns / _MS:.2f} ms: the load was lower by as much"
        )
        yield verdict, text


def _clock(figures: Figures) -> Iterator[tuple[Verdict, str]]:
    """A step spoils only the answers on their way then; nobody knows which percentiles those are in."""
    verdict = _weighed(figures.clock_step_ns, figures.scale_ns or 0.0)
    if verdict is not Verdict.VALID:
        yield verdict, f"the system's clock was set by {figures.clock_step_ns / _MS:.2f} ms during the load"


def _delays(figures: Figures) -> Iterator[tuple[Verdict, str]]:
    spoilt = [delay for delay in figures.delays if delay.verdict is not Verdict.VALID]
    for (figure, cause), group in groupby(spoilt, key=lambda delay: (delay.figure, delay.cause)):
        delays = list(group)
        worst = max(delays, key=lambda delay: delay.measured_ns - delay.least_ns)
        names = ", ".join(delay.statistic for delay in delays)
        added_ms, measured_ms = (worst.measured_ns - worst.least_ns) / _MS, worst.measured_ns / _MS
        text = (
            f"{figure} {names}: {cause} {worst.touched} of {worst.requests} requests, "
            f"up to {added_ms:.1f} ms of the {worst.statistic} of {measured_ms:.1f} ms"
        )
        yield max((delay.verdict for delay in delays), key=_SEVERITY.index), text


def _stalls(figures: Figures) -> Iterator[tuple[Verdict, str]]:
    for name, stall_ns in (("stall", figures.longest_stall_ns), ("garbage collection", figures.longest_gc_ns)):
        if stall_ns > STALL_DEGRADED_NS:
            verdict = Verdict.INVALID if stall_ns > STALL_INVALID_NS else Verdict.DEGRADED
            yield verdict, f"a {name} of {stall_ns / _MS:.0f} ms in the client"
    if figures.unread_ns > STALL_INVALID_NS:
        yield (
            Verdict.DEGRADED,
            f"the client read nothing for {figures.unread_ns / _MS:.0f} ms: its buffers may have held the server back",
        )


def _load(figures: Figures) -> Iterator[tuple[Verdict, str]]:
    share = figures.cpu_ns / figures.wall_ns if figures.wall_ns > CPU_WINDOW_NS else 0.0
    if share > CPU_DEGRADED:
        yield (
            Verdict.INVALID if share > CPU_INVALID else Verdict.DEGRADED,
            f"the client's processes used {share:.0%} of a core each",
        )
    sent = figures.sent / figures.offered if figures.offered else 1.0
    if sent < SENT_DEGRADED:
        yield (
            Verdict.INVALID if sent < SENT_INVALID else Verdict.DEGRADED,
            f"only {sent:.1%} of the requests that were due could be sent",
        )
    if figures.no_room:
        many = figures.no_room > (1 - SENT_INVALID) * figures.requests
        yield (
            Verdict.INVALID if many else Verdict.DEGRADED,
            f"{figures.no_room} requests found no room for a connection in the client",
        )
    if figures.connections_peak > CONNECTIONS_DEGRADED * figures.connections_limit > 0:
        yield (
            Verdict.DEGRADED,
            f"{figures.connections_peak} connections of the {figures.connections_limit} that the process may hold",
        )


def _goodput(figures: Figures) -> Iterator[tuple[Verdict, str]]:
    """Beside all requests for the share, beside the good ones for their throughput."""
    good, doubtful = figures.good, figures.doubtful
    if good is None or doubtful <= DOUBTFUL_DEGRADED * figures.requests:
        return
    spoilt = doubtful > 1 and doubtful > min(DOUBTFUL_INVALID * figures.requests, INVALID_SHARE * good)
    yield (
        Verdict.INVALID if spoilt else Verdict.DEGRADED,
        f"goodput: stalls of the client decided whether {doubtful} of {figures.requests} requests are good",
    )


def _failed(figures: Figures) -> Iterator[tuple[Verdict, str]]:
    if figures.failed > FAILED_DEGRADED * figures.requests:
        yield Verdict.DEGRADED, f"{figures.failures}; the figures are of the others"
