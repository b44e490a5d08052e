"""Our own sample items, for demos and smoke tests, and worked answers to them. Nothing here is copied from a benchmark.

The items lie beside this file in the hubs' layout (`<benchmark>/<subset>/<split>.jsonl`), read like any local folder.
`python -m evalkube_runner.data.samples` prints the answers for `evalkube mock-model --answers`.
"""

from collections.abc import Iterator
from typing import Final

from evalkube_crds.paths import Readable
from evalkube_runner.data import files, opening
from evalkube_runner.data.files import Record

__all__ = ["answers"]

# The evaluated split of each benchmark. Items of the other splits stand in every few-shot prompt and would match there.
_EVALUATED: Final = (
    "gsm8k/*/test.jsonl",
    "iquiz/*/test.jsonl",
    "ceval/*/val.jsonl",
    "general_mcq/*_val.jsonl",
    "general_qa/*_test.jsonl",
)
_WRONG_EVERY: Final = 6
_LETTERS: Final = "ABCD"


def answers() -> Iterator[tuple[str, str]]:
    """(question, worked answer) of every evaluated item; every sixth answer is wrong, so that no score is 100 %."""
    for pattern in _EVALUATED:
        records = [
            record
            for path in sorted(opening.SAMPLES.glob(pattern))
            for record in files.read_file(path, Readable.of([opening.SAMPLES]))
        ]
        for number, record in enumerate(records, start=1):
            yield str(record["question"]), _answer(record, right=number % _WRONG_EVERY != 0)


def _answer(record: Record, *, right: bool) -> str:
    answer = str(record["answer"])
    if "####" in answer:
        reasoning, _, number = answer.rpartition("####")
        value = number.strip() if right else str(float(number) + 1).removesuffix(".0")
        return f"{reasoning.strip()}\nThe answer is \\boxed{{{value}}}."
    if "choices" in record or "A" in record:
        letter = answer if right else _LETTERS[(_LETTERS.index(answer) + 1) % len(_LETTERS)]
        return f"{record.get('explanation') or '逐项比较各个选项，排除与题意不符的说法。'}\n答案：{letter}"
    return answer if right else "I am not sure."
