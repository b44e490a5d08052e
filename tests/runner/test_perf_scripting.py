"""Conversations as bytes: each turn's request is what the dialect would have made of the whole chat."""

from typing import Any

import orjson
import pytest

from evalkube_runner.perf import scripting
from evalkube_runner.perf.conversation import Session, SessionOptions, draws
from evalkube_runner.perf.script import Script
from evalkube_runner.wire.ask import DRAWN, Ask, Conversation, Message
from evalkube_runner.wire.chats import Inexpressible
from evalkube_runner.wire.dialect import DIALECTS, HISTORIES

SYSTEM: Message = {"role": "system", "content": 'Be "kind".'}
ASKED: Message = {"role": "user", "content": "Who\nare you?"}
PARTS: Message = {"role": "user", "content": [{"type": "text", "text": "And why?"}]}
AGAIN: Message = {"role": "user", "content": "Quoi, \u2028 \\ \0?"}
SAID = ('I am "a model"\n\u2028', "\U0001f600 \\u0000")
TALK = Conversation(((SYSTEM, ASKED), (PARTS,), (AGAIN,)))
MULTIMODAL = "https://h/api/v1/services/aigc/multimodal-generation/generation"


def answer(text: str) -> Message:
    return {"role": "assistant", "content": text}


def script_of(api: str, ask: Ask, talk: Conversation = TALK, **more: Any) -> Script:
    found = scripting.script_of(DIALECTS[api], HISTORIES[api], ask, talk, **more)
    assert Script.unpacked(found.packed()) == found
    return found


def ask_of(prompt: list[Message], **more: Any) -> Ask:
    fields: dict[str, Any] = {"model": "m", "prompt": prompt, "stream": True, "max_tokens": 7, "url": "http://h/v1"}
    return Ask(**(fields | more))


@pytest.mark.parametrize("extra", [{}, {"a": {"b": [1]}, "z": None}], ids=["plain", "with further keys"])
@pytest.mark.parametrize(
    ("api", "url"),
    [
        *(pytest.param(api, "http://h/v1", id=api) for api in HISTORIES),
        pytest.param("dashscope", MULTIMODAL, id="parts"),
    ],
)
def test_each_turn_has_the_whole_chat(api: str, url: str, extra: dict[str, Any]) -> None:
    """As the dialect writes it, with the answers that the model gave."""
    more = {"extra": extra, "url": url}
    script = script_of(api, ask_of([], **more))
    talk = Session(0, 0, script, SessionOptions(scripting.answered(DIALECTS[api], HISTORIES[api], url)), None)
    chat: list[Message] = []
    for at, said in enumerate(TALK.turns):
        chat += said
        assert talk.turn == at
        assert orjson.loads(talk.body()) == DIALECTS[api].body(ask_of(chat, **more))
        if talk.goes_on:
            assert talk.take(SAID[at]) == 0
            chat.append(answer(SAID[at]))
    assert len(talk) == len(TALK) == 3


@pytest.mark.parametrize("api", HISTORIES)
def test_answers_without_a_word(api: str) -> None:
    """They are empty messages, or left out where the API has none such."""
    history = HISTORIES[api]
    element = scripting.answered(DIALECTS[api], history, "http://h/v1").element("")
    assert bool(element) is history.silence is (api not in ("anthropic", "gemini"))


@pytest.mark.parametrize("api", HISTORIES)
def test_a_drawn_limit_is_put_where_it_belongs(api: str) -> None:
    """Before or after the history, with another number for each turn; the same ones for the same seed."""
    script = script_of(api, ask_of([], max_tokens=DRAWN))
    answered = scripting.answered(DIALECTS[api], HISTORIES[api], "http://h/v1")

    def limits(seed: int) -> list[Any]:
        talk = Session(5, 0, script, SessionOptions(answered, (1_000, 9_000)), 11)
        talk.draw(seed, (20, 10_000))
        found = []
        while True:
            body = orjson.loads(talk.body())
            wanted = orjson.loads(orjson.dumps(DIALECTS[api].body(ask_of([ASKED], max_tokens=123))))
            found.append(_only_other_number(body, wanted))
            if not talk.goes_on:
                return found
            assert 1_000 <= talk.take("x") <= 9_000

    assert limits(1)[0] == 11
    assert limits(1) == limits(1)
    assert len(set(limits(1))) == 3
    assert limits(1)[1:] != limits(2)[1:]


def _only_other_number(body: Any, like: Any) -> int:
    """The number that stands where `like` has 123."""
    if like == 123:
        assert isinstance(body, int)
        return body
    if isinstance(like, dict):
        return next((found for name in like if (found := _only_other_number(body.get(name), like[name]))), 0)
    return 0


def test_draws_are_even_and_of_their_place_alone() -> None:
    """Uniform within four standard errors, sqrt(1 / 12 / n); a longer conversation begins as a shorter one."""
    found = [number for index in range(500) for pair in draws(7, index, 5) for number in pair]
    assert abs(sum(found) / len(found) - 0.5) < 4 * (1 / 12 / len(found)) ** 0.5
    assert draws(7, 3, 9)[:2] == draws(7, 3, 3)
    assert draws(7, 3, 3) not in (draws(7, 4, 3), draws(8, 3, 3))


def test_what_is_in_no_spec_joins_each_body() -> None:
    """Keys that carry secrets, beside the history."""
    script = script_of("openai", ask_of([]), joined=lambda body: {**body, "secret": "s"})
    assert orjson.loads(script.request_body(b"", None))["secret"] == "s"


def test_what_a_dialect_cannot_say_is_named() -> None:
    """A system message in the middle, where system prompts stand apart."""
    talk = Conversation(((ASKED,), (SYSTEM, AGAIN)))
    assert len(script_of("openai", ask_of([]), talk)) == 2
    for api in ("anthropic", "gemini"):
        with pytest.raises(Inexpressible, match="turn 1: a system message"):
            script_of(api, ask_of([]), talk)


def test_no_place_for_a_history() -> None:
    """Further keys that take the messages away."""
    with pytest.raises(scripting.NoHistory, match="messages"):
        script_of("openai", ask_of([], extra={"messages": None}))
