"""Shows how far a run is, on standard error: a bar on a terminal, a line now and then where there is none."""

import sys
import time
from types import TracebackType
from typing import Any, Final, Protocol, Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from evalkube_crds.wording import printable

__all__ = ["Display", "display", "eta_text"]

_LINE_EVERY_S: Final = 10.0


class Display(Protocol):
    """Something that shows moments of a run."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def show(self, moment: dict[str, Any]) -> None:
        """Show how far the run is."""


def display(stream: TextIO = sys.stderr, *, quiet: bool = False) -> Display:
    """What suits ``stream``."""
    if quiet:
        return Nothing()
    return Bar(Console(file=stream)) if stream.isatty() else Lines(stream)


def eta_text(seconds: float | None) -> str:
    """The time that is left, as "4 min 05 s left"; nothing where it is not known."""
    if seconds is None:
        return ""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s left"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s left"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min left"


def _count(moment: dict[str, Any]) -> str:
    """How many samples or requests are done, and of how many; nothing before anything is known."""
    if moment["total"]:
        return f"{moment['done']}/{moment['total']}"
    return f"{moment['done']} done" if moment["done"] else ""


def _stage(moment: dict[str, Any]) -> str:
    return printable(str(moment.get("stage") or moment["phase"]))


class Nothing:
    """Shows nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to end."""

    def show(self, moment: dict[str, Any]) -> None:
        """Nothing."""


class Bar:
    """A bar that is redrawn in place."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[count]}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[eta]}", style="dim"),
            console=console,
        )
        self._task = self._progress.add_task("Starting", total=None, count="", eta="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def show(self, moment: dict[str, Any]) -> None:
        """Redraw the bar; the time that is left is the server's, who knows how even the work is."""
        self._progress.update(
            self._task,
            description=Text(_stage(moment)).plain,
            completed=moment["done"],
            total=moment["total"] or None,
            count=_count(moment),
            eta=eta_text(moment.get("eta_seconds")),
        )


class Lines:
    """A line when the stage changes, at the end, and every ten seconds in between."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._last: tuple[str, str] | None = None
        self._next = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to end."""

    def show(self, moment: dict[str, Any]) -> None:
        """Write a line, unless there was one just now."""
        place = (str(moment["phase"]), _stage(moment))
        now = time.monotonic()
        if place == self._last and now < self._next:
            return
        self._last, self._next = place, now + _LINE_EVERY_S
        stage = _stage(moment) if moment.get("stage") else ""
        parts = [part for part in (_count(moment), stage, eta_text(moment.get("eta_seconds"))) if part]
        print(f"{moment['phase']}: {', '.join(parts)}" if parts else moment["phase"], file=self._stream, flush=True)
