"""An evaluation while samples are in flight: asked in one pool, scored beside it, written down, counted."""

import asyncio
import dataclasses
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext
from typing import Any

from evalkube_crds.evalrun import AUTO, EvalRunSpec
from evalkube_crds.live import Live, seen
from evalkube_crds.names import ErrorClass, Reason
from evalkube_crds.results import AtOnce, Progress, Spending
from evalkube_runner import machine
from evalkube_runner.ca_file import trust_of
from evalkube_runner.context import RunContext
from evalkube_runner.errors import RunFailed
from evalkube_runner.eval import at_once, checkpoint, endpoint_gate, pool, records, scoring
from evalkube_runner.eval.answer import Answer
from evalkube_runner.eval.client import Client, RequestFailed
from evalkube_runner.eval.judging import summary
from evalkube_runner.eval.judging.panel import Judges
from evalkube_runner.eval.judging.summary import JudgeFailed
from evalkube_runner.eval.live import EvalLive
from evalkube_runner.eval.reviewing import Reviewer
from evalkube_runner.eval.room import Room
from evalkube_runner.eval.samples import Dataset, Sample, samples_of
from evalkube_runner.eval.scorer_process import ScorerFailed, Scorers
from evalkube_runner.eval.scoring import Scored
from evalkube_runner.wire.refusals import says_no_model

__all__ = ["Session"]

_LOG = logging.getLogger("evalkube.eval")
_PROGRESS_S = 0.5
# Reviews may lag behind answers by so many: a slow judge must not fill the memory, nor hold a free slot for a while.
_REVIEWS_WAITING = 1_000
# For so long a run that was told to stop waits for its last answers to be kept: where ingest is away, its operator may
# be waiting for this very pod's place on the node.
_STOPPED_S = 5.0


