"""The calls of the REST API as values: what is sent, and how the answer is read. No I/O here.

Both clients send these calls, so each call is defined once.
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar
from urllib.parse import quote

import httpx
import orjson
from pydantic import BaseModel, SecretStr, ValidationError

from evalkube import errors
from evalkube.models import Artifact, Health, Page, Run, Word
from evalkube_crds.problems import Problem
from evalkube_crds.requests import EvalRequest, PerfRequest

__all__ = [
    "FIRST",
    "HOLD_S",
    "Call",
    "Place",
    "artifact",
    "artifacts",
    "body_of",
    "cancel",
    "checked",
    "compare",
    "delete",
    "health",
    "log",
    "outcome",
    "path_of",
    "requests",
    "run",
    "runs",
    "sample",
    "samples",
    "series",
    "submit",
    "word_of",
]

T = TypeVar("T")
Query = Mapping[str, str | int | None]

HOLD_S: Final = 60
"""How long one request waits for a run's end: less than proxies and load balancers cut idle connections at."""

_PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class Place:
    """The start of a page in a list."""

    number: int = 1
    after: str | None = None


FIRST: Final = Place()


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request. `read` makes a value of a good answer. `read_timeout_s` is set for answers that may take long."""

    method: str
    path: str
    read: Callable[[httpx.Response], T]
    query: Query = field(default_factory=dict)
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    read_timeout_s: float | None = None

    def sent_with(self, timeout: httpx.Timeout) -> dict[str, Any]:
        """The arguments of httpx's `request` beside method and path."""
        kind = {} if self.body is None else {"Content-Type": "application/json"}
        return {
            "params": {name: value for name, value in self.query.items() if value is not None},
            "content": self.body,
            "headers": {**kind, **self.headers},
            "timeout": timeout if self.read_timeout_s is None else httpx.Timeout(30.0, read=self.read_timeout_s),
        }


# ----------------------------------------------------------------------------------------------------------- submitting


def word_of(request: EvalRequest | PerfRequest) -> Word:
    """The kind of a request: "eval" or "perf"."""
    return "eval" if isinstance(request, EvalRequest) else "perf"


def body_of(request: EvalRequest | PerfRequest) -> dict[str, Any]:
    """The JSON body of a request: the fields that were set, and its keys, which no other document contains."""
    body = request.model_dump(mode="json", by_alias=False, exclude_unset=True)
    for name, value in request:
        if isinstance(value, SecretStr) and name in body:
            body[name] = value.get_secret_value()
    return body


def submit(word: Word, body: Mapping[str, Any]) -> Call[str]:
    """Starts a run; the answer is its id. Sent twice, it starts one run."""
    headers = {"Prefer": "respond-async", "Idempotency-Key": uuid.uuid4().hex}
    return Call("POST", f"/api/v1/{word}", _id, body=orjson.dumps(dict(body)), headers=headers)


def outcome(run_id: str, hold_s: int) -> Call[dict[str, Any] | None]:
    """The answer to the submission; None if the run has not ended after `hold_s`."""

    def read(answer: httpx.Response) -> dict[str, Any] | None:
        return None if answer.status_code == 202 else _object(answer)

    headers = {"Prefer": f"wait={hold_s}"}
    return Call("GET", f"{path_of(run_id)}/result", read, headers=headers, read_timeout_s=hold_s + 30)


# ----------------------------------------------------------------------------------------------------------------- runs


def run(run_id: str) -> Call[Run]:
    """One run: what was asked, its phase, conditions, progress and figures."""
    return Call("GET", path_of(run_id), lambda answer: _model(Run, answer))


def runs(query: Query, place: Place) -> Call[tuple[list[Run], Place | None]]:
    """A page of runs, and the start of the next page: `continue`, or a page number if sorted by another key."""
    size = int(query.get("limit") or _PAGE)

    def read(answer: httpx.Response) -> tuple[list[Run], Place | None]:
        page = _object(answer)
        found = [_validated(Run, one, answer) for one in page["runs"]]
        if page["next"] is not None:
            return found, Place(after=str(page["next"]))
        by_number = query.get("sort") not in (None, "created") and place.number * size < page["total"]
        return found, Place(number=place.number + 1) if by_number else None

    where = {"continue": place.after, "page": place.number if place.number > 1 else None}
    return Call("GET", "/api/v1/runs", read, query={"limit": size, **query, **where})


def cancel(run_id: str) -> Call[dict[str, Any]]:
    """Cancels a run."""
    return Call("POST", f"{path_of(run_id)}/cancel", _object, read_timeout_s=120)


