"""Runs one evaluation, or one shard of it: loads the questions, has them asked and scored, reports.

The order of things: the plan is checked, data is read, earlier work is found, then every sample goes through one
session. Decisions live in the modules named here.
"""

import asyncio
import dataclasses
import logging
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

import orjson

from evalkube_benchmarks import collections, sandbox
from evalkube_crds import sample_lines
from evalkube_crds.evalrun import AUTO, EvalRunSpec
from evalkube_crds.names import Reason
from evalkube_crds.results import CollectionResult, EvalResult, Progress
from evalkube_runner import machine
from evalkube_runner.context import RunContext
from evalkube_runner.data import datasets, tokens
from evalkube_runner.errors import RunFailed
from evalkube_runner.eval import analysis, at_once, checkpoint, estimate, plan, records, sampling
from evalkube_runner.eval.judging import prompts, references
from evalkube_runner.eval.precision import Ending
from evalkube_runner.eval.result_builder import ResultBuilder
from evalkube_runner.eval.samples import Dataset, samples_of
from evalkube_runner.eval.sampling import Item
from evalkube_runner.eval.session import Session

__all__ = ["evaluate"]

_LOG = logging.getLogger("evalkube.eval")


async def evaluate(spec: EvalRunSpec, context: RunContext) -> EvalResult:
    """The result of this shard. Artifacts, checkpoints and progress leave through the context's delivery.

    Raises RunFailed: InvalidSpec, UnknownBenchmark, SandboxUnavailable, DatasetUnavailable, AuthenticationFailed,
    TargetForbidden, TargetRefused, TargetUnreachable, AllSamplesFailed.
    """
    started_ns = time.time_ns()
    plans = plan.plans_of(spec)
    for contract in {id(one.contract): one.contract for one in plans if one.contract is not None}.values():
        prompts.check(contract)
    await context.gate.check([spec.api_url, *(one.api_url for one in spec.judge.models)])
    model = records.display_name(spec.model, spec.model_id)
    held = await _sandboxed(plans)
    await _put_config(spec, context)
    await context.delivery.progress(Progress(stage="loading data"))
    loaded = [await asyncio.to_thread(_load, one, spec, context) for one in plans]
    for dataset in loaded:
        dataset.others = await asyncio.to_thread(references.load, dataset.plan, dataset.items, context.readable)
    _keep_shard(loaded, context.shard, context.shards)
    journal = checkpoint.Journal(context.delivery)
    _check_connections(loaded, spec)
    await _find_earlier(loaded, model, spec, context, journal)
    result = EvalResult(
        run_id=context.run_id,
        model=model,
        shards=[context.shard],
        of_shards=context.shards,
        sandbox=held,
        started_at_ns=started_ns,
    )
    if spec.dry_run:
        result.estimate = await asyncio.to_thread(estimate.estimate_of, loaded, spec, context)
        result.ended_at_ns = time.time_ns()
        return result
    async with Session(spec, context, model, loaded, journal) as session:
        await session.run()
    for dataset in loaded:
        dataset.builder.close()
        if dataset.ending is not None:
            dataset.builder.result.precision = dataset.ending.result
    result.datasets = [dataset.builder.result for dataset in loaded]
    result.collections = [
        CollectionResult(name=one.name, weights=dict(one.weights)) for one in collections.collections_of(spec)
    ]
    result.prices = spec.prices
    result.judges, result.at_once = session.judges, session.at_once
    result.ended_at_ns = time.time_ns()
    session.check_outcome()
    if spec.analysis_report and context.shards == 1:  # of several it is the scores of all that are analysed
        await analysis.add_analysis(result, spec, context)
    return result


async def _sandboxed(plans: list[plan.DatasetPlan]) -> list[str]:
    """The sandbox of the model's programs, where they are run. It is checked before anything else, because without it
    nothing may run.

    Raises RunFailed(SandboxUnavailable).
    """
    running = ", ".join(one.benchmark.name for one in plans if one.benchmark.programs)
    if not running:
        return []
    try:
        held = await asyncio.to_thread(sandbox.ready)
    except (sandbox.SandboxUnavailable, sandbox.SandboxFailed) as problem:
        raise RunFailed(Reason.SANDBOX_UNAVAILABLE, f"{running}: {problem}") from problem
    _LOG.info("%s: programs of the model run in a sandbox that holds %s", running, ", ".join(held))
    return list(held)


