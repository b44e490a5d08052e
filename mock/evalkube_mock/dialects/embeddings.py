"""OpenAI's embeddings. Pure.

Source: https://platform.openai.com/docs/api-reference/embeddings/create
"""

from typing import Any

import orjson

from evalkube_mock import tokenizer, vectors
from evalkube_mock.dialects import fields
from evalkube_mock.dialects.model import Ask, Endpoint, Event, Headers, Query, RefusedError, Reply, Script
from evalkube_mock.dialects.openai_api import OpenAIApi

__all__ = ["Embeddings"]

_EMBEDDINGS = Endpoint("embeddings")
_MAX_INPUTS = 2048  # as OpenAI
_BASE64 = "base64"


class Embeddings(OpenAIApi):
    """See the protocol `Dialect`."""

    name = "openai_embedding"

    def endpoint(self, path: str, query: str) -> Endpoint | None:
        return _EMBEDDINGS if path == "/v1/embeddings" else None

    def read(self, endpoint: Endpoint, headers: Headers, body: bytes) -> Ask:
        document = fields.document(body)
        inputs = _inputs(document)
        encoding = document.get("encoding_format", "float")
        if encoding not in ("float", _BASE64):
            raise fields.wrong("encoding_format", "float or base64")
        return Ask(
            endpoint=endpoint.name,
            model=fields.model(document),
            prompt="",
            prompt_tokens=sum(tokenizer.count(one) if isinstance(one, str) else len(one) for one in inputs),
            variant=encoding,
            query=Query(inputs, dimensions=fields.integer(document, "dimensions", 1, vectors.MAX_DIMENSIONS)),
        )

    def stamp(self, ask: Ask, number: int, created: int) -> bytes:
        return b""

    def script(self, ask: Ask, reply: Reply, *, role: bool) -> Script:
        return Script((), (), ())  # there are no streams

    def ending(self, ask: Ask, reply: Reply) -> tuple[Event, ...]:
        return ()

    def whole(self, ask: Ask, reply: Reply, number: int, created: int) -> bytes:
        packed = ask.variant == _BASE64
        data = [
            b'{"object":"embedding","index":%d,"embedding":%s}'
            % (index, b'"%s"' % vector.base64() if packed else vector.json())
            for index, vector in enumerate(reply.vectors)
        ]
        usage = {"prompt_tokens": ask.prompt_tokens, "total_tokens": ask.prompt_tokens}
        rest = orjson.dumps({"model": ask.model, "usage": usage})[1:]
        return b'{"object":"list","data":[%s],%s' % (b",".join(data), rest)

    def error_events(self, ask: Ask, reply: Reply, sent: int, refused: RefusedError) -> tuple[Event, ...]:
        return ()


def _inputs(document: dict[str, Any]) -> tuple[str | tuple[int, ...], ...]:
    given = document.get("input")
    if given is None:
        raise fields.missing("input")
    if isinstance(given, str) or (isinstance(given, list) and given and all(type(one) is int for one in given)):
        given = [given]
    if not isinstance(given, list) or not 0 < len(given) <= _MAX_INPUTS:
        raise fields.wrong("input", f"a text, token ids, or a list of 1 to {_MAX_INPUTS} of either")
    return tuple(_input(one, f"input[{index}]") for index, one in enumerate(given))


def _input(one: object, param: str) -> str | tuple[int, ...]:
    if isinstance(one, str) and one:
        return one
    if isinstance(one, list) and one and all(type(token) is int for token in one):
        return tuple(one)
    raise fields.wrong(param, "a text or token ids, not empty")
