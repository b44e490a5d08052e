"""Facts about the prompts of a load test, for its page. Pure."""

from collections.abc import Iterator

from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.results import PerfResult

__all__ = ["facts"]

_WHY = {"empty": "empty", "too_short": "too short", "too_long": "too long"}


def facts(result: PerfResult, spec: PerfRunSpec) -> Iterator[tuple[str, str]]:
    """Names and values: the prompts, how often each was sent, and which were left out or cut."""
    data = result.data
    if data is None:
        yield "Prompts", spec.dataset + (f" ({spec.data_source})" if spec.data_source else "")
        return
    yield "Prompts", data.dataset if data.source == data.dataset else f"{data.dataset} ({data.source})"
    unit, times_sent = _sent(result)
    if data.prompts is None:
        yield f"Different {unit}s", f"one for each {unit if spec.converses else 'request'}"
    elif data.prompts < times_sent:
        times = f"each was sent {times_sent / data.prompts:.3g} times on average, which a prefix cache makes fast"
        yield f"Different {unit}s", f"{data.prompts:,}; {times}"
    else:
        yield f"Different {unit}s", f"{data.prompts:,}"
    left_out = [f"{count:,} {_WHY[why]}" for why, count in data.left_out.items()]
    if left_out:
        yield f"{unit.capitalize()}s left out", ", ".join(left_out)
    if data.cut:
        most = f"{spec.max_turns} turns" if spec.converses else f"{spec.dataset_args.target_input_len} tokens"
        yield f"{unit.capitalize()}s cut", f"{data.cut:,}, to {most}"
    if data.reordered:
        yield "Put in order of their times", f"{data.reordered:,} requests of the trace that stood behind a later one"
    if spec.think_time is not None:
        seconds = " to ".join(f"{seconds:g}" for seconds in dict.fromkeys(spec.think_time))
        yield "Time to think before a further turn", f"{seconds} s"
    yield f"Lengths of {unit}s" if unit == "prompt" else "Lengths of turns", f"counted in {data.length_basis}"


def _sent(result: PerfResult) -> tuple[str, int]:
    """The source of the data, and the number of items that were sent."""
    conversations = [point.conversations for point in result.points if point.conversations is not None]
    if conversations:
        return "conversation", sum(one.over for one in conversations)
    return "prompt", sum(point.succeeded + point.failed + point.warmup for point in result.points)