class Session:
    """The part of a run in which samples are in flight. Use as an async context manager."""

    def __init__(
        self, spec: EvalRunSpec, context: RunContext, model: str, loaded: list[Dataset], journal: checkpoint.Journal
    ) -> None:
        self._spec, self._context, self._model, self._loaded, self._journal = spec, context, model, loaded, journal
        self._total = sum(len(dataset.items) * dataset.plan.repeats for dataset in loaded)
        self._endpoint_gate = endpoint_gate.EndpointGate(
            spec.api_url, max(self._total, 1), time.monotonic, grace_s=spec.target_grace
        )
        self._stack = AsyncExitStack()
        most = at_once.most_of(spec)
        self._limit = at_once.Limit(min(most, max(self._total, 1))) if spec.eval_batch_size == AUTO else None
        if (proxy := context.proxies.for_url(spec.api_url)) is not None:
            _LOG.info("through the proxy %s: its delay is in all latencies", proxy)
        self._client = Client(
            spec.api_url,
            spec.model,
            spec.generation_config,
            api_key=context.api_key,
            credentials=context.credentials,
            api=spec.api,
            api_key_header=spec.api_key_header,
            trust=trust_of(spec, context.readable),
            proxies=context.proxies,
            connections=most,
            gate=context.gate,
            listener=self._endpoint_gate,
            limit=self._limit,
        )
        self._judges = Judges(
            spec.judge,
            keys=[context.judge_key(place) for place in range(len(spec.judge.models))],
            credentials=context.judge_credentials,
            connections=most,
            adaptive=self._limit is not None,
            gate=context.gate,
            readable=context.readable,
            proxies=context.proxies,
        )
        plans = [dataset.plan for dataset in loaded]
        self._scorers = Scorers(scoring.at_once(plans, machine.cores(), machine.memory()))
        self._room: asyncio.Semaphore | Room = asyncio.Semaphore(max(_REVIEWS_WAITING, most))
        self._place: Callable[[], AbstractAsyncContextManager[None]] = nullcontext
        if spec.precision is not None:  # what is taken up or answered, but not scored when it ends, is asked in vain
            self._room = asyncio.Semaphore(most)
            if self._limit is not None:
                self._room, self._place = Room(self._limit), Room(self._limit).place
        self._reviewer = Reviewer(
            spec, model, journal, judges=self._judges, scorers=self._scorers, unusable=self._unusable
        )
        self._begun_s = time.monotonic()
        self._done = self._reused = 0
        self._causes: Counter[ErrorClass] = Counter()
        self._messages: dict[ErrorClass, str] = {}
        self._damaged: Counter[str] = Counter()
        self._live = EvalLive(loaded)

    async def __aenter__(self) -> "Session":
        for part in (self._client, self._judges, self._scorers):
            await self._stack.enter_async_context(part)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def run(self) -> None:
        """Ask and score everything. What was finished is on the disk when this returns or raises. When the run is told
        to stop, that takes a few seconds.
        """
        patience_s: float | None = None
        writing = asyncio.create_task(self._journal.write_on())
        asking = asyncio.create_task(self._ask_all())
        telling = asyncio.create_task(self._tell_on())
        try:
            await asyncio.wait((writing, asking, telling), return_when=asyncio.FIRST_COMPLETED)
            for helper in (writing, telling):  # they end before the work only by failing
                if helper.done():
                    helper.result()
            await asking
        except asyncio.CancelledError:
            patience_s = _STOPPED_S
            raise
        finally:
            for task in (asking, telling):
                task.cancel()
            await asyncio.gather(asking, telling, return_exceptions=True)
            self._journal.close()
            await _written(writing, patience_s)
        for path, count in self._damaged.items():
            _LOG.warning("%s: %d lines were damaged, and have been replaced", path, count)
        for result in (dataset.builder.result for dataset in self._loaded):
            if result.judging is not None and result.judging.excluded:
                counts = (result.judging.excluded, result.judging.judgements)
                _LOG.warning("%s: %d of %d judgements are excluded: unreadable, or not to be had", result.name, *counts)
        await self._tell(self._live.after())

    async def _ask_all(self) -> None:
        if self._spec.precision is not None:  # a first score that comes late would have many asked in vain
            await self._scorers.start()
        try:
            async with asyncio.TaskGroup() as reviews:

                async def work(sample: Sample) -> None:
                    await self._sample(sample, reviews)

                samples = samples_of(self._loaded, self._spec, ended=self._end_early)
                slots = min(at_once.most_of(self._spec), max(self._total, 1))
                await pool.run(samples, slots, work, place=self._place)
        except BaseExceptionGroup as failures:
            raise _first(failures) from None

    def _end_early(self, dataset: Dataset, asked: int) -> None:
        """Leave out the questions from that place on."""
        assert dataset.ending is not None
        repeats, left = dataset.plan.repeats, dataset.items[asked:]
        for item in left:
            dataset.builder.request(item.subset.name, -repeats)
        self._total -= len(left) * repeats
        found = dataset.ending.result
        _LOG.info(
            "%s: the score of all %d questions lies between %.4f and %.4f after %d of them (precision %g); "
            "%d samples are not asked",
            dataset.plan.benchmark.name,
            *(found.of_questions, found.low, found.high, found.asked_questions, found.wanted, len(left) * repeats),
        )

    async def _sample(self, sample: Sample, reviews: asyncio.TaskGroup) -> None:
        """Get an answer, and leave its review to a task of its own: the slot is free for the next question."""
        known = sample.dataset.predictions
        kept = known.pop(sample.key, None) or known.pop(sample.anywhere, None)
        if kept is not None:
            sample = dataclasses.replace(sample, key=kept["key"])  # its score is known by that
        answer = records.answer_of(kept) if kept is not None else None
        if kept is not None and answer is None:
            self._unusable("predictions", sample)
        reused = answer is not None
        if answer is None:
            answer = await self._ask(sample)
            if answer is None:
                return
            await self._journal.add(
                sample.path("predictions", self._model),
                records.prediction(sample.key, sample.item, sample.repeat, self._model, sample.messages, answer)
                | {"anywhere": sample.anywhere},
            )
        await self._room.acquire()
        reviews.create_task(self._review(sample, answer, reused=reused))

    async def _ask(self, sample: Sample) -> Answer | None:
        """The model's answer, or None for a sample that is errored."""
        try:
            answer = await self._client.ask(
                sample.messages,
                repeat=sample.repeat,
                stops=sample.dataset.plan.stops(sample.item.subset.name),
                kind=sample.dataset.plan.benchmark.name,
            )
        except RequestFailed as failure:
            if not self._spec.ignore_errors:
                raise RunFailed(
                    endpoint_gate.reason_of(failure),
                    f"{self._spec.api_url}: {failure.message} (ignore_errors is false)",
                ) from failure
            await self._errored(sample, failure.error, failure.message)
            return None
        self._live.answered(answer)
        return answer

    async def _review(self, sample: Sample, answer: Answer, *, reused: bool) -> None:
        try:
            scored = await self._reviewer.score(sample, answer)
        except ScorerFailed as failure:
            await self._errored(sample, ErrorClass.SCORER, str(failure), answer, reused=reused)
        except JudgeFailed as failure:
            sample.dataset.builder.judged(summary.counts_of(failure.summary))
            await self._errored(sample, ErrorClass.JUDGE, str(failure), answer, reused=reused, judging=failure.summary)
        else:
            builder, subset = sample.dataset.builder, sample.item.subset.name
            builder.answered(subset, answer, reused=reused)
            builder.scored(subset, sample.item.index, sample.repeat, scored)
            builder.judged(summary.counts_of(scored.metadata))
            self._heed(sample, scored)
            self._reused += reused
            self._done += 1
        finally:
            self._room.release()

    def _heed(self, sample: Sample, scored: Scored | None) -> None:
        """Count a finished sample (None: an errored one) for the early end of its benchmark."""
        ending, metric = sample.dataset.ending, sample.dataset.plan.metrics[0].name
        if ending is None:
            return
        if scored is not None and scored.weights.get(metric, 1) != 1 and not ending.note:
            ending.give_up(f"{metric} pools the parts of answers, so that questions do not weigh alike")
            _LOG.warning("%s: precision: all questions are asked: %s", sample.dataset.plan.benchmark.name, ending.note)
        ending.finished(sample.place, None if scored is None else scored.values.get(metric))

    async def _errored(
        self,
        sample: Sample,
        cause: ErrorClass,
        message: str,
        answer: Answer | None = None,
        *,
        reused: bool = False,
        judging: dict[str, Any] | None = None,
    ) -> None:
        subset = sample.item.subset.name
        if answer is not None:
            sample.dataset.builder.answered(subset, answer, reused=reused)
        sample.dataset.builder.errored(subset, sample.item.index, cause)
        self._heed(sample, None)
        self._done += 1
        self._causes[cause] += 1
        if cause not in self._messages:
            self._messages[cause] = message
            _LOG.warning("%s: the first sample with error %s: %s", sample.dataset.plan.benchmark.name, cause, message)
        line = records.error(sample.item, sample.repeat, cause, message, judging)
        await self._journal.add(sample.path("errors", self._model), line)

    def _unusable(self, kind: str, sample: Sample) -> None:
        """Count a damaged stored line, and log the first one of a file: its sample is done again."""
        path = sample.path(kind, self._model)
        self._damaged[path] += 1
        if self._damaged[path] == 1:
            what, again = ("answer", "asked") if kind == "predictions" else ("score", "scored")
            _LOG.warning("%s: has lines with values that no %s has; their samples are %s again", path, what, again)

    # ---------------------------------------------------------------------------------------------------- telling

    async def _tell_on(self) -> None:
        while True:
            await self._tell(self._live.now(time.monotonic_ns(), in_flight=self._client.in_flight))
            await asyncio.sleep(_PROGRESS_S)

    async def _tell(self, live: Live) -> None:
        await self._context.delivery.progress(seen(self._progress(), live, shards=self._context.shards))

    def _progress(self) -> Progress:
        asked = self._done - self._reused
        # By the pace of what was really asked, once the endpoint was there: reused samples cost nothing.
        elapsed_s = time.monotonic() - (self._endpoint_gate.waited_until_s or self._begun_s)
        eta_s = elapsed_s / asked * (self._total - self._done) if asked else None
        return Progress(
            done=self._done,
            total=self._total,
            eta_seconds=eta_s,
            stage=self._stage(),
            failed=self._causes.total(),
        )

    def _stage(self) -> str:
        if self._endpoint_gate.is_waiting:
            return "waiting for the endpoint"
        cause = self._client.resting_after
        if cause is not None:
            return f"waiting to ask again after {cause}"
        return "evaluating" if self._limit is None else f"evaluating, {self._limit.now} at once"

    @property
    def judges(self) -> list[Spending]:
        """The use of the judges: their calls and tokens."""
        asked = zip(self._spec.judge.models, self._judges.usages, strict=True)
        return [Spending(model=judge.model, usage=usage, prices=judge.prices) for judge, usage in asked]

    @property
    def at_once(self) -> list[AtOnce]:
        """The course of the number of requests at once, where it was `auto`."""
        if self._limit is None:
            return []
        found = self._limit.document.model_copy(update={"shard": self._context.shard})
        _LOG.info("eval_batch_size auto: %s", found)
        return [found]

    def check_outcome(self) -> None:
        """Raises RunFailed(AllSamplesFailed, ModelNotFound) with the dominant cause when no sample has a score."""
        if self._total and sum(self._causes.values()) == self._total:
            cause, count = self._causes.most_common(1)[0]
            no_model = cause is not ErrorClass.JUDGE and says_no_model(self._messages[cause])
            raise RunFailed(
                Reason.MODEL_NOT_FOUND if no_model else Reason.ALL_SAMPLES_FAILED,
                f"none of {self._total} samples has a score; {count} of them: {cause}, first {self._messages[cause]!r}",
            )


async def _written(writing: asyncio.Task[None], patience_s: float | None) -> None:
    """Wait until all is written, or for `patience_s`; the next attempt asks for the rest again."""
    done, _ = await asyncio.wait({writing}, timeout=patience_s)
    if done:
        writing.result()
        return
    _LOG.warning("the last answers were not kept within %g s of the stop; the next attempt asks again", patience_s)
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """The failure that ended the others; a typed one wins over those that it caused."""
    flat: list[BaseException] = []

    def walk(group: Iterable[BaseException]) -> None:
        for one in group:
            if isinstance(one, BaseExceptionGroup):
                walk(one.exceptions)
            else:
                flat.append(one)

    walk(failures.exceptions)
    return next((one for one in flat if isinstance(one, RunFailed)), flat[0])
