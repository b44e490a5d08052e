"""A runner process as its parent starts it."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from evalkube_crds.results import Receipt

__all__ = ["KEY", "Runner"]

KEY = "sk-canary-8c1f"


class Runner:
    """One runner process and the folders it writes to."""

    def __init__(self, folder: Path, kind: str, spec: dict[str, Any], *options: str) -> None:
        self.artifacts, self.control = folder / "artifacts", folder / "control"
        self.control.mkdir(parents=True, exist_ok=True)
        metadata: dict[str, Any] = {"name": "run-1", "uid": "u", "creationTimestamp": "2026-01-01T00:00:00Z"}
        metadata |= {"labels": {"team": "search"}, "annotations": {"evalkube.io/idempotency-key": "of-a-client"}}
        document = {"apiVersion": "evalkube.io/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}
        (folder / "run.json").write_text(json.dumps(document))
        folders = ["--artifacts", str(self.artifacts), "--control", str(self.control)]
        command = [sys.executable, "-m", "evalkube_runner.main", "--run", str(folder / "run.json"), *folders]
        self.log = folder / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen([*command, "--secrets-stdin", *options], stdin=subprocess.PIPE, stderr=log)
        assert self.process.stdin is not None
        self.stdin = self.process.stdin
        self.stdin.write(json.dumps({"api_key": KEY}).encode() + b"\n")
        self.stdin.flush()

    def end(self, timeout_s: float = 60) -> Receipt:
        """Waits for the end; the receipt."""
        self.process.wait(timeout_s)
        return Receipt.model_validate_json((self.control / "receipt.json").read_bytes())

    @property
    def told(self) -> tuple[str, int, int]:
        """Its last progress: state, done, total."""
        shown = json.loads((self.artifacts / "progress.json").read_bytes())
        return shown["status"], shown["processed_count"], shown["total_count"]

    def wait_for(self, pattern: str) -> None:
        """Until an artifact of that name has content."""
        deadline = time.monotonic() + 60
        while not any(path.stat().st_size for path in self.artifacts.glob(pattern)):
            assert time.monotonic() < deadline, f"no {pattern}"
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.02)

    def close(self) -> None:
        """Nothing outlives a test."""
        self.process.kill()
        self.process.wait()
        self.stdin.close()
