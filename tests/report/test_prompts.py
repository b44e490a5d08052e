"""What a load test's page says of its prompts."""

import pytest

from evalkube_crds.perf_point import Conversations, PerfPoint
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.results import PerfResult, PromptData
from evalkube_report.load_test import prompt_facts

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


def test_what_a_page_says_of_conversations() -> None:
    """They are counted, not their requests."""
    fields = {"model": "m", "url": "http://h/v1", "dataset": "share_gpt_en_multi_turn"}
    spec = PerfRunSpec.model_validate({**fields, "max_turns": 3, "think_time": [0.5, 2]})
    talked = data(dataset="share_gpt_en_multi_turn", prompts=20, left_out={"too_short": 4}, cut=7)
    points = [PerfPoint(name="p", number=50, succeeded=120, conversations=Conversations(completed=50))]
    assert dict(prompt_facts.facts(PerfResult(run_id="r", model="m", data=talked, points=points), spec)) == {
        "Prompts": "share_gpt_en_multi_turn (sample)",
        "Different conversations": "20; each was sent 2.5 times on average, which a prefix cache makes fast",
        "Conversations left out": "4 too short",
        "Conversations cut": "7, to 3 turns",
        "Time to think before a further turn": "0.5 to 2 s",
        "Lengths of turns": "counted in tokens",
    }
