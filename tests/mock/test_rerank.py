"""Reranking and its scores."""

from typing import Any

import httpx
import pytest

from evalkube_mock import vectors

_DOCUMENTS = ["nothing of it", "the red fox", "red"]


def _post(mock: Any, path: str = "/v1/rerank", **more: Any) -> httpx.Response:
    body = {"model": "m", "query": "red fox", "documents": _DOCUMENTS, **more}
    return mock.client.post(mock.root + path, json={key: value for key, value in body.items() if value is not ...})  # type: ignore[no-any-return] # the fixture's type is not importable


@pytest.mark.parametrize("path", ["/v1/rerank", "/rerank", "/v2/rerank"])
def test_the_best_document_comes_first(plain_mock: Any, path: str) -> None:
    """What shares more words with the query is more relevant; the index is the document's place in the request."""
    answer = _post(plain_mock, path).json()
    assert [one["index"] for one in answer["results"]] == [1, 2, 0]
    assert [one["document"] for one in answer["results"]] == [{"text": _DOCUMENTS[index]} for index in (1, 2, 0)]
    scores = [one["relevance_score"] for one in answer["results"]]
    assert scores == sorted(scores, reverse=True)
    assert answer["usage"] == {"prompt_tokens": 13, "total_tokens": 13}  # the query counts with each document
    assert (answer["model"], answer["id"].startswith("rerank-")) == ("m", True)


@pytest.mark.parametrize(
    ("change", "indexes", "shown"),
    [
        pytest.param({"top_n": 2}, [1, 2], True, id="the best two"),
        pytest.param({"top_n": 9}, [1, 2, 0], True, id="more than there are"),
        pytest.param({"top_n": 0}, [1, 2, 0], True, id="no limit"),
        pytest.param({"return_documents": False}, [1, 2, 0], False, id="without the documents"),
        pytest.param({"documents": [{"text": "fox"}, "red fox"]}, [1, 0], True, id="objects and texts"),
    ],
)
def test_what_a_request_can_ask(plain_mock: Any, change: dict[str, Any], indexes: list[int], shown: bool) -> None:
    """How many results come, with or without their documents."""
    results = _post(plain_mock, **change).json()["results"]
    assert [one["index"] for one in results] == indexes
    assert all(("document" in one) == shown for one in results)


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"model": ...}, "model"),
        ({"query": ...}, "query"),
        ({"query": ""}, "query"),
        ({"documents": ...}, "documents"),
        ({"documents": []}, "documents"),
        ({"documents": ["a", 5]}, "documents[1]"),
        ({"documents": [{"image": "x"}]}, "documents[0]"),
        ({"top_n": -1}, "top_n"),
        ({"return_documents": 1}, "return_documents"),
    ],
)
def test_refused_requests(plain_mock: Any, change: dict[str, Any], param: str) -> None:
    """A bad request is refused with 400 and the parameter's name."""
    answer = _post(plain_mock, **change)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


def test_scores_depend_on_the_texts_alone() -> None:
    """The same pair has the same score, a query without words one too, and none leaves the range."""
    pairs = [("a b", "a b"), ("a b", "c"), (" ", "x"), ("\ud800", "y"), ("a b", "")]
    scores = [vectors.relevance(*pair) for pair in pairs]
    assert scores == [vectors.relevance(*pair) for pair in pairs]
    assert all(0 <= score < 1 for score in scores)
