"""Settles the contract of a benchmark's judges, and the figures that they give. Pure.

A contract is the run's, or the benchmark's own; one whose metrics are made of labels keeps these.
"""

from evalkube_benchmarks.benchmark import Benchmark, Metric
from evalkube_benchmarks.metrics import accuracy, judged
from evalkube_crds.evalrun import EvalRunSpec, Judge, JudgeContract
from evalkube_runner.errors import invalid

__all__ = ["contract_of", "figures_of", "graded_of", "is_labelled"]


def contract_of(benchmark: Benchmark, spec: EvalRunSpec) -> JudgeContract | None:
    """The judges' contract: the run's, or the benchmark's with the run's changes; None: no judge."""
    judge = spec.judge
    if judge.strategy not in ("llm", "llm_recall") and benchmark.judge is None:
        return None
    contract = _settled(benchmark, judge)
    if judge.position_swap == "on" and contract.score_type != "pairwise":
        raise invalid("judge.position_swap", f"{benchmark.name} is judged one answer at a time; leave it out, or auto")
    return contract


def _settled(benchmark: Benchmark, judge: Judge) -> JudgeContract:
    """The settled contract: the run's; or the benchmark's with the run's changes, where its figures are made of its own
    labels.
    """
    if benchmark.judge is None:
        return judge.contract
    plain = JudgeContract()
    if not is_labelled(benchmark):
        return benchmark.judge if judge.contract == plain else judge.contract
    changed = {name: value for name, value in dict(judge.contract).items() if value != getattr(plain, name)}
    for name in changed.keys() - {"system_prompt", "prompt_template"}:
        labels = ", ".join(benchmark.judge.score_mapping)
        raise invalid(f"judge.contract.{name}", f"{benchmark.name} has labels of its own ({labels}); leave it out")
    return benchmark.judge.model_copy(update=changed)


def is_labelled(benchmark: Benchmark) -> bool:
    """Whether the benchmark's metrics are made of the label that judges give."""
    return benchmark.judge is not None and not benchmark.metrics[0].by_judge


def figures_of(benchmark: Benchmark, contract: JudgeContract | None) -> tuple[Metric, ...]:
    """The figures that the judges give, the main one first; none for a benchmark that makes its own from their
    label.
    """
    if contract is None or is_labelled(benchmark):
        return ()
    if contract.score_type in ("pattern", "numeric"):
        return (graded_of(benchmark),)
    figures = judged.figures(contract)
    taken = {metric.name for metric in benchmark.metrics if not metric.by_judge} | {judged.RUBRIC.name}
    for figure in figures[1:]:
        if figure.name in taken:
            raise invalid(
                "judge.contract.criteria", f"{figure.name!r} is a figure of {benchmark.name} itself; rename it"
            )
    return figures


def graded_of(benchmark: Benchmark) -> Metric:
    """The metric that a judge's grade stands for: the main one where that says right or wrong."""
    main = benchmark.metrics[0]
    return main if main.verdict else accuracy.GRADED
