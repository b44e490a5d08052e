"""What the model says."""

import dataclasses

import pytest

from evalkube_mock import replies
from evalkube_mock.behaviour import Behaviour
from evalkube_mock.dialects.model import Ask, Call, Query, RefusedError

_ASK = Ask(endpoint="chat", model="m", prompt="", prompt_tokens=0)
_FIVE = Behaviour(tokens=5)


@pytest.mark.parametrize(
    ("behaviour", "change", "answer", "tokens", "reason"),
    [
        pytest.param(_FIVE, {}, None, 5, "stop", id="filler of the default length"),
        pytest.param(_FIVE, {"max_tokens": 3}, None, 3, "length", id="cut"),
        pytest.param(_FIVE, {"max_tokens": 5}, None, 5, "stop", id="fits exactly"),
        pytest.param(_FIVE, {"max_tokens": 9}, None, 5, "stop", id="fits"),
        pytest.param(_FIVE, {"max_tokens": 9, "ignore_eos": True}, None, 9, "length", id="ignore_eos fills up"),
        pytest.param(_FIVE, {"ignore_eos": True}, None, 5, "stop", id="ignore_eos alone has no length to fill"),
        pytest.param(_FIVE, {"min_tokens": 8}, None, 8, "stop", id="min_tokens"),
        pytest.param(_FIVE, {"min_tokens": 8}, "a b", 8, "stop", id="min_tokens lengthens an answer"),
        pytest.param(_FIVE, {"max_tokens": 3}, "one two", 2, "stop", id="a short answer"),
        pytest.param(_FIVE, {"max_tokens": 1}, "one two", 1, "length", id="a cut answer"),
        pytest.param(_FIVE, {}, "", 0, "stop", id="an empty answer"),
        pytest.param(_FIVE, {"stop": ("two",)}, "one two three", 2, "stop", id="stop text: the space before it stays"),
        pytest.param(Behaviour(tokens=5, default_answer="x y"), {}, None, 2, "stop", id="default answer"),
        pytest.param(Behaviour(tokens=5, reasoning_tokens=4), {}, None, 9, "stop", id="reasoning counts"),
        pytest.param(Behaviour(tokens=0), {}, None, 0, "stop", id="no tokens at all"),
    ],
)
def test_lengths(behaviour: Behaviour, change: dict[str, object], answer: str | None, tokens: int, reason: str) -> None:
    """Lengths and finish reasons as the request asks."""
    reply = replies.compose(behaviour, dataclasses.replace(_ASK, **change), answer)  # type: ignore[arg-type] # a table
    assert (reply.tokens, reply.finish_reason) == (tokens, reason)


def test_reasoning_is_cut_first() -> None:
    """max_tokens below the reasoning's length leaves no content, as with a real reasoning model."""
    reply = replies.compose(Behaviour(reasoning_tokens=6), dataclasses.replace(_ASK, max_tokens=4), "answer")
    assert (len(reply.reasoning), reply.content, reply.finish_reason) == (4, (), "length")


def test_an_answer_comes_back_exactly() -> None:
    """The pieces of an answer join to it, its line breaks too."""
    text = "Step 1:\n  2 + 2 = 4\n\n#### 4"
    assert "".join(replies.compose(_FIVE, _ASK, text).content) == text


@pytest.mark.parametrize("choices", [1, 2])
def test_a_bound_on_what_is_rendered(choices: int) -> None:
    """A request for more tokens than the context is refused as a real server refuses it."""
    ask = dataclasses.replace(_ASK, max_tokens=replies.MAX_TOKENS // choices + 1, ignore_eos=True, choices=choices)
    with pytest.raises(RefusedError, match="context"):
        replies.compose(_FIVE, ask, None)


_CALLS = Behaviour(tokens=5, reasoning_tokens=2, tool_calls=True)
_CALL = Call("f", '{"x": 1, "y": 2}')  # four pieces


@pytest.mark.parametrize(
    ("behaviour", "change", "tokens", "reason"),
    [
        pytest.param(_CALLS, {}, 6, "tool_calls", id="a call after reasoning"),
        pytest.param(_CALLS, {"streams_calls": False}, 3, "tool_calls", id="a call as one token"),
        pytest.param(_CALLS, {"max_tokens": 6}, 6, "tool_calls", id="a call that fits"),
        pytest.param(_CALLS, {"max_tokens": 5}, 2, "length", id="a call that does not fit"),
        pytest.param(_CALLS, {"max_tokens": 1}, 1, "length", id="not even the reasoning fits"),
        pytest.param(_CALLS, {"call": None}, 7, "stop", id="a request without tools"),
        pytest.param(dataclasses.replace(_CALLS, tool_calls=False), {}, 7, "stop", id="not told to call"),
    ],
)
def test_calls(behaviour: Behaviour, change: dict[str, object], tokens: int, reason: str) -> None:
    """With --tool-calls a request with tools is answered by a call, whole or not at all."""
    ask = dataclasses.replace(_ASK, **{"call": _CALL, **change})  # type: ignore[arg-type] # a table
    reply = replies.compose(behaviour, ask, None)
    assert (reply.tokens, reply.finish_reason) == (tokens, reason)
    assert (reply.call is not None) == (reason == "tool_calls")


@pytest.mark.parametrize(
    ("stop", "content", "ended_by"),
    [
        (("two",), "one ", "two"),
        (("three", "two"), "one ", "two"),
        (("one two", "one"), "", "one"),
        (("four",), "one two three", None),
    ],
)
def test_which_stop_text_ended_it(stop: tuple[str, ...], content: str, ended_by: str | None) -> None:
    """The first in the text, and of those at one place the shortest: the one that is complete first."""
    reply = replies.compose(_FIVE, dataclasses.replace(_ASK, stop=stop), "one two three")
    assert ("".join(reply.content), reply.stop) == (content, ended_by)


def test_a_bound_on_vectors() -> None:
    """More numbers than fit into an answer are refused, the most that OpenAI takes are not."""
    ask = dataclasses.replace(_ASK, query=Query(("x",) * 2048, dimensions=3072))
    assert len(replies.compose(_FIVE, ask, None).vectors) == 2048
    with pytest.raises(RefusedError, match="numbers"):
        replies.compose(_FIVE, dataclasses.replace(ask, query=Query(("x",) * 2048, dimensions=1 << 16)), None)
