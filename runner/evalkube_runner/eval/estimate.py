"""Estimates a run: calls, prompt tokens, and the most output tokens. For a dry run, which asks nothing.

A prompt is counted by the tokenizer that the spec names. Without one it is a token for four ASCII characters (what
large vocabularies need for English) and one for each other character (an upper bound for Chinese); what chat templates
add is in neither. An answer is counted as long as it may be, and so is the answer that a judge reads.
"""

from collections.abc import Callable, Sequence

from evalkube_benchmarks.benchmark import Message
from evalkube_crds.evalrun import EvalRunSpec, GenerationConfig
from evalkube_crds.results import DatasetEstimate, Estimate, Spending, TokenUsage
from evalkube_runner.context import RunContext
from evalkube_runner.data import tokens
from evalkube_runner.eval.judging import prompts
from evalkube_runner.eval.samples import Dataset, Sample, samples_of

__all__ = ["estimate_of", "rough_tokens"]

_CHARACTERS_A_TOKEN = 4

Count = Callable[[str], int]


def estimate_of(loaded: Sequence[Dataset], spec: EvalRunSpec, context: RunContext) -> Estimate:
    """The estimate for these data sets, without what is kept. Raises RunFailed."""
    count = tokens.load(spec.tokenizer_path, context.readable).count if spec.tokenizer_path else rough_tokens
    found = {id(dataset): DatasetEstimate(name=dataset.plan.benchmark.name) for dataset in loaded}
    judges = [Spending(model=one.model, prices=one.prices) for one in spec.judge.models]
    for sample in samples_of(loaded, spec):
        expected = found[id(sample.dataset)]
        expected.samples += 1
        known = sample.dataset.predictions
        if sample.key in known or sample.anywhere in known:
            expected.kept += 1
        else:
            _add(expected.usage, count, sample.messages, spec.generation_config)
        if sample.dataset.plan.contract is not None:
            expected.judged += len(judges) * _rounds(sample, spec)
            _judged(judges, sample, count, spec)
    model = Spending(model=spec.model, prices=spec.prices, usage=TokenUsage.added(one.usage for one in found.values()))
    return Estimate(
        counted_by="tokenizer" if spec.tokenizer_path else "characters",
        model=model,
        judges=judges,
        datasets=list(found.values()),
    )


def rough_tokens(text: str) -> int:
    """The rough number of tokens of a text, by its characters."""
    plain = sum(character.isascii() for character in text)
    return -(-plain // _CHARACTERS_A_TOKEN) + len(text) - plain


def _judged(judges: Sequence[Spending], sample: Sample, count: Count, spec: EvalRunSpec) -> None:
    contract = sample.dataset.plan.contract
    assert contract is not None
    pair = contract.score_type == "pairwise"
    asked = prompts.messages(contract, sample.item.question, "", "" if pair else None)
    for spending, one in zip(judges, spec.judge.models, strict=True):
        for _ in range(_rounds(sample, spec)):
            _add(spending.usage, count, asked, one.generation_config)
            spending.usage.prompt_tokens += _longest(spec.generation_config) * (2 if pair else 1)


def _rounds(sample: Sample, spec: EvalRunSpec) -> int:
    """The number of questions to one judge about a sample: two that are compared are shown in both orders."""
    contract = sample.dataset.plan.contract
    both = contract is not None and contract.score_type == "pairwise" and spec.judge.position_swap != "off"
    return spec.judge.repeats * (2 if both else 1)


def _add(usage: TokenUsage, count: Count, messages: Sequence[Message], config: GenerationConfig) -> None:
    usage.samples += 1
    usage.prompt_tokens += sum(count(_text(message)) for message in messages)
    usage.completion_tokens += _longest(config)


def _longest(config: GenerationConfig) -> int:
    return config.max_completion_tokens or config.max_tokens


def _text(message: Message) -> str:
    if isinstance(message.content, str):
        return message.content
    return "".join(str(part.get("text", "")) for part in message.content)
