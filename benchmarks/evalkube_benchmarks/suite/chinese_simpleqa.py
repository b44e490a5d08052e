"""Chinese SimpleQA: 3,000 short questions about facts in Chinese, from six fields (He et al. 2024, arXiv:2411.07140).

A language model grades, as for SimpleQA: right, wrong or not attempted.
"""

from random import Random

from evalkube_benchmarks import fields, readers
from evalkube_benchmarks.benchmark import Benchmark, Prompt, Question, Record, Subset
from evalkube_benchmarks.metrics import facts

__all__ = ["BENCHMARK"]

_FIELDS = ("中华文化", "人文与社会科学", "工程、技术与应用科学", "生活、艺术与文化", "社会", "自然与自然科学")


def _read(record: Record, _: Random) -> Question:
    return Question(
        text=fields.text(record, "question").strip(),
        targets=(fields.text(record, "answer").strip(),),
        metadata={"secondary_category": fields.metadata(record.get("secondary_category"))},
    )


BENCHMARK = Benchmark(
    name="chinese_simpleqa",
    pretty_name="Chinese SimpleQA",
    description="Short questions about facts in Chinese, from six fields. A judge decides: right, wrong or not "
    "attempted.",
    category="questions",
    languages=("zh",),
    source="https://arxiv.org/abs/2411.07140",
    licence="CC-BY-NC-SA-4.0",
    items=3000,
    hub_ids={"modelscope": "AI-ModelScope/Chinese-SimpleQA", "huggingface": "OpenStellarTeam/Chinese-SimpleQA"},
    subsets=tuple(Subset(name) for name in _FIELDS),
    one_config="default",
    subset_of=lambda record: fields.text(record, "primary_category").strip(),
    eval_split="train",
    prompt=Prompt.of("", "{question}", "{answer}"),
    read=_read,
    extract=readers.text,
    metrics=facts.METRICS,
    judge=facts.CHINESE,
)
