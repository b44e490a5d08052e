"""The verdict on the client: whether it was healthy enough for its numbers to describe the server. No I/O.

A delay of the client adds to the times that it reports. So the tolerance depends on what is measured: a lag of 2 ms is
little for a TTFT of 200 ms, and too much for one of 3 ms. The scale is the median TTFT (latency without streaming). The
limits below are our choice: two careful runs differ by 5 % anyway, and beyond 20 % no comparison is possible.

A stall is weighed by the requests that it touched. Each percentile is compared with the value that it would have if
these requests had lost nothing but their wait in the client. So a stall that many requests met counts, however rare
stalls are, and a stall that no request met does not.

If the kernel took the arrival times (`PerfPoint.clocks`), a late read changes none of them. What counts then is what
the client does late. Requests of a schedule may leave late. A closed loop may see an answer late, and so send the next
request late, which lowers the load by as much.

Figures are of successful requests. If many requests failed, the verdict is degraded, whoever caused it, because the
figures are those of the lucky ones. It is not invalid, because the figures still describe the server.
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
"""The estimated effect of bursts at the server that counts as 5 %, because it is an estimate."""
FLOOR_NS = 1 * _MS
"""The lag that never counts against a run: the cost of a timer and a wake-up on an ordinary machine."""
INVALID_FLOOR_NS = 5 * _MS
STALL_DEGRADED_NS = 100 * _MS
STALL_INVALID_NS = 1_000 * _MS
"""The single stall that counts, however rare.

All requests in flight have it, and nobody knows what the server did meanwhile."""
BY_KERNEL = 0.99
"""The share of requests above which a point's times are the kernel's, because then all reported percentiles are."""
CPU_DEGRADED = 0.80
CPU_INVALID = 0.95
"""The share of a core for each worker process (one thread); near 1 the client limits the pace."""
CPU_WINDOW_NS = 200 * _MS
"""The duration below which a run is mostly start-up, so that its CPU share has no meaning."""
SENT_DEGRADED = 0.99
SENT_INVALID = 0.95
CONNECTIONS_DEGRADED = 0.90
FAILED_DEGRADED = 0.05
DOUBTFUL_DEGRADED = 0.01
DOUBTFUL_INVALID = 0.05
"""The share of all requests for goodput, which is usually near 1 (0.95, 0.99), so that few requests decide it."""
SKEW_NS = 50 * _MS
SKEW_INVALID_NS = 250 * _MS
"""The time between the starts of shards that never counts against a run, however short it is."""
SKEW_MOST_NS = 1 * NANO
"""The time between the starts of shards that always counts, however long the run is."""
WORD_NS = 3 * NANO
WORD_SHARD_NS = 10 * _MS
"""The time in which all shards have heard that one has ended the load, and the tolerance for each of them."""
_NAMED = 3
MOST_REASONS = 20
"""The maximum number of reasons, because a thousand shards on one bad node have only one thing to report."""
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
    """One statistic (`mean`, `p99`) of what was measured, and its lowest value without the client's stalls.

    If not `sound`, it is of too few requests, and equals their largest value.
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
        """How far the stalls change the statistic."""
        added_ns = self.measured_ns - self.least_ns
        if self.sound and added_ns > max(INVALID_FLOOR_NS, INVALID_SHARE * self.measured_ns):
            return Verdict.INVALID
        return Verdict.DEGRADED if added_ns > max(FLOOR_NS, self.most_share * self.measured_ns) else Verdict.VALID


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures to judge, times in ns; None where there is nothing to judge."""

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
    """Of a closed loop, the mean time from an answer's arrival to the next request, and the mean latency."""
    pace_scale_ns: float = 0.0
    unread_ns: float = 0.0
    """The longest time in which nothing was read, if reading late does not change the times themselves."""
    clock_step_ns: int = 0
    stopped: tuple[str, ...] = ()
    good: int | None = None
    doubtful: int = 0
    """The requests whose goodput the client's stalls alone may have decided."""


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
    """Whether a point's arrival times are the kernel's."""
    return point.clocks.get(Clock.KERNEL, 0) >= BY_KERNEL * max(1, sum(point.clocks.values()))


def _by_kernel(figures: Figures, point: PerfPoint) -> Figures:
    """The client's share of the figures where the kernel took the times."""
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
    """The mean and percentiles of each figure that a stall touched."""
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
    """The mean and percentiles, beside the highest of their lowest possible values.

    A burst has two such values: with only the stall taken away, and with the times of requests that met no burst. If
    the server was slow for its own reasons, the first stays high; if all requests were alike, the second does.
    """
    rows = [[one.mean, *one.percentiles(_PERCENTS)] for one in (measured, *(each for each in least if each.count))]
    names = [("mean", 50), *((f"p{percent}", percent) for percent in _PERCENTS)]
    for (statistic, percent), before, *after in zip(names, *rows, strict=True):
        known = [value for value in after if value is not None]
        if before is not None and known:
            sound = measured.count * (100 - percent) >= 100
            yield Delay(figure, statistic, before, max(known), touched.count, measured.count, sound)


