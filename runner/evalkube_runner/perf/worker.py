"""A process that generates load: `python -m evalkube_runner.perf.worker`, started and spoken to by `workers`.

Its messages are those of `task`. On stdin: a `Task` (which holds the headers, and so the key: it never stands in
arguments, environment or files), then `Begin` once all workers are ready; where tokens are to be counted, `CountTokens`
once the load of all is over, so that no counting disturbs another's load; at any time `EndEarly` or `Stop`. On stdout:
`Ready`, `Progress`, `Reached`, `LoadOver`, then `Done` or `Stopped`. The end of stdin means that the parent is gone:
exit now.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress

import uvloop

from evalkube_runner import machine
from evalkube_runner.perf import rows as row_files
from evalkube_runner.perf import schedule, task
from evalkube_runner.perf.conversation import Sessions
from evalkube_runner.perf.conversation_sender import ConversationSender, Turn
from evalkube_runner.perf.conversation_tally import ConversationTally
from evalkube_runner.perf.exchange import Exchange
from evalkube_runner.perf.goodput import Counting
from evalkube_runner.perf.kept_connections import KeptConnections
from evalkube_runner.perf.marks import Marks, path_of
from evalkube_runner.perf.measure import Measure
from evalkube_runner.perf.payloads import Payloads
from evalkube_runner.perf.pool import Pool
from evalkube_runner.perf.schedule import Planned
from evalkube_runner.perf.self_watch import Pulse, SelfWatch, quiet_collector
from evalkube_runner.perf.sender import Sender, SendOptions
from evalkube_runner.perf.token_count import TokenCounter, add_row

__all__ = ["main"]

_PROGRESS_S = 0.5
_TROUBLE_S = 0.1  # what fails is told sooner
_GRACE_S = 10.0
"""How long what is in flight may take when the load ends early."""
_LINE_BYTES = 1 << 22


def main() -> None:
    """Work until stdin ends."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # they reach the whole group; the parent decides
    uvloop.run(_serve())


async def _serve() -> None:
    lines = asyncio.StreamReader(limit=_LINE_BYTES)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    inbox: asyncio.Queue[task.Message] = asyncio.Queue()
    reading = loop.create_task(_read(lines, inbox))
    pulse = Pulse()
    connections = KeptConnections(pulse)
    while True:
        message = await inbox.get()
        if isinstance(message, task.Task):
            await _PointWork(message, inbox, pulse).run(connections)
        elif not isinstance(message, task.EndEarly):
            _say(task.Stopped())  # it came too late for the task it meant
        assert not reading.done()


async def _read(lines: asyncio.StreamReader, inbox: asyncio.Queue[task.Message]) -> None:
    while line := await lines.readline():
        inbox.put_nowait(task.decode(line))
    os._exit(0)  # the parent is gone: nobody wants results, and no request may go on


def _say(message: task.Message) -> None:
    sys.stdout.buffer.write(task.encode(message))
    sys.stdout.buffer.flush()


def _reached(block: int) -> None:
    _say(task.Reached(block))


