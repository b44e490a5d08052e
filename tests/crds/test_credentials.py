"""Headers, query parameters and body keys that carry secrets: which they are, and how they are kept out of specs."""

import json
import re
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from evalkube_crds import credentials, problems
from evalkube_crds.credentials import Credentials
from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.fields import model_in
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.requests import EvalRequest, PerfRequest, parse_request, split_request

SECRET = [
    *["Authorization", "Proxy-Authorization", "X-Forwarded-Authorization", "Cookie", "Set-Cookie", "X-Api-Key"],
    *["api-key", "apikey", "api_key", "apiKey", "X-ApiKey", "X-Goog-Api-Key", "X-Auth-Token", "x-auth-token", "token"],
    *["X-Amz-Security-Token", "X-Vault-Token", "PRIVATE-TOKEN", "access_token", "accessToken", "X-CSRF-Token-Value"],
    *["Ocp-Apim-Subscription-Key", "subscription-key", "x-functions-key", "code", "key", "X-Secret", "client_secret"],
    *["password", "X-Passwd", "sig", "X-Amz-Signature", "X-Amz-Credential", "X-Auth", "auth", "jwt", "bearer", "pwd"],
]
OPEN = [
    *[
        "X-Request-Id",
        "Content-Type",
        "X-Max-Tokens",
        "max_tokens",
        "api-version",
        "X-Team",
        "X-Author",
        "X-Country-Code",
    ],
    *["Idempotency-Key", "X-Cache-Key", "OpenAI-Organization", "X-Session-Id", "traceparent", "keyword", "encode", "v"],
]


@pytest.mark.parametrize("name", SECRET)
def test_a_name_that_carries_a_secret(name: str) -> None:
    """However its letters are; and the expression for URLs agrees."""
    assert credentials.is_secret(name)
    assert credentials.is_secret(name.upper())
    assert re.search(credentials.SECRET_PARAMETER, f"https://host/v1?v=1&{name}=x")


@pytest.mark.parametrize("name", OPEN)
def test_a_name_that_carries_none(name: str) -> None:
    """It stays in the spec."""
    assert not credentials.is_secret(name)
    assert not re.search(credentials.SECRET_PARAMETER, f"https://token.host/key/secret?{name}=token")


EVAL = {"model": "m", "api_url": "http://h/v1", "datasets": ["gsm8k"]}
PERF = {"model": "m", "url": "http://h/v1/chat/completions"}
JUDGE = {"model": "j", "api_url": "http://j/v1"}
HUSH = "hush-hush-42"

Case = tuple[type[EvalRequest] | type[PerfRequest], dict[str, Any], dict[str, Any]]
TAKEN: dict[str, Case] = {
    "header of a load test": (
        PerfRequest,
        {**PERF, "headers": {"X-Auth-Token": HUSH, "X-Team": "a"}},
        {"credentials": {"headers": {"X-Auth-Token": HUSH}, "query": {}}},
    ),
    "URL of a load test": (
        PerfRequest,
        {**PERF, "url": f"http://h/v1/chat/completions?api-version=2&api_key={HUSH}"},
        {"credentials": {"headers": {}, "query": {"api_key": HUSH}}},
    ),
    "URL, percent-encoded": (
        PerfRequest,
        {**PERF, "url": f"http://h/v1?api%5Fkey=%2B{HUSH}"},
        {"credentials": {"headers": {}, "query": {"api_key": f"+{HUSH}"}}},
    ),
    "header of an evaluation": (
        EvalRequest,
        {**EVAL, "generation_config": {"extra_headers": {"Ocp-Apim-Subscription-Key": HUSH}}},
        {"credentials": {"headers": {"Ocp-Apim-Subscription-Key": HUSH}, "query": {}}},
    ),
    "query of an evaluation": (
        EvalRequest,
        {**EVAL, "api_url": f"http://h/v1?sig={HUSH}", "generation_config": {"extra_query": {"apikey": HUSH}}},
        {"credentials": {"headers": {}, "query": {"sig": HUSH, "apikey": HUSH}}},
    ),
    "judges": (
        EvalRequest,
        {
            **EVAL,
            "judge": {
                "strategy": "llm",
                "models": [
                    {**JUDGE, "api_url": f"http://j/v1?key={HUSH}"},
                    {**JUDGE, "generation_config": {"extra_headers": {"Cookie": HUSH}}},
                ],
            },
        },
        {"judge_credentials": {"headers": {"Cookie": HUSH}, "query": {"key": HUSH}}},
    ),
    "body of a load test": (
        PerfRequest,
        {**PERF, "extra_args": {"api_key": HUSH, "top_k": 3}},
        {"credentials": {"body": {"api_key": HUSH}}},
    ),
    "body and header of a load test": (
        PerfRequest,
        {**PERF, "headers": {"apikey": HUSH}, "extra_args": {"tools": [{"type": "mcp", "authorization": HUSH}]}},
        {
            "credentials": {
                "headers": {"apikey": HUSH},
                "query": {},
                "body": {"tools": [{"authorization": HUSH}]},
            }
        },
    ),
    "tools of a load test": (
        PerfRequest,
        {**PERF, "tools": [{"type": "function", "function": {"name": "f"}}, {"type": "mcp", "authorization": HUSH}]},
        {"credentials": {"body": {"tools": [None, {"authorization": HUSH}]}}},
    ),
    "tools, and further keys that have others": (
        PerfRequest,
        {**PERF, "tools": [{"type": "mcp", "authorization": "old"}], "extra_args": {"tools": [], "apikey": HUSH}},
        {"credentials": {"body": {"apikey": HUSH}}},
    ),
    "template of a load test": (
        PerfRequest,
        {**PERF, "query_template": json.dumps({"prompt": "%p", "auth": {"token": HUSH}})},
        {"credentials": {"body": {"auth": {"token": HUSH}}}},
    ),
    "template and further keys, which win": (
        PerfRequest,
        {
            **PERF,
            "query_template": json.dumps({"prompt": "%p", "auth": {"token": "old"}, "apikey": "old", "sig": HUSH}),
            "extra_args": {"auth": {"team": "a"}, "apikey": HUSH},
        },
        {"credentials": {"body": {"sig": HUSH, "apikey": HUSH}}},
    ),
    "body of an evaluation": (
        EvalRequest,
        {**EVAL, "generation_config": {"extra_body": {"provider": {"X-Session-Token": HUSH}}}},
        {"credentials": {"body": {"provider": {"X-Session-Token": HUSH}}}},
    ),
    "body of the judges": (
        EvalRequest,
        {**EVAL, "judge": {"models": [{**JUDGE, "generation_config": {"extra_body": {"apikey": HUSH}}}] * 2}},
        {"judge_credentials": {"body": {"apikey": HUSH}}},
    ),
    "body of a judge that is no list": (
        EvalRequest,
        {**EVAL, "judge": {"models": {**JUDGE, "generation_config": {"extra_body": {"apikey": HUSH}}}}},
        {"judge_credentials": {"body": {"apikey": HUSH}}},
    ),
}


