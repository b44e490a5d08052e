"""Embeddings and their vectors."""

import base64
import json
import struct
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkube_mock import vectors


def _post(mock: Any, **more: Any) -> httpx.Response:
    body = {key: value for key, value in {"model": "m", "input": "a b", **more}.items() if value is not ...}
    answer: httpx.Response = mock.client.post(f"{mock.url}/embeddings", json=body)
    return answer


@given(text=st.text(), dimensions=st.integers(1, 70))
def test_a_vector_is_of_length_1(text: str, dimensions: int) -> None:
    """Both forms have the same components, as many as are asked for."""
    vector = vectors.embed(text, dimensions)
    floats = json.loads(vector.json())
    packed = struct.unpack(f"<{dimensions}f", base64.b64decode(vector.base64()))
    assert len(floats) == dimensions
    assert sum(value * value for value in floats) == pytest.approx(1)
    assert list(packed) == pytest.approx(floats, rel=1e-6)


@pytest.mark.parametrize(
    ("given_input", "tokens", "count"),
    [
        pytest.param("a b", 2, 1, id="a text"),
        pytest.param(["a b", "c"], 3, 2, id="texts"),
        pytest.param([1, 2, 3], 3, 1, id="token ids"),
        pytest.param([[1, 2], [3]], 3, 2, id="several token ids"),
    ],
)
def test_inputs(plain_mock: Any, given_input: Any, tokens: int, count: int) -> None:
    """One vector per input, in order, and the tokens of all."""
    answer = _post(plain_mock, input=given_input).json()
    assert answer["usage"] == {"prompt_tokens": tokens, "total_tokens": tokens}
    assert [one["index"] for one in answer["data"]] == list(range(count))


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"model": ...}, "model"),
        ({"input": ...}, "input"),
        ({"input": []}, "input"),
        ({"input": ""}, "input[0]"),
        ({"input": ["a", ""]}, "input[1]"),
        ({"input": ["a", 5]}, "input[1]"),
        ({"input": {}}, "input"),
        ({"input": ["a"] * 2049}, "input"),
        ({"dimensions": 0}, "dimensions"),
        ({"encoding_format": "int8"}, "encoding_format"),
    ],
)
def test_refused_requests(plain_mock: Any, change: dict[str, Any], param: str) -> None:
    """A bad request is refused with 400 and the parameter's name."""
    answer = _post(plain_mock, **change)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
