"""The benchmarks of this version. A new one is a file and a line here (and its name in the contract)."""

from evalkube_runner.eval.benchmarks import ceval, general_mcq, general_qa, gsm8k, iquiz
from evalkube_runner.eval.benchmarks.declaration import Benchmark

__all__ = ["BENCHMARKS"]

BENCHMARKS: dict[str, Benchmark] = {
    "ceval": ceval.BENCHMARK,
    "general_mcq": general_mcq.BENCHMARK,
    "general_qa": general_qa.BENCHMARK,
    "gsm8k": gsm8k.BENCHMARK,
    "iquiz": iquiz.BENCHMARK,
}