@pytest.mark.parametrize(("model", "body", "found"), TAKEN.values(), ids=TAKEN.keys())
def test_over_rest_they_are_taken_out(model: Any, body: dict[str, Any], found: dict[str, Any]) -> None:
    """The spec does not have them, and the run's secrets do; the request itself is not changed."""
    before = json.dumps(body)
    spec, secrets = split_request(parse_request(model, body))
    assert {name: json.loads(text) for name, text in secrets.items()} == found
    assert HUSH not in spec.model_dump_json()
    assert any(HUSH in value for value in credentials.secret_values(secrets))
    assert json.dumps(body) == before


def test_what_is_no_secret_stays() -> None:
    """In its place, and as it was written."""
    url = "http://h/v1?a=%2F&a=b&api-version=2024-06-01"
    config = {"extra_headers": {"X-Team": "a"}, "extra_query": {"v": "1"}}
    spec, secrets = split_request(parse_request(EvalRequest, {**EVAL, "api_url": url, "generation_config": config}))
    assert isinstance(spec, EvalRunSpec)
    assert (spec.api_url, spec.generation_config.extra_headers) == (url, {"X-Team": "a"})
    assert (spec.generation_config.extra_query, secrets) == ({"v": "1"}, {})


def test_judges_with_two_values() -> None:
    """All get the same; nobody guesses which is meant."""
    models = [{**JUDGE, "api_url": f"http://j/v1?key={value}"} for value in ("one", "two")]
    with pytest.raises(ValidationError) as caught:
        parse_request(EvalRequest, {**EVAL, "judge": {"strategy": "llm", "models": models}})
    said = problems.sentence(problems.problems_of(caught.value, EvalRequest))
    assert said == "judge.models[1].api_url: key has two different values; give all judges the same"


# name: the keys of two judges' bodies, what is said
BODIES_OF_JUDGES = {
    "two values": ({"apikey": HUSH}, {"apikey": "other"}, "give all judges the same"),
    "one has none": ({"apikey": HUSH}, {}, "give all judges the same"),
    "the other has none": ({}, {"apikey": HUSH}, "give all judges the same"),
}


@pytest.mark.parametrize(("one", "other", "said"), BODIES_OF_JUDGES.values(), ids=BODIES_OF_JUDGES.keys())
def test_judges_with_bodies_of_their_own(one: dict[str, str], other: dict[str, str], said: str) -> None:
    """No key goes to an endpoint that it was not given for."""
    models = [{**JUDGE, "generation_config": {"extra_body": keys}} for keys in (one, other)]
    with pytest.raises(ValidationError) as caught:
        parse_request(EvalRequest, {**EVAL, "judge": {"strategy": "llm", "models": models}})
    words = problems.sentence(problems.problems_of(caught.value, EvalRequest))
    assert words.startswith("judge.models[1].generation_config.extra_body: ")
    assert said in words
    assert HUSH not in words


