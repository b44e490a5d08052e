"""The samples of an evaluation: each question of each data set, as often as it is asked. No I/O."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from evalkube_benchmarks.benchmark import Message
from evalkube_crds import sample_lines
from evalkube_crds.evalrun import EvalRunSpec
from evalkube_runner.eval import checkpoint, plan, sampling
from evalkube_runner.eval.judging.references import Others
from evalkube_runner.eval.precision import Ending
from evalkube_runner.eval.result_builder import ResultBuilder
from evalkube_runner.eval.sampling import Item

__all__ = ["Dataset", "Sample", "samples_of"]


@dataclass(slots=True)
class Dataset:
    """One benchmark of the run: its questions, what is known from before, and its counts.

    `ending` says when it ends early, where it may; `others` are the answers that pairwise judges compare with.
    """

    plan: plan.DatasetPlan
    items: list[Item]
    builder: ResultBuilder
    ending: Ending | None = None
    predictions: checkpoint.Records = field(default_factory=dict)
    reviews: checkpoint.Records = field(default_factory=dict)
    judgements: checkpoint.Records = field(default_factory=dict)
    others: Others = field(default_factory=Others)


@dataclass(frozen=True, slots=True)
class Sample:
    """One question to be asked once. `place` is the question's in the order of asking. `key` finds its answer by this
    endpoint, `anywhere` its answer by any endpoint with the model.
    """

    dataset: Dataset
    item: Item
    place: int
    repeat: int
    messages: tuple[Message, ...]
    key: str
    anywhere: str

    def path(self, kind: str, model: str) -> str:
        """Where lines of a kind about it are kept."""
        return sample_lines.path(kind, model, self.dataset.plan.benchmark.name, self.item.subset.name)


def samples_of(
    loaded: Iterable[Dataset], spec: EvalRunSpec, *, ended: Callable[[Dataset, int], None] | None = None
) -> Iterator[Sample]:
    """All samples in order, made as they are asked for; `ended` is told of a data set that ends early, and where.

    Two questions that read alike are told apart by their ordinal, or a resumed run would ask one less often.
    """
    identity = checkpoint.generation_identity(spec.generation_config, spec.api)
    seen: Counter[str] = Counter()
    for dataset in loaded:
        for place, item in enumerate(dataset.items):
            if ended is not None and dataset.ending is not None and dataset.ending.reached:
                ended(dataset, place)
                break
            messages = sampling.messages_of(item)
            chat = [(message.role, message.content) for message in messages]
            content = checkpoint.digest(spec.api_url, spec.model, identity, chat)
            elsewhere = checkpoint.digest(spec.model, identity, chat)
            ordinal = seen[content] if item.ordinal is None else item.ordinal
            seen[content] += 1
            for repeat in range(dataset.plan.repeats):
                key, anywhere = (checkpoint.digest(one, repeat, ordinal) for one in (content, elsewhere))
                yield Sample(dataset, item, place, repeat, messages, key, anywhere)
