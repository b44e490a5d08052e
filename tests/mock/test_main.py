"""The command: its start, its end and its refusals."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from evalkube_mock.main import app
from fakes.mock_model import running_mock

_COMMAND = [sys.executable, "-m", "evalkube_mock.main", "--port", "0"]
_ROOM = Path(__file__).parents[2] / "mock"


def _start(*args: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*_COMMAND, *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=_ROOM
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_at_once(number: signal.Signals) -> None:
    """Exit 0, even while a stream is under way, with nothing said."""
    with _start("--ttft-ms", "60000") as process:
        assert process.stdout is not None
        port = int(process.stdout.readline().removesuffix("/v1\n").rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as connection:
            body = b'{"model":"m","prompt":"x","stream":true}'
            connection.sendall(b"POST /v1/completions HTTP/1.1\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
            assert connection.recv(4096).startswith(b"HTTP/1.1 200")
            process.send_signal(number)
            out, err = process.communicate(timeout=30)  # of the stream's 60 s
    assert (process.returncode, out, err) == (0, "", "")


def test_the_end_of_the_parent_stops_it() -> None:
    """--exit-with-parent: when standard input ends, so does the server."""
    with _start("--exit-with-parent") as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("mock model on http://127.0.0.1:")
        _, err = process.communicate(timeout=30)  # closes its standard input
    assert (process.returncode, err) == (0, "")


def test_without_the_option_standard_input_does_not_matter() -> None:
    """A server started with no input (a container, a service unit) keeps on serving."""
    with _start() as process:
        assert process.stdout is not None
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
        process.stdout.readline()
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=0.2)
        process.terminate()
        process.communicate(timeout=30)


def test_a_taken_port_is_said() -> None:
    """Exit 1 and one line that names the address."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [*_COMMAND[:-1], str(port)], capture_output=True, text=True, cwd=_ROOM, timeout=60, check=False
        )
    assert done.returncode == 1
    assert done.stderr == f"cannot listen on 127.0.0.1:{port}: Address already in use\n"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--fail-rate", "0.7", "--truncate-rate", "0.7"], "add up to more than 1"),
        (["--answers", "nowhere.jsonl"], "nowhere.jsonl"),
        (["--ttft-ms", "-1"], "--ttft-ms"),
        (["--concurrency", "0"], "--concurrency"),
        (["--role", "late"], "--role"),
    ],
)
def test_bad_options_are_refused(args: list[str], message: str) -> None:
    """Exit 2 with the option's name, before anything is served."""
    result = CliRunner().invoke(app, args)
    assert result.exit_code == 2
    assert message in result.output


def test_the_helper_reports_a_mock_that_does_not_start() -> None:
    """A test that gives wrong options fails at once and not by a timeout."""
    with pytest.raises(RuntimeError, match="did not start"), running_mock("--no-such-option"):
        pass