def test_a_secret_that_is_too_long() -> None:
    """It is refused with its field, and not repeated."""
    with pytest.raises(ValidationError) as caught:
        parse_request(PerfRequest, {**PERF, "extra_args": {"api_key": HUSH * 2000}})
    words = problems.sentence(problems.problems_of(caught.value, PerfRequest))
    assert words == "extra_args: keys that carry secrets may hold 16 KiB in all"


IN_A_SPEC: list[tuple[type[BaseModel], dict[str, Any]]] = [
    (EvalRunSpec, {**EVAL, "generation_config": {"extra_headers": {"apikey": HUSH}}}),
    (EvalRunSpec, {**EVAL, "generation_config": {"extra_query": {"api_key": HUSH}}}),
    (EvalRunSpec, {**EVAL, "judge": {"models": [{**JUDGE, "api_url": f"http://j/v1?access_token={HUSH}"}]}}),
    (PerfRunSpec, {**PERF, "headers": {"X-Auth-Token": HUSH}}),
    (PerfRunSpec, {**PERF, "url": f"http://h/v1?v=1&api_key={HUSH}"}),
    (PerfRunSpec, {**PERF, "extra_args": {"tools": [{}, {"authorization": HUSH}]}}),
    (PerfRunSpec, {**PERF, "tools": [{"type": "mcp", "authorization": HUSH}]}),
    (PerfRunSpec, {**PERF, "query_template": json.dumps({"prompt": "%p", "api_key": HUSH})}),
    (EvalRunSpec, {**EVAL, "generation_config": {"extra_body": {"api_key": HUSH}}}),
    (EvalRunSpec, {**EVAL, "judge": {"models": [{**JUDGE, "generation_config": {"extra_body": {"auth": HUSH}}}]}}),
]


@pytest.mark.parametrize(("model", "spec"), IN_A_SPEC)
def test_a_spec_that_holds_one_is_refused(model: type[BaseModel], spec: dict[str, Any]) -> None:
    """With words that say where it belongs, and that do not repeat it."""
    with pytest.raises(ValidationError) as caught:
        model.model_validate(spec)
    said = problems.sentence(problems.problems_of(caught.value, model))
    assert "put it into a Secret, and name that in credentials_secret_ref (credentialsSecretRef in a resource" in said
    assert HUSH not in said


def _endpoints(model: type[BaseModel]) -> set[str]:
    """The fields of all parts of `model` that refuse what carries a secret: their schemas say so, or their marks."""
    found: set[str] = set()
    for name, field in model.model_fields.items():
        said = repr((field.json_schema_extra, field.annotation, field.metadata))
        found |= {name} if "carries a secret" in said or "_without_secrets" in said else set()
        inner = model_in(field.annotation)
        found |= _endpoints(inner) if inner is not None else set()
    return found


_TAKEN_FROM = {
    EvalRunSpec: {"api_url", "extra_headers", "extra_query", "extra_body"},
    PerfRunSpec: {"url", "headers", "extra_query", "extra_args", "query_template", "tools"},
}


@pytest.mark.parametrize("model", _TAKEN_FROM)
def test_every_such_field_is_looked_at(model: type[BaseModel]) -> None:
    """A new one belongs into `taking` too."""
    assert _endpoints(model) == _TAKEN_FROM[model]


SAYS_NOTHING = {
    "not JSON": "X-Auth-Token: hush-hush-42",
    "a list": '["hush-hush-42"]',
    "another field": '{"header": {"X": "hush-hush-42"}}',
    "a number": '{"headers": {"X": 5}}',
    "two lines": '{"headers": {"X": "hush-hush-42\\n"}}',
    "no name": '{"headers": {"X Y": "hush-hush-42"}}',
    "a body that is none": '{"body": ["hush-hush-42"]}',
    "a long body": json.dumps({"body": {"api_key": "hush-hush-42" * 2000}}),
}


@pytest.mark.parametrize("text", SAYS_NOTHING.values(), ids=SAYS_NOTHING.keys())
def test_a_secret_that_holds_something_else(text: str) -> None:
    """It is refused without a word of it."""
    with pytest.raises(ValueError, match=r".") as caught:
        credentials.parse(text)
    assert HUSH not in str(caught.value)


def test_a_header_is_secret_in_its_parts() -> None:
    """A server may send back the key without the word before it."""
    held = Credentials(headers={"Authorization": f"Bearer {HUSH}", "Cookie": "a=session-4711; b=c"})
    found = credentials.secret_values({"credentials": held.model_dump_json(), "api_key": "sk"})
    assert {HUSH, f"Bearer {HUSH}", "session-4711", "sk"} <= set(found)


def test_a_body_is_secret_in_its_texts() -> None:
    """At any depth, and in their parts; its names and numbers are none."""
    held = Credentials(
        body={"auth": [None, {"token": f"Bearer {HUSH}", "port": 4711}], "pem": "first-line\nsecond-line"}
    )
    found = credentials.secret_values({"judge_credentials": held.model_dump_json()})
    assert {HUSH, f"Bearer {HUSH}", "first-line", "second-line"} <= set(found)
    assert not {"auth", "token", "pem", "4711"} & set(found)
