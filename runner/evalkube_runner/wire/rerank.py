"""The dialect of rerankers, as Jina and Cohere have it and vLLM serves it: where to post, and request bodies. Its
answers: `rerank_answers`. No I/O.

Reference: https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html (re-rank API), https://jina.ai/reranker
and https://docs.cohere.com/v2/reference/rerank.
"""

from typing import Any

from evalkube_runner.wire import ask as asking
from evalkube_runner.wire import openai, paths, stream, whole
from evalkube_runner.wire.answer import Answer
from evalkube_runner.wire.ask import Ask, Operation, Query
from evalkube_runner.wire.decoding import document
from evalkube_runner.wire.rerank_answers import grammar_of

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
    """The URL to post to: a base URL, and one that ends in /v1 or has no path, gets /rerank; /rerank, /v1/rerank and
    /v2/rerank stand as they are.
    """
    return paths.completed(given, "rerank", ("rerank",), base=base)


def takes_messages(url: str) -> bool:
    """Whether the endpoint takes messages: no, it takes a query and documents."""
    return False


def body(ask: Ask) -> dict[str, Any]:
    """The request body. A prompt that is a body has fields of its own, which win; over all go those of `extra`."""
    prompt = ask.prompt
    assert isinstance(prompt, Query | dict), "an endpoint that ranks is given a query and documents"
    given = prompt if isinstance(prompt, dict) else {"query": prompt.text, "documents": list(prompt.documents)}
    return asking.merged({"model": ask.model, **given}, ask.extra)


def reader(choices: int = 1, *, keep_text: bool = False) -> stream.Stream:
    """A reader for an answer that ranks `choices` documents."""
    return stream.Stream(grammar_of(choices))


def answer(body: bytes, choices: int = 1, *, keep_text: bool = False) -> Answer:
    """The content of an answer that ranks `choices` documents."""
    return whole.whole(body, grammar_of(choices))


def count(body: bytes) -> int:
    """The number of documents of a request."""
    return len(_request(body)[1])


def prompt_texts(body: bytes) -> tuple[list[str], int]:
    """The texts that are read for a request: the query with each of the documents. It has no token ids."""
    query, documents = _request(body)
    return [query] * len(documents) + documents, 0


def _request(body: bytes) -> tuple[str, list[str]]:
    """The query and the texts of the documents, which may be objects with one (Jina, older Cohere)."""
    found = document(body)
    query, documents = found.get("query"), found.get("documents")
    texts = [one.get("text") if isinstance(one, dict) else one for one in documents or []]
    return query if isinstance(query, str) else "", [text if isinstance(text, str) else "" for text in texts]
