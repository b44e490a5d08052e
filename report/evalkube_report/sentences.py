"""Results in sentences, the same in the report, the dashboard and the command line. Pure.

Only the words are made here. The arithmetic is in `crds.offered`, `crds.verdict` and `load_test.saturation`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from evalkube_crds import offered as offered_load
from evalkube_crds import sla, steady, summary, thresholds
from evalkube_crds.cluster import Threshold
from evalkube_crds.figure import Figure, Unit
from evalkube_crds.figures import DOCUMENTS_PER_SECOND, INPUTS_PER_SECOND, LATENCY, OUTPUT_TPS, RPS, TTFT, WORK
from evalkube_crds.names import SampleState, Verdict
from evalkube_crds.offered import Offered
from evalkube_crds.perf_point import PerfPoint
from evalkube_crds.results import DatasetResult, EvalResult, PerfResult, SlaGroup, SlaResult
from evalkube_crds.sla import Criterion
from evalkube_crds.verdict import worst_of
from evalkube_report import formats
from evalkube_report.evaluation import totals
from evalkube_report.load_test import saturation as saturation_of
from evalkube_report.load_test import tables
from evalkube_report.load_test.saturation import Saturation

__all__ = [
    "Statement",
    "Tone",
    "beside_scores",
    "criteria",
    "errors",
    "gates",
    "measured",
    "of_evaluation",
    "of_load_test",
    "offered",
    "offered_loads",
    "saturation",
    "score",
    "slo",
    "slo_group",
    "verdict",
]

Tone: TypeAlias = Literal["good", "warn", "bad", "plain"]

_ALIKE: Final = 0.05
"""Times that differ by less are called the same."""
_MANY: Final = 0.05
"""Of all requests or samples: more that failed are bad, fewer are worth a look."""
_SAID: Final = 3


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement about a result.

    `topic`: its subject ("Service level"). `text`: the sentence. `detail`: further information. `tone`: its colour and
    sign; the words say the same.
    """

    topic: str
    text: str
    tone: Tone = "plain"
    detail: str = ""


def of_load_test(result: PerfResult, gated: Sequence[Threshold] = ()) -> list[Statement]:
    """The statements about a load test: service level, thresholds, saturation, offered and achieved load, errors,
    verdict.

    The verdict comes first if the figures are not valid, else last. A topic that does not apply is left out.
    """
    groups = [] if result.sla is None else [slo_group(result.sla, group) for group in result.sla.groups]
    single = measured(result.points[0]) if len(result.points) == 1 else None
    found = [*groups, gates(result, gated), single, saturation(result), offered_loads(result), errors(result)]
    said = [statement for statement in found if statement is not None]
    judged = verdict(result)
    return [judged, *said] if judged.tone == "bad" else [*said, judged]


def of_evaluation(result: EvalResult, gated: Sequence[Threshold] = ()) -> list[Statement]:
    """The statements about an evaluation: the score of each benchmark, thresholds, and samples without a score."""
    return [*(score(dataset) for dataset in result.datasets), *beside_scores(result, gated)]


def beside_scores(result: EvalResult, gated: Sequence[Threshold] = ()) -> list[Statement]:
    """The statements about an evaluation without the scores."""
    if not result.datasets:
        return [Statement("Score", "The run reported no benchmark.", "warn")]
    found = [gates(result, gated), *_missing(result)]
    return [statement for statement in found if statement is not None]


def measured(point: PerfPoint) -> Statement | None:
    """Throughput and times of a single load; None if no request succeeded."""
    if not point.succeeded:
        return None
    rates = [figure for figure in (RPS, *WORK) if figure.of(point)]
    given = " and ".join(f"{formats.significant(rate.of(point))} {_PLAIN[rate]}" for rate in rates)
    cost = "; ".join(
        f"{name} p50 {formats.timed(p50)}, p99 {formats.timed(p99)}"
        for name, time in (("TTFT", TTFT), ("latency", LATENCY))
        for p50, p99 in [time.counted(point).percentiles([50, 99])]
        if p50 is not None
    )
    return Statement("Measured", f"{given} at {_load(point)}.", detail=f"{cost[0].upper()}{cost[1:]}." if cost else "")


