"""The figures of a load: one table of their names, units and formulas, for all that shows or tests them. Pure.

A `Figure` is one number of a point. A `Quantity` is what was measured of each request; its mean and its percentiles are
figures. A name that users see stands here and nowhere else: of the summary and of thresholds (`ttft_p99_s`), of service
levels (`p99_ttft`), of the service's answers (`Average time to first token (s)`), and of tables (`TTFT p99`).

A figure is None where it is not known. What was counted and is none, is 0: requests of which all failed make 0
successful ones per second. Tokens that nobody counted are not known, and no throughput of 0.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Final

from evalkube_crds import intervals
from evalkube_crds.histogram import Histogram
from evalkube_crds.intervals import Interval
from evalkube_crds.names import TokenBasis
from evalkube_crds.results import NANO, PerfPoint

__all__ = [
    "CHAT",
    "CHUNKS_PER_READ",
    "CONNECT",
    "DOCUMENTS_PER_SECOND",
    "DURATION",
    "FIRST_BYTE",
    "INPUTS",
    "INPUTS_PER_SECOND",
    "INPUT_TOKENS",
    "INPUT_TPS",
    "INTENDED_LATENCY",
    "INTENDED_TTFT",
    "ITL",
    "KINDS",
    "LATENCY",
    "MEAN",
    "OUTPUT_TOKENS",
    "OUTPUT_TPS",
    "QUANTITIES",
    "RATES",
    "REQUEST_OUTPUT_TPS",
    "REQUEST_TOTAL_TPS",
    "RPS",
    "STATISTICS",
    "SUCCESS_RATE",
    "TOTAL_TPS",
    "TPOT",
    "TTFT",
    "Better",
    "Figure",
    "Quantity",
    "Unit",
    "applying",
]

MEAN: Final = None
"""The statistic that is no percentile."""
STATISTICS: Final = (MEAN, 50, 90, 95, 99)
"""Of a quantity, those that summaries, thresholds and service levels speak of."""


CHAT: Final = ("chat",)
KINDS: Final = (*CHAT, "embedding", "rerank")
"""What models do (`PerfPoint.kind`)."""


class Unit(StrEnum):
    """What a figure is a number of."""

    SECONDS = "s"
    SHARE = "share"
    REQUESTS_PER_SECOND = "req/s"
    TOKENS_PER_SECOND = "tok/s"
    INPUTS_PER_SECOND = "inputs/s"
    DOCUMENTS_PER_SECOND = "documents/s"
    INPUTS = "inputs"
    TOKENS = "tokens"
    CHUNKS = "chunks"


class Better(StrEnum):
    """Which of two values of a figure is the better one; neither where it says how much was asked."""

    LOWER = "lower"
    HIGHER = "higher"
    NEITHER = "neither"


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of a point.

    `of` computes it in `unit`. `name` is that of the summary and of thresholds, `title` that of tables, `meaning` its
    formula in words. `criterion` is its name in a service level and `seed_key` its key in an answer of the service,
    if it has them. `kinds`: what models do of which it is a figure.
    """

    name: str
    title: str
    unit: Unit
    of: Callable[[PerfPoint], float | None]
    better: Better = Better.NEITHER
    criterion: str = ""
    seed_key: str = ""
    meaning: str = ""
    kinds: tuple[str, ...] = KINDS


