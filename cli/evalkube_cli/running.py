"""What `evalkube eval` and `evalkube perf` have in common: submit, follow, and say how it ended, as an exit code.

0: done; 1: the run or the service failed, or a threshold was missed; 2: the request was refused; 3: no load was found
that meets the service level (of one group of criteria, at least); 130: Ctrl-C, after cancelling the run. Progress and
complaints go to standard error, the result to standard output.
"""

import contextlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel
from rich.console import Console
from rich.table import Table

from evalkube_cli import errors, local, progress, request
from evalkube_cli.client import EvalkubeClient
from evalkube_cli.load_tables import sla_tables
from evalkube_cli.server_tables import server_tables
from evalkube_cli.tables import beside_tables
from evalkube_crds.requests import EvalRequest, PerfRequest
from evalkube_crds.wording import in_json, printable

__all__ = ["Plan", "carry_out"]

FAILED: Final = 1
REFUSED: Final = 2
UNMET: Final = 3
INTERRUPTED: Final = 130

_REQUESTS: Final[Mapping[str, type[BaseModel]]] = {"eval": EvalRequest, "perf": PerfRequest}

_FILE_WIDTH: Final = 160
"""Of tables that go to a file or a pipe, which have no width of their own."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One run as the command line wants it. ``tables`` turn the results of the answer into tables; ``token`` reads
    what ``server`` asks for."""

    word: Literal["eval", "perf"]
    body: Callable[[], dict[str, Any]]
    tables: Callable[[Mapping[str, Any]], Iterable[Table]]
    server: str | None
    token: Callable[[], str | None]
    outputs: Path
    folders: tuple[Path, ...]
    as_json: bool
    quiet: bool
    detach: bool


def carry_out(plan: Plan) -> int:
    """Run it; returns the exit code."""
    complaints = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    try:
        return _carry_out(plan)
    except errors.BadRequest as refused:
        for problem in refused.problems:
            complaints.print(printable(str(problem)))
        return REFUSED
    except errors.RunFailed as failed:
        cause = f"{failed.reason}: {failed}" if failed.reason else str(failed)
        complaints.print(printable(f"the run failed: {cause}"))
        if failed.response.get("output_dir"):
            complaints.print(printable(f"what it left: {failed.response['output_dir']}"))
        if plan.as_json:
            _print_json(failed.response)
        return FAILED
    except errors.EvalkubeError as problem:
        complaints.print(printable(f"evalkube {plan.word}: {problem}"))
        return FAILED
    except KeyboardInterrupt:
        complaints.print("interrupted")
        return INTERRUPTED


def _carry_out(plan: Plan) -> int:
    body = plan.body()
    with _service(plan, body) as (client, body):
        run_id = client.submit(plan.word, body)
        if plan.detach:
            print(run_id)
            return 0
        answer = _followed(client, run_id, quiet=plan.quiet)
        if plan.as_json:
            _print_json(answer)
        else:
            _print_result(plan, client, run_id, answer)
    gates = answer.get("thresholds")
    if gates and not gates["met"]:
        print(printable(f"thresholds missed: {gates['message']}"), file=sys.stderr)
        return FAILED
    unmet = [group for group in (answer.get("sla") or {}).get("groups", ()) if group["best"] is None]
    for group in unmet:
        wanted = ", ".join(f"{name} {condition}" for name, condition in group["criteria"].items())
        print(printable(f"no load meets {wanted}: {group['stopped']}"), file=sys.stderr)
    return UNMET if unmet else 0


@contextlib.contextmanager
def _service(plan: Plan, body: dict[str, Any]) -> Iterator[tuple[EvalkubeClient, dict[str, Any]]]:
    """The service to use, and the request in terms of its file system."""
    if plan.server is not None:
        with EvalkubeClient(plan.server, token=plan.token()) as client:
            yield client, body
        return
    here = request.localized(body, _REQUESTS[plan.word])
    with (
        local.service(plan.outputs, [*plan.folders, *here.folders]) as (url, token),
        EvalkubeClient(url, token=token) as client,
    ):
        yield client, here.body


def _followed(client: EvalkubeClient, run_id: str, *, quiet: bool) -> dict[str, Any]:
    """The answer at the run's end. Ctrl-C cancels the run first; a second one does not wait for that."""
    try:
        with progress.display(quiet=quiet) as shown:
            for moment in client.progress(run_id):
                shown.show(moment)
        return client.wait(run_id)
    except KeyboardInterrupt:
        print(f"cancelling {run_id} ...", file=sys.stderr)
        with contextlib.suppress(errors.EvalkubeError):
            client.cancel(run_id)
        raise


def _print_json(answer: Mapping[str, Any]) -> None:
    print(in_json(json.dumps(answer, ensure_ascii=False, indent=2)))


def _print_result(plan: Plan, client: EvalkubeClient, run_id: str, answer: Mapping[str, Any]) -> None:
    out = Console(highlight=False, width=None if sys.stdout.isatty() else _FILE_WIDTH)
    for table in plan.tables(answer["result" if plan.word == "eval" else "results"]):
        out.print(table)
    for table in beside_tables(answer) if plan.word == "eval" else ():
        out.print(table)
    if plan.word == "perf":
        for table in server_tables(answer["results"]):
            out.print(table)
    for table in sla_tables(answer.get("sla")):
        out.print(table)
    place = answer.get("output_dir")
    lines = [f"Output: {place}"] if place else []
    lines += [f"Report: {where}" for where in _reports(plan, client, run_id, place)]
    for line in lines:
        out.print(printable(line), markup=False, soft_wrap=True)


def _reports(plan: Plan, client: EvalkubeClient, run_id: str, output_dir: str | None) -> Iterator[str]:
    """The HTML reports: files where the service is ours, addresses where it is somewhere else."""
    for entry in client.artifacts(run_id):
        if entry["path"].endswith("report.html"):
            local_file = plan.server is None and output_dir is not None
            yield str(Path(output_dir or "") / entry["path"]) if local_file else f"{client.base_url}{entry['href']}"