def _check_connections(loaded: list[Dataset], spec: EvalRunSpec) -> None:
    """Refuse more requests at once than this process can have connections. Raises RunFailed(InvalidSpec)."""
    samples = sum(len(dataset.items) * dataset.plan.repeats for dataset in loaded)
    wanted = min(at_once.most_of(spec), samples) * (1 + len(spec.judge.models))
    held = machine.descriptors()
    if spec.eval_batch_size != AUTO and wanted > held - machine.SPARE_DESCRIPTORS:
        raise RunFailed(
            Reason.INVALID_SPEC,
            f"eval_batch_size: {spec.eval_batch_size} needs {wanted} connections (judges have their own), and this "
            f"process may hold no more than {held} open files; raise the limit (ulimit -n), or give a smaller one",
        )


async def _put_config(spec: EvalRunSpec, context: RunContext) -> None:
    import yaml  # for this one file

    text = yaml.safe_dump(spec.model_dump(mode="json"), allow_unicode=True, sort_keys=False)
    await context.delivery.put("configs/task_config.yaml", text.encode())


# ------------------------------------------------------------------------------------------------------------- loading


def _load(wanted: plan.DatasetPlan, spec: EvalRunSpec, context: RunContext) -> Dataset:
    """Reads the questions of one benchmark (blocking)."""
    benchmark = wanted.benchmark
    tokenizer_path = str(wanted.args.extra_params.get("tokenizer_path", ""))
    if benchmark.tokenized is not None and tokenizer_path:
        benchmark = benchmark.tokenized(benchmark, tokens.load(tokenizer_path, context.readable))
        wanted = dataclasses.replace(wanted, benchmark=benchmark)
    source = datasets.Source(
        benchmark=benchmark.name,
        hub=spec.dataset_hub,
        hub_ids=benchmark.hub_ids,
        dataset_id=wanted.args.dataset_id,
        local_path=wanted.args.local_path,
        force_redownload=wanted.args.force_redownload,
        own_examples=benchmark.own_examples and wanted.args.train_split is None,
        columns=benchmark.columns,
    )
    if benchmark.subset_of is not None and not _lie_apart(wanted, source, context):
        return _divided(wanted, source, spec, context)
    if not wanted.named_subsets:
        names = {benchmark.configs.get(subset.name, subset.name): subset.name for subset in wanted.subsets}
        present = datasets.present_subsets(source, list(names), wanted.eval_split, context)
        wanted = plan.with_subsets(wanted, [names[config] for config in present])
    only = len(wanted.subsets) == 1 and len(benchmark.subsets) == 1 and not benchmark.configs
    items: list[Item] = []
    for subset in wanted.subsets:
        config = benchmark.configs.get(subset.name, subset.name)
        rows = datasets.load(source, config, wanted.eval_split, context, only_subset=only)
        train: list[datasets.Record] = []
        if wanted.few_shot_num and wanted.train_split:
            train = datasets.load(source, config, wanted.train_split, context, few_shot=True, only_subset=only)
        items += sampling.items_of(wanted, subset, rows, train)
    return _dataset(wanted, items, source, spec, context)


def _lie_apart(wanted: plan.DatasetPlan, source: datasets.Source, context: RunContext) -> bool:
    """Whether each subset has a configuration of its own, and none has all: hubs differ in it, and so do folders."""
    there = datasets.available(source, context)
    joint = (wanted.benchmark.one_config or "default") in there
    return not joint and any(subset.name in there for subset in wanted.subsets)


def _divided(wanted: plan.DatasetPlan, source: datasets.Source, spec: EvalRunSpec, context: RunContext) -> Dataset:
    """The questions of a benchmark whose subsets lie in one file."""
    benchmark = wanted.benchmark
    config = benchmark.one_config or "default"
    rows = datasets.load(source, config, wanted.eval_split, context, only_subset=True)
    train: list[datasets.Record] = []
    if wanted.few_shot_num and wanted.train_split:
        train = datasets.load(source, config, wanted.train_split, context, few_shot=True, only_subset=True)
    asked, shown = sampling.divided(wanted, rows), sampling.divided(wanted, train, examples=True)
    if missing := [one.name for one in wanted.subsets if one.name not in asked] if wanted.named_subsets else []:
        raise RunFailed(
            Reason.DATASET_UNAVAILABLE,
            f"{benchmark.name}: no record of split {wanted.eval_split!r} is of subset {missing[0]!r}",
        )
    wanted = plan.with_subsets(wanted, asked)
    items: list[Item] = []
    for subset in wanted.subsets:
        items += sampling.items_of(wanted, subset, asked[subset.name], shown.get(subset.name, []))
    return _dataset(wanted, items, source, spec, context)