@dataclass(frozen=True, slots=True)
class Quantity:
    """What was measured of each successful request: a histogram of the point, of integers of which `scale` make a unit.

    `title` names it in columns, `label` where there is room. `criterion` is the part of a criterion's name after the
    statistic (`ttft` in `p99_ttft`), `seed_column` names its percentiles and `seed_mean` its mean in an answer of the
    service. `streamed`: there is none of an answer that came whole. `intended` is the same from when the request should
    have left. `clustered`: a request has many values of it.
    """

    name: str
    histogram: str
    unit: Unit
    scale: int
    title: str
    label: str
    better: Better = Better.NEITHER
    criterion: str = ""
    seed_column: str = ""
    seed_mean: str = ""
    streamed: bool = False
    clustered: bool = False
    intended: "Quantity | None" = None
    meaning: str = ""

    def counted(self, point: PerfPoint) -> Histogram:
        """Its histogram; empty where it was not measured."""
        return point.histograms.get(self.histogram) or Histogram()

    def values(self, point: PerfPoint, statistics: Iterable[float | None]) -> list[float | None]:
        """Several of its statistics (`MEAN` or a percent), in its unit, for one walk over the histogram."""
        counted, wanted = self.counted(point), list(statistics)
        percents = [percent for percent in wanted if percent is not None]
        found = dict(zip(percents, counted.percentiles(percents), strict=True))
        values = [counted.mean if percent is None else found[percent] for percent in wanted]
        return [None if value is None else value / self.scale for value in values]

    def value(self, point: PerfPoint, statistic: float | None) -> float | None:
        """One of its statistics, in its unit."""
        return self.values(point, (statistic,))[0]

    def intervals(self, point: PerfPoint, percents: Iterable[float]) -> list[Interval | None]:
        """The 95 % confidence interval of each percentile, in its unit.

        None where there are too few values for one, and where requests had several values each, which are not
        independent.
        """
        counted, wanted = self.counted(point), list(percents)
        if self.clustered or counted.count > point.succeeded:
            return [None for _ in wanted]
        found = intervals.of_percentiles(counted, wanted)
        return [one and Interval(one.low / self.scale, one.high / self.scale) for one in found]

    def seed_bounds(self) -> tuple[str, str]:
        """The columns of an answer in which the ends of its percentiles' intervals stand: `TTFT low (s)`."""
        noun, bracket, unit = self.seed_column.partition(" (")
        return f"{noun} low{bracket}{unit}", f"{noun} high{bracket}{unit}"

    def figure(self, statistic: float | None) -> Figure:
        """Its mean, or a percentile of it, as a figure."""
        short = "mean" if statistic is None else f"p{statistic:g}"
        suffix = "_s" if self.unit is Unit.SECONDS else ""
        return Figure(
            name=f"{self.name}_{short}{suffix}",
            title=f"{self.title} {short}",
            unit=self.unit,
            of=partial(self.value, statistic=statistic),
            better=self.better,
            criterion=self.criterion and f"{'avg' if statistic is None else short}_{self.criterion}",
            seed_key=self.seed_mean if statistic is None else "",
            kinds=CHAT if self.streamed else KINDS,
        )


def _duration_s(point: PerfPoint) -> float | None:
    return max(point.ended_at_ns - point.started_at_ns, 0) / NANO or None


def _success_rate(point: PerfPoint) -> float | None:
    requests = point.succeeded + point.failed
    return point.succeeded / requests if requests else None


def _per_second(point: PerfPoint, amount: int) -> float | None:
    seconds = _duration_s(point)
    return amount / seconds if seconds is not None and point.succeeded + point.failed else None


def _rps(point: PerfPoint) -> float | None:
    return _per_second(point, point.succeeded)


def _output_tps(point: PerfPoint) -> float | None:
    return _per_second(point, point.output_tokens) if point.kind in CHAT and _tokens_are_known(point) else None


def _total_tps(point: PerfPoint) -> float | None:
    tokens = point.input_tokens + point.output_tokens
    return _per_second(point, tokens) if point.kind in CHAT and _tokens_are_known(point) else None


def _input_tps(point: PerfPoint) -> float | None:
    return _per_second(point, point.input_tokens) if point.kind not in CHAT and _tokens_are_known(point) else None


def _inputs_per_second(point: PerfPoint, kind: str) -> float | None:
    return _per_second(point, point.inputs) if point.kind == kind else None


def _tokens_are_known(point: PerfPoint) -> bool:
    """Not where there were answers and no tokens of any were counted."""
    return {basis for basis, times in point.token_basis.items() if times} != {TokenBasis.NONE}