_VERDICTS: Final[Mapping[Verdict, tuple[str, str, Tone]]] = {
    Verdict.VALID: ("Valid", "the load generator kept up, so the figures are the server's", "good"),
    Verdict.DEGRADED: ("Degraded", "read with care, the load generator was under strain or requests failed", "warn"),
    Verdict.INVALID: (
        "Not valid",
        "the load generator could not keep up, so the figures may be its own and not the server's",
        "bad",
    ),
}


def verdict(result: PerfResult) -> Statement:
    """Whether the figures are valid, by the worst of the points. `detail` has the first reason."""
    worst = worst_of(point.verdict for point in result.points)
    if worst is None:
        return Statement("Verdict", "The run reported no point.", "warn")
    head, rest, tone = _VERDICTS[worst]
    concerned = [point for point in result.points if point.verdict is worst]
    several = (
        f" at {len(concerned)} of {len(result.points)} loads" if len(result.points) > 1 and worst != "valid" else ""
    )
    reasons = [f"{point.name}: {reason}" for point in concerned for reason in _reasons(point, worst)]
    return Statement("Verdict", f"{head}{several}: {rest}.", tone, _some(reasons))


def _reasons(point: PerfPoint, worst: Verdict) -> list[str]:
    """The reasons for this verdict, without those that alone would make the point degraded."""
    prefix = f"{worst}: "
    leading = [reason.removeprefix(prefix) for reason in point.verdict_reasons if reason.startswith(prefix)]
    return leading or point.verdict_reasons


def _some(reasons: Sequence[str]) -> str:
    more = len(reasons) - _SAID
    return "; ".join([*reasons[:_SAID], *([f"and {more} more"] if more > 0 else [])])


def errors(result: PerfResult) -> Statement | None:
    """The number of failed requests, by class; None if none failed."""
    said = summary.failures(result.points)
    if not said:
        return None
    failed = sum(point.failed for point in result.points)
    requests = failed + sum(point.succeeded for point in result.points)
    tone: Tone = "bad" if failed > _MANY * requests else "warn"
    return Statement("Errors", f"{said}.", tone, "" if failed < requests else "No request succeeded.")


def _value(found: SlaResult, value: float) -> str:
    """A value of the searched parameter, with its noun."""
    if found.variable == "rate":
        return f"{value:g} requests/s"
    return f"{value:g} {'request' if value == 1 else 'requests'} in flight"


def slo(found: SlaResult) -> str:
    """The answer of a search, all groups in one text: `sla.answer` of the service."""
    return " ".join(slo_group(found, group).text for group in found.groups)


def slo_group(found: SlaResult, group: SlaGroup) -> Statement:
    """The answer for one group of criteria: the highest load that meets it, or that no load does."""
    wanted = sla.group_of(group.criteria)
    detail = [there] if (there := _figures_there(group)) else []
    detail += [f"The search ended: {group.stopped}."] if group.stopped else []
    if group.best is None:
        text = f"No load that was tried meets {criteria(wanted)}."
        return Statement("Service level", text, "bad", " ".join([*_nearest(found, group), *detail]))
    most = _value(found, group.best)
    if wanted[0].bound is None:
        figure = sla.FIGURES[wanted[0].metric]
        best = tables.measured(figure, group.figures.get(wanted[0].metric))
        highest = "highest" if wanted[0].op == "max" else "lowest"
        text = f"The {highest} {figure.title} is {best}, at {most}."
    else:
        text = f"Up to {most} meet {criteria(wanted)}."
    return Statement("Service level", text, "good", " ".join(detail))


def criteria(group: Sequence[Criterion]) -> str:
    """The criteria in words: "TTFT p99 <= 500 ms and success >= 99 %"."""
    return " and ".join(_criterion(criterion) for criterion in group)


def _criterion(criterion: Criterion) -> str:
    figure = sla.FIGURES[criterion.metric]
    if criterion.bound is None:
        return f"{criterion.op} {figure.title}"
    return f"{figure.title} {criterion.op} {formats.bound(figure.unit, criterion.bound)}"


def _figure(figure: Figure, value: float) -> str:
    """A figure with its value. A rate is named by its unit."""
    value_shown = tables.measured(figure, value)
    return f"{figure.title} {value_shown}" if figure.unit in (Unit.SECONDS, Unit.SHARE) else value_shown