def _dataset(
    wanted: plan.DatasetPlan, items: list[Item], source: datasets.Source, spec: EvalRunSpec, context: RunContext
) -> Dataset:
    _LOG.info("%s: %d questions in %d subsets", wanted.benchmark.name, len(items), len(wanted.subsets))
    builder = ResultBuilder(wanted, spec.dataset_hub, datasets.origin(source, context), collect_perf=spec.collect_perf)
    if spec.precision is None:
        return Dataset(wanted, items, builder)
    ending = Ending(len(items), wanted.repeats, spec.precision)
    return Dataset(wanted, sampling.in_random_order(wanted, items), builder, ending)


def _keep_shard(loaded: list[Dataset], shard: int, shards: int) -> None:
    """Leave each dataset its share. An item goes to a shard with all its repeats and all of its group: pass@k and
    intervals are counted over them.

    Questions that read alike are counted before that: the same sample has the same key however a run is split.
    """
    number, seen = 0, Counter[str]()
    for dataset in loaded:
        share = []
        for item, place in zip(dataset.items, sampling.places(dataset.items, number), strict=True):
            if shards > 1:
                chat = checkpoint.digest([(message.role, message.content) for message in sampling.messages_of(item)])
                item = dataclasses.replace(item, ordinal=seen[chat])
                seen[chat] += 1
            if place % shards == shard:
                share.append(item)
                dataset.builder.request(item.subset.name, dataset.plan.repeats)
                if item.question.group:
                    dataset.builder.group(item.subset.name, item.index, item.question.group)
        number += len(dataset.items)
        dataset.items = share


_IMPORTED = "configs/use_cache.json"


async def _find_earlier(
    loaded: list[Dataset], model: str, spec: EvalRunSpec, context: RunContext, journal: checkpoint.Journal
) -> None:
    """Read what an earlier attempt, or the run that use_cache names, has finished.

    Of another run, the lines about samples of this one are copied into this one's files, once: from then on this run
    resumes by itself.
    """
    delivery = context.delivery
    marker = orjson.dumps({"use_cache": spec.use_cache})
    importing = spec.use_cache is not None and not spec.dry_run and await delivery.get(_IMPORTED) != marker
    lines: dict[str, checkpoint.Records] = {}
    for dataset in loaded:
        for subset in dataset.plan.subsets:
            for kind, known in (
                ("predictions", dataset.predictions),
                ("reviews", dataset.reviews),
                ("judgements", dataset.judgements),
            ):
                path = sample_lines.path(kind, model, dataset.plan.benchmark.name, subset.name)
                found, torn = await checkpoint.load(delivery, path)
                lines[path] = found
                known |= found
                if spec.any_endpoint:
                    known |= checkpoint.by_question(found)
                if torn:
                    journal.mend(path)
    if importing:
        for path, record in await asyncio.to_thread(_of_this_run, lines, loaded, model, spec):
            await journal.add(path, record)
        journal.close()
        await journal.write_on()
        journal.reopen()
        await delivery.put(_IMPORTED, marker)


def _of_this_run(
    lines: Mapping[str, checkpoint.Records], loaded: list[Dataset], model: str, spec: EvalRunSpec
) -> list[tuple[str, dict[str, Any]]]:
    """What is copied of another run's lines, and into which files: what it left about samples of this run, with the
    numbers that those have here, and what its judges said. That run may have had other questions, or another order.
    Blocking.
    """
    found = [(path, one) for path, known in lines.items() if path.startswith("judgements/") for one in known.values()]
    scores: dict[tuple[str, Any], list[dict[str, Any]]] = {}
    for path, known in lines.items():
        for record in known.values() if path.startswith("reviews/") else ():
            scores.setdefault((path, record.get("index")), []).append(record)
    for sample in samples_of(loaded, spec):
        kept = sample.dataset.predictions.get(sample.key) or sample.dataset.predictions.get(sample.anywhere)
        if kept is None:
            continue
        reviews = sample.path("reviews", model)
        found.append((sample.path("predictions", model), records.moved(kept, sample.item, sample.repeat)))
        rated = scores.get((reviews, kept.get("index")), [])
        found.extend((reviews, records.moved(score, sample.item, sample.repeat)) for score in rated)
    return found
