"""Evaluations that run programs of the model: what is told of each, what held, and what happens without a sandbox."""

import asyncio
import sys
from pathlib import Path

import pytest

from evalkube_crds.results import EvalResult
from evalkube_runner.eval import plan, scoring
from evalkube_runner.eval.run import evaluate
from fakes import old_kernel, scripted_endpoint
from fakes.evaluations import context_in, lines_of, spec_of
from fakes.scripted_endpoint import says

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is of Linux kernels")

REPLIES = [
    "```python\ndef odd_total(values):\n    return sum(v for v in values if v % 2)\n```",
    "```python\nimport ctypes\nctypes.string_at(0)\ndef unmirror(word): pass\n```",
    "I do not know.",
]


def _evaluated(folder: Path) -> EvalResult:
    async def run() -> EvalResult:
        replies = iter(REPLIES)
        async with scripted_endpoint.running(lambda _body, _number: says(next(replies))) as endpoint:
            spec = spec_of(endpoint.url, datasets=["humaneval"], dataset_hub="sample", eval_batch_size=1)
            return await evaluate(spec, context_in(folder))

    return asyncio.run(run())


def test_a_wrong_program_is_a_wrong_answer_with_its_reason(tmp_path: Path) -> None:
    """Also one that takes the interpreter down; what held is in each review, and once in the result."""
    result = _evaluated(tmp_path)
    subset = result.datasets[0].subsets[0]
    assert (subset.scored, subset.errored) == (3, {})
    assert subset.metrics["mean_acc"].mean == pytest.approx(1 / 3)
    scores = [
        line["sample_score"]["score"] for line in lines_of(tmp_path / "reviews/m/humaneval_openai_humaneval.jsonl")
    ]
    told = {score["prediction"]: (score["explanation"], score["metadata"].get("sandbox")) for score in scores}
    assert [told[reply][0] for reply in REPLIES] == ["", "crash: the interpreter ended by SIGSEGV", ""]
    assert [told[reply][1] for reply in REPLIES] == [result.sandbox, result.sandbox, None]
    assert "landlock:files" in result.sandbox


SCRIPT = """
import asyncio, sys
from pathlib import Path
from evalkube_runner.errors import RunFailed
from evalkube_runner.eval.run import evaluate
from fakes.evaluations import context_in, spec_of
spec = spec_of("http://127.0.0.1:9/v1", datasets=["gsm8k", "humaneval"], dataset_hub="sample")
try:
    asyncio.run(evaluate(spec, context_in(Path(sys.argv[1]))))
except RunFailed as failed:
    print(failed.reason, failed.exit_code, failed.message)
"""


def test_without_a_sandbox_nothing_is_asked(tmp_path: Path) -> None:
    """Refused before data is read, with what to do; the endpoint of this test would refuse a connection."""
    env = {"PYTHONPATH": str(Path(__file__).parents[1])}
    done = old_kernel.run(0, [sys.executable, "-c", SCRIPT, str(tmp_path)], env)
    assert done.stdout.startswith("SandboxUnavailable 80 humaneval: this kernel"), done
    assert "Linux 5.13 or later" in done.stdout


# review_timeout, timeout_s of the parameters: how long a program has
TIMES = [(None, None, 4.0), (2.0, None, 2.0), (None, 3, 3), (2.0, 3, 2.0)]


@pytest.mark.parametrize(("given", "parameter", "wanted"), TIMES)
def test_review_timeout_is_that_of_a_program(given: float | None, parameter: int | None, wanted: float) -> None:
    """Scoring it may take longer: it waits for a processor, too."""
    args = {"review_timeout": given, "extra_params": {} if parameter is None else {"timeout_s": parameter}}
    made = plan.plan_of(spec_of("http://h/v1", datasets=["humaneval"], dataset_args={"humaneval": args}), "humaneval")
    assert made.parameters.get("timeout_s", 4.0) == wanted


GIB = 1 << 30

# benchmark, cores, memory of the container: how many replies are scored at once
AT_ONCE = [
    ("gsm8k", 8, GIB, 8),
    ("humaneval", 8, None, 8),
    ("humaneval", 2, 8 * GIB, 2),
    ("humaneval", 64, 2 * GIB, 3),
    ("live_code_bench", 64, 2 * GIB, 1),
    ("live_code_bench", 64, GIB // 2, 1),
]


@pytest.mark.parametrize(("name", "cores", "memory", "wanted"), AT_ONCE)
def test_as_many_programs_run_as_memory_has_room_for(name: str, cores: int, memory: int | None, wanted: int) -> None:
    """And one at least; what runs no programs has a scorer on each core."""
    made = plan.plan_of(spec_of("http://h/v1", datasets=[name]), name)
    assert scoring.at_once([made], cores, memory) == wanted
