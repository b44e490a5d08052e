"""Asks a model for a short analysis of a run's scores. A run never fails because it has none."""

import asyncio
import logging
from typing import Any

import orjson

from evalkube_benchmarks import extract
from evalkube_benchmarks.benchmark import Message
from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.results import EvalResult, Progress
from evalkube_crds.seed import evaluation
from evalkube_runner.ca_file import trust_of
from evalkube_runner.context import RunContext
from evalkube_runner.eval import at_once
from evalkube_runner.eval.client import Client, RequestFailed

__all__ = ["add_analysis", "prompt"]

_LOG = logging.getLogger("evalkube.eval")
_TASK = (
    "Below are the results of one evaluation of a language model, as JSON. Write a short analysis for an engineer "
    "who has to decide about the model: what the scores say, where subsets differ noticeably, and what limits the "
    "conclusion (few samples, errored or truncated answers). Use only these figures, at most 200 words, Markdown "
    "without a heading.\n\n"
)
_FIELDS = (
    "dataset_pretty_name",
    "dataset_description",
    "model_name",
    "score",
    "metrics",
    "requested",
    "errored",
    "truncated",
    "empty",
)


def prompt(scores: dict[str, Any]) -> str:
    """The prompt about one dataset's report."""
    return _TASK + orjson.dumps({name: scores[name] for name in _FIELDS}, option=orjson.OPT_INDENT_2).decode()


async def add_analysis(result: EvalResult, spec: EvalRunSpec, context: RunContext) -> None:
    """Add the analysis of every dataset, by the first judge, or by the evaluated model where there is no judge."""
    await context.delivery.progress(Progress(stage="writing the analysis"))
    judge = spec.judge.models[0] if spec.judge.models else None
    asked = judge or spec
    client = Client(
        asked.api_url,
        asked.model,
        asked.generation_config,
        api_key=context.judge_key(0) if judge is not None else context.api_key,
        connections=len(result.datasets) if judge is not None else at_once.most_of(spec),
        gate=context.gate,
        credentials=context.judge_credentials if judge is not None else context.credentials,
        api=asked.api,
        api_key_header=asked.api_key_header,
        trust=trust_of(asked, context.readable),
        proxies=context.proxies,
    )

    async def analyse(name: str, scores: dict[str, Any]) -> str | None:
        try:
            answer = await client.ask([Message("user", prompt(scores))])
        except RequestFailed as failure:
            _LOG.warning("no analysis of %s: %s: %s", name, failure.error, failure.message)
            return None
        return extract.strip_thinking(answer.text) or None

    async with client:
        texts = await asyncio.gather(*(analyse(name, scores) for name, scores in evaluation.reports(result).items()))
    for dataset, text in zip(result.datasets, texts, strict=True):
        dataset.analysis = text
