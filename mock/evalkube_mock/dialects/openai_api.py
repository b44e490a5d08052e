"""The common part of OpenAI's endpoints: the key, the form of errors, the list of models. Pure.

Source: https://platform.openai.com/docs/api-reference (authentication, models, error codes). Azure's `api-key` is
accepted too.
"""

from typing import Any
from urllib.parse import unquote

import orjson

from evalkube_mock.dialects.model import JSON, Headers, RefusedError, header

__all__ = ["OpenAIApi", "bearer", "listed"]

_ERROR_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    429: "rate_limit_error",
}


def bearer(headers: Headers) -> str | None:
    """The bearer token of a request."""
    value = header(headers, b"authorization")
    if value is None:
        return None
    scheme, _, key = value.partition(" ")
    return key.strip() if scheme.lower() == "bearer" else None


class OpenAIApi:
    """The part of the protocol `Dialect` that is the same for all endpoints."""

    def claims(self, path: str, headers: Headers) -> bool:
        return False  # OpenAI is whom all are answered as that nobody else claims

    def credential(self, headers: Headers, query: str) -> str | None:
        return bearer(headers) or header(headers, b"api-key")

    def wrong_key(self, key: str | None) -> RefusedError:
        return RefusedError(401, "Incorrect API key provided.", code="invalid_api_key")

    def error(self, refused: RefusedError, number: int) -> bytes:
        return orjson.dumps({"error": self.error_object(refused)})

    def refusal(self, refused: RefusedError, number: int, headers: Headers) -> tuple[bytes, bytes]:
        return JSON, self.error(refused, number)

    @staticmethod
    def error_object(refused: RefusedError) -> dict[str, Any]:
        """An error in OpenAI's form."""
        default = "invalid_request_error" if refused.status < 500 else "server_error"
        return {
            "message": refused.message,
            "type": _ERROR_TYPES.get(refused.status, default),
            "param": refused.param,
            "code": refused.code,
        }

    def models(self, path: str, model: str, created: int) -> tuple[str, bytes] | None:
        one = {"id": model, "object": "model", "created": created, "owned_by": "evalkube"}
        return listed(path, "/v1/models", one, {"object": "list", "data": [one]})


def listed(path: str, root: str, one: dict[str, Any], every: dict[str, Any]) -> tuple[str, bytes] | None:
    """The model that `path` asks about, and its document; at `root` itself, the document of all models."""
    if path == root:
        return "", orjson.dumps(every)
    return (unquote(path.removeprefix(root + "/")), orjson.dumps(one)) if path.startswith(root + "/") else None