class _PointWork:
    """The work of one point's share: open connections, say ready, wait for the start, send, count, report."""

    _pool: Pool

    def __init__(self, given: task.Task, inbox: asyncio.Queue[task.Message], pulse: Pulse) -> None:
        self._given = given
        self._options, self._point, self._share = given.options, given.point, given.share
        self._inbox = inbox
        self._stopped = False
        self._connections_limit = machine.connections()
        self._figures = Measure(warmup=self._point.warmup, goodput=self._goodput())
        self._watch = SelfWatch(asyncio.get_running_loop(), pulse)
        endpoint = self._options.endpoint
        self._dialect = endpoint.dialect
        self._conversations = (
            ConversationTally(warmup=self._point.warmup) if self._options.sessions is not None else None
        )
        self._bodies = Payloads(self._point.bodies, endpoint.head, self._point.first, reached=_reached)

    def _goodput(self) -> Counting | None:
        """Counts from when requests should leave, where they have such a time."""
        criteria = self._options.goodput
        intended = self._share.slots is None or self._point.rate is not None
        return None if criteria is None else Counting(criteria, intended=intended)

    async def run(self, connections: KeptConnections) -> None:
        """Run the point, from the first connection to the last message, `Done` or `Stopped`."""
        self._pool = await connections.pool(self._given, self._figures.connected)
        await self._pool.warm(self._share.connections)
        quiet_collector()
        _say(task.Ready(self._pool.ready))
        word = await self._word()
        report = await self._measured(word.start_ns) if isinstance(word, task.Begin) else None
        _say(task.Done(report) if report is not None else task.Stopped())
        await connections.give_back(self._pool, self._given)
        self._bodies.close()

    async def _measured(self, start_ns: int) -> task.WorkerReport | None:
        """The measurement of the load; None when it was stopped. Its rows are on disk in either case."""
        rows = row_files.Rows(self._share.rows, start_ns=start_ns, warmup=self._point.warmup, run=self._point.run)
        marks = Marks(path_of(self._share.rows), start_ns=start_ns, warmup=self._point.warmup)
        sender = self._sender(rows, marks)
        self._watch.start(start_ns)
        await self._send(sender, start_ns)
        stopped = self._stopped
        watched = self._watch.stop()
        if self._options.counting is not None and not stopped:
            _say(task.LoadOver())
            stopped = isinstance(await self._word(), task.Stop)
            stopped = stopped or not await self._counted(self._options.counting, rows, marks, start_ns)
        rows.close()
        marks.close()
        measured = self._figures.to_doc(time.time_ns() - time.monotonic_ns())
        report = task.WorkerReport(
            measured=measured if self._conversations is None else self._conversations.added_to(measured),
            watched=watched,
            offered=sender.offered,
            sent=sender.sent,
            connections_peak=self._pool.peak,
            connections_limit=self._connections_limit,
            clock_step_ns=self._pool.clock_stepped_ns,
            begun_ns=sender.begun_ns,
        )
        return None if stopped else report

    def _sender(self, rows: row_files.Rows, marks: Marks) -> Sender:
        figures, options, point, lane = self._figures, self._options, self._point, self._share.lane
        planned = schedule.plan(
            options.seed,
            lane,
            point.count,
            rate=point.rate,
            max_tokens=options.max_tokens,
            arrivals=point.arrivals,
        )
        sending = SendOptions(
            slots=self._share.slots,
            ramp_from_ns=lane.lane * point.slot_step_ns,
            ramp_step_ns=lane.lanes * point.slot_step_ns,
            warmup=point.warmup,
            duration_ns=options.duration_ns,
            stream=options.stream,
            choices=options.choices,
            keep_text=options.counting is not None,
            count=options.endpoint.count,
        )
        sessions = options.sessions_of(self._bodies)
        if sessions is not None:
            return self._conversation_sender(sessions, planned, sending, rows, marks)

        def record(exchange: Exchange) -> None:
            figures.add(exchange)
            rows.add(exchange)
            marks.add(exchange)

        return Sender(
            self._pool, self._bodies, planned, sending, dialect=self._dialect, record=record, begin=figures.begin
        )

    def _conversation_sender(
        self, sessions: Sessions, planned: Iterator[Planned], sending: SendOptions, rows: row_files.Rows, marks: Marks
    ) -> ConversationSender:
        figures, conversations = self._figures, self._conversations
        assert conversations is not None

        def record(exchange: Exchange) -> None:
            assert isinstance(exchange, Turn)
            figures.add(exchange)
            conversations.add(exchange)
            body = exchange.request_body if exchange.texts is not None else None
            rows.add(exchange, further={"conversation": exchange.index, "turn": exchange.turn}, body=body)
            marks.add(exchange)

        return ConversationSender(
            *(self._pool, sessions, planned, sending),
            dialect=self._dialect,
            record=record,
            begin=figures.begin,
            over=conversations.over,
        )

    async def _send(self, sender: Sender, start_ns: int) -> None:
        """Send the whole load, while the parent's messages are read and it gets progress."""
        loop = asyncio.get_running_loop()
        beside = [loop.create_task(self._obey(sender)), loop.create_task(self._tell(sender))]
        await sender.run(start_ns)
        for each in beside:
            each.cancel()
        _say(self._progress(sender))

    async def _obey(self, sender: Sender) -> None:
        """Wait for a message to end. Then nothing more is sent, and what is in flight ends as cancelled: at once, or
        after its grace.
        """
        word = await self._inbox.get()
        sender.stop()
        if isinstance(word, task.EndEarly):
            with suppress(TimeoutError):
                async with asyncio.timeout(_GRACE_S):
                    word = await self._inbox.get()
        self._stopped = isinstance(word, task.Stop)
        await self._pool.close()

    async def _word(self) -> task.Message:
        """The next message, but for an early end, which the load's own has overtaken."""
        while isinstance(word := await self._inbox.get(), task.EndEarly):
            pass
        return word

    async def _tell(self, sender: Sender) -> None:
        """Report how far the load is, and soon when there is trouble."""
        told_s, told_failed = time.monotonic(), 0
        while True:
            await asyncio.sleep(_TROUBLE_S)
            figures, now_s = self._figures, time.monotonic()
            if now_s - told_s >= _PROGRESS_S or figures.failed != told_failed:
                told_s, told_failed = now_s, figures.failed
                _say(self._progress(sender))

    def _progress(self, sender: Sender) -> task.Progress:
        figures, conversations = self._figures, self._conversations
        return task.Progress(
            warmup=figures.warmup if conversations is None else conversations.warmup,
            measured=figures.finished if conversations is None else conversations.measured,
            unsuccessful=figures.failed if conversations is None else conversations.failed,
            sent=sender.sent,
            failed=figures.failed,
            unconnected=figures.unconnected,
            unconnected_since_ns=figures.unconnected_since_ns if figures.unconnected else 0,
            problem=figures.problem if figures.unconnected else "",
            at_ns=time.monotonic_ns(),
            since_ns=figures.first_sent_ns,
            succeeded=figures.succeeded,
            output_tokens=figures.output_tokens,
            in_flight=sender.at_server,
            ttft=figures.sketch("ttft_ns"),
            latency=figures.sketch("latency_ns"),
        )

    async def _counted(self, counting: task.TokenCounting, rows: row_files.Rows, marks: Marks, start_ns: int) -> bool:
        """Count the tokens that the server did not; False when told to stop. In a thread: stdin is still heard."""
        counter: TokenCounter | None = None
        for batch in rows.waiting():
            if counter is None:
                counter = await asyncio.to_thread(self._counter, counting)
            for row, (_, _, timing, _) in zip(await asyncio.to_thread(counter.rows, batch), batch, strict=True):
                add_row(self._figures, row, timing, start_ns)
                rows.write(row)
                marks.add_row(row, timing)
            if not self._inbox.empty() and isinstance(self._inbox.get_nowait(), task.Stop):
                return False
        return True

    def _counter(self, counting: task.TokenCounting) -> TokenCounter:
        from evalkube_crds.paths import Readable
        from evalkube_runner.data import tokens  # not before the load, and only where it is needed

        tokenizer = tokens.load(counting.tokenizer, Readable.of(counting.readable, counting.closed))
        return TokenCounter(tokenizer, self._bodies, self._dialect)


if __name__ == "__main__":
    main()