def judge_shards(whole: PerfPoint, shards: Mapping[int, PerfPoint]) -> tuple[Verdict, list[str]]:
    """The verdict on the sum of several shards' points: the worst of the sum's verdict and the shards' own.

    One saturated shard of many would vanish in the sum. There are at most `MOST_REASONS` reasons: those of the sum
    before those of the shards, the worst first, and one that counts the others.
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
    """The finding that shards started apart, so that the load was lower until the last one had started."""
    if whole.begun is None:
        return
    skew_ns, length_ns = whole.begun.skew_ns, max(whole.ended_at_ns - whole.started_at_ns, 0)
    text = f"the shards may have started up to {skew_ns / _MS:.0f} ms apart, in a load of {length_ns / NANO:.1f} s"
    if skew_ns > max(SKEW_INVALID_NS, INVALID_SHARE * length_ns):
        yield Verdict.INVALID, text
    elif skew_ns > min(max(SKEW_NS, DEGRADED_SHARE * length_ns), SKEW_MOST_NS):
        yield Verdict.DEGRADED, text


def _left_alone(shards: Mapping[int, PerfPoint]) -> Iterator[tuple[Verdict, str]]:
    """The finding that some shards ended early or failed, so that the load was lower for the others."""
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
        f"shard {', '.join(names[:_NAMED])}{more} ended early or failed, while others continued for up to "
        f"{alone_ns / NANO:.1f} s of {longest_ns / NANO:.1f} s: during this time the load was lower than asked for"
    )
    yield Verdict.INVALID if alone_ns > INVALID_SHARE * longest_ns else Verdict.DEGRADED, text


def _lasted_ns(point: PerfPoint) -> int:
    """The time in which a shard sent its measured part, by its own clock, from its first measured request on."""
    if not point.started_at_ns:
        return 0
    return max(0, (point.stopped_at_ns if point.stopped else point.ended_at_ns) - point.started_at_ns)


def worst_of(verdicts: Iterable[Verdict]) -> Verdict | None:
    """The worst verdict; None without any."""
    return max(verdicts, key=_SEVERITY.index, default=None)


def judge(figures: Figures) -> tuple[Verdict, list[str]]:
    """The verdict and its reasons, worst first; valid has none."""
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
                f"{name} p99 is {lag_ns / _MS:.2f} ms, compared with a measured median of {scale_ns / _MS:.2f} ms",
            )


def _weighed(lag_ns: float, scale_ns: float) -> Verdict:
    if lag_ns > max(INVALID_FLOOR_NS, INVALID_SHARE * scale_ns):
        return Verdict.INVALID
    return Verdict.DEGRADED if lag_ns > max(FLOOR_NS, DEGRADED_SHARE * scale_ns) else Verdict.VALID


def _pace(figures: Figures) -> Iterator[tuple[Verdict, str]]:
    lag_ns, scale_ns = figures.pace_lag_ns, figures.pace_scale_ns
    if lag_ns is not None and (verdict := _weighed(lag_ns, scale_ns)) is not Verdict.VALID:
        text = (
            f"the client took {lag_ns / _MS:.2f} ms on average from an answer to the next request, compared with a "
            f"latency of {scale_ns / _MS:.2f} ms: the load was lower by this share"
        )
        yield verdict, text


def _clock(figures: Figures) -> Iterator[tuple[Verdict, str]]:
    """The finding that the clock was set. It changes the times of answers on their way, whichever they are."""
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
            f"{figure} {names}: {cause} {worst.touched} of {worst.requests} requests, and added up to "
            f"{added_ms:.1f} ms to the {worst.statistic} of {measured_ms:.1f} ms"
        )
        yield max((delay.verdict for delay in delays), key=_SEVERITY.index), text


def _stalls(figures: Figures) -> Iterator[tuple[Verdict, str]]:
    for name, stall_ns in (("stall", figures.longest_stall_ns), ("garbage collection", figures.longest_gc_ns)):
        if stall_ns > STALL_DEGRADED_NS:
            verdict = Verdict.INVALID if stall_ns > STALL_INVALID_NS else Verdict.DEGRADED
            yield verdict, f"the client had a {name} of {stall_ns / _MS:.0f} ms"
    if figures.unread_ns > STALL_INVALID_NS:
        yield (
            Verdict.DEGRADED,
            f"the client read nothing for {figures.unread_ns / _MS:.0f} ms; full buffers may have slowed the server",
        )


def _load(figures: Figures) -> Iterator[tuple[Verdict, str]]:
    share = figures.cpu_ns / figures.wall_ns if figures.wall_ns > CPU_WINDOW_NS else 0.0
    if share > CPU_DEGRADED:
        yield (
            Verdict.INVALID if share > CPU_INVALID else Verdict.DEGRADED,
            f"each process of the client used {share:.0%} of a core",
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
            f"{figures.no_room} requests found no free connection in the client",
        )
    if figures.connections_peak > CONNECTIONS_DEGRADED * figures.connections_limit > 0:
        yield (
            Verdict.DEGRADED,
            f"the client had {figures.connections_peak} connections; its process may have {figures.connections_limit}",
        )


def _goodput(figures: Figures) -> Iterator[tuple[Verdict, str]]:
    """The finding on goodput, compared with all requests for the share and with the good ones for their throughput."""
    good, doubtful = figures.good, figures.doubtful
    if good is None or doubtful <= DOUBTFUL_DEGRADED * figures.requests:
        return
    spoilt = doubtful > 1 and doubtful > min(DOUBTFUL_INVALID * figures.requests, INVALID_SHARE * good)
    yield (
        Verdict.INVALID if spoilt else Verdict.DEGRADED,
        f"goodput: stalls of the client may have decided whether {doubtful} of {figures.requests} requests are good",
    )


def _failed(figures: Figures) -> Iterator[tuple[Verdict, str]]:
    if figures.failed > FAILED_DEGRADED * figures.requests:
        yield Verdict.DEGRADED, f"{figures.failures}; the figures are of the other requests"
