"""Bodies that are made to cost: each is refused in little time, in an answer of bounded length, on a service that goes
on answering others."""

import json
import time
from collections.abc import Iterator
from itertools import islice, product
from string import ascii_letters, digits
from typing import Any

import httpx
import pytest

from evalkube_api import bodies, errors
from evalkube_api.routes import submissions
from evalkube_crds.names import Kind
from evalkube_crds.requests import EvalRequest
from fakes.service import Service, running_service

MOST_CPU_S = 1.5
"""What the worst of these took before was 5 s to 63 s; all take less than 0.2 s now."""

MOST_ANSWER_BYTES = 40_000


def _named(count: int) -> str:
    """That many members, each of another name."""
    return ",".join(f'"{"".join(name)}":1' for name in islice(product(ascii_letters + digits, repeat=3), count))


def _eval(**more: str) -> str:
    """A request of these fields, written as JSON, beside those that every request has."""
    fields = {"model": '"m"', "api_url": '"http://x/v1"', "datasets": '["iquiz"]', **more}
    return "{" + ",".join(f'"{name}":{value}' for name, value in fields.items()) + "}"


HOSTILE = {
    "unknown fields, more than values are read": "{" + _named(110_000) + "}",
    "unknown fields, as many as are read": "{" + _named(49_990) + "}",
    "one of many names twice": "{" + _named(60_000) + ',"999":1}',
    "one name many times": "{" + '"a":1,' * 150_000 + '"a":1}',
    "unknown fields below": _eval(generation_config="{" + _named(49_000) + "}"),
    "datasets that are none": _eval(datasets="[" + '"gsm9k",' * 49_000 + '"gsm9k"]'),
    "options of datasets that are none": _eval(dataset_args="{" + _named(49_000) + "}"),
    "a list of wrong values": _eval(generation_config='{"stop_seqs":[' + "1," * 49_000 + "1]}"),
    "headers that are none": _eval(generation_config='{"extra_headers":{' + _named(49_000) + "}}"),
    "a long name": _eval(**{"generation_config" * 50_000: "1"}),
    "a long name of two": "{" + f'"{"a" * 300_000}":1,"{"a" * 300_000}":1' + "}",
    "a long choice": _eval(dataset_hub='"' + "modelscope" * 90_000 + '"'),
    "a long list for a choice": _eval(dataset_hub="[" + "1," * 400_000 + "1]"),
    "a long data set": _eval(datasets='["' + "gsm8k" * 180_000 + '"]'),
    "a long URL": _eval(api_url='"http://' + "[" * 900_000 + '"'),
    "a long name of a header": _eval(generation_config='{"extra_headers":{"' + "(" * 900_000 + '":"1"}}'),
    "a long namespace": _eval(namespace='"' + "a-" * 450_000 + '"'),
    "a long number": _eval(limit="9" * 900_000),
    "a long fraction": _eval(seed="0." + "9" * 900_000),
    "empty objects": _eval(generation_config='{"extra_body":{"a":[' + "{}," * 300_000 + "{}]}}"),
    "texts of a body": _eval(generation_config='{"extra_body":{' + _named(49_000).replace(":1", ':"1"') + '},"a":1}'),
    "a long name of a body": _eval(generation_config='{"extra_body":{"' + "key-" * 220_000 + '":"1"},"a":1}'),
    "a secret of a body": _eval(generation_config='{"extra_body":{"key":"' + "a" * 900_000 + '"}}'),
    "deep secrets of a body": _eval(
        generation_config='{"extra_body":' + '{"a":' * 60 + '{"key":1}' + "}" * 60 + ',"a":1}'
    ),
    "a template of many keys": _eval(query_template='"' + '{\\"key\\":' * 100_000 + '"'),
    "deep lists": _eval(generation_config='{"extra_body":{"a":' + "[" * 900 + "]" * 900 + "}}"),
    "white space": _eval(limit=" " * 900_000 + '"x"'),
    "escapes": _eval(dataset_hub='"' + r"\u0061" * 140_000 + '"'),
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_refusal_takes_little_time_and_room(text: str) -> None:
    """Whatever a body is made of: in the time of the processor that reads it."""
    began = time.thread_time()
    with pytest.raises(errors.InvalidRequest) as caught:
        submissions.submission_of(Kind.EVAL_RUN, EvalRequest, bodies.parse_object(text.encode()), None)
    answer = json.dumps(caught.value.body())
    assert time.thread_time() - began < MOST_CPU_S
    assert len(answer) < MOST_ANSWER_BYTES


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service as it comes."""
    with running_service(tmp_path_factory.mktemp("hostile") / "outputs") as running:
        yield running


def _posted(service: Service, text: str) -> httpx.Response:
    return service.client.post("/api/v1/eval", content=text, headers={"Content-Type": "application/json"})


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_each_is_answered_with_400(home: Service, text: str) -> None:
    """Over HTTP, in JSON that names a problem; and the next request is served."""
    answer = _posted(home, text)
    assert (answer.status_code, len(answer.json()["problems"]) > 0) == (400, True)
    assert home.client.get("/health").status_code == 200


def test_the_first_problems_are_told_and_the_rest_counted(home: Service) -> None:
    """With the nearest name for each that is told."""
    typos = {f"dataset_{number}": 1 for number in range(70)}
    body: dict[str, Any] = {"model": "m", "api_url": "http://x/v1", "datasets": ["iquiz"], **typos}
    problems = _posted(home, json.dumps(body)).json()["problems"]
    assert problems[0] == {"field": "dataset_0", "reason": "is not a known field; did you mean 'datasets'?"}
    assert len(problems) == 51
    assert problems[-1] == {"field": "", "reason": "and 20 more problems"}


def test_a_large_honest_request_is_taken(home: Service) -> None:
    """A long prompt and many options are no offence."""
    more = {"system_prompt": "text, " * 100_000}, {"logit_bias": {str(token): 1.0 for token in range(20_000)}}
    body = {
        "model": "ok",
        "api_url": "http://127.0.0.1:9/v1",
        "datasets": ["gsm8k"],
        "dataset_args": {"gsm8k": more[0]},
        "generation_config": more[1],
    }
    assert _posted(home, json.dumps(body)).status_code == 200
