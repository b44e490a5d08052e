"""Shows the progress of a run: a bar on a terminal or in a notebook, elsewhere lines with the time."""

import sys
import time
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Protocol, Self, TextIO, TypeAlias

from evalkube.models import Progress
from evalkube_crds.result_parts import NANO
from evalkube_crds.wording import printable
from evalkube_report import formats

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Bar", "Display", "Shown", "display", "eta_text", "figures_text"]

_LINE_EVERY_S: Final = 10.0

Shown: TypeAlias = bool | None
"""Whether progress is shown; None: where somebody looks, in a notebook or on a terminal."""


class Display(Protocol):
    """Shows the progress of a run."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def show(self, moment: Progress) -> None:
        """Shows the run's progress."""


def display(shown: Shown = None, stream: TextIO | None = None) -> Display:
    """The display that fits `stream` (standard error by default) or the notebook."""
    stream = sys.stderr if stream is None else stream
    if shown is False:
        return _Silent()
    if (widgets := _widgets()) is not None:
        return _Notebook(widgets)
    if stream.isatty():
        from rich.console import Console

        return Bar(Console(file=stream))
    return _Silent() if shown is None else _Lines(stream)


def _widgets() -> Any:
    """The module ipywidgets, in a notebook that has it; else None."""
    if "ipykernel" not in sys.modules:
        return None
    try:
        import ipywidgets
        from IPython import get_ipython
    except ImportError:
        return None
    return ipywidgets if get_ipython() is not None else None


# ---------------------------------------------------------------------------------------------------------------- words


def eta_text(seconds: float | None) -> str:
    """The remaining time, as "4 min 05 s left"; empty if it is not known."""
    if seconds is None:
        return ""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s left"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s left"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min left"


def figures_text(moment: Progress) -> str:
    """The live figures: "12.3 requests/s, 480 tok/s, TTFT p50 41 ms p99 90 ms, 2 failed"; empty if there are none."""
    return ", ".join(_figures(moment.figures, moment.failed))


def _figures(figures: Mapping[str, float], failed: int) -> Iterator[str]:
    if "score" in figures:
        ends = [figures.get(end) for end in ("score_low", "score_high")]
        spread = "" if None in ends else " ({} to {})".format(*map(formats.score, ends))
        yield f"score {formats.score(figures['score'])}{spread}"
    for name, unit in (("rps", "requests/s"), ("output_tps", "tok/s"), ("in_flight", "in flight")):
        if figures.get(name):
            yield f"{formats.significant(figures[name], 3)} {unit}"
    for name, title in (("ttft", "TTFT"), ("latency", "latency")):
        seen = [(end, figures[f"{name}_{end}_s"]) for end in ("p50", "p99") if f"{name}_{end}_s" in figures]
        if seen:
            yield " ".join([title, *(f"{end} {formats.timed(value * NANO)}" for end, value in seen)])
    if failed:
        yield f"{failed:,} failed"


def _count(moment: Progress) -> str:
    """The number of done samples or requests, and of all; empty while it is not known."""
    if moment.total:
        return f"{moment.done:,}/{moment.total:,}"
    return f"{moment.done:,} done" if moment.done else ""


def _stage(moment: Progress) -> str:
    return printable(moment.stage or str(moment.phase))


# --------------------------------------------------------------------------------------------------------------- places


class _Silent:
    """Shows nothing. The base of the other displays."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to end."""

    def show(self, moment: Progress) -> None:
        """Nothing."""


class Bar(_Silent):
    """A bar that is redrawn in place, with the stage and the live figures below it.

    In a narrow terminal the bar gets shorter and the text below has more lines; no number is cut.
    """

    def __init__(self, console: "Console") -> None:
        from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bars
        from rich.text import Text

        class Figured(Bars):
            """A bar over the stage and its figures."""

            said = "Starting"

            def get_renderables(self) -> Iterator[Any]:
                yield self.make_tasks_table(self.tasks)
                yield Text(self.said, style="dim")

        columns = (SpinnerColumn(), BarColumn(bar_width=None), TextColumn("{task.fields[count]}"), TimeElapsedColumn())
        self._bars = Figured(*columns, console=console, expand=False)
        self._task = self._bars.add_task("", total=None, count="")

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def show(self, moment: Progress) -> None:
        """Redraws the bar. The remaining time is the service's estimate."""
        parts = (_stage(moment), figures_text(moment), eta_text(moment.eta_seconds))
        self._bars.said = ", ".join(part for part in parts if part)
        total = moment.total or None
        self._bars.update(self._task, completed=moment.done, total=total, count=_count(moment))


class _Lines(_Silent):
    """Prints a line with the time: at a new stage, at the end, and every ten seconds in between."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._last: tuple[str, str] | None = None
        self._next = 0.0

    def show(self, moment: Progress) -> None:
        """Writes a line, unless there was one just now."""
        place = (str(moment.phase), _stage(moment))
        now = time.monotonic()
        if place == self._last and now < self._next:
            return
        self._last, self._next = place, now + _LINE_EVERY_S
        stage = _stage(moment) if moment.stage else ""
        parts = [_count(moment), stage, figures_text(moment), eta_text(moment.eta_seconds)]
        said = ", ".join(part for part in parts if part)
        line = f"{moment.phase}: {said}" if said else str(moment.phase)
        print(f"{time.strftime('%H:%M:%S')} {line}", file=self._stream, flush=True)


class _Notebook(_Silent):
    """A bar of ipywidgets, with the live figures beside it."""

    def __init__(self, widgets: Any) -> None:
        self._bar = widgets.FloatProgress(min=0.0, max=1.0)
        self._said = widgets.Label()
        self._box = widgets.VBox([self._bar, self._said])

    def __enter__(self) -> Self:
        from IPython.display import display as show_widget

        show_widget(self._box)  # type: ignore[no-untyped-call]  # it has no types
        return self

    def show(self, moment: Progress) -> None:
        """Moves the bar."""
        self._bar.value = moment.done / moment.total if moment.total else 0.0
        self._bar.bar_style = _STYLES.get(str(moment.phase), "")
        parts = [_stage(moment), _count(moment), figures_text(moment), eta_text(moment.eta_seconds)]
        self._said.value = ", ".join(part for part in parts if part)


_STYLES: Final = {"Succeeded": "success", "Failed": "danger", "Cancelled": "warning", "Interrupted": "warning"}
