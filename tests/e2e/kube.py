"""kubectl and helm as a user would run them: thin wrappers that return documents, wait, and say what came instead."""

import json
import os
import queue
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

__all__ = ["TERMINAL", "Document", "Kube", "PortForward", "condition", "phase"]

Document = dict[str, Any]

TERMINAL: Final = frozenset({"Succeeded", "Failed", "Cancelled", "Interrupted"})


@dataclass(frozen=True, slots=True)
class Kube:
    """One namespace of the cluster that the kubeconfig names."""

    namespace: str

    def run(self, *arguments: str, stdin: str | None = None, check: bool = True, timeout_s: float = 120) -> str:
        """Output of kubectl; AssertionError with its words where it fails, unless they are wanted (`check`)."""
        command = ["kubectl", "--namespace", self.namespace, *arguments]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=timeout_s)
        if check:
            assert done.returncode == 0, f"{' '.join(command[:8])}: {done.stderr or done.stdout}"
            return done.stdout
        return done.stdout + done.stderr

    def helm(self, *arguments: str, check: bool = True, timeout_s: float = 240) -> str:
        """Output of helm."""
        command = ["helm", "--namespace", self.namespace, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=timeout_s)
        assert done.returncode == 0 or not check, f"{' '.join(command[:8])}: {done.stderr or done.stdout}"
        return done.stdout + done.stderr

    def apply(self, *documents: Document) -> None:
        """Create or change objects."""
        self.run("apply", "-f", "-", stdin=_stream(documents))

    def apply_here(self, *documents: Document) -> None:
        """The same at the API server, which adds no annotation."""
        self.run("apply", "--server-side", "-f", "-", stdin=_stream(documents))

    def create(self, *documents: Document) -> None:
        """Create objects, all in one call."""
        self.run("create", "-f", "-", stdin=_stream(documents))

    def get(self, kind: str, name: str) -> Document | None:
        """An object; None where there is none."""
        text = self.run("get", kind, name, "--ignore-not-found", "-o", "json")
        return json.loads(text) if text.strip() else None

    def select(self, kinds: str, selector: str = "") -> list[Document]:
        """Objects by label."""
        items: list[Document] = json.loads(self.run("get", kinds, "-l", selector, "-o", "json"))["items"]
        return items

    def delete(self, kind: str, name: str, *, wait: bool = True) -> None:
        """Remove an object; content where there is none."""
        self.run("delete", kind, name, "--ignore-not-found", f"--wait={str(wait).lower()}")

    def patch(self, kind: str, name: str, change: Document, *, check: bool = True) -> str:
        """A merge patch."""
        return self.run("patch", kind, name, "--type=merge", "-p", json.dumps(change), check=check)

    def until(
        self, kind: str, name: str, holds: Callable[[Document], bool], *, timeout_s: float = 90, what: str = ""
    ) -> Document:
        """The object, as soon as it `holds`; it is watched, not polled."""
        last: Document = {}
        end = time.monotonic() + timeout_s
        with self._watch(kind, name) as events:
            while (left := end - time.monotonic()) > 0:
                try:
                    last = events.get(timeout=left)
                except queue.Empty:
                    break
                if holds(last):
                    return last
        raise AssertionError(f"{kind}/{name} after {timeout_s} s is not {what or 'as wanted'}: {_shown(last)}")

    def ended(self, kind: str, name: str, *, timeout_s: float = 120) -> Document:
        """The run at its end, whatever that is."""
        return self.until(kind, name, lambda run: phase(run) in TERMINAL, timeout_s=timeout_s, what="at its end")

    def in_phase(self, kind: str, name: str, *phases: str, timeout_s: float = 60) -> Document:
        """The run in one of these phases; AssertionError where it ends in another one."""
        run = self.until(
            kind, name, lambda run: phase(run) in {*phases, *TERMINAL}, timeout_s=timeout_s, what=f"in {phases}"
        )
        assert phase(run) in phases, _shown(run)
        return run

    def gone(self, kind: str, name: str = "", selector: str = "", *, timeout_s: float = 60) -> None:
        """Returns when no such object is left."""
        target = [name] if name else ["-l", selector]
        self.run("wait", "--for=delete", kind, *target, f"--timeout={timeout_s}s", timeout_s=timeout_s + 10)

    def pods_of(self, run: str) -> list[Document]:
        """The pods of a run."""
        return self.select("pods", f"evalkube.io/run={run}")

    def kill(self, selector: str) -> None:
        """The pods' processes die at once, as in a crash of their node: no farewell."""
        self.run("delete", "pod", "-l", selector, "--grace-period=0", "--force", "--wait=false")

    def well_begun(self, name: str, done: int) -> None:
        """Returns when that many samples of an evaluation are reported as done: some 3 s after its beginning, or 10 s
        later."""
        self.until("evalrun", name, lambda run: run.get("status", {}).get("progress", {}).get("done", 0) >= done)

    @contextmanager
    def _watch(self, kind: str, name: str) -> Iterator["queue.Queue[Document]"]:
        command = ["kubectl", "--namespace", self.namespace, "get", kind, name, "--watch", "-o", r"jsonpath={@}{'\n'}"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        events: queue.Queue[Document] = queue.Queue()
        assert process.stdout is not None
        reader = threading.Thread(target=_read, args=(process.stdout, events), daemon=True)
        reader.start()
        try:
            yield events
        finally:
            process.kill()
            process.communicate()
            reader.join()


def _read(lines: Iterable[str], events: "queue.Queue[Document]") -> None:
    for line in lines:
        if line.strip():
            events.put(json.loads(line))


def _stream(documents: Sequence[Document]) -> str:
    return "\n---\n".join(json.dumps(each) for each in documents)


def phase(run: Document) -> str:
    """The phase of a run; empty before the operator has seen it."""
    return str(run.get("status", {}).get("phase", ""))


def condition(run: Document, kind: str = "Succeeded") -> Document:
    """One condition of a run; empty where it has none."""
    for each in run.get("status", {}).get("conditions", []):
        if each["type"] == kind:
            found: Document = each
            return found
    return {}


def _shown(run: Document) -> str:
    status = run.get("status", {})
    ending = condition(run)
    return f"{status.get('phase')}, {ending.get('reason')}: {ending.get('message')}; {json.dumps(status)[:1500]}"


class PortForward:
    """`kubectl port-forward` to a Service or pod; begun anew when what it led to is gone."""

    def __init__(self, namespace: str, target: str, port: int) -> None:
        self._command = ["kubectl", "--namespace", namespace, "port-forward", target, f":{port}"]
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    def start(self) -> "PortForward":
        """Returns once it listens, at `url`."""
        self.stop()
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ | {"LANG": "C"}
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        found = re.search(r"127\.0\.0\.1:(\d+)", line)
        assert found is not None, line
        self.url = f"http://127.0.0.1:{found[1]}"
        return self

    def stop(self) -> None:
        """Content where it does not run."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


ROOT: Final = Path(__file__).parents[2]
