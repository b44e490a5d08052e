"""What a load test's page says of its prompts."""

import pytest

from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.results import PerfPoint, PerfResult, PromptData
from evalkube_runner.report import prompt_facts

SPEC = PerfRunSpec.model_validate(
    {"model": "m", "url": "http://h/v1", "tokenizer_path": "t", "dataset_args": {"target_input_len": 100}}
)
POINTS = [PerfPoint(name="p", number=90, succeeded=80, failed=10, warmup=10)]


def data(**fields: object) -> PromptData:
    """Prompts of the samples, counted in tokens."""
    return PromptData.model_validate({"dataset": "openqa", "source": "sample", "length_basis": "tokens", **fields})


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        pytest.param(None, {"Prompts": "openqa"}, id="of an earlier release"),
        pytest.param(data(prompts=1200), {"Prompts": "openqa (sample)", "Different prompts": "1,200",
                     "Lengths of prompts": "counted in tokens"}, id="enough"),
        pytest.param(data(prompts=24, left_out={"empty": 1, "too_short": 2, "too_long": 3000}, cut=7),
                     {"Prompts": "openqa (sample)",
                      "Different prompts": "24; each was sent 4.17 times on average, which a prefix cache makes fast",
                      "Prompts left out": "1 empty, 2 too short, 3,000 too long",
                      "Prompts cut": "7, to 100 tokens", "Lengths of prompts": "counted in tokens"}, id="fewer"),
        pytest.param(data(dataset="workload_trace", source="local:t", prompts=100, reordered=2),
                     {"Prompts": "workload_trace (local:t)", "Different prompts": "100",
                      "Put in order of their times": "2 requests of the trace that stood behind a later one",
                      "Lengths of prompts": "counted in tokens"}, id="a trace"),
        pytest.param(data(dataset="random", source="random", length_basis="words"),
                     {"Prompts": "random", "Different prompts": "one for each request",
                      "Lengths of prompts": "counted in words"}, id="random"),
    ],
)  # fmt: skip
def test_what_a_page_says(data: PromptData | None, lines: dict[str, str]) -> None:
    """Which prompts, how often each was sent, and what became of the others."""
    result = PerfResult(run_id="r", model="m", data=data, points=POINTS)
    assert dict(prompt_facts.facts(result, SPEC)) == lines
