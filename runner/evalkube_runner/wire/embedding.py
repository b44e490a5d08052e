"""The dialect of OpenAI's embeddings: where to post, and request bodies. Its answers: `embedding_answers`. No I/O.

Reference: https://platform.openai.com/docs/api-reference/embeddings/create.
"""

from typing import Any

from evalkube_runner.wire import ask as asking
from evalkube_runner.wire import openai, paths, stream, whole
from evalkube_runner.wire.answer import Answer
from evalkube_runner.wire.ask import Ask, Inputs, Operation
from evalkube_runner.wire.decoding import document
from evalkube_runner.wire.embedding_answers import grammar_of

__all__ = [
    "answer",
    "body",
    "count",
    "endpoint",
    "error_message",
    "fixed_headers",
    "headers",
    "prompt_texts",
    "reader",
    "takes_messages",
]

headers = openai.headers
fixed_headers = openai.fixed_headers
error_message = openai.error_message


def endpoint(given: str, operation: Operation, *, base: bool = False) -> str:
    """The URL to post to: a base URL, and one that ends in /v1 or has no path, gets /embeddings."""
    return paths.completed(given, "embeddings", ("embeddings",), base=base)


def takes_messages(url: str) -> bool:
    """Whether the endpoint takes messages: no, it takes texts."""
    return False


def body(ask: Ask) -> dict[str, Any]:
    """The request body. A prompt that is a body has fields of its own, which win; over all go those of `extra`."""
    prompt = ask.prompt
    assert isinstance(prompt, Inputs | dict), "an endpoint that embeds is given texts"
    given = prompt if isinstance(prompt, dict) else {"input": list(prompt.texts)}
    return asking.merged({"model": ask.model, **given}, ask.extra)


def reader(choices: int = 1, *, keep_text: bool = False) -> stream.Stream:
    """A reader for an answer to `choices` inputs."""
    return stream.Stream(grammar_of(choices))


def answer(body: bytes, choices: int = 1, *, keep_text: bool = False) -> Answer:
    """The content of an answer to `choices` inputs."""
    return whole.whole(body, grammar_of(choices))


def count(body: bytes) -> int:
    """The number of inputs of a request: one where it is a text, or token ids, by itself."""
    given = _input(body)
    return len(given) if isinstance(given, list) and not _is_ids(given) else 1


def prompt_texts(body: bytes) -> tuple[list[str], int]:
    """The texts of a request, and how many token ids it has besides."""
    given = _input(body)
    parts = given if isinstance(given, list) else [given]
    ids = sum(len(part) if isinstance(part, list) else 1 for part in parts if isinstance(part, int | list))
    return [part for part in parts if isinstance(part, str)], ids


def _is_ids(given: list[object]) -> bool:
    return bool(given) and all(isinstance(one, int) for one in given)


def _input(body: bytes) -> object:
    return document(body).get("input")
