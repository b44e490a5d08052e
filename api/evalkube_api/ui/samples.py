"""The values in the browser of samples and on the page of one sample. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from evalkube_api import errors
from evalkube_api.ui import addresses, texts
from evalkube_api.ui.addresses import Address
from evalkube_api.ui.paging import Choice, Pager
from evalkube_api.ui.texts import Text
from evalkube_crds.names import SampleState
from evalkube_report import formats
from evalkube_report.samples.index import STATES, Index
from evalkube_report.samples.page import Around, Entry, Page, SampleQuery, Sort
from evalkube_report.samples.sample import Sample

__all__ = ["PAGE", "PARAMETERS", "Browser", "OneSample", "SampleLine", "browser", "one_sample", "query_of"]

PAGE: Final = 50
"""Samples on one page."""

_SORTS: Final[Mapping[Sort, str]] = {"order": "in order", "score": "lowest score first", "slowest": "slowest first"}

PARAMETERS: Final[Mapping[str, tuple[str, ...]]] = {
    "dataset": (),
    "subset": (),
    "state": tuple(str(state) for state in STATES),
    "error": (),
    "sort": tuple(_SORTS),
}
"""What chooses and sorts samples, in the URL of a list and of one of its samples alike."""

WORDS: Final[Mapping[SampleState, str]] = {
    SampleState.RIGHT: "right",
    SampleState.PARTIAL: "partly right",
    SampleState.WRONG: "wrong",
    SampleState.NO_ANSWER: "no answer found",
    SampleState.ERRORED: "errored",
}


def query_of(asked: Mapping[str, str]) -> SampleQuery:
    """The query that the parameters name."""
    sorts: Mapping[str, Sort] = {str(sort): sort for sort in _SORTS}
    return SampleQuery(
        dataset=asked.get("dataset"),
        subset=asked.get("subset"),
        states=frozenset({SampleState(asked["state"])} if "state" in asked else ()),
        error=asked.get("error"),
        sort=sorts[asked.get("sort", "order")],
    )


@dataclass(frozen=True, slots=True)
class SampleLine:
    """One sample in the list. All its text is untrusted."""

    href: str
    place: str
    state: SampleState
    word: str
    question: str
    extracted: str
    target: str
    score: str
    latency: str


@dataclass(frozen=True, slots=True)
class Browser:
    """A page of the samples that match a query, and the choices of filters."""

    states: tuple[Choice, ...]
    datasets: tuple[str, ...]
    subsets: tuple[str, ...]
    errors: tuple[Choice, ...]
    sorts: tuple[tuple[str, str], ...]
    lines: tuple[SampleLine, ...]
    pager: Pager
    chosen: bool
    """Whether the query leaves anything out."""


def browser(run_id: str, index: Index, found: Page[Entry], read: Sequence[Sample | None], here: Address) -> Browser:
    """The list of samples. `read`: the short form of each sample on the page `found`."""
    asked = here.query
    datasets = index.datasets if len(index.datasets) > 1 else ()
    subsets = _subsets(index, asked.get("dataset"))
    return Browser(
        states=tuple(_states(index, here)),
        datasets=datasets,
        subsets=subsets if len(subsets) > 1 else (),
        errors=tuple(_errors(index, here)),
        sorts=tuple(_SORTS.items()),
        lines=tuple(_line(run_id, entry, sample, here) for entry, sample in zip(found.entries, read, strict=True)),
        pager=Pager.of(here, start=found.start, shown=len(found.entries), total=found.total, size=PAGE),
        chosen=any(name in asked for name in ("dataset", "subset", "state", "error")),
    )


def _subsets(index: Index, dataset: str | None) -> tuple[str, ...]:
    """The choices of subsets."""
    if len(index.datasets) == 1:
        return index.subsets[0]
    return index.subsets[index.datasets.index(dataset)] if dataset in index.datasets else ()


def _states(index: Index, here: Address) -> Iterator[Choice]:
    """The number of samples in each state, for the chosen data set and subset. States without samples are left out."""
    counts = np.bincount(index.rows["state"][_within(index, here.query)], minlength=len(STATES))
    state = here.query.get("state")
    yield Choice("all", int(counts.sum()), str(here.but(state=None, error=None, page=None)), state is None)
    for name, times in zip(STATES, counts.tolist(), strict=True):
        if times or state == name:
            yield Choice(WORDS[name], times, str(here.but(state=str(name), error=None, page=None)), state == name, name)


def _within(index: Index, asked: Mapping[str, str]) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    rows = index.rows
    inside = np.ones(len(rows), dtype=bool)
    dataset, subset = asked.get("dataset"), asked.get("subset")
    if dataset is not None and dataset in index.datasets:
        inside &= rows["dataset"] == index.datasets.index(dataset)
    if subset is not None:
        places = [(at, names.index(subset)) for at, names in enumerate(index.subsets) if subset in names]
        named = np.zeros(len(rows), dtype=bool)
        for at, place in places:
            named |= (rows["dataset"] == at) & (rows["subset"] == place)
        inside &= named
    return inside


def _errors(index: Index, here: Address) -> Iterator[Choice]:
    """The choices of error classes, if errored samples are shown."""
    if here.query.get("state") != SampleState.ERRORED and "error" not in here.query:
        return
    counts = np.bincount(index.rows["error"][_within(index, here.query)], minlength=1 + len(index.errors))
    chosen = here.query.get("error")
    for name, times in zip(index.errors, counts[1:].tolist(), strict=True):
        if times or chosen == name:
            yield Choice(name, times, str(here.but(error=None if chosen == name else name, page=None)), chosen == name)


def _line(run_id: str, entry: Entry, sample: Sample | None, here: Address) -> SampleLine:
    question = "" if sample is None else sample.question or (sample.prompt[-1].content if sample.prompt else "")
    extracted = entry.error if sample is None or sample.extracted is None else sample.extracted
    return SampleLine(
        href=_address(run_id, entry, here),
        place=_place(entry),
        state=entry.state,
        word=WORDS[entry.state],
        question=texts.excerpt(question, 160),
        extracted=texts.excerpt(extracted or "", 80) or formats.DASH,
        target=texts.excerpt("" if sample is None else sample.target, 80) or formats.DASH,
        score=formats.DASH if entry.score is None else f"{entry.score:.4g}",
        latency=formats.timed(None if entry.latency_s is None else entry.latency_s * 1e9),
    )


def _place(entry: Entry) -> str:
    repeat = f", repeat {entry.repeat + 1}" if entry.repeat else ""
    return f"{texts.excerpt(entry.dataset, 60)} / {texts.excerpt(entry.subset, 60)} #{entry.index}{repeat}"


def _address(run_id: str, entry: Entry, here: Address) -> str:
    """The page of a sample, with the filters of the list, so that it knows its neighbours."""
    kept = {name: value for name, value in here.query.items() if name in PARAMETERS}
    return str(Address(addresses.sample(run_id, entry.dataset, entry.subset, entry.index), kept))


@dataclass(frozen=True, slots=True)
class Said:
    """One part of a conversation: the role, and the text. `folded`: closed at first."""

    role: str
    text: Text
    folded: bool = False


@dataclass(frozen=True, slots=True)
class OneSample:
    """The page of a sample. All its text is untrusted."""

    title: str
    state: SampleState
    word: str
    score: str
    extracted: Text | None
    target: Text | None
    prompt: tuple[Said, ...]
    thoughts: Text | None
    answer: Text | None
    explanation: Text | None
    judges: Text | None
    error: str | None
    error_message: Text | None
    facts: tuple[tuple[str, str], ...]
    place: str
    back: str
    previous: str | None
    next: str | None
    whole: str


def one_sample(run_id: str, sample: Sample, around: Around, here: Address) -> OneSample:
    """The page of a sample. `around`: its neighbours in the list that the URL names."""
    entry = sample.entry
    listed = Address(addresses.run(run_id), {"view": "samples", **here.query})
    if around.place is not None and around.place >= PAGE:
        listed = listed.but(page=around.place // PAGE + 1)
    return OneSample(
        title=_place(entry),
        state=entry.state,
        word=WORDS[entry.state],
        score=formats.DASH if entry.score is None else f"{entry.score:.4g}",
        extracted=None if sample.extracted is None else texts.text(sample.extracted),
        target=texts.text(sample.target) if sample.target else None,
        prompt=tuple(_prompt(sample)),
        thoughts=texts.text(sample.thoughts) if sample.thoughts else None,
        answer=texts.text(sample.answer) if sample.answer else None,
        explanation=texts.text(sample.explanation) if sample.explanation else None,
        judges=texts.text(sample.judges) if sample.judges else None,
        error=entry.error,
        error_message=texts.text(sample.error_message) if sample.error_message else None,
        facts=tuple(_facts(sample)),
        place=_where(around, here),
        back=str(listed),
        previous=None if around.previous is None else _address(run_id, around.previous, here),
        next=None if around.next is None else _address(run_id, around.next, here),
        whole=addresses.sample(run_id, entry.dataset, entry.subset, entry.index).replace("/ui/", "/api/v1/", 1),
    )


def _prompt(sample: Sample) -> Iterator[Said]:
    """The messages of the prompt. If there are many, only the last one is open."""
    for at, message in enumerate(sample.prompt):
        yield Said(
            message.role, texts.text(message.content), folded=len(sample.prompt) > 3 and at < len(sample.prompt) - 1
        )


def _facts(sample: Sample) -> Iterator[tuple[str, str]]:
    for name, value in sample.scores.items():
        yield texts.excerpt(name, 60), f"{value:.4g}"
    for name, count in (
        ("Input tokens", sample.input_tokens),
        ("Output tokens", sample.output_tokens),
        ("of them thoughts", sample.reasoning_tokens or None),
        ("Input tokens, cached", sample.cached_tokens or None),
    ):
        if count is not None:
            yield name, formats.count(count)
    for name, seconds in (("Latency", sample.latency_s), ("TTFT", sample.ttft_s)):
        if seconds is not None:
            yield name, formats.timed(seconds * 1e9)
    if sample.finish_reason is not None:
        yield "Finish reason", texts.excerpt(sample.finish_reason, 60)
    if sample.attempts is not None and sample.attempts > 1:
        yield "Asked", f"{sample.attempts} times"


def _where(around: Around, here: Address) -> str:
    state = here.query.get("state")
    of = f"{formats.count(around.total)} {WORDS[SampleState(state)] if state else ''}".rstrip()
    if around.place is None:
        return f"not among the {of} of the list"
    return f"{formats.count(around.place + 1)} of {of}"


def unknown(run_id: str, dataset: str, subset: str, index: int) -> errors.NotFound:
    """The error for a sample that does not exist."""
    return errors.NotFound(f"run {run_id} has no sample {index} of {dataset[:80]} / {subset[:80]}")