def delete(run_id: str, force: bool) -> Call[str]:
    """Deletes a run and its files; the answer says what happened to the files."""

    def read(answer: httpx.Response) -> str:
        done = _object(answer)
        return str(done.get("message") or f"its files are {done['artifacts']}")

    return Call("DELETE", path_of(run_id), read, query={"force": str(force).lower()}, read_timeout_s=120)


def log(run_id: str, tail: int | None) -> Call[str]:
    """The run's log so far."""
    return Call("GET", f"{path_of(run_id)}/logs", lambda answer: answer.text, query={"tail": tail})


# ------------------------------------------------------------------------------------------------------ what runs left


def artifacts(run_id: str) -> Call[list[Artifact]]:
    """The run's files."""

    def read(answer: httpx.Response) -> list[Artifact]:
        return [_validated(Artifact, one, answer) for one in _object(answer)["artifacts"]]

    return Call("GET", f"{path_of(run_id)}/artifacts", read)


def artifact(run_id: str, path: str) -> Call[bytes]:
    """One file of the run."""
    return Call("GET", f"{path_of(run_id)}/artifacts/{quote(path)}", lambda answer: answer.content)


def samples(run_id: str, query: Query) -> Call[Page]:
    """A page of an evaluation's samples."""
    return Call("GET", f"{path_of(run_id)}/samples", _page("samples"), query=query)


def sample(run_id: str, dataset: str, subset: str, index: int) -> Call[dict[str, Any]]:
    """One sample in full: prompt, thoughts, answer, target, scores, judges."""
    place = "/".join(quote(str(part), safe="") for part in (dataset, subset, index))
    return Call("GET", f"{path_of(run_id)}/samples/{place}", _object)


def requests(run_id: str, query: Query) -> Call[Page]:
    """A page of a load test's requests."""
    return Call("GET", f"{path_of(run_id)}/requests", _page("requests"), query=query)


def series(run_id: str, point: str | None) -> Call[dict[str, Any]]:
    """The figures of one point over time."""
    return Call("GET", f"{path_of(run_id)}/series", _object, query={"point": point})


def compare(baseline: str, candidate: str, most_changed: int) -> Call[dict[str, Any]]:
    """Compares two evaluations over the questions that both were asked."""
    body = orjson.dumps({"baseline": baseline, "candidate": candidate, "most_changed": most_changed})
    return Call("POST", "/api/v1/compare", _object, body=body, read_timeout_s=300)


def health() -> Call[Health]:
    """Whether the service answers, and its version."""
    return Call("GET", "/health", lambda answer: _model(Health, answer))


# -------------------------------------------------------------------------------------------------------------- answers


def checked(answer: httpx.Response) -> httpx.Response:
    """A good answer, or 202, unchanged. Raises an errors.EvalkubeError for any other."""
    if answer.is_success:
        return answer
    body = _body(answer)
    message = str(body.get("error") or f"HTTP {answer.status_code} from {answer.url}")
    if "reason" in body and "id" in body:
        raise errors.RunFailed(body)
    if answer.status_code in (400, 413, 422):
        listed = body.get("problems") or [{"field": "", "reason": message}]
        raise errors.BadRequest([Problem(str(one["field"]), str(one["reason"])) for one in listed])
    if answer.status_code == 401:
        raise errors.Unauthorized(message)
    if answer.status_code == 404:
        raise errors.NotFound(message)
    raise errors.ServiceFailed(message)


def path_of(run_id: str) -> str:
    """The path of a run."""
    return f"/api/v1/runs/{quote(run_id, safe='')}"


def _body(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        return {}
    return body if isinstance(body, dict) else {}


def _object(answer: httpx.Response) -> dict[str, Any]:
    body = _body(answer)
    if not body:
        raise errors.ServiceFailed(f"{answer.url} is not an evalkube service: it answered {answer.text[:80]!r}")
    return body


def _id(answer: httpx.Response) -> str:
    return str(_object(answer)["id"])


Model = TypeVar("Model", bound=BaseModel)


def _model(model: type[Model], answer: httpx.Response) -> Model:
    return _validated(model, _object(answer), answer)


def _validated(model: type[Model], value: Any, answer: httpx.Response) -> Model:
    try:
        return model.model_validate(value)
    except ValidationError as problem:
        first = problem.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise errors.ServiceFailed(f"{answer.url} answered what this client cannot read: {where}") from None


def _page(key: str) -> Callable[[httpx.Response], Page]:
    def read(answer: httpx.Response) -> Page:
        body = _object(answer)
        return _validated(Page, {**body, "rows": body.get(key, body.get("rows", []))}, answer)

    return read
