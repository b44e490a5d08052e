"""A request and the times of its answer: integer nanoseconds of the monotonic clock, 0 = never. No I/O here."""

from collections.abc import Callable

from evalkube_crds.names import AnswerNote, Clock, ErrorClass, error_class_of_status
from evalkube_runner.perf.timeline import Span, Timeline
from evalkube_runner.wire.answer import Answer, Usage
from evalkube_runner.wire.dialect import Dialect, StreamReader
from evalkube_runner.wire.tunnel import CREDENTIALS
from evalkube_runner.wire.whole import MAX_BODY_BYTES

__all__ = ["Exchange"]

_MAX_ERROR_BYTES = 16 * 1024
_HEAD_END = b"\r\n\r\n"


class Exchange:
    """A request in flight. The connection fills it in; `ended` is called once, when it is over."""

    __slots__ = (
        "_body",
        "_body_bytes",
        "_choices",
        "_count",
        "_dialect",
        "_keep_text",
        "behind_ns",
        "chunks",
        "clock",
        "connect_ns",
        "dispatched_ns",
        "end_lag_ns",
        "end_ns",
        "ended",
        "error",
        "finish_reasons",
        "first_byte_ns",
        "first_token_lag_ns",
        "first_token_ns",
        "index",
        "inputs",
        "intended_ns",
        "last_token_ns",
        "lines",
        "message",
        "notes",
        "pace_ns",
        "payload",
        "reader",
        "ready_ns",
        "resent",
        "sent_ns",
        "spans",
        "status",
        "strays",
        "streamed",
        "texts",
        "usage",
    )

    def __init__(
        self,
        index: int,
        payload: bytes,
        dialect: Dialect,
        *,
        stream: bool,
        choices: int,
        ended: Callable[["Exchange"], None],
        keep_text: bool = False,
        count: Callable[[bytes], int] | None = None,
    ) -> None:
        """`keep_text`: where the server does not say how many tokens the answer has, keep its `texts`. `count`:
        gives the number of inputs of a request whose answer has no words; None where it has.
        """
        self.index = index
        self.payload = payload
        self.ended = ended
        self.streamed = stream
        self.reader: StreamReader | None = dialect.reader(choices, keep_text=keep_text) if stream else None
        self.lines = [Timeline(track) for track in self.reader.tracks] if self.reader is not None else []
        self._choices = choices
        self._dialect = dialect
        self._keep_text = keep_text
        self._count = count
        self.inputs = 0
        self.texts: list[str] | None = None
        self._body: list[bytes] = []
        self._body_bytes = 0
        self.intended_ns = self.ready_ns = self.dispatched_ns = self.sent_ns = self.connect_ns = 0
        self.first_byte_ns = self.first_token_ns = self.last_token_ns = self.end_ns = 0
        self.first_token_lag_ns = self.end_lag_ns = 0  # how long the client may have left them unread
        self.behind_ns = 0  # by how much bursts after stalls of the client may have delayed the answer
        self.pace_ns = 0  # between two chunks of other answers, where the first one lay unread
        self.clock: Clock | None = None  # whose the times of what arrived are; None: nothing has
        self.status = 0
        self.chunks = self.strays = 0
        self.resent = False
        self.spans: list[Span] = []
        self.finish_reasons: list[str | None] = []
        self.notes: list[AnswerNote] = []
        self.usage: Usage | None = None
        self.error: ErrorClass | None = None
        self.message = ""

    @property
    def finish_reason(self) -> str | None:
        """The finish reason of the first choice that has one."""
        return next((reason for reason in self.finish_reasons if reason is not None), None)

    @property
    def is_wordless(self) -> bool:
        """Whether the request has inputs, and its answer has no words, as with embeddings."""
        return self._count is not None

    @property
    def refused(self) -> bool:
        """Whether the status is not a success."""
        return not 200 <= self.status < 300

    @property
    def one_event(self) -> bool:
        """Whether no more has come than one piece of the answer, with what stands before it."""
        return not self.said_done and sum([track.chunks for track in self.reader.tracks] if self.reader else []) == 1

    def timed_by(self, clock: Clock) -> None:
        """Note the clock of an arrival."""
        self.clock = clock if self.clock in (None, clock) else Clock.MIXED

    def body(self, data: bytes, now_ns: int) -> bool:
        """Take the body bytes of one read; every event in them gets that read's time. Whether the grammar says that the
        answer is over.
        """
        reader = self.reader
        if reader is None or not 200 <= self.status < 300:
            self._keep(data)
            return False
        reader.feed(data)
        for line in self.lines:
            if line.take(now_ns) and not self.first_token_ns:
                self.first_token_ns = now_ns
        return reader.done

    def _keep(self, data: bytes) -> None:
        self._body_bytes += len(data)
        if self._body_bytes <= (_MAX_ERROR_BYTES if self.refused else MAX_BODY_BYTES):
            self._body.append(data)

    def fail(self, error: ErrorClass, message: str) -> None:
        """Note what went wrong first; later faults are its consequences."""
        if self.error is None:
            self.error = error
            self.message = message

    @property
    def said_done(self) -> bool:
        """Whether the answer is over as far as its grammar goes, though the connection has not said so."""
        return self.reader is not None and self.reader.done and not self.refused

    def conclude(self, now_ns: int, *, whole: bool) -> None:
        """End the answer (`whole`: the HTTP message ended as it should), and read what it says."""
        if self.refused:
            self._conclude_refusal()
        elif self.reader is not None:
            self._conclude_stream(self.reader, now_ns)
        else:
            self._conclude_whole(whole)
        self._body.clear()

    def _conclude_stream(self, reader: StreamReader, now_ns: int) -> None:
        reader.end()
        for line in self.lines:
            line.take(now_ns)
        answer = reader.answer()
        if _blanks_are_tokens(reader, answer.usage):
            for line in self.lines:
                line.count_blanks()
        if self.first_token_lag_ns:
            self._date_back(self.first_token_lag_ns)
        self.spans = [span for line in self.lines if (span := line.span()) is not None]
        self.first_token_ns = min([span.first_ns for span in self.spans], default=0)
        self.last_token_ns = max([span.last_ns for span in self.spans], default=0)
        self.chunks = sum([span.chunks for span in self.spans])
        self._take(answer)
        if not reader.streamed and answer.fault is None:
            self.fail(ErrorClass.PARSE, "the server answered without streaming; set stream to false")

    def _date_back(self, lag_ns: int) -> None:
        """The time of a first token that was unread for at most `lag_ns`, and how far it may be from the truth."""
        read_ns, pace_ns = self.first_token_ns, self.pace_ns
        backs_ns = [line.date_back(lag_ns, pace_ns) for line in self.lines if line.times_ns[:1] == [read_ns]]
        back_ns = max(backs_ns, default=0)
        self.first_token_lag_ns = max(lag_ns - back_ns, back_ns)

    def _take(self, answer: Answer) -> None:
        """Note what an answer says."""
        if self._count is None:
            self.finish_reasons = [answer.finish_reasons.get(choice) for choice in range(max(answer.begun, 1))]
        self.usage = answer.usage
        self.strays = answer.strays
        if answer.begun < self._choices and self._count is None:
            self.notes.append(AnswerNote.FEWER_CHOICES)
        if answer.strays:
            self.notes.append(AnswerNote.MORE_CHOICES)
        if answer.usage is not None and answer.usage.doubtful:
            self.notes.append(AnswerNote.IMPLAUSIBLE_USAGE)
        if answer.fault is not None:
            self.fail(answer.fault.error, answer.fault.message)
        elif answer.silent and not self.chunks:
            self.fail(ErrorClass.EMPTY_STREAM, "the answer has no content, and no tokens are stated")
        if self._keep_text and self.error is None and not self._is_counted():
            self.texts = list(answer.texts.values())

    def _conclude_refusal(self) -> None:
        said = self._dialect.error_message(b"".join(self._body))
        self.fail(error_class_of_status(self.status), f"the proxy {CREDENTIALS}" if self.status == 407 else said)

    def _conclude_whole(self, whole: bool) -> None:
        if self._body_bytes > MAX_BODY_BYTES:
            self.fail(ErrorClass.TOO_LARGE, f"an answer of more than {MAX_BODY_BYTES} bytes")
            return
        if not whole:
            self.fail(ErrorClass.DISCONNECTED, "the connection closed before the answer was whole")
            return
        if self._count is not None:
            self.inputs = self._choices = self._count(self.payload.partition(_HEAD_END)[2])
        self._take(self._dialect.answer(b"".join(self._body), self._choices, keep_text=self._keep_text))

    def _is_counted(self) -> bool:
        """Whether the server has said how many tokens there are."""
        usage = self.usage
        if usage is None or usage.prompt_tokens is None:
            return False
        return usage.completion_tokens is not None or self._count is not None


def _blanks_are_tokens(reader: StreamReader, usage: Usage | None) -> bool:
    """Whether empty pieces count: the usage has room for them, or, without one, they stand within characters. Else
    they cannot be told from keep-alives.
    """
    blanks = sum([track.blanks for track in reader.tracks])
    if not blanks:
        return False
    if usage is not None and usage.completion_tokens is not None:
        return usage.completion_tokens >= blanks + sum([track.chunks for track in reader.tracks])
    return any(track.inside for track in reader.tracks)
