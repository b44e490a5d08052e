"""The plan of one benchmark: its declaration with the user's overrides, checked. Pure.

Everything that a spec can get wrong about a benchmark is refused here, before a file is read or a request sent.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from evalkube_benchmarks import collections, prompts
from evalkube_benchmarks.benchmark import Benchmark, Metric, Prompt, Subset
from evalkube_benchmarks.table import BENCHMARKS
from evalkube_crds.evalrun import DatasetArgs, EvalRunSpec, Filters, JudgeContract
from evalkube_crds.names import Reason
from evalkube_crds.problems import nearest
from evalkube_runner.errors import RunFailed, invalid
from evalkube_runner.eval.judging import contracts

__all__ = ["DatasetPlan", "plan_of", "plans_of", "powers_up_to", "with_subsets"]

_NO_FILTERS = Filters()
_QUESTION = ("question", "query", "choices", "letters", "subject", "subset")


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetPlan:
    """One benchmark of a run with all its settings.

    `named_subsets`: the user chose the subsets, so all of them must be there. `prompts`: by subset. `metrics`: the main
    one first. `graded`: the metric that a judge's score stands for.
    """

    benchmark: Benchmark
    args: DatasetArgs
    subsets: tuple[Subset, ...]
    named_subsets: bool
    few_shot_num: int
    train_split: str | None
    eval_split: str
    prompts: Mapping[str, Prompt]
    metrics: tuple[Metric, ...]
    graded: str
    aggregation: str
    repeats: int
    limit: int | float | None
    seed: int
    contract: JudgeContract | None

    @property
    def judged(self) -> bool:
        """Whether a language model grades."""
        return self.contract is not None

    @property
    def labelled(self) -> bool:
        """Whether its metrics are made of the label that the judges give."""
        return contracts.is_labelled(self.benchmark)

    @property
    def compared(self) -> bool:
        """Whether judges compare each answer with another one."""
        return self.contract is not None and self.contract.score_type == "pairwise"

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The benchmark's own parameters, as the user set them. review_timeout is for each program where it runs
        some.
        """
        given = self.args.review_timeout if self.benchmark.programs else None
        return self.args.extra_params if given is None else {**self.args.extra_params, "timeout_s": given}

    @property
    def filters(self) -> Filters:
        """The filters of an answer before it is read."""
        return self.args.filters or _NO_FILTERS

    def template(self, subset: str) -> str:
        """The template of a question of that subset."""
        prompt = self.prompts[subset]
        return prompt.few_shot if self.few_shot_num else prompt.question

    def stops(self, subset: str) -> tuple[str, ...]:
        """The stop sequences after worked examples, unless the user names others.

        It cuts off what is not the answer anyway, so answers from before it was sent are as good: it is in no key.
        """
        return self.prompts[subset].stops if self.few_shot_num else ()

    @property
    def main_metric(self) -> str:
        """The reported name of the score."""
        return f"mean_{self.metrics[0].name}"


def plans_of(spec: EvalRunSpec) -> list[DatasetPlan]:
    """The plans of all benchmarks of a run, in its order. Raises RunFailed(InvalidSpec, UnknownBenchmark)."""
    if found := collections.problems(spec):
        names = ", ".join([*BENCHMARKS, *collections.COLLECTIONS])
        unknown = any(problem.field.startswith("datasets") for problem in found)
        reason = Reason.UNKNOWN_BENCHMARK if unknown else Reason.INVALID_SPEC
        raise RunFailed(
            reason,
            f"{found[0].field.partition('[')[0]}: {found[0].reason}"
            + (f" (this runner has {names})" if unknown else ""),
        )
    return [plan_of(spec, name) for name in collections.members_of(spec)]


def plan_of(spec: EvalRunSpec, name: str) -> DatasetPlan:
    """The plan of one benchmark that there is. Raises RunFailed(InvalidSpec) that says what it may be."""
    args = collections.args_of(spec, name)
    where = f"dataset_args.{name}"
    benchmark = _variant(BENCHMARKS[name], args.extra_params, where)
    contract = contracts.contract_of(benchmark, spec)
    few_shot_num = benchmark.few_shot_num if args.few_shot_num is None else args.few_shot_num
    train_split = args.train_split or benchmark.train_split
    if few_shot_num and train_split is None:
        raise invalid(
            f"{where}.few_shot_num", f"{name} has no split with worked examples; set {where}.train_split too, or 0 here"
        )
    if args.shuffle_choices and "choices" not in prompts.placeholders(benchmark.prompt.question):
        raise invalid(f"{where}.shuffle_choices", f"{name} has no choices")
    figures = contracts.figures_of(benchmark, contract)
    metrics = _main_first(_metrics(benchmark, args.metric_list, figures, where), args.primary_metric, where)
    aggregation = "mean" if args.aggregation in (None, "clipped_mean") else args.aggregation
    if aggregation != "mean" and not (metrics[0].verdict and len(metrics) == 1):
        verdicts = ", ".join(metric.name for metric in benchmark.metrics if metric.verdict)
        raise invalid(
            f"{where}.aggregation",
            f"{aggregation} needs one metric that says right or wrong; "
            + (f"name one in metric_list: {verdicts}" if verdicts else "valid here: mean"),
        )
    subsets = _subsets(benchmark, args.subset_list, where)
    return DatasetPlan(
        benchmark=benchmark,
        args=args,
        subsets=subsets,
        named_subsets=args.subset_list is not None,
        few_shot_num=few_shot_num,
        train_split=train_split,
        eval_split=args.eval_split or benchmark.eval_split,
        prompts={subset.name: _prompt(benchmark, subset, args, where) for subset in subsets},
        metrics=metrics,
        graded=figures[0].name if figures else contracts.graded_of(benchmark).name,
        aggregation=aggregation,
        repeats=spec.repeats,
        limit=spec.limit,
        seed=spec.seed,
        contract=contract,
    )


