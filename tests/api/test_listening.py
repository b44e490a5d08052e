"""Where a service listens unless told otherwise, and what it says of an address that others reach."""

import contextlib
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

WARNING = "without a token: whoever reaches it can start runs"
COMMAND = [sys.executable, "-m", "evalkube_api.main", "--port", "0"]


def by_function(arguments: str) -> list[str]:
    """A program that calls `run_service`."""
    return [sys.executable, "-c", f"from evalkube_api import run_service; run_service({arguments})"]


@contextlib.contextmanager
def served(command: list[str], folder: Path) -> Iterator[tuple[str, Path]]:
    """The URL that the program shows, and its standard error, while it serves."""
    log = folder / "stderr"
    with (
        log.open("wb") as stderr,
        subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=stderr, text=True) as process,
    ):
        try:
            assert process.stdout is not None
            found = re.match(r"evalkube service on (http://\S+) ", process.stdout.readline())
            assert found is not None, log.read_text()
            yield found[1], log
        finally:
            process.terminate()


def answers(host: str, port: int) -> bool:
    """Whether something listens there."""
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=5):
        return True
    return False


ALONE = {
    "the command": COMMAND,
    "the command, told so": [*COMMAND, "--host", "127.0.0.1"],
    "the command, told so by name": [*COMMAND, "--host", "localhost"],
    "the function": by_function("port=0"),
    "the function, by place": by_function("'127.0.0.1', 0, False"),
}


@pytest.mark.parametrize("command", ALONE.values(), ids=ALONE)
def test_only_this_machine_reaches_it_unless_told(command: list[str], tmp_path: Path) -> None:
    """Not even another loopback address is listened on; and there is nothing to warn of."""
    with served(command, tmp_path) as (url, log):
        port = httpx.URL(url).port or 0
        assert url == f"http://127.0.0.1:{port}"
        assert httpx.get(f"{url}/health", trust_env=False).status_code == 200
        assert not answers("127.0.0.2", port)
        assert WARNING not in log.read_text()


EVERYONE = {
    "the command": ([*COMMAND, "--host", "0.0.0.0"], "127.0.0.1", "listening on 0.0.0.0:"),
    "the command, empty": ([*COMMAND, "--host", ""], "127.0.0.1", "listening on 0.0.0.0:"),
    "the command, short": ([*COMMAND, "--host", "0"], "127.0.0.1", "listening on 0.0.0.0:"),
    "the function": (by_function("host='0.0.0.0', port=0, debug=False"), "127.0.0.1", "listening on 0.0.0.0:"),
    "both families": ([*COMMAND, "--host", "::"], "[::1]", "listening on [::]:"),
}


@pytest.mark.parametrize(("command", "shown", "place"), EVERYONE.values(), ids=EVERYONE)
def test_an_address_that_was_asked_for_works_with_a_warning(
    command: list[str], shown: str, place: str, tmp_path: Path
) -> None:
    """One line of it: where, what that means, and what to do. The URL that is shown can be opened."""
    if shown == "[::1]" and not socket.has_dualstack_ipv6():
        pytest.skip("no IPv6 here")
    with served(command, tmp_path) as (url, log):
        port = httpx.URL(url).port or 0
        assert url == f"http://{shown}:{port}"
        assert httpx.get(f"{url}/health", trust_env=False).status_code == 200
        assert answers("127.0.0.2", port)
        (line,) = [line for line in log.read_text().splitlines() if WARNING in line]
        assert place in line
        assert "WARNING" in line
        assert "--token-file FILE" in line


@pytest.mark.parametrize("way", ["command", "function"])
def test_with_a_token_there_is_nothing_to_warn_of(way: str, tmp_path: Path) -> None:
    """By either way it is asked for."""
    token = tmp_path / "token"
    token.write_text("tok-0123456789abcdef")
    token.chmod(0o600)
    command = [*COMMAND, "--host", "0.0.0.0", "--token-file", str(token)]
    if way == "function":
        command = by_function(f"host='0.0.0.0', port=0, debug=False, token_file={str(token)!r}")
    with served(command, tmp_path) as (url, log):
        assert httpx.get(f"{url}/api/v1/runs", trust_env=False).status_code == 401
        headers = {"Authorization": "Bearer tok-0123456789abcdef"}
        assert httpx.get(f"{url}/api/v1/runs", headers=headers, trust_env=False).status_code == 200
        assert "WARNING" not in log.read_text()


NOWHERE = {
    "a name that is none": ("no-such-host.invalid", "0"),
    "a label that is too long": ("x" * 70, "0"),
    "an address of another machine": ("192.0.2.1", "0"),
    "a port that is none": ("127.0.0.1", "70000"),
}


@pytest.mark.parametrize(("host", "port"), NOWHERE.values(), ids=NOWHERE)
def test_where_it_cannot_listen_it_says_so(host: str, port: str, tmp_path: Path) -> None:
    """By name, as one typed error."""
    code = (
        "from evalkube_api import errors, run_service\n"
        f"try:\n    run_service(host={host!r}, port={port})\n"
        "except errors.ServiceError as problem:\n    print(problem)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith(f"cannot listen on {host}:{port}: "), done.stderr
