"""The fields of a JSON request body. All readers refuse wrong values in the same way. Pure."""

from collections.abc import Iterable
from typing import Any

import orjson

from evalkube_mock.dialects.model import Call, RefusedError

__all__ = ["call", "document", "flag", "integer", "missing", "model", "part", "stop_texts", "text_of", "wrong"]

_MAX_DEPTH = 8  # of a tool's schema, below which objects stay empty


def document(body: bytes) -> dict[str, Any]:
    """Reads a body that must be a JSON object."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise RefusedError(400, f"We could not parse the JSON body of your request: {error}") from error
    if not isinstance(found, dict):
        raise RefusedError(400, "The request body must be a JSON object.")
    return found


def model(found: dict[str, Any]) -> str:
    """Reads the model's name."""
    name = found.get("model")
    if not isinstance(name, str) or not name:
        raise RefusedError(400, "You must provide a model parameter.", param="model", code="missing_required_parameter")
    return name


def integer(found: dict[str, Any], name: str, least: int, most: int | None = None) -> int | None:
    """Reads an integer that may be absent."""
    value = found.get(name)
    if value is None:
        return None
    if type(value) is not int or value < least or (most is not None and value > most):
        raise wrong(name, f"an integer of at least {least}" + (f" and at most {most}" if most else ""))
    return value


def flag(found: dict[str, Any], name: str) -> bool:
    """Reads true or false; absent is false."""
    value = found.get(name)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise wrong(name, "true or false")
    return value


def part(found: dict[str, Any], name: str) -> dict[str, Any]:
    """Reads an object that may be absent."""
    value = found.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise wrong(name, "an object")
    return value


def stop_texts(found: dict[str, Any], name: str) -> tuple[str, ...]:
    """Reads stop texts: one, or a list. Empty ones stop nothing."""
    value = found.get(name)
    if value is None:
        return ()
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise wrong(name, "a text or a list of texts")
    return tuple(text for text in texts if text)


def text_of(content: object, param: str) -> str:
    """Reads the text of a message: a text, or the parts that have a `text`."""
    if isinstance(content, str):
        return content
    if content is None:
        return ""  # an assistant turn that only calls tools
    if isinstance(content, list) and all(isinstance(one, dict) for one in content):
        return "".join(one["text"] for one in content if isinstance(one.get("text"), str))
    raise wrong(param, "a text or a list of content parts")


def call(tools: Iterable[tuple[object, object]]) -> Call | None:
    """A call of the first of `tools` (name, JSON schema of the arguments); each property gets a plain value."""
    for name, schema in tools:
        if isinstance(name, str) and name:
            value = _value(schema if isinstance(schema, dict) else {}, 0)
            arguments = value if isinstance(value, dict) else {}
            # With white space, so that a call has several tokens.
            return Call(name, "{" + ", ".join(f"{_json(key)}: {_json(one)}" for key, one in arguments.items()) + "}")
    return None


def missing(param: str) -> RefusedError:
    """The refusal of a request without `param`."""
    return RefusedError(400, f"Missing required parameter: '{param}'.", param=param, code="missing_required_parameter")


def wrong(param: str, expected: str) -> RefusedError:
    """The refusal of a parameter that is not as `expected`."""
    return RefusedError(400, f"Invalid value for '{param}': expected {expected}.", param=param, code="invalid_value")


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


def _value(schema: dict[str, Any], depth: int) -> object:
    choices = schema.get("enum")
    if isinstance(choices, list) and choices:
        return choices[0]
    kind = schema.get("type", "object" if "properties" in schema or not depth else "string")
    kind = kind.lower() if isinstance(kind, str) else "string"  # Gemini writes STRING
    if kind == "object":
        properties = schema.get("properties")
        if not isinstance(properties, dict) or depth == _MAX_DEPTH:
            return {}
        return {key: _value(one, depth + 1) for key, one in properties.items() if isinstance(one, dict)}
    plain: dict[str, object] = {"integer": 1, "number": 1.5, "boolean": True, "array": [], "null": None}
    return plain.get(kind, "time")