def _figures_there(group: SlaGroup) -> str:
    named = [name for name in group.criteria if group.criteria[name] not in ("max", "min")]
    shown = dict.fromkeys([*named, *(figure.criterion for figure in (*WORK, RPS))])
    said = [_figure(sla.FIGURES[name], group.figures[name]) for name in shown if name in group.figures]
    return f"There: {', '.join(said)}." if said and group.best is not None else ""


def _nearest(found: SlaResult, group: SlaGroup) -> Iterator[str]:
    """The figures of the lowest load that counts."""
    counted = [probe for probe in group.probes if probe.outcome == "missed"]
    if counted:
        least = min(counted, key=lambda probe: probe.value)
        figures = [_figure(sla.FIGURES[name], value) for name, value in least.figures.items() if name in sla.FIGURES]
        yield f"The lowest load, {_value(found, least.value)}, has {', '.join(figures)}."


def gates(result: EvalResult | PerfResult, gated: Sequence[Threshold]) -> Statement | None:
    """Whether the run met its thresholds; None if it has none."""
    if not gated:
        return None
    figures = summary.summary(result)
    missed = [found for gate in gated if (found := thresholds.missed([gate], figures))]
    if not missed:
        met = "The threshold is met." if len(gated) == 1 else f"All {len(gated)} thresholds are met."
        return Statement("Thresholds", met, "good")
    text = "The threshold is missed." if len(gated) == 1 else f"{len(missed)} of {len(gated)} thresholds are missed."
    return Statement("Thresholds", text, "bad", f"{_some([str(gate) for found in missed for gate in found])}.")


def saturation(result: PerfResult) -> Statement | None:
    """The load from which on throughput no longer rises; None for fewer than two loads, and for a search whose probes
    are too short to tell.
    """
    found = saturation_of.of(result.points)
    if found is None:
        return None
    if not found.known:
        return _not_known(found) if result.sla is None else None
    if not found.at_highest:
        return Statement(
            "Saturation", f"{_load(found.knee)} saturates the server: {_step(found)}.", detail=" ".join(_parts(found))
        )
    if (load := offered_load.of(found.knee)) is not None and load.kept_up is False:
        return None  # it was more than the server can do; what is said of the offered load has it
    text = f"Not reached: throughput still grows at {_load(found.knee)}, the highest load."
    return Statement(
        "Saturation", text, detail=" ".join([f"{_step(found)}.", *_parts(found), "A higher load may give more."])
    )


def _not_known(found: Saturation) -> Statement:
    if found.short is not None:
        text = f"Not known: {_load(found.short)} was over before the load was steady."
        return Statement("Saturation", text, detail=f"No steady part: {steady.why_none(found.short)}.")
    ends = found.step.interval
    chance = (
        "there are too few requests to tell"
        if ends is None
        else f"by chance it may be {_more(ends[0])} to {_more(ends[1])}"
    )
    text = f"Not known: {_step(found)}, but {chance}."
    return Statement("Saturation", text, detail=" ".join([*_parts(found), "More requests at each load tell more."]))


def _parts(found: Saturation) -> Iterator[str]:
    """What the tables call the part whose throughput is compared."""
    if any(steady.rate(point, found.figure) for point in (found.step.low, found.step.high)):
        yield "Throughput is that of the steady part."


def _step(found: Saturation) -> str:
    """The gain in throughput of the higher of two loads, and the longer wait."""
    step, noun = found.step, _PLAIN.get(found.figure, found.figure.title)
    given = f"{_load(step.high)} gives {_more(step.ratio)} {noun} than {_load(step.low)}"
    return f"{given}, {_slower(found.slowdown, found.wait)}" if found.slowdown is not None else given


_PLAIN: Final = {
    OUTPUT_TPS: "output tokens per second",
    RPS: "requests per second",
    INPUTS_PER_SECOND: "inputs per second",
    DOCUMENTS_PER_SECOND: "documents per second",
}


def _more(gain: float) -> str:
    change = formats.percent(abs(gain - 1)) if abs(gain - 1) < 1 else f"{formats.significant((gain - 1) * 100, 3)} %"
    return f"{change} {'fewer' if gain < 1 else 'more'}"


def _slower(times: float, wait: Figure) -> str:
    if abs(times - 1) < _ALIKE:
        return f"at the same {wait.title}"
    return f"at {formats.significant(times, 2)} times the {wait.title}"


def _load(point: PerfPoint) -> str:
    return tables.load_text(point).removeprefix("open loop, ")


