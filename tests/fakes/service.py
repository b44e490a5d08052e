"""The service as a process on a free port, for tests: started, asked over HTTP, ended by its own id."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

__all__ = ["STANDIN", "Service", "running_service"]

STANDIN = Path(__file__).with_name("runner_standin.py")
_ROOMS = Path(__file__).parents[2]
_READY = "evalkube service on "

_START = """
import inspect, json, sys
from pathlib import Path
from evalkube_api import main, settings
options = json.loads(sys.argv[1])
runner = options.pop("runner_command", None)
more = {"runner_command": tuple(runner)} if runner else {}
import dataclasses
for name in {field.name for field in dataclasses.fields(settings.Settings)} & options.keys():
    if name not in inspect.signature(settings.from_environment).parameters:
        more[name] = options.pop(name)
options = {"host": "127.0.0.1", "port": 0, **options}
main.serve(dataclasses.replace(settings.from_environment(**options), **more))
"""


@dataclass
class Service:
    """A running service, and a client of it."""

    url: str
    process: subprocess.Popen[str]
    outputs: Path
    client: httpx.Client

    def post(self, word: str, body: dict[str, Any], **headers: str) -> httpx.Response:
        """POST /api/v1/<word>."""
        return self.client.post(
            f"/api/v1/{word}", json=body, headers={k.replace("_", "-"): v for k, v in headers.items()}
        )

    def run(self, run_id: str) -> dict[str, Any]:
        """GET /api/v1/runs/<id>."""
        document: dict[str, Any] = self.client.get(f"/api/v1/runs/{run_id}").json()
        return document

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the end."""
        self.process.send_signal(number)
        return self.process.wait(timeout=60)


@contextlib.contextmanager
def running_service(
    outputs: Path, *, standin: bool = True, log: Path | None = None, **options: Any
) -> Iterator[Service]:
    """A service over `outputs`, with a stand-in for the runner unless told otherwise; `options`: its settings."""
    if standin:
        options["runner_command"] = [sys.executable, str(STANDIN)]
    options["outputs"] = str(outputs)
    options["data"] = [str(folder) for folder in options.get("data", ())]
    command: Sequence[str] = [sys.executable, "-c", _START, json.dumps(options)]
    rooms = [str(_ROOMS / room) for room in ("crds", "runner", "api", "client", "cli", "mock", "tests")]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(rooms)}
    with contextlib.ExitStack() as stack:
        stderr = stack.enter_context((log or outputs.with_name(f"{outputs.name}.log")).open("ab"))
        process = stack.enter_context(
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True, env=env)
        )
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            if not line.startswith(_READY):
                raise RuntimeError(
                    f"the service did not start: {(log or outputs.with_name(f'{outputs.name}.log')).read_text()}"
                )
            url = line.removeprefix(_READY).split()[0]
            client = stack.enter_context(httpx.Client(base_url=url, timeout=60, trust_env=False))
            yield Service(url, process, outputs, client)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(timeout=60)
