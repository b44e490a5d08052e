"""The programs behind the subcommands, as "package:name" strings. A program is imported only when it is used."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

from evalkube_cli.exits import Exit

__all__ = ["PROGRAMS", "Program", "command", "run"]


@dataclass(frozen=True, slots=True)
class Program:
    """`target` is a Typer application, or a function of the arguments that returns an exit code."""

    target: str
    help: str


_COMMANDS: Final = "evalkube_cli.commands"

PROGRAMS: Final[dict[str, Program]] = {
    "eval": Program(f"{_COMMANDS}.submit:eval_app", "Evaluate a model: scores with their intervals."),
    "perf": Program(f"{_COMMANDS}.submit:perf_app", "Load-test an endpoint: throughput and times."),
    "runs": Program(f"{_COMMANDS}.runs:app", "List, show, watch, cancel and delete runs; read their logs."),
    "report": Program(f"{_COMMANDS}.report:app", "Show the result of a run again."),
    "compare": Program(f"{_COMMANDS}.compare:app", "Compare runs, and say whether chance explains the difference."),
    "view": Program("evalkube_api.viewing:app", "Look at a folder of outputs in the browser, read-only."),
    "benchmarks": Program(f"{_COMMANDS}.benchmarks:app", "List the benchmarks that an evaluation may name."),
    "service": Program("evalkube_api.main:app", "Serve the REST API and the dashboard on this machine."),
    "mock-model": Program("evalkube_mock.main:app", "Serve a mock LLM with known timing and answers."),
    "crds": Program(f"{_COMMANDS}.crds:app", "Write the CustomResourceDefinitions as YAML."),
    "reference": Program("evalkube_cli.reference.command:app", "Write the reference pages of the documents."),
    "operator": Program(
        "evalkube_operator.main:main", "Turn runs into Jobs and their outcome into status, in a cluster."
    ),
    "runner": Program("evalkube_runner.main:main", "Execute one run's document (what the service starts)."),
}


def run(name: str, arguments: Sequence[str]) -> int:
    """Run the program `name` (a key of `PROGRAMS`) and return its exit code. What nobody expected is told in a
    sentence.
    """
    try:
        return _ran(name, arguments)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except Exception as problem:
        from evalkube import faults, settings  # for this alone

        faults.tell(f"evalkube {name}", problem, debug=settings.debug())
        return Exit.FAULT


def _ran(name: str, arguments: Sequence[str]) -> int:
    target = _loaded(name)
    from typer import Typer  # the root command has it loaded; a program such as the runner need not

    if not isinstance(target, Typer):
        return int(target(list(arguments)))
    target(args=list(arguments), prog_name=f"evalkube {name}", help_option_names=["-h", "--help"])
    return 0


def command(name: str) -> Any:
    """The options of the program `name` as a Typer command; None if it has none."""
    from typer import Typer
    from typer.main import get_command

    target = _loaded(name)
    return get_command(target) if isinstance(target, Typer) else None


def _loaded(name: str) -> Any:
    module, _, attribute = PROGRAMS[name].target.partition(":")
    return getattr(import_module(module), attribute)