DURATION: Final = Figure(
    "duration_s",
    "Duration",
    Unit.SECONDS,
    _duration_s,
    seed_key="Time taken for tests (s)",
    meaning="From the first measured send to the end of the last measured request, failed ones included.",
)
SUCCESS_RATE: Final = Figure(
    "success_rate",
    "Success",
    Unit.SHARE,
    _success_rate,
    Better.HIGHER,
    criterion="success_rate",
    meaning="A 2xx answer that arrived whole and had content. "
    "A stream with an error in it, or cut short, is a failure.",
)
RPS: Final = Figure(
    "rps",
    "Requests/s",
    Unit.REQUESTS_PER_SECOND,
    _rps,
    Better.HIGHER,
    criterion="rps",
    seed_key="Request throughput (req/s)",
    meaning="Successful requests / duration.",
)
OUTPUT_TPS: Final = Figure(
    "output_tps",
    "Output tok/s",
    Unit.TOKENS_PER_SECOND,
    _output_tps,
    Better.HIGHER,
    criterion="tps",
    seed_key="Output token throughput (tok/s)",
    meaning="Output tokens of successful requests / duration.",
    kinds=CHAT,
)
TOTAL_TPS: Final = Figure(
    "total_tps",
    "Total tok/s",
    Unit.TOKENS_PER_SECOND,
    _total_tps,
    Better.HIGHER,
    seed_key="Total token throughput (tok/s)",
    meaning="Input and output tokens of successful requests / duration.",
    kinds=CHAT,
)
INPUTS_PER_SECOND: Final = Figure(
    "inputs_per_second",
    "Inputs/s",
    Unit.INPUTS_PER_SECOND,
    partial(_inputs_per_second, kind="embedding"),
    Better.HIGHER,
    criterion="inputs_per_second",
    seed_key="Input throughput (inputs/s)",
    meaning="Texts that were embedded / duration, of successful requests.",
    kinds=("embedding",),
)
DOCUMENTS_PER_SECOND: Final = Figure(
    "documents_per_second",
    "Documents/s",
    Unit.DOCUMENTS_PER_SECOND,
    partial(_inputs_per_second, kind="rerank"),
    Better.HIGHER,
    criterion="documents_per_second",
    seed_key="Document throughput (documents/s)",
    meaning="Documents that were ranked / duration, of successful requests.",
    kinds=("rerank",),
)
INPUT_TPS: Final = Figure(
    "input_tps",
    "Input tok/s",
    Unit.TOKENS_PER_SECOND,
    _input_tps,
    Better.HIGHER,
    criterion="input_tps",
    seed_key="Input token throughput (tok/s)",
    meaning="Input tokens of successful requests / duration.",
    kinds=("embedding", "rerank"),
)
RATES: Final = (SUCCESS_RATE, RPS, OUTPUT_TPS, TOTAL_TPS, INPUTS_PER_SECOND, DOCUMENTS_PER_SECOND, INPUT_TPS)
"""The figures that are no statistic of a quantity and that summaries have."""


_time = partial(Quantity, unit=Unit.SECONDS, scale=NANO, better=Better.LOWER)

