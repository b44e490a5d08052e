"""What the parent of a load test and its workers say to each other."""

from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import get_args

import pytest

from evalkube_crds.proxies import Proxy
from evalkube_runner.perf import task
from evalkube_runner.perf.goodput import Criteria
from evalkube_runner.perf.payloads import Layout
from evalkube_runner.perf.pool import Limits
from evalkube_runner.perf.rates import Stage
from evalkube_runner.perf.schedule import Arrivals, Lane
from evalkube_runner.trust import Trust

SECRETS = ("sk-in-a-header", "key-in-a-query", "word-of-a-proxy")
ENDPOINT = task.Endpoint(
    api="openai",
    url="https://h/v1/chat/completions?key=key-in-a-query",
    headers={"Authorization": "Bearer sk-in-a-header", "X-Name": "ü"},
    trust=Trust("-----BEGIN CERTIFICATE-----", verify=False),
    proxy=Proxy("http", "p", 3128, "u", "word-of-a-proxy"),
)
OPTIONS = task.LoadOptions(
    endpoint=ENDPOINT,
    limits=Limits(1.5, None, 60.0),
    stream=True,
    choices=2,
    seed=7,
    max_tokens=(3, 9),
    duration_ns=10**10,
    counting=task.TokenCounting("/data/tokenizer.json", (Path("/data"),), (Path("/data/closed"), Path("/x"))),
    goodput=Criteria(200_000_000, None, 10**9),
)
BARE = task.LoadOptions(
    endpoint=task.Endpoint("openai", "http://h/", {}, Trust(), None),
    limits=Limits(),
    stream=False,
    choices=1,
    seed=0,
    max_tokens=None,
    duration_ns=None,
    counting=None,
)
STAGES = Arrivals("gamma", 0.5, (Stage(1.0, 2.5, 3.0, exponential=True), Stage(2.5, 2.5, 1.0)), Path("/a"))
BODIES = Layout(Path("/scratch"), items=10, block=4, offset=3)
REPORT = task.WorkerReport({"succeeded": 2, "failed": 1, "health": {"a": 1}}, {"b": 2}, 4, 3, 2, 1000, 5)
MESSAGES: dict[str, task.Message] = {
    "a whole task": task.Task(
        OPTIONS,
        task.PointLoad(
            ("127.0.0.1", "::1"), BODIES, first=5, count=9, warmup=2, rate=2.5, arrivals=STAGES, slot_step_ns=7, run=1
        ),
        task.Share(Lane(1, 4), slots=3, connections=3, rows=Path("/scratch/rows-1-0.jsonl")),
    ),
    "a task with nothing that may be left out": task.Task(
        BARE,
        task.PointLoad(
            (), BODIES, first=0, count=0, warmup=0, rate=None, arrivals=Arrivals(), slot_step_ns=0, run=None
        ),
        task.Share(Lane(0, 1), slots=None, connections=0, rows=Path("r")),
    ),
    "begin": task.Begin(1 << 62),
    "count tokens": task.CountTokens(),
    "stop": task.Stop(),
    "end early": task.EndEarly(),
    "ready": task.Ready(64),
    "progress": task.Progress(3, 4),
    "reached": task.Reached(0),
    "load over": task.LoadOver(),
    "done": task.Done(REPORT),
    "stopped": task.Stopped(),
}


def test_every_message_is_here() -> None:
    """Whoever adds one adds it to the table."""
    assert {type(message) for message in MESSAGES.values()} == set(get_args(task.Message))


@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES)
def test_a_message_is_heard_as_it_was_said(message: task.Message) -> None:
    """Of the same types, all the way down; one line."""
    line = task.encode(message)
    heard = task.decode(line)
    assert heard == message
    assert _types(heard) == _types(message)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1


def _types(value: object) -> object:
    if is_dataclass(value):
        return type(value), [_types(getattr(value, each.name)) for each in fields(value)]
    if isinstance(value, tuple):
        return [_types(each) for each in value]
    return type(value)


@pytest.mark.parametrize("secret", SECRETS)
def test_secrets_are_said_and_never_shown(secret: str) -> None:
    """A task in a traceback or a log shows none; the worker hears all."""
    message = MESSAGES["a whole task"]
    assert secret.encode() in task.encode(message)
    assert secret not in repr(message)


def test_a_report_is_a_part_of_a_point() -> None:
    """What was counted, and what the process knows of itself, in one place."""
    assert REPORT.finished == 3
    assert REPORT.fields["health"] == {
        "a": 1,
        "b": 2,
        "offered": 4,
        "sent": 3,
        "connections_peak": 2,
        "connections_limit": 1000,
        "clock_step_ns": 5,
    }
