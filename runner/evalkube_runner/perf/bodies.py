"""The bodies of a load test's requests, from prompts to the bytes that go out. The data room shapes prompts, the
dialect bodies; here they meet.

The parent renders bodies into the files of `payloads`, a bounded part ahead of its workers, and removes what they have
left behind; the disk holds no more than a part. What fits into `AHEAD_BYTES` is rendered before the load begins, so
that it has the machine to itself. The rest of a longer one is rendered beside it, by a thread that has a low priority
from then on; a worker that has to wait sends late, and that is on its record.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Protocol, Self

import orjson

from evalkube_crds import secret_keys
from evalkube_crds.names import Reason
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_runner import machine
from evalkube_runner.errors import RunFailed
from evalkube_runner.perf import payloads, scripting
from evalkube_runner.perf.payloads import PREFIX, Layout
from evalkube_runner.perf.script import Script
from evalkube_runner.wire.ask import DRAWN, Ask, Conversation, Drawn, Inputs, Prompt, Query, chat_of
from evalkube_runner.wire.chats import Inexpressible
from evalkube_runner.wire.dialect import HISTORIES, Dialect

__all__ = ["AHEAD_BYTES", "Bodies", "Prompts", "Span", "ask_of", "rendered", "window"]

_LOG = logging.getLogger("evalkube.runner.perf")
AHEAD_BYTES = 128 * 1024 * 1024
_BLOCK_BYTES = 4 * 1024 * 1024
_BLOCK_S = 0.25
"""About how much work a block is at most: so long a cancelled test waits for its thread."""
_MOST_IN_BLOCK = 4096
_TRIED = 16  # bodies from which the size of a block is told
_PLACE = b"\0"  # what no JSON has in it


class Prompts(Protocol):
    """Prompts by index; `len` is how many different ones there are, which may be more than memory or disk holds."""

    def __len__(self) -> int:
        """The number of bodies."""

    def item(self, index: int) -> Prompt | Inputs | Query | Conversation:
        """The body at a place, the same every time."""

    def limit(self, index: int) -> int | None:
        """The most tokens of the answer to a prompt, where the prompt has a limit of its own."""


def ask_of(spec: PerfRunSpec, prompt: Prompt | Inputs | Query, limit: int | None = None) -> Ask:
    """The request for one prompt. From a range of token limits one is drawn for each sending. `limit` and a prompt's
    own tools win over those of the spec.
    """
    chat = chat_of(prompt)
    tools: Sequence[Mapping[str, Any]] | None = spec.tools
    choice = spec.tool_choice
    if chat is not None:
        prompt = chat.messages
        tools, choice = (tools, chat.tool_choice or choice) if chat.tools is None else (chat.tools, chat.tool_choice)
    most = spec.max_tokens[0] if len(spec.max_tokens) == 1 else DRAWN
    return Ask(
        model=spec.model,
        prompt=prompt,
        tools=tools,
        tool_choice=choice,
        stream=spec.streams,
        choices=spec.n_choices,
        max_tokens=most if limit is None else limit,
        min_tokens=spec.min_tokens,
        temperature=spec.temperature,
        top_p=spec.top_p,
        top_k=spec.top_k,
        seed=spec.seed,
        stop=spec.stop,
        stop_token_ids=spec.stop_token_ids,
        frequency_penalty=spec.frequency_penalty,
        repetition_penalty=spec.repetition_penalty,
        logprobs=spec.logprobs,
        extra=spec.extra_args,
        url=spec.url,
    )


def rendered(body: Mapping[str, Any]) -> tuple[bytes, int | None]:
    """A body as JSON, and the place for a drawn token limit; None where it has none."""
    found = orjson.dumps(body, default=_drawn)
    place = found.find(_PLACE)
    return (found, None) if place < 0 else (found[:place] + found[place + 1 :], place)


def _drawn(value: object) -> orjson.Fragment:
    if isinstance(value, Drawn):
        return orjson.Fragment(_PLACE)
    raise TypeError(f"no JSON: {type(value).__name__}")


@dataclass(frozen=True, slots=True)
class Span:
    """The requests of one point, by their places in the test."""

    first: int
    count: int


def window(layout: Layout, span: Span, at: int, most: int) -> Iterator[int]:
    """The blocks that a worker at block `at` needs next, in order: at most `most`, none beyond the span. Pure."""
    start = layout.item_of(span.first)
    for step in range(min(most, layout.blocks)):
        block = (at + step) % layout.blocks
        items = layout.items_of(block)
        if start not in items and (items[0] - start) % layout.items >= span.count:
            return
        yield block


class Bodies:
    """The bodies of one load test, rendered ahead of its workers. Use as an async context manager."""

    def __init__(
        self,
        spec: PerfRunSpec,
        dialect: Dialect,
        prompts: Prompts,
        folder: Path,
        *,
        total: int,
        secret: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        """`total`: requests of the test at most, so that no more is rendered for a small one. `secret`: what
        joins each body and is in no spec; `folder` is nobody else's to read.
        """
        self._secret = secret
        self._spec = spec
        self._total = total
        self._dialect = dialect
        self._prompts = prompts
        self._folder = folder
        self._thread = ThreadPoolExecutor(1, "bodies")
        self._span = Span(0, 0)
        self._at: dict[int, int] = {}
        self._there: set[int] = set()
        self._most = 1
        self._warned = False
        self._loaded = False
        self._news = asyncio.Event()
        self._rendered = asyncio.Event()
        self._rendering: asyncio.Task[None] | None = None
        self._layout: Layout | None = None
        self.turns = 1.0
        """Requests of an item, on average, as far as tried; known once a span has begun."""

    @property
    def layout(self) -> Layout:
        """The layout of the bodies' files; known once a span has begun."""
        assert self._layout is not None
        return self._layout

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the rendering, after the block that is being rendered, and remove what is left."""
        if self._rendering is not None:
            self._rendering.cancel()
            await asyncio.wait([self._rendering])
        self._thread.shutdown(wait=True, cancel_futures=True)
        for path in self._folder.glob(f"{PREFIX}*"):
            path.unlink()

    async def begin(self, span: Span) -> None:
        """Render the first bodies of `span`; the others follow as workers reach them. Raises as prompts do."""
        loop = asyncio.get_running_loop()
        if self._layout is None:
            self._layout, self._most = await loop.run_in_executor(self._thread, self._laid_out)
        self._span = span
        self._at = {0: self.layout.item_of(span.first) // self.layout.block}
        if self._rendering is None:
            self._rendering = loop.create_task(self._render())
        self._news.set()
        while self._missing() is not None:
            self._rendered.clear()
            waiting = loop.create_task(self._rendered.wait())
            await asyncio.wait([waiting, self._rendering], return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            self.check()

    def reached(self, worker: int, block: int) -> None:
        """Note that a worker asks for `block`. From the first request on there is a load, which has priority over
        rendering.
        """
        if not self._loaded:
            self._loaded = True
            self._thread.submit(machine.step_back)
        if block not in self._there and not self._warned:
            self._warned = True
            _LOG.warning("requests leave late: prompts are not made as fast as requests are due")
        self._at[worker] = block
        self._news.set()

    def check(self) -> None:
        """Raise what ended the rendering, if anything did: RunFailed, OSError."""
        if self._rendering is not None and self._rendering.done() and not self._rendering.cancelled():
            self._rendering.result()

    def _laid_out(self) -> tuple[Layout, int]:
        """The layout, and how many blocks are rendered ahead, by the cost of the first bodies."""
        items = len(self._prompts)
        blank = Layout(self._folder, items, 1, self._spec.dataset_offset)
        count = min(self._total, items)
        tried = min(_TRIED, count)
        began_s = time.monotonic()
        first = [self._body(blank.item_of(at))[0] for at in range(tried)]
        bytes_each = sum(map(len, first)) / tried
        if self._spec.converses:
            self.turns = sum(len(Script.unpacked(packed)) for packed in first) / tried
        took_s = (time.monotonic() - began_s) / tried
        block = max(1, int(min(_MOST_IN_BLOCK, count, _BLOCK_BYTES / bytes_each, _BLOCK_S / max(took_s, 1e-9))))
        most = max(2, int(AHEAD_BYTES / (block * bytes_each)))
        _LOG.debug("bodies of about %d bytes, %d to a block, %d blocks ahead", bytes_each, block, most)
        return Layout(self._folder, items, block, self._spec.dataset_offset), most

    def _body(self, item: int) -> tuple[bytes, int | None]:
        """The body of an item, and the place of a drawn limit. Raises RunFailed for one that its API cannot say."""
        prompt = self._prompts.item(item)
        try:
            if isinstance(prompt, Conversation):
                return self._script(prompt), None
            made = self._dialect.body(ask_of(self._spec, prompt, self._prompts.limit(item)))
        except Inexpressible as problem:
            unit = "conversation" if isinstance(prompt, Conversation) else "prompt"
            raise RunFailed(Reason.DATASET_UNAVAILABLE, f"{unit} {item}: {problem}") from None
        except scripting.NoHistory as problem:
            raise RunFailed(Reason.INVALID_SPEC, f"extra_args: {problem}") from None
        return rendered(secret_keys.joined(made, self._secret))

    def _script(self, conversation: Conversation) -> bytes:
        """The packed script of a conversation, with the place of its drawn limit."""
        ask = ask_of(self._spec, list(conversation.turns[0]))
        if conversation.tools is not None:
            ask = replace(ask, tools=conversation.tools, tool_choice=None)
        joined = partial(secret_keys.joined, secret=self._secret)
        script = scripting.script_of(self._dialect, HISTORIES[self._spec.api], ask, conversation, joined=joined)
        return script.packed()

    def _windows(self) -> list[list[int]]:
        return [list(window(self.layout, self._span, at, self._most)) for at in self._at.values()]

    def _missing(self) -> int | None:
        """The missing block that is needed soonest."""
        found = [
            (step, block) for blocks in self._windows() for step, block in enumerate(blocks) if block not in self._there
        ]
        return min(found)[1] if found else None

    async def _render(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._forget({block for blocks in self._windows() for block in blocks})
            block = self._missing()
            if block is None:
                self._news.clear()
                await self._news.wait()
                continue
            await loop.run_in_executor(self._thread, self._write, block)
            self._there.add(block)
            self._rendered.set()

    def _write(self, block: int) -> None:
        payloads.write(self.layout.path(block), map(self._body, self.layout.items_of(block)))

    def _forget(self, needed: Collection[int]) -> None:
        """Remove blocks that no worker is near; small loads keep all of them."""
        if self.layout.blocks > self._most:
            for block in self._there - set(needed):
                self._remove(block)

    def _remove(self, block: int) -> None:
        self._there.discard(block)
        with contextlib.suppress(FileNotFoundError):
            self.layout.path(block).unlink()