def offered(point: PerfPoint) -> Statement | None:
    """Offered and achieved rate of a load by rate; None for other loads."""
    found = offered_load.of(point)
    if found is None:
        return None
    compared = f"{_rate(found.asked_rps)} offered, {_rate(found.achieved_rps)} achieved ({_share(found)})"
    match found.kept_up:
        case True:
            return Statement("Offered load", f"{compared}: the server kept up.", "good")
        case False if found.grew:
            text = f"{compared}: the backlog grew, there was no steady state."
            ends = [formats.count(round(value)) for value in (found.early, found.late) if value is not None]
            grown = f"Requests in flight grew from {' to '.join(ends)}."
            return Statement("Offered load", text, "bad", grown)
        case False:
            return Statement("Offered load", f"{compared}: the server did not keep up.", "bad")
        case _:
            detail = "The run was too short to tell whether the server kept up: the wait for its last answers is in it."
            return Statement("Offered load", f"{compared}.", "plain", detail)


def offered_loads(result: PerfResult) -> Statement | None:
    """Offered and achieved rate of a whole test: the highest rate that the server kept up with, and the next one."""
    counted = [point for point in result.points if point.verdict is not Verdict.INVALID]
    known = [(point, found) for point in counted if (found := offered_load.of(point)) is not None]
    if len(known) < 2:
        return offered(known[0][0]) if known else None
    known.sort(key=lambda item: item[1].asked_rps)
    kept = [found for _, found in known if found.kept_up]
    lost = [point for point, found in known if found.kept_up is False]
    if not lost:
        text = f"The server kept up with all {len(known)} loads, up to {_rate(known[-1][1].asked_rps)}."
        return Statement("Offered load", text, "good") if len(kept) == len(known) else None
    first = offered(lost[0])
    said = f"The server kept up with {_rate(kept[-1].asked_rps)}. " if kept else ""
    return first and Statement(first.topic, f"{said}{first.text}", first.tone, first.detail)


def _rate(value: float) -> str:
    return f"{formats.amount(value, 3)} requests/s"


def _share(found: Offered) -> str:
    return formats.percent(min(found.share, 1.0))


def score(dataset: DatasetResult) -> Statement:
    """The score of a benchmark with its interval."""
    total = totals.tally(dataset.subsets, dataset.main_metric)
    if total.score is None:
        return Statement(dataset.pretty_name, f"{dataset.pretty_name}: no sample could be scored.", "bad")
    share = 0 <= total.score <= 1
    shown = formats.percent(total.score) if share else formats.significant(total.score)
    text = f"{dataset.pretty_name}: {shown}"
    if total.interval is not None:
        ends = " to ".join(formats.percent(end) if share else formats.significant(end) for end in total.interval)
        text += f", 95 % interval {ends}"
    counted = f"{formats.count(total.scored)} of {formats.count(total.requested)} samples scored."
    return Statement(dataset.pretty_name, f"{text} ({dataset.main_metric}).", "plain", counted)


def _missing(result: EvalResult) -> Iterator[Statement]:
    """The samples that are missing from the scores, or that lower them for another reason than a wrong answer."""
    total = totals.tally([subset for dataset in result.datasets for subset in dataset.subsets], "")
    done = max(1, total.requested)
    if total.requested and not total.scored:
        yield Statement("Score", "No sample could be scored.", "bad", "The causes are below.")
    if total.errored:
        causes = ", ".join(f"{cause} ({formats.count(times)})" for cause, times in list(total.causes.items())[:_SAID])
        text = f"{formats.count(total.errored)} of {formats.count(total.requested)} samples have no score: {causes}."
        yield Statement("Errors", text, _tone(total.errored, done), "They are in no score.")
    if found := total.states.get(SampleState.NO_ANSWER, 0):
        text = f"In {formats.count(found)} of {formats.count(total.scored)} replies no answer was found."
        yield Statement("No answer found", text, _tone(found, done), "They count as wrong.")
    if total.truncated:
        were = "answer was" if total.truncated == 1 else "answers were"
        text = f"{formats.count(total.truncated)} {were} cut off by the limit of tokens."
        yield Statement("Cut off", text, _tone(total.truncated, done), "With more tokens the score may be higher.")


def _tone(times: int, of: int) -> Tone:
    return "bad" if times > _MANY * of else "warn"
