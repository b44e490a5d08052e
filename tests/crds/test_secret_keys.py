"""Keys of bodies that carry secrets: which they are, how they are taken out, and how they are put back."""

import copy
import json
from typing import Any

import pytest

from evalkube_crds import secret_keys

HUSH = "hush-hush-42"

SECRET = [
    *[
        "api_key",
        "apikey",
        "apiKey",
        "api-key",
        "authorization",
        "Authorization",
        "access_token",
        "token",
        "auth_token",
    ],
    *["password", "client_secret", "secret", "X-Session-Token", "key", "subscription-key", "cookie", "bearer", "sig"],
    *["eos_token_secret", "tokenizer_api_key", "token_value", "sessionToken", "refresh_token", "my_token"],
]
OPEN = [
    *[
        "max_tokens",
        "min_tokens",
        "max_completion_tokens",
        "stop_token_ids",
        "stopTokenIds",
        "bad_token_ids",
        "token_id",
    ],
    *["prompt_cache_key", "safety_identifier", "skip_special_tokens", "eos_token", "stop_token", "think_end_token"],
    *[
        "return_tokens_as_token_ids",
        "tokenizer",
        "tokenizer_mode",
        "tokenization",
        "token_type",
        "thinking_token_budget",
    ],
    *[
        "user",
        "model",
        "metadata",
        "service_tier",
        "author",
        "keyword",
        "encode",
        "passage",
        "signal",
        "prompt_token_ids",
    ],
]


@pytest.mark.parametrize("name", SECRET)
def test_a_key_that_carries_a_secret(name: str) -> None:
    """However its letters are."""
    assert secret_keys.is_secret_key(name)
    assert secret_keys.is_secret_key(name.upper())


@pytest.mark.parametrize("name", OPEN)
def test_a_key_that_only_looks_alike(name: str) -> None:
    """Tokens of text and keys of caches are no secrets."""
    assert not secret_keys.is_secret_key(name)
    assert not secret_keys.is_secret_key(name.upper())


def nested(depth: int) -> dict[str, Any]:
    """Objects in one another, with a secret in the last."""
    return {"a": nested(depth - 1)} if depth else {"api_key": HUSH}


# name: keys of a body, what is left of them, what is secret, where the first one is
DIVIDED: dict[str, tuple[Any, Any, dict[str, Any], str | None]] = {
    "at the top": ({"api_key": HUSH, "a": 1}, {"a": 1}, {"api_key": HUSH}, "api_key"),
    "an empty text": ({"api_key": ""}, {}, {"api_key": ""}, "api_key"),
    "in an object": ({"a": {"token": HUSH, "b": 1}}, {"a": {"b": 1}}, {"a": {"token": HUSH}}, "a.token"),
    "in a list": (
        {"tools": [{"type": "mcp"}, {"headers": {"Authorization": HUSH}}, 5]},
        {"tools": [{"type": "mcp"}, {"headers": {}}, 5]},
        {"tools": [None, {"headers": {"Authorization": HUSH}}, None]},
        "tools[1].headers.Authorization",
    ),
    "in lists of lists": (
        {"a": [[], [{"sig": HUSH}]]},
        {"a": [[], [{}]]},
        {"a": [None, [{"sig": HUSH}]]},
        "a[1][0].sig",
    ),
    "a list of texts": ({"passwords": [HUSH, "b"]}, {}, {"passwords": [HUSH, "b"]}, "passwords"),
    "an object with a secret name": (
        {"authentication": {"type": "api_key", "key": HUSH}},
        {"authentication": {"type": "api_key"}},
        {"authentication": {"key": HUSH}},
        "authentication.key",
    ),
    "as JSON": (json.dumps({"api_key": HUSH, "p": "%p"}), json.dumps({"p": "%p"}), {"api_key": HUSH}, "api_key"),
    "a long name": ({"a" * 500: {"key": HUSH}}, {"a" * 500: {}}, {"a" * 500: {"key": HUSH}}, "a" * 128 + "….key"),
    "63 levels deep": (nested(63), None, nested(63), ".".join(["a"] * 63 + ["api_key"])),
}


@pytest.mark.parametrize(("given", "kept", "secret", "path"), DIVIDED.values(), ids=DIVIDED.keys())
def test_what_is_secret_is_taken_out(given: Any, kept: Any, secret: dict[str, Any], path: str | None) -> None:
    """The rest stays as it is, and what is given is not changed; together they are what was given."""
    before = copy.deepcopy(given)
    left, found = secret_keys.divided(given)
    assert (found, secret_keys.first(given), given) == (secret, path, before)
    assert kept is None or left == kept
    whole = json.loads(given) if isinstance(given, str) else given
    assert secret_keys.joined(json.loads(left) if isinstance(given, str) else left, found) == whole


UNTOUCHED: dict[str, Any] = {
    "nothing": {},
    "numbers": {"stop_token_ids": [1, 2], "token": 5, "api_key": None, "auth": True, "key": 1.5, "token_ids": []},
    "mixed lists": {"tokens": ["a"], "token": ["a", 1]},
    "a schema": {"properties": {"password": {"type": "string"}, "api_key": {"type": "string"}}, "required": ["token"]},
    "messages": {"messages": [{"role": "user", "content": "api_key: sk-1"}]},
    "a file": "@/data/api_key.json",
    "no JSON": '{"api_key": ',
    "JSON of another kind": '["api_key"]',
    "spaced JSON": '{ "a" : 1.0 }',
    "deep JSON": '{"a":' * 100_000,
    "a number": 5,
    "no value": None,
    "deeper than a request may be": nested(64),
}


@pytest.mark.parametrize("given", UNTOUCHED.values(), ids=UNTOUCHED.keys())
def test_what_has_no_secrets_is_the_same(given: Any) -> None:
    """To the letter."""
    kept, found = secret_keys.divided(given)
    assert kept is given
    assert (found, secret_keys.first(given)) == ({}, None)


# name: a body, what a Secret has for it, the body that is sent
JOINED: dict[str, tuple[Any, Any, Any]] = {
    "a new key": ({"a": 1}, {"b": "s"}, {"a": 1, "b": "s"}),
    "the same key": ({"a": 1}, {"a": "s"}, {"a": "s"}),
    "a new object": ({}, {"a": {"b": "s"}}, {"a": {"b": "s"}}),
    "an object": ({"a": {"x": 1}}, {"a": {"b": "s"}}, {"a": {"x": 1, "b": "s"}}),
    "null leaves": ({"a": 1}, {"a": None}, {"a": 1}),
    "a list by its places": ({"a": [1, {"x": 1}]}, {"a": [None, {"b": "s"}]}, {"a": [1, {"x": 1, "b": "s"}]}),
    "a longer list": ({"a": [1]}, {"a": [None, "s"]}, {"a": [1, "s"]}),
    "a shorter list": ({"a": [1, 2]}, {"a": ["s"]}, {"a": ["s", 2]}),
    "another kind": ({"a": "x"}, {"a": {"b": "s"}}, {"a": {"b": "s"}}),
    "nothing": ({"a": [1]}, {}, {"a": [1]}),
}


@pytest.mark.parametrize(("body", "secret", "sent"), JOINED.values(), ids=JOINED.keys())
def test_what_is_put_back(body: Any, secret: Any, sent: Any) -> None:
    """Into a new value."""
    before = copy.deepcopy(body)
    assert secret_keys.joined(body, secret) == sent
    assert body == before
