"""Evaluations and load tests in one call. Without a service, one is started for the run."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from evalkube import errors, own_service, requesting
from evalkube.client import Client
from evalkube.models import Word
from evalkube.outcome import Evaluation, LoadTest, Outcome
from evalkube.progress import Shown
from evalkube_crds.requests import EvalRequest, PerfRequest

__all__ = ["evaluate", "load_test", "on_this_machine"]


def evaluate(
    request: EvalRequest | None = None,
    /,
    *,
    server: str | Client | None = None,
    outputs: str | Path = "outputs",
    data: Sequence[str | Path] = (),
    progress: Shown = None,
    **fields: Any,
) -> Evaluation:
    """Evaluates a model: `request`, or its fields (model, api_url, datasets, limit ...).

    Runs on this machine, with its files in `outputs`; or on the service `server`, a URL or a client. `data`:
    further folders that the run may read from. `progress`: whether it is shown; unless given where somebody looks.
    Raises errors.BadRequest with every problem, errors.RunFailed; Ctrl-C cancels the run.
    """
    found = _run("eval", requesting.body("eval", request, fields), server, Path(outputs), data, progress)
    assert isinstance(found, Evaluation)
    return found


def load_test(
    request: PerfRequest | None = None,
    /,
    *,
    server: str | Client | None = None,
    outputs: str | Path = "outputs",
    data: Sequence[str | Path] = (),
    progress: Shown = None,
    **fields: Any,
) -> LoadTest:
    """Load-tests an endpoint: `request`, or its fields (model, url, number, parallel, rate ...). Other arguments: see
    `evaluate`.
    """
    found = _run("perf", requesting.body("perf", request, fields), server, Path(outputs), data, progress)
    assert isinstance(found, LoadTest)
    return found


def _run(
    word: Word,
    body: Mapping[str, Any],
    server: str | Client | None,
    outputs: Path,
    data: Sequence[str | Path],
    progress: Shown,
) -> Outcome:
    if isinstance(server, Client):
        return server.follow(server.submit(word, body), progress=progress)
    if server is not None:
        with Client(server) as client:
            return client.follow(client.submit(word, body), progress=progress)
    with on_this_machine(word, body, outputs, data) as (client, placed):
        return client.follow(client.submit(word, placed), progress=progress)


@contextmanager
def on_this_machine(
    word: Word, body: Mapping[str, Any], outputs: Path, data: Sequence[str | Path] = ()
) -> Iterator[tuple[Client, dict[str, Any]]]:
    """A client of a service that is started for this run, and the request with absolute paths.

    Raises errors.BadRequest before anything is started, and errors.ServiceFailed.
    """
    if found := requesting.problems(body, word):
        raise errors.BadRequest(found)
    here = requesting.localized(body, word)
    folders = [*(Path(folder) for folder in data), *here.folders]
    with own_service.service(outputs, folders) as (url, token), Client(url, token=token) as client:
        yield client, here.body
