"""The Python client of an evalkube service: requests go out as they would with curl, and come back as dicts.

    client = EvalkubeClient("http://localhost:9000")        # token="..." where the service has a --token-file
    answer = client.eval(model="qwen-plus", api_url="https://.../v1", datasets=["gsm8k"], limit=10)

Blocking and of one thread. A run is submitted once, whatever the network does in between: each submission carries an
Idempotency-Key, and waiting is done on the run, not on the connection that submitted it.
"""

import time
import uuid
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from types import TracebackType
from typing import Any, Final, Literal, Self
from urllib.parse import quote, urlsplit

import httpx
import orjson

from evalkube_cli import credentials, errors, settings
from evalkube_cli.events import events
from evalkube_crds.problems import Problem

__all__ = ["EvalkubeClient"]

Word = Literal["eval", "perf"]

_HOLD_S: Final = 60
"""How long one request waits for a run's end: less than proxies and load balancers cut idle connections at."""

_SILENCE_S: Final = 60.0
"""The service sends a comment every few seconds; a stream that is silent for longer is dead."""

_TRIES: Final = 4
_PAUSE_S: Final = 0.2


class EvalkubeClient:
    """A client of the service at ``base_url``. Every method raises errors.EvalkubeError (and nothing of httpx)."""

    def __init__(self, base_url: str, *, token: str | None = None, timeout_s: float = 30.0) -> None:
        """``token``: of a service that asks for one. ``timeout_s``: for one answer of the service, not for a run."""
        self.base_url = base_url.rstrip("/")
        proxy = None if _is_loopback(base_url) else settings.proxy_to(base_url)
        self._http = httpx.Client(
            base_url=self.base_url,
            headers={} if token is None else {"Authorization": f"Bearer {credentials.checked(token)}"},
            timeout=timeout_s,
            proxy=None if proxy is None else proxy.url,
            verify=httpx.create_ssl_context(),  # heeds SSL_CERT_FILE, which is all that is wanted of the environment
            trust_env=False,
            follow_redirects=False,  # nobody but the service gets the token
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    # ------------------------------------------------------------------------------------------------------- submitting

    def eval(self, **request: Any) -> dict[str, Any]:
        """Run an evaluation and return the service's answer. Raises BadRequest, RunFailed."""
        return self.wait(self.submit_eval(**request))

    def perf(self, **request: Any) -> dict[str, Any]:
        """Run a load test and return the service's answer. Raises BadRequest, RunFailed."""
        return self.wait(self.submit_perf(**request))

    def submit_eval(self, **request: Any) -> str:
        """Start an evaluation; returns the run's id. Raises BadRequest."""
        return self.submit("eval", request)

    def submit_perf(self, **request: Any) -> str:
        """Start a load test; returns the run's id. Raises BadRequest."""
        return self.submit("perf", request)

    def submit(self, word: Word, request: Mapping[str, Any]) -> str:
        """Start a run; returns its id. Raises BadRequest."""
        headers = {"Prefer": "respond-async", "Idempotency-Key": uuid.uuid4().hex, "Content-Type": "application/json"}
        answer = self._ask("POST", f"/api/v1/{word}", content=orjson.dumps(request), headers=headers)
        return str(_object(answer)["id"])

    # ------------------------------------------------------------------------------------------------------------- runs

    def wait(self, run_id: str, timeout_s: float | None = None) -> dict[str, Any]:
        """What the submission would have answered, once the run has ended.

        Raises RunFailed; TimeoutError, and then the run goes on.
        """
        until = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            hold = _HOLD_S if until is None else max(0, min(_HOLD_S, int(until - time.monotonic())))
            answer = self._ask(
                "GET", f"{_path(run_id)}/result", headers={"Prefer": f"wait={hold}"}, read_timeout_s=hold + 30
            )
            if answer.status_code != 202:
                return _object(answer)
            if until is not None and time.monotonic() >= until:
                raise TimeoutError(f"run {run_id} has not ended within {timeout_s:g} s")
            if hold < 1:
                time.sleep(min(_PAUSE_S, max(0.0, (until or 0.0) - time.monotonic())))

    def progress(self, run_id: str) -> Iterator[dict[str, Any]]:
        """How far the run is, at every change, until it has ended. A broken stream is taken up again."""
        failures = 0
        while failures < _TRIES:
            try:
                for kind, moment in self._moments(run_id):
                    failures = 0
                    yield moment
                    if kind == "end":
                        return
            except httpx.TransportError:
                pass
            failures += 1
            time.sleep(_PAUSE_S * failures)
        raise errors.Unreachable(f"{self.base_url}: the progress of {run_id} broke off {_TRIES} times")

    def _moments(self, run_id: str) -> Iterator[tuple[str, dict[str, Any]]]:
        timeout = httpx.Timeout(self._http.timeout.connect, read=_SILENCE_S)
        headers = {"Accept": "text/event-stream"}
        with self._http.stream("GET", f"{_path(run_id)}/progress", headers=headers, timeout=timeout) as answer:
            if answer.status_code != 200:
                answer.read()
                self._checked(answer)
            for event in events(answer.iter_lines()):
                yield event.type, orjson.loads(event.data)

    def run(self, run_id: str) -> dict[str, Any]:
        """One run: what was asked, its phase, conditions, progress and figures."""
        return _object(self._ask("GET", _path(run_id)))

    def runs(
        self, *, kind: Word | None = None, phase: str | None = None, model: str | None = None
    ) -> Iterator[dict[str, Any]]:
        """All runs, newest first, read page by page."""
        query = {"kind": kind, "phase": phase, "model": model, "limit": 100}
        query = {name: value for name, value in query.items() if value is not None}
        while True:
            page = _object(self._ask("GET", "/api/v1/runs", params=query))
            yield from page["runs"]
            if page["next"] is None:
                return
            query["continue"] = page["next"]

    def cancel(self, run_id: str) -> dict[str, Any]:
        """End a run. Raises errors.ServiceFailed where it had ended before."""
        return _object(self._ask("POST", f"{_path(run_id)}/cancel", read_timeout_s=120))

    def delete(self, run_id: str, *, force: bool = False) -> dict[str, Any]:
        """Delete a run and its files; an active one only with ``force``."""
        return _object(self._ask("DELETE", _path(run_id), params={"force": str(force).lower()}, read_timeout_s=120))

    def compare(self, baseline: str, candidate: str, *, most_changed: int = 100) -> dict[str, Any]:
        """Two evaluations over the questions that both were asked. Raises NotFound, BadRequest, and ServiceFailed where
        one has no results or they have nothing in common.
        """
        body = orjson.dumps({"baseline": baseline, "candidate": candidate, "most_changed": most_changed})
        headers = {"Content-Type": "application/json"}
        return _object(self._ask("POST", "/api/v1/compare", content=body, headers=headers, read_timeout_s=300))

    def logs(self, run_id: str) -> str:
        """The run's log so far."""
        return self._ask("GET", f"{_path(run_id)}/logs").text

    def artifacts(self, run_id: str) -> list[dict[str, Any]]:
        """The run's files: path, bytes, href."""
        listed: list[dict[str, Any]] = _object(self._ask("GET", f"{_path(run_id)}/artifacts"))["artifacts"]
        return listed

    def artifact(self, run_id: str, path: str) -> bytes:
        """One file of the run. Raises NotFound."""
        return self._ask("GET", f"{_path(run_id)}/artifacts/{quote(path)}").content

    def health(self) -> dict[str, Any]:
        """Whether the service answers, and which it is."""
        return _object(self._ask("GET", "/health"))

    # ------------------------------------------------------------------------------------------------------------- http

    def _ask(self, method: str, path: str, *, read_timeout_s: float | None = None, **more: Any) -> httpx.Response:
        """One answer, good or 202. Asks again where no answer came: every request here may be sent twice."""
        timeout = self._http.timeout if read_timeout_s is None else httpx.Timeout(30.0, read=read_timeout_s)
        for attempt in range(1, _TRIES + 1):
            try:
                return self._checked(self._http.request(method, path, timeout=timeout, **more))
            except httpx.TransportError as problem:
                if attempt == _TRIES or isinstance(problem, httpx.UnsupportedProtocol | httpx.ReadTimeout):
                    raise errors.Unreachable(f"{self.base_url}: {str(problem) or type(problem).__name__}") from None
                time.sleep(_PAUSE_S * attempt)
        raise AssertionError("the loop returns or raises")

    def _checked(self, answer: httpx.Response) -> httpx.Response:
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


def _path(run_id: str) -> str:
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


def _is_loopback(url: str) -> bool:
    """Whether a proxy of the environment has no business with this URL."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
