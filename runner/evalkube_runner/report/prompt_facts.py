"""What a load test's page says of its prompts. Pure."""

from collections.abc import Iterator

from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.results import PerfResult

__all__ = ["facts"]

_WHY = {"empty": "empty", "too_short": "too short", "too_long": "too long"}


def facts(result: PerfResult, spec: PerfRunSpec) -> Iterator[tuple[str, str]]:
    """Lines of name and value: which prompts, how often each was sent, and what was left out or cut."""
    data = result.data
    if data is None:
        yield "Prompts", spec.dataset + (f" ({spec.data_source})" if spec.data_source else "")
        return
    yield "Prompts", data.dataset if data.source == data.dataset else f"{data.dataset} ({data.source})"
    requests = sum(point.succeeded + point.failed + point.warmup for point in result.points)
    if data.prompts is None:
        yield "Different prompts", "one for each request"
    elif data.prompts < requests:
        times = f"each was sent {requests / data.prompts:.3g} times on average, which a prefix cache makes fast"
        yield "Different prompts", f"{data.prompts:,}; {times}"
    else:
        yield "Different prompts", f"{data.prompts:,}"
    left_out = [f"{count:,} {_WHY[why]}" for why, count in data.left_out.items()]
    if left_out:
        yield "Prompts left out", ", ".join(left_out)
    if data.cut:
        yield "Prompts cut", f"{data.cut:,}, to {spec.dataset_args.target_input_len} tokens"
    if data.reordered:
        yield "Put in order of their times", f"{data.reordered:,} requests of the trace that stood behind a later one"
    yield "Lengths of prompts", f"counted in {data.length_basis}"
