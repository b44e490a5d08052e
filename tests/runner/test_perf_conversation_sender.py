"""Turns of conversations as they are sent, in one process: what a stall of the client may have done to them."""

import asyncio
import time
from pathlib import Path

import orjson
import uvloop

from evalkube_runner.http.target import Target, request_head
from evalkube_runner.perf import payloads as files
from evalkube_runner.perf import schedule
from evalkube_runner.perf.conversation import SessionOptions, Sessions
from evalkube_runner.perf.conversation_sender import ConversationSender, Turn
from evalkube_runner.perf.exchange import Exchange
from evalkube_runner.perf.pool import Limits, Pool
from evalkube_runner.perf.script import Answered, Script
from evalkube_runner.perf.sender import SendOptions
from evalkube_runner.wire import openai
from fakes.raw_server import ANSWER, raw_server

MS = 1_000_000
BODY = orjson.dumps({"messages": [{"role": "user", "content": "first"}]})
SCRIPT = Script(BODY, len(BODY) - 2, None, (b',{"role":"user","content":"second"}',))
COUNT = 60


async def driven(folder: Path, *, think_ns: int, stall_at_s: float) -> list[Turn]:
    """Conversations of two turns, one every 5 ms for 0.3 s, by a client that stands still once, for 80 ms."""
    layout = files.Layout(folder, COUNT, COUNT)
    files.write(layout.path(0), [(SCRIPT.packed(), None)] * COUNT)
    async with raw_server(lambda _connection, _request: [ANSWER]) as server:
        target = Target("127.0.0.1", server.port, False, "/v1")
        pool = Pool(target, Limits(), ["127.0.0.1"], connected=lambda _: None)
        bodies = files.Payloads(layout, request_head(target, {}), 0, reached=lambda _: None)
        options = SessionOptions(Answered('{"role":"assistant","content":', "}", silence=True), (think_ns, think_ns))
        ended: list[Exchange] = []
        sender = ConversationSender(
            pool,
            Sessions(bodies, options, head=request_head(target, {}), seed=1, limits=None),
            schedule.plan(
                1, schedule.Lane(0, 1), COUNT, rate=200.0, max_tokens=None, arrivals=schedule.Arrivals("constant")
            ),
            SendOptions(slots=None, ramp_from_ns=0, ramp_step_ns=0, warmup=0, duration_ns=None, stream=True, choices=1),
            dialect=openai,
            record=ended.append,
            begin=lambda _: None,
            over=lambda _session, _ending, _sent: None,
        )
        loop = asyncio.get_running_loop()
        loop.call_later(stall_at_s, time.sleep, 0.08)  # it blocks the loop, as a stall does
        await asyncio.wait_for(sender.run(time.monotonic_ns() + 10 * MS), 60)
        await pool.close()
        bodies.close()
        return [one for one in ended if isinstance(one, Turn)]


def test_turns_that_go_on_meet_a_burst_too(tmp_path: Path) -> None:
    """First turns that leave in the burst after a stall, though another turn follows on them; and those that follow."""
    turns = uvloop.run(driven(tmp_path, think_ns=0, stall_at_s=0.1))
    assert len(turns) == 2 * COUNT
    assert {one.turn for one in turns if one.behind_ns > 40 * MS} == {0, 1}


def test_turns_after_a_thought_make_a_burst_too(tmp_path: Path) -> None:
    """They have a time of their own: a client that misses it sends all of them at once."""
    turns = uvloop.run(driven(tmp_path, think_ns=400 * MS, stall_at_s=0.5))
    assert any(one.turn for one in turns if one.behind_ns > 40 * MS)
