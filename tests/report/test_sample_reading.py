"""One sample, read from the bytes of its lines."""

from typing import Any

import pytest

from evalkube_crds.names import SampleState
from evalkube_report.samples import sample
from evalkube_report.samples.page import Entry
from evalkube_report.samples.sample import LinesUnreadable, Message
from fakes.sample_lines import error, jsonl, prediction, review


def _entry(state: SampleState = SampleState.RIGHT, error: str | None = None) -> Entry:
    return Entry(0, "gsm8k", "main", 4, 0, state, 1.0, 1.5, error)


def test_a_sample_has_all_that_its_lines_say() -> None:
    """The prompt's messages, thoughts and answer of the prediction; question, target and score of the review."""
    (asked,), (scored,) = jsonl(prediction(4, reasoning_content="3 + 4")), jsonl(review(4))
    found = sample.read(_entry(), {"predictions": asked, "reviews": scored})
    assert found.prompt == (Message("system", "Be brief."), Message("user", "Question 4?"))
    assert (found.question, found.thoughts, found.answer) == ("4?", "3 + 4", "It is 7.")
    assert (found.extracted, found.target, found.scores, found.explanation) == ("7", "7", {"acc": 1.0}, "as 3 + 4 = 7")
    assert (found.finish_reason, found.latency_s, found.ttft_s, found.attempts) == ("stop", 1.5, 0.25, 2)
    assert (found.input_tokens, found.output_tokens, found.reasoning_tokens, found.cached_tokens) == (12, 5, 2, 1)
    assert (found.error_message, found.judges) == (None, None)


def test_a_sample_that_errored_says_why() -> None:
    """It may have no other line."""
    (line,) = jsonl(error(4, "status_5xx", "503: out of memory"))
    found = sample.read(_entry(SampleState.ERRORED, "status_5xx"), {"errors": line})
    assert (found.entry.error, found.error_message) == ("status_5xx", "503: out of memory")
    assert (found.prompt, found.answer, found.scores, found.latency_s) == ((), "", {}, None)


def test_a_prompt_is_known_without_its_prediction() -> None:
    """A review has it too, with the answer after it."""
    messages = [{"role": "user", "content": "4?"}, {"role": "assistant", "content": "7"}]
    (line,) = jsonl(review(4, messages=messages))
    assert sample.read(_entry(), {"reviews": line}).prompt == (Message("user", "4?"),)


def test_the_words_of_judges_are_in_a_sample() -> None:
    """Also of one that errored for them."""
    said = {"judge": "m", "verdict": {"label": "A"}, "attempts": [{"said": "It is right."}]}
    (line,) = jsonl(review(4, judging={"judgements": [said]}))
    assert "It is right." in (sample.read(_entry(), {"reviews": line}).judges or "")
    (failed,) = jsonl(error(4, "judge", "unreadable") | {"judge_summary": {"judgements": [said]}})
    assert "It is right." in (sample.read(_entry(SampleState.ERRORED, "judge"), {"errors": failed}).judges or "")


@pytest.mark.parametrize(
    "line",
    [b"", b'{"index": 4, "tar', *jsonl([4], review(5))],
    ids=["nothing", "a torn line", "no object", "that of another sample"],
)
def test_a_line_that_is_not_the_samples_is_refused(line: bytes) -> None:
    """It says of which file, and what to do."""
    with pytest.raises(LinesUnreadable, match=r"the reviews of gsm8k / main have no line of sample 4 .* whole file"):
        sample.read(_entry(), {"reviews": line})


@pytest.mark.parametrize(
    "change",
    [{"messages": 7}, {"messages": [None, {"role": None, "content": ["x"]}]}, {"model_output": {"choices": []}}],
    ids=["no messages", "foreign ones", "no answer"],
)
def test_what_has_another_shape_is_passed_over(change: dict[str, Any]) -> None:
    """A page does not fail for a line that another program wrote."""
    (line,) = jsonl(prediction(4) | change)
    found = sample.read(_entry(), {"predictions": line})
    assert all(isinstance(one.content, str) for one in found.prompt)
