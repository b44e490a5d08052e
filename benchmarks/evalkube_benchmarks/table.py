"""The benchmarks of this version by name. A new one is its file in `suite`, which has its name, and a line here."""

import importlib
from collections.abc import Iterator, Mapping
from typing import Final

from evalkube_benchmarks.declaration import Benchmark

__all__ = ["BENCHMARKS"]

_NAMES: Final = (
    "ceval",
    "general_mcq",
    "general_qa",
    "gsm8k",
    "humaneval",
    "iquiz",
    "live_code_bench",
    "mbpp",
    "simple_qa",
)


class _Table(Mapping[str, Benchmark]):
    """Each file is read when it is asked for: a scorer process needs one or two of them."""

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
