"""The benchmarks of this version by name. A new one is its file in `suite`, under its name, and a line here."""

import importlib
from collections.abc import Iterator, Mapping
from typing import Final

from evalkube_benchmarks.benchmark import Benchmark

__all__ = ["ALIASES", "BENCHMARKS"]

_NAMES: Final = (
    "aime24",
    "aime25",
    "arc",
    "bbh",
    "ceval",
    "chinese_simpleqa",
    "cmath",
    "cmmlu",
    "commonsense_qa",
    "competition_math",
    "drop",
    "general_judge",
    "general_mcq",
    "general_qa",
    "gpqa_diamond",
    "gsm8k",
    "hellaswag",
    "humaneval",
    "ifeval",
    "iquiz",
    "live_code_bench",
    "logi_qa",
    "math_500",
    "mbpp",
    "med_mcqa",
    "mgsm",
    "mmlu",
    "mmlu_pro",
    "mmlu_redux",
    "musr",
    "needle_haystack",
    "openbookqa",
    "piqa",
    "race",
    "sciq",
    "simple_qa",
    "siqa",
    "super_gpqa",
    "trivia_qa",
    "truthful_qa",
    "winogrande",
)

ALIASES: Final[Mapping[str, str]] = {}
"""EvalScope's other names, old and new, for some of them. Such a benchmark is reported under our name."""


class _Table(Mapping[str, Benchmark]):
    """The benchmarks, each read from its file when asked for, because a scorer process needs only one or two."""

    def __getitem__(self, name: str) -> Benchmark:
        if name not in _NAMES:
            raise KeyError(name)
        benchmark: Benchmark = importlib.import_module(f"evalkube_benchmarks.suite.{name}").BENCHMARK
        return benchmark

    def __iter__(self) -> Iterator[str]:
        return iter(_NAMES)

    def __len__(self) -> int:
        return len(_NAMES)


BENCHMARKS: Final[Mapping[str, Benchmark]] = _Table()