def powers_up_to(repeats: int) -> list[int]:
    """The k of pass@k that are reported: 1, 2, 4, ... and `repeats` itself."""
    ks = [1 << exponent for exponent in range(repeats.bit_length())]
    return ks if ks[-1] == repeats else [*ks, repeats]


def _variant(benchmark: Benchmark, given: Mapping[str, Any], where: str) -> Benchmark:
    known = benchmark.parameters
    given = {
        key: float(one) if type(one) is int and type(known.get(key)) is float else one for key, one in given.items()
    }
    for key, value in given.items():
        if key not in known:
            raise invalid(f"{where}.extra_params.{key}", f"is no parameter of {benchmark.name}{_valid(key, known)}")
        if type(value) is not type(known[key]):
            raise invalid(f"{where}.extra_params.{key}", f"must be a {type(known[key]).__name__}, not {value!r}")
    try:
        return benchmark.variant(benchmark, {**known, **given})
    except ValueError as problem:
        raise invalid(f"{where}.extra_params", str(problem)) from problem


def _subsets(benchmark: Benchmark, wanted: list[str] | None, where: str) -> tuple[Subset, ...]:
    if wanted is None:
        return benchmark.subsets
    if len(set(wanted)) != len(wanted):
        raise invalid(f"{where}.subset_list", "names a subset twice")
    known = {subset.name: subset for subset in benchmark.subsets}
    for name in wanted:
        if name not in known and not benchmark.free_subsets:
            raise invalid(f"{where}.subset_list", f"{name!r} is no subset of {benchmark.name}{_valid(name, known)}")
        if not name or "/" in name or "\\" in name or name.startswith("."):
            raise invalid(f"{where}.subset_list", f"{name!r} cannot be the name of a subset")
    return tuple(known.get(name, Subset(name)) for name in wanted)


def _metrics(
    benchmark: Benchmark, wanted: list[str] | None, figures: tuple[Metric, ...], where: str
) -> tuple[Metric, ...]:
    # What judges say comes first, whatever the benchmark: that is the main figure then.
    own = [metric for metric in benchmark.metrics if not (figures and metric.by_judge)]
    known = {metric.name: metric for metric in (*figures, *own)}
    for name in wanted or ():
        if name not in known:
            raise invalid(f"{where}.metric_list", f"{name!r} is no metric of {benchmark.name}{_valid(name, known)}")
    return tuple(known[name] for name in dict.fromkeys(wanted or known))


def _main_first(metrics: tuple[Metric, ...], wanted: str | None, where: str) -> tuple[Metric, ...]:
    """The metrics, with the one that is the score first."""
    if wanted is None:
        return metrics
    known = {metric.name: metric for metric in metrics}
    name = wanted if wanted in known else wanted.removeprefix("mean_")
    if name not in known:
        raise invalid(f"{where}.primary_metric", f"{wanted!r} is not reported{_valid(name, known)}")
    return (known[name], *(metric for metric in metrics if metric.name != name))


def _prompt(benchmark: Benchmark, subset: Subset, args: DatasetArgs, where: str) -> Prompt:
    """The prompt of a subset with the user's templates; those given but not used are checked as well."""
    own = benchmark.prompts.get(subset.name, benchmark.prompt)
    changed: dict[str, Any] = {}
    if args.prompt_template is not None:
        changed["question"] = _checked(args.prompt_template, _QUESTION, f"{where}.prompt_template")
        # It is kept, with the examples before it, rather than dropped for the benchmark's.
        changed["few_shot"] = "{fewshot}\n\n" + args.prompt_template
    if args.few_shot_prompt_template is not None:
        changed["few_shot"] = _checked(
            args.few_shot_prompt_template,
            (*_QUESTION, "fewshot"),
            f"{where}.few_shot_prompt_template",
            needs=("fewshot",),
        )
    if args.query_template is not None and not prompts.placeholders(args.query_template):
        raise invalid(
            f"{where}.query_template",
            "has no placeholder; it is filled with the fields of a record, for example {question}",
        )
    if args.system_prompt is not None:
        changed["system"] = args.system_prompt
    return dataclasses.replace(own, **changed)


def _checked(template: str, valid: Iterable[str], field: str, needs: tuple[str, ...] = ()) -> str:
    names = prompts.placeholders(template)
    for name in names:
        if name not in valid:
            raise invalid(
                field,
                f"has no value for {{{name}}}{_valid(name, valid)}; write {{{{ and }}}} for braces that are meant",
            )
    if not {"question", "query"} & set(names):
        raise invalid(field, "does not contain {question}, so the question would not be asked")
    for name in needs:
        if name not in names:
            raise invalid(field, f"does not contain {{{name}}}, so the worked examples would be left out")
    return template


def _valid(given: str, valid: Iterable[str]) -> str:
    names = sorted(valid)
    return f"{nearest(given, names)}; valid: {', '.join(names)}" if names else "; it has none"


def with_subsets(plan: DatasetPlan, present: Iterable[str]) -> DatasetPlan:
    """The plan with only those of its subsets that are there."""
    names = set(present)
    return dataclasses.replace(plan, subsets=tuple(subset for subset in plan.subsets if subset.name in names))
