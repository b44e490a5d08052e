"""What a model is asked, by the bodies that are made of it."""

from typing import Any

from evalkube_benchmarks.benchmark import Message
from evalkube_crds.evalrun import GenerationConfig
from evalkube_runner.eval import asking
from evalkube_runner.wire import openai

HI = [Message("user", "hi")]


def body(config: GenerationConfig, repeat: int = 0) -> dict[str, Any]:
    """What an endpoint of the OpenAI dialect is sent."""
    return openai.body(asking.ask_of("m", HI, config, repeat=repeat))


def test_a_body_has_the_defaults_and_nothing_unset() -> None:
    """Temperature 0 and 2048 tokens are sent; what is not set is not."""
    messages = [{"role": "user", "content": "hi"}]
    assert body(GenerationConfig()) == {
        "model": "m",
        "messages": messages,
        "temperature": 0.0,
        "max_tokens": 2048,
    }


def test_repeats_get_seeds_of_their_own_and_extra_body_wins() -> None:
    """With one seed for all, k answers would be one."""
    config = GenerationConfig(seed=5, stream=True, extra_body={"temperature": 1, "min_p": 0.1}, stop_seqs=["x"])
    made = body(config, repeat=2)
    assert (made["seed"], made["temperature"], made["min_p"], made["stop"]) == (7, 1, 0.1, ["x"])
    assert made["stream_options"] == {"include_usage": True}


def test_a_body_has_one_limit_of_tokens_and_no_null() -> None:
    """`max_completion_tokens` replaces `max_tokens`, wherever it stands; null leaves a key out."""
    for config in (
        GenerationConfig(max_completion_tokens=5, extra_body={"temperature": None}),
        GenerationConfig(max_tokens=9, extra_body={"max_completion_tokens": 5, "temperature": None}),
    ):
        made = body(config)
        assert made.keys() == {"model", "messages", "max_completion_tokens"}
        assert made["max_completion_tokens"] == 5
