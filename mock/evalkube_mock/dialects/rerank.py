"""Reranking in the form of Jina and Cohere, as vLLM serves it at three paths. Pure.

Sources: https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html (re-rank API), https://jina.ai/reranker
and https://docs.cohere.com/v2/reference/rerank
"""

from typing import Any

import orjson

from evalkube_mock import tokenizer
from evalkube_mock.dialects import fields
from evalkube_mock.dialects.model import Ask, Endpoint, Event, Headers, Query, RefusedError, Reply, Script
from evalkube_mock.dialects.openai_api import OpenAIApi

__all__ = ["Rerank"]

_RERANK = Endpoint("rerank")
_PATHS = ("/v1/rerank", "/rerank", "/v2/rerank")
_MAX_DOCUMENTS = 10_000  # as Cohere


class Rerank(OpenAIApi):
    """See the protocol `Dialect`."""

    name = "openai_rerank"

    def endpoint(self, path: str, query: str) -> Endpoint | None:
        return _RERANK if path in _PATHS else None

    def read(self, endpoint: Endpoint, headers: Headers, body: bytes) -> Ask:
        document = fields.document(body)
        query = document.get("query")
        if not isinstance(query, str) or not query:
            raise fields.wrong("query", "a text that is not empty")
        documents = _documents(document)
        shown = document.get("return_documents") is None or fields.flag(document, "return_documents")
        top = fields.integer(document, "top_n", 0) or len(documents)  # 0 and none: all, as vLLM
        return Ask(
            endpoint=endpoint.name,
            model=fields.model(document),
            prompt=query,
            prompt_tokens=len(documents) * tokenizer.count(query) + sum(map(tokenizer.count, documents)),
            variant=f"{top} {shown}",
            query=Query(documents, text=query),
        )

    def stamp(self, ask: Ask, number: int, created: int) -> bytes:
        return b""

    def script(self, ask: Ask, reply: Reply, *, role: bool) -> Script:
        return Script((), (), ())  # there are no streams

    def ending(self, ask: Ask, reply: Reply) -> tuple[Event, ...]:
        return ()

    def whole(self, ask: Ask, reply: Reply, number: int, created: int) -> bytes:
        assert ask.query is not None
        top, _, shown = ask.variant.partition(" ")
        best = sorted(enumerate(zip(reply.scores, ask.query.inputs, strict=True)), key=lambda one: -one[1][0])
        results: list[dict[str, Any]] = [
            {"index": index, "relevance_score": score, **({"document": {"text": text}} if shown == "True" else {})}
            for index, (score, text) in best[: int(top)]
        ]
        usage = {"prompt_tokens": ask.prompt_tokens, "total_tokens": ask.prompt_tokens}
        return orjson.dumps({"id": f"rerank-{number:024x}", "model": ask.model, "usage": usage, "results": results})

    def error_events(self, ask: Ask, reply: Reply, sent: int, refused: RefusedError) -> tuple[Event, ...]:
        return ()


def _documents(document: dict[str, Any]) -> tuple[str, ...]:
    given = document.get("documents")
    if not isinstance(given, list) or not 0 < len(given) <= _MAX_DOCUMENTS:
        raise fields.wrong("documents", f"a list of 1 to {_MAX_DOCUMENTS} texts or objects with a text")
    return tuple(_text(one, f"documents[{index}]") for index, one in enumerate(given))


def _text(one: object, param: str) -> str:
    text = one.get("text") if isinstance(one, dict) else one
    if not isinstance(text, str):
        raise fields.wrong(param, "a text or an object with a text")
    return text