INTENDED_LATENCY: Final = _time(
    name="intended_latency",
    histogram="intended_latency_ns",
    title="Latency since intended",
    label="Latency from the intended send",
)
INTENDED_TTFT: Final = _time(
    name="intended_ttft",
    histogram="intended_ttft_ns",
    title="TTFT since intended",
    label="TTFT from the intended send",
    streamed=True,
)
LATENCY: Final = _time(
    name="latency",
    histogram="latency_ns",
    title="Latency",
    label="Latency",
    criterion="latency",
    seed_column="Latency (s)",
    seed_mean="Average latency (s)",
    intended=INTENDED_LATENCY,
    meaning="From the actual send of a request to the last byte of its answer.",
)
TTFT: Final = _time(
    name="ttft",
    histogram="ttft_ns",
    title="TTFT",
    label="Time to first token (TTFT)",
    criterion="ttft",
    seed_column="TTFT (s)",
    seed_mean="Average time to first token (s)",
    streamed=True,
    intended=INTENDED_TTFT,
    meaning="From the actual send to the first piece of the answer with content or reasoning in it. "
    "Only with streaming.",
)
TPOT: Final = _time(
    name="tpot",
    histogram="tpot_ns",
    title="TPOT",
    label="Time per output token (TPOT)",
    criterion="tpot",
    seed_column="TPOT (s)",
    seed_mean="Average time per output token (s)",
    streamed=True,
    meaning="(last token - first token) / (output tokens - 1), for each request with more than one output token.",
)
ITL: Final = _time(
    name="itl",
    histogram="itl_ns",
    title="ITL",
    label="Inter-token latency (ITL)",
    criterion="itl",
    seed_column="ITL (s)",
    seed_mean="Average inter-token latency (s)",
    streamed=True,
    clustered=True,
    meaning="The pauses between the pieces of streamed answers. Pieces that arrive in one read share the pause before.",
)
FIRST_BYTE: Final = _time(name="first_byte", histogram="first_byte_ns", title="First byte", label="First byte")
CONNECT: Final = _time(name="connect", histogram="connect_ns", title="Connect", label="Connect")
INPUT_TOKENS: Final = Quantity(
    "input_tokens",
    "input_tokens",
    Unit.TOKENS,
    1,
    title="Input tokens",
    label="Input tokens",
    seed_column="Input tokens",
    seed_mean="Average input tokens per request",
)
OUTPUT_TOKENS: Final = Quantity(
    "output_tokens",
    "output_tokens",
    Unit.TOKENS,
    1,
    title="Output tokens",
    label="Output tokens",
    seed_column="Output tokens",
    seed_mean="Average output tokens per request",
)
REQUEST_OUTPUT_TPS: Final = Quantity(
    "request_output_tps",
    "output_tps_milli",
    Unit.TOKENS_PER_SECOND,
    1000,
    title="Output tok/s of a request",
    label="Output tok/s of a request",
    better=Better.HIGHER,
    seed_column="Output (tok/s)",
)
REQUEST_TOTAL_TPS: Final = Quantity(
    "request_total_tps",
    "total_tps_milli",
    Unit.TOKENS_PER_SECOND,
    1000,
    title="Total tok/s of a request",
    label="Total tok/s of a request",
    better=Better.HIGHER,
    seed_column="Total (tok/s)",
)
CHUNKS_PER_READ: Final = Quantity(
    "chunks_per_read",
    "chunks_per_read",
    Unit.CHUNKS,
    1,
    title="Chunks per socket read",
    label="Chunks per socket read",
    clustered=True,
)
INPUTS: Final = Quantity(
    "inputs",
    "inputs",
    Unit.INPUTS,
    1,
    title="Inputs of a request",
    label="Texts, or documents, of a request",
    seed_mean="Average inputs per request",
)
QUANTITIES: Final = (
    LATENCY,
    TTFT,
    TPOT,
    ITL,
    INTENDED_LATENCY,
    INTENDED_TTFT,
    FIRST_BYTE,
    CONNECT,
    INPUT_TOKENS,
    OUTPUT_TOKENS,
    REQUEST_OUTPUT_TPS,
    REQUEST_TOTAL_TPS,
    CHUNKS_PER_READ,
    INPUTS,
)
"""All that is measured of requests, in the order of tables."""


def applying(figures: Iterable[Figure], points: Iterable[PerfPoint]) -> list[Figure]:
    """Those that are figures of some of `points`; of no point, those of answers in words."""
    kinds = {point.kind for point in points} or set(CHAT)
    return [figure for figure in figures if not kinds.isdisjoint(figure.kinds)]
