"""The figures of a load: one table of their names, units and formulas, used by all that shows or tests them. Pure.

A `Figure` is one number of a point. A `Quantity` is measured for each request; its mean and percentiles are figures.
This table is the only place of a name that users see: in the summary and in thresholds (`ttft_p99_s`), in service
levels (`p99_ttft`), in responses (`Average time to first token (s)`) and in tables (`TTFT p99`).

A figure is None where it is not known, and 0 where the count is 0. If all requests failed, there are 0 successful ones
per second. If nobody counted the tokens, the throughput is not known, and not 0.
"""

from collections.abc import Iterable
from functools import partial
from typing import Final

from evalkube_crds.figure import CHAT, Better, Figure, Quantity, Unit
from evalkube_crds.names import TokenBasis
from evalkube_crds.perf_point import PerfPoint
from evalkube_crds.result_parts import NANO

__all__ = [
    "CHUNKS_PER_READ",
    "COMPLETED",
    "CONNECT",
    "DOCUMENTS_PER_SECOND",
    "DURATION",
    "FIRST_BYTE",
    "FIRST_TURN_TTFT",
    "GOODPUT",
    "GOODPUT_RPS",
    "INPUTS",
    "INPUTS_PER_SECOND",
    "INPUT_TOKENS",
    "INPUT_TPS",
    "INTENDED_LATENCY",
    "INTENDED_TTFT",
    "ITL",
    "LATENCY",
    "LATER_TURN_TTFT",
    "OUTPUT_TOKENS",
    "OUTPUT_TPS",
    "QUANTITIES",
    "RATES",
    "REQUEST_OUTPUT_TPS",
    "REQUEST_TOTAL_TPS",
    "RPS",
    "START_SKEW",
    "SUCCESS_RATE",
    "TOTAL_TPS",
    "TPOT",
    "TTFT",
    "TURNS",
    "WORK",
    "applying",
]


def _duration_s(point: PerfPoint) -> float | None:
    return max(point.ended_at_ns - point.started_at_ns, 0) / NANO or None


def _success_rate(point: PerfPoint) -> float | None:
    requests = point.succeeded + point.failed
    return point.succeeded / requests if requests else None


def _completed(point: PerfPoint) -> float | None:
    conversations = point.conversations
    ended = conversations.completed + conversations.failed if conversations is not None else 0
    return conversations.completed / ended if conversations is not None and ended else None


def _per_second(point: PerfPoint, amount: int) -> float | None:
    seconds = _duration_s(point)
    return amount / seconds if seconds is not None and point.succeeded + point.failed else None


def _rps(point: PerfPoint) -> float | None:
    return _per_second(point, point.succeeded)


def _goodput(point: PerfPoint) -> float | None:
    requests = point.succeeded + point.failed
    return point.good / requests if point.good is not None and requests else None


def _goodput_rps(point: PerfPoint) -> float | None:
    return _per_second(point, point.good) if point.good is not None else None


def _output_tps(point: PerfPoint) -> float | None:
    return _per_second(point, point.output_tokens) if point.kind in CHAT and _tokens_are_known(point) else None


def _total_tps(point: PerfPoint) -> float | None:
    tokens = point.input_tokens + point.output_tokens
    return _per_second(point, tokens) if point.kind in CHAT and _tokens_are_known(point) else None


def _input_tps(point: PerfPoint) -> float | None:
    return _per_second(point, point.input_tokens) if point.kind not in CHAT and _tokens_are_known(point) else None


def _inputs_per_second(point: PerfPoint, kind: str) -> float | None:
    return _per_second(point, point.inputs) if point.kind == kind else None


def _start_skew_s(point: PerfPoint) -> float | None:
    return point.begun.skew_ns / NANO if point.begun is not None else None


def _tokens_are_known(point: PerfPoint) -> bool:
    """Whether tokens are known; not where there were answers and no tokens of any were counted."""
    return {basis for basis, times in point.token_basis.items() if times} != {TokenBasis.NONE}


