"""How long it takes to run HumanEval's programs in the sandbox: `python bench/sandbox_humaneval.py FILE [REPEATS]`.

FILE is HumanEval.jsonl (nothing of it is in the repository). Each canonical solution is scored REPEATS times (10), in
the runner's own scorer processes, and each prompt alone once. Bar: 1,640 programs in at most 60 s on two cores.
"""

import asyncio
import resource
import sys
import time
from pathlib import Path
from random import Random

import orjson

from evalkube_benchmarks.benchmark import Question
from evalkube_benchmarks.scoring import Task
from evalkube_benchmarks.suite.humaneval import BENCHMARK
from evalkube_runner import machine
from evalkube_runner.eval.scorer_process import Scorers


async def main(questions: list[Question], repeats: int) -> None:
    """Prints the seconds, the programs a second, and how many were right."""
    async with Scorers() as scorers:

        async def right(at: int, reply: str) -> float:
            task = Task(benchmark="humaneval", question=questions[at], metrics=("acc",))
            return (await scorers.score(task, reply, 60)).values["acc"]

        begun = time.perf_counter()
        solved = await asyncio.gather(
            *(right(at, question.target) for _ in range(repeats) for at, question in enumerate(questions))
        )
        took_s = time.perf_counter() - begun
        alone = await asyncio.gather(*(right(at, question.text) for at, question in enumerate(questions)))
    used = resource.getrusage(resource.RUSAGE_CHILDREN)  # of scorers and of all programs
    each_s = (used.ru_utime + used.ru_stime) / (len(solved) + len(alone))
    print(
        f"{len(solved):,} programs in {took_s:.1f} s on {machine.cores()} cores, {len(solved) / took_s:.0f} a second, "
        f"{1000 * each_s:.0f} ms of processor time each "
        f"({len(solved) * each_s / machine.cores():.0f} s of these cores); "
        f"right: {sum(solved) / len(solved):.3f} of the solutions, {sum(alone) / len(alone):.3f} of the prompts alone"
    )


if __name__ == "__main__":
    records = [orjson.loads(line) for line in Path(sys.argv[1]).read_bytes().splitlines() if line.strip()]
    read = [BENCHMARK.read(record, Random(0)) for record in records]
    asyncio.run(main(read, int(sys.argv[2]) if len(sys.argv) > 2 else 10))
