"""The programs behind the subcommands, as "package:name" strings: none is imported before it is asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Final

__all__ = ["PROGRAMS", "Program", "run"]


@dataclass(frozen=True, slots=True)
class Program:
    """``target`` is a Typer application, or a function of the arguments that returns an exit code."""

    target: str
    help: str


PROGRAMS: Final[dict[str, Program]] = {
    "service": Program("evalkube_api.main:app", "Serve the REST API on this machine."),
    "eval": Program("evalkube_cli.evaluate:app", "Evaluate a model, with a progress bar and a table of scores."),
    "perf": Program("evalkube_cli.loadtest:app", "Load-test an endpoint, with a progress bar and a table of figures."),
    "compare": Program("evalkube_cli.comparison:app", "Compare two evaluations, and say whether chance explains it."),
    "view": Program("evalkube_api.viewing:app", "Look at a folder of outputs in the browser, read-only."),
    "benchmarks": Program("evalkube_cli.benchmarks:app", "List the benchmarks that an evaluation may name."),
    "mock-model": Program("evalkube_mock.main:app", "Serve a mock LLM with known timing and answers."),
    "crds": Program("evalkube_cli.generate:app", "Write the CustomResourceDefinitions as YAML."),
    "operator": Program(
        "evalkube_operator.main:main", "Turn runs into Jobs and their outcome into status, in a cluster."
    ),
    "runner": Program("evalkube_runner.main:main", "Execute one run's document (what the service starts)."),
}


def run(name: str, arguments: Sequence[str]) -> int:
    """Run the program ``name`` (a key of ``PROGRAMS``) and return its exit code."""
    module, _, attribute = PROGRAMS[name].target.partition(":")
    target = getattr(import_module(module), attribute)
    from typer import Typer  # the root command has it loaded; a program such as the runner need not

    if not isinstance(target, Typer):
        return int(target(list(arguments)))
    try:
        target(args=list(arguments), prog_name=f"evalkube {name}")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    return 0