DURATION: Final = Figure(
    "duration_s",
    "Duration",
    Unit.SECONDS,
    _duration_s,
    seed_key="Time taken for tests (s)",
    meaning="From the first measured send to the end of the last measured request, including failed ones.",
)
SUCCESS_RATE: Final = Figure(
    "success_rate",
    "Success",
    Unit.SHARE,
    _success_rate,
    Better.HIGHER,
    criterion="success_rate",
    meaning="A 2xx answer that arrived completely and had content. A stream that contains an error or is cut short "
    "is a failure.",
)
COMPLETED: Final = Figure(
    "conversations_completed",
    "Conversations completed",
    Unit.SHARE,
    _completed,
    Better.HIGHER,
    meaning="Conversations whose turns were all answered, without those that were cut by the end of the load.",
    kinds=CHAT,
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
GOODPUT: Final = Figure(
    "goodput",
    "Goodput",
    Unit.SHARE,
    _goodput,
    Better.HIGHER,
    criterion="goodput",
    seed_key="Goodput (share of requests)",
    meaning="Requests that succeeded within every time limit of `goodput` / all requests.",
    asked=True,
)
GOODPUT_RPS: Final = Figure(
    "goodput_rps",
    "Good requests/s",
    Unit.REQUESTS_PER_SECOND,
    _goodput_rps,
    Better.HIGHER,
    criterion="goodput_rps",
    seed_key="Request goodput (req/s)",
    meaning="Requests that succeeded within every time limit of `goodput` / duration.",
    asked=True,
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
    meaning="Embedded texts of successful requests / duration.",
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
    meaning="Ranked documents of successful requests / duration.",
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
START_SKEW: Final = Figure(
    "start_skew_s",
    "Start skew",
    Unit.SECONDS,
    _start_skew_s,
    Better.LOWER,
    seed_key="Start skew (s)",
    meaning="The greatest possible time between the starts of the shards.",
)
"""A figure of points with several shards, about the clients; summaries of what a server does do not have it."""
WORK: Final = (OUTPUT_TPS, INPUTS_PER_SECOND, DOCUMENTS_PER_SECOND)
"""The throughput of each kind of model, in units of its own work."""
RATES: Final = (
    *(SUCCESS_RATE, COMPLETED, RPS, GOODPUT, GOODPUT_RPS, OUTPUT_TPS, TOTAL_TPS),
    *(INPUTS_PER_SECOND, DOCUMENTS_PER_SECOND, INPUT_TPS),
)
"""The figures in summaries that are not a statistic of a quantity."""


_time = partial(Quantity, unit=Unit.SECONDS, scale=NANO, better=Better.LOWER)

INTENDED_LATENCY: Final = _time(
    name="intended_latency",
    histogram="intended_latency_ns",
    title="Latency since intended",
    label="Latency from the intended send",
    meaning="From the send that the schedule intended to the last byte: the wait of a user whose request was held "
    "back.",
)
INTENDED_TTFT: Final = _time(
    name="intended_ttft",
    histogram="intended_ttft_ns",
    title="TTFT since intended",
    label="TTFT from the intended send",
    streamed=True,
    meaning="From the send that the schedule intended to the first token.",
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
    meaning="From the actual send to the first piece of the answer with content or reasoning. Only with streaming.",
)
FIRST_TURN_TTFT: Final = _time(
    name="first_turn_ttft",
    histogram="first_turn_ttft_ns",
    title="First-turn TTFT",
    label="TTFT of first turns",
    seed_mean="Average first-turn time to first token (s)",
    streamed=True,
    meaning="First turns of conversations: the server has no earlier part of the prompt in its cache.",
)
LATER_TURN_TTFT: Final = _time(
    name="later_turn_ttft",
    histogram="later_turn_ttft_ns",
    title="Later-turn TTFT",
    label="TTFT of later turns",
    seed_mean="Average later-turn time to first token (s)",
    streamed=True,
    meaning="All further turns. Their prompts begin with the turn before, so this shows what a prefix cache does "
    "for longer prompts.",
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
    meaning="The time between the tokens of a streamed answer. Tokens that arrive together share the time before them.",
)
FIRST_BYTE: Final = _time(
    name="first_byte",
    histogram="first_byte_ns",
    title="First byte",
    label="First byte",
    meaning="From the actual send to the first byte of the answer.",
)
CONNECT: Final = _time(
    name="connect",
    histogram="connect_ns",
    title="Connect",
    label="Connect",
    meaning="Time to make a new connection, including TLS, for requests that needed one.",
)
INPUT_TOKENS: Final = Quantity(
    "input_tokens",
    "input_tokens",
    Unit.TOKENS,
    1,
    title="Input tokens",
    label="Input tokens",
    seed_column="Input tokens",
    seed_mean="Average input tokens per request",
    meaning="Tokens of a prompt, as the server counts them, otherwise as the tokenizer does.",
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
    meaning="Tokens of an answer, including reasoning.",
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
    meaning="Output tokens of a request / its latency.",
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
    meaning="Input and output tokens of a request / its latency.",
)
CHUNKS_PER_READ: Final = Quantity(
    "chunks_per_read",
    "chunks_per_read",
    Unit.CHUNKS,
    1,
    title="Chunks per socket read",
    label="Chunks per socket read",
    clustered=True,
    meaning="Pieces of an answer that arrived in one read. If it is far above 1, times between tokens are averages.",
)
INPUTS: Final = Quantity(
    "inputs",
    "inputs",
    Unit.INPUTS,
    1,
    title="Inputs of a request",
    label="Texts, or documents, of a request",
    seed_mean="Average inputs per request",
    meaning="Texts or documents in a request.",
)
TURNS: Final = Quantity(
    "turns",
    "turns",
    Unit.TURNS,
    1,
    title="Turns",
    label="Turns sent of a conversation",
    seed_mean="Average turns per conversation",
    meaning="Turns of a conversation that were sent.",
)
QUANTITIES: Final = (
    LATENCY,
    TTFT,
    FIRST_TURN_TTFT,
    LATER_TURN_TTFT,
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
    TURNS,
)
"""All quantities, in the order of tables."""


def applying(figures: Iterable[Figure], points: Iterable[PerfPoint]) -> list[Figure]:
    """The figures that some of `points` have; those of answers in text where `points` is empty.

    Figures that a test must ask for are included only where some point has them.
    """
    shown = list(points)
    kinds = {point.kind for point in shown} or set(CHAT)
    return [
        figure
        for figure in figures
        if not kinds.isdisjoint(figure.kinds)
        and (not figure.asked or any(figure.of(point) is not None for point in shown))
    ]
