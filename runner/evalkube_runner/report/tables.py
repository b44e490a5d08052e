"""Plain-text summaries of the two results, for logs, terminals and Markdown. Pure."""

from evalkube_crds.results import EvalResult, PerfResult
from evalkube_runner.report import eval_tables, perf_tables, sla_tables
from evalkube_runner.report.grid import to_markdown

__all__ = ["eval_summary", "perf_summary"]


def eval_summary(result: EvalResult) -> str:
    """Scores by dataset and metric as a Markdown table, and errored samples by cause where there are any."""
    parts = [to_markdown(eval_tables.summary_table(result))]
    errors = eval_tables.error_table(result)
    if errors is not None:
        parts.append(f"{errors.caption}:\n\n{to_markdown(errors)}")
    return "\n\n".join(parts) + "\n"


def perf_summary(result: PerfResult) -> str:
    """What a search found, throughput and times of every point as Markdown tables, then what speaks against them, and
    the errors.
    """
    answers = sla_tables.answers_table(result)
    parts = [] if answers is None else [to_markdown(answers)]
    parts += [to_markdown(perf_tables.summary_table(result)), to_markdown(perf_tables.times_table(result))]
    through = sorted({point.proxy for point in result.points if point.proxy is not None})
    if through:
        parts.append(f"Requests went through the proxy {', '.join(through)}: its delay is in all times.")
    for point in result.points:
        if point.verdict_reasons:
            reasons = "\n".join(f"- {reason}" for reason in point.verdict_reasons)
            parts.append(f"{point.name}: the client's own health makes the figures {point.verdict}:\n{reasons}")
        errors = perf_tables.error_table(point)
        if errors is not None:
            parts.append(f"{point.name}: {errors.caption.lower()}:\n\n{to_markdown(errors)}")
    return "\n\n".join(parts) + "\n"
