"""A request's fields as options."""

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from evalkube_cli.asking import naming, options
from evalkube_crds.cluster import CLUSTER_ONLY
from evalkube_crds.requests import EvalRequest, PerfRequest


@pytest.mark.parametrize(
    ("arguments", "spread"),
    [
        pytest.param(["--datasets", "a", "b"], ["--datasets", "a", "--datasets", "b"], id="two words"),
        pytest.param(
            ["--datasets", "a", "--limit", "5", "x"], ["--datasets", "a", "--limit", "5", "x"], id="not another's"
        ),
        pytest.param(["--datasets=a", "b"], ["--datasets=a", "b"], id="spelt with equals"),
        pytest.param(["--datasets"], ["--datasets"], id="none"),
        pytest.param([], [], id="nothing"),
    ],
)
def test_spread(arguments: list[str], spread: list[str]) -> None:
    """Several words after an option that takes many are so many options."""
    assert options.spread(arguments, EvalRequest) == spread


def test_a_negative_number_is_no_option() -> None:
    """`--rate -1 5` is two rates."""
    assert options.spread(["--rate", "-1", "5"], PerfRequest) == ["--rate", "-1", "--rate", "5"]


@given(st.lists(st.sampled_from(["--number", "--parallel", "--model", "--debug", "1", "x"]), max_size=8))
def test_spreading_twice_is_spreading_once(arguments: list[str]) -> None:
    """What is spread stays as it is, and no word is lost."""
    once = options.spread(arguments, PerfRequest)
    assert options.spread(once, PerfRequest) == once
    words = [word for word in once if not word.startswith("--")]
    assert words == [word for word in arguments if not word.startswith("--")]


@pytest.mark.parametrize("model", [EvalRequest, PerfRequest])
def test_every_field_has_an_option(model: type[EvalRequest] | type[PerfRequest]) -> None:
    """Every field but keys and what only a cluster heeds."""

    def command(words: dict[str, object]) -> None:
        """Nothing."""

    app = typer.Typer(add_completion=False)
    app.command()(options.with_options(command, model, {}))
    made = {name for one in typer.main.get_command(app).params for name in one.opts} - {"--help"}
    wanted = set(model.model_fields) - {"api_key", "judge_api_key", "tags", *CLUSTER_ONLY}
    assert made == {naming.flag(name) for name in wanted}


def test_only_what_was_given_is_passed_on() -> None:
    """Defaults are the contract's, not the command's."""
    seen: list[object] = []

    def command(words: dict[str, object]) -> None:
        seen.append(words)

    app = typer.Typer(add_completion=False)
    app.command()(options.with_options(command, PerfRequest, {}))
    arguments = ["--model", "m", "--no-stream", "--timestamp", "--number", "1", "--number", "2"]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    assert seen == [{"model": "m", "stream": False, "no_timestamp": False, "number": ["1", "2"]}]
