"""Words for why a model stopped."""

import pytest

from evalkube_runner.wire import finish


@pytest.mark.parametrize(
    "word", ["length", "max_tokens", "MAX_TOKENS", "model_length", "max_output_tokens", "MaxTokens", "max-new-tokens"]
)
def test_words_for_a_limit(word: str) -> None:
    """Whatever a server calls it, the answer was cut off, and is one."""
    assert finish.cut_off(word)
    assert not finish.failed(word)


@pytest.mark.parametrize(
    "word", ["abort", "aborted", "error", "ERROR", "cancelled", "canceled", "network_error", "timeout"]
)
def test_words_for_a_failure(word: str) -> None:
    """The server gave up."""
    assert finish.failed(word)
    assert not finish.cut_off(word)


@pytest.mark.parametrize(
    "word", ["stop", "eos", "eos_token", "end_turn", "tool_calls", "content_filter", "sensitive", "COMPLETE", "?", None]
)
def test_other_words(word: str | None) -> None:
    """Unknown ones are kept, and are neither."""
    assert not finish.failed(word)
    assert not finish.cut_off(word)
    assert finish.reason_of(word) == word


def test_no_reason_is_beyond_writing_down() -> None:
    """Half characters and numbers without end are told as they can be."""
    assert finish.reason_of("a\ud83d") == "a"
    assert finish.reason_of({"a": "\ud83d"}) == "other"
    assert finish.reason_of(10**400) == "other"
