"""Asks the judges of a run, each at its own endpoint, and makes a grade of their replies.

A judge that fails, or says nothing readable even when asked once more, has no vote. Too few votes make a sample
errored, never wrong.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Protocol, Self

from evalkube_benchmarks.benchmark import Message, Question
from evalkube_crds.credentials import NO_CREDENTIALS, Credentials
from evalkube_crds.evalrun import Judge, JudgeContract, JudgeModel
from evalkube_crds.paths import Readable
from evalkube_crds.proxies import Proxies
from evalkube_crds.results import TokenUsage
from evalkube_runner.ca_file import trust_of
from evalkube_runner.eval import checkpoint
from evalkube_runner.eval.at_once import Limit
from evalkube_runner.eval.client import Client, RequestFailed
from evalkube_runner.eval.judging import prompts, reading, summary, verdicts
from evalkube_runner.eval.judging.summary import Attempt, Grade, JudgeFailed, Judgement
from evalkube_runner.gate import Gate

__all__ = ["Judges", "Memory", "Nothing"]

_NOTHING, _NO_PROXIES = Readable(), Proxies()
_ATTEMPTS = 2
_LONGEST_CAUSE = 200


class Memory(Protocol):
    """A store of judges' replies, so that nothing is asked twice."""

    def find(self, key: str) -> dict[str, Any] | None:
        """The record under that key."""

    async def keep(self, key: str, record: dict[str, Any]) -> None:
        """Keep a record."""


class Nothing:
    """A store that keeps nothing."""

    def find(self, key: str) -> dict[str, Any] | None:
        """See `Memory.find`: always None."""
        return None

    async def keep(self, key: str, record: dict[str, Any]) -> None:
        """See `Memory.keep`: does nothing."""


@dataclass(frozen=True, slots=True)
class _Member:
    """One judge: its model and the client of its endpoint. `identity` tells its replies from those of others."""

    model: JudgeModel
    client: Client
    identity: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class _Case:
    """The case of a sample: a contract, and its prompts (for pairwise in both orders, or in the drawn one)."""

    contract: JudgeContract
    prompts: tuple[tuple[Message, ...], ...]
    swapped: tuple[bool, ...]
    memory: Memory


class Judges:
    """The judges of a run, each with its own connections. Use as an async context manager."""

    def __init__(
        self,
        judge: Judge,
        *,
        keys: Sequence[str | None],
        connections: int,
        gate: Gate,
        adaptive: bool = False,
        credentials: Credentials = NO_CREDENTIALS,
        readable: Readable = _NOTHING,
        proxies: Proxies = _NO_PROXIES,
    ) -> None:
        """`keys`: of each judge. `readable`: where their `ca_file` may lie. `adaptive`: each finds out how many of the
        connections it can use at once. Raises RunFailed for a `ca_file` that is of no use.
        """
        self._judge = judge
        self._stack = AsyncExitStack()
        self._members = [
            _Member(
                model,
                Client(
                    model.api_url,
                    model.model,
                    model.generation_config,
                    api_key=keys[at],
                    api=model.api,
                    api_key_header=model.api_key_header,
                    trust=trust_of(model, readable, field=f"judge.models[{at}].ca_file"),
                    proxies=proxies,
                    connections=connections,
                    gate=gate,
                    credentials=credentials,
                    limit=Limit(connections) if adaptive else None,
                ),
                (model.api_url, model.model, checkpoint.generation_identity(model.generation_config, model.api)),
            )
            for at, model in enumerate(judge.models)
        ]

    async def __aenter__(self) -> Self:
        for member in self._members:
            await self._stack.enter_async_context(member.client)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    @property
    def usages(self) -> list[TokenUsage]:
        """The tokens that each judge has used so far."""
        return [member.client.usage for member in self._members]

    async def grade(
        self,
        contract: JudgeContract,
        question: Question,
        reply: str,
        *,
        other: str | None = None,
        memory: Memory | None = None,
    ) -> Grade:
        """The judges' grade of a reply, which pairwise compares with an `other` one. Raises JudgeFailed when too few
        could be read.
        """
        orders = self._orders(contract, question, reply)
        asked = tuple(tuple(prompts.messages(contract, question, reply, other, swapped=each)) for each in orders)
        case = _Case(contract, asked, orders, memory or Nothing())
        rounds = [(member, repeat) for member in self._members for repeat in range(self._judge.repeats)]
        found = await asyncio.gather(*(self._both(case, member, repeat) for member, repeat in rounds))
        voted = [[one.verdict for one in judged if one.verdict is not None] for judged in found]
        valid = [
            read[0] if len(read) == 1 else verdicts.of_both_orders(*read)
            for read, judged in zip(voted, found, strict=True)
            if len(read) == len(judged)
        ]
        differ = sum(len(read) == 2 and read[0].label != read[1].label for read in voted)
        flat = [one for judged in found for one in judged]
        words = summary.written(asked, flat, valid, summary.counted(found, differ))
        if len(valid) < self._judge.min_valid_judges:
            raise JudgeFailed(f"{len(valid)} of {len(found)} judgements could be read; {_cause(flat)}", words)
        verdict = verdicts.combined(contract, valid, self._judge.aggregation)
        return Grade(verdict.score, verdict.label, verdict.parts, words)

    def _orders(self, contract: JudgeContract, question: Question, reply: str) -> tuple[bool, ...]:
        """Whether the answers are swapped, for each order that is asked. With one order, half of all samples are
        swapped.
        """
        if contract.score_type != "pairwise":
            return (False,)
        if self._judge.position_swap != "off":
            return (False, True)
        return (int(checkpoint.digest(question.text, reply)[:8], 16) % 2 == 1,)

    async def _both(self, case: _Case, member: _Member, repeat: int) -> tuple[Judgement, ...]:
        made = (self._judged(case, member, repeat, order) for order in range(len(case.prompts)))
        return tuple(await asyncio.gather(*made))

    async def _judged(self, case: _Case, member: _Member, repeat: int, order: int) -> Judgement:
        """The judgement of a prompt: the kept one, else a new one, asked once more where it cannot be read."""
        asked, swapped = case.prompts[order], case.swapped[order]
        key = checkpoint.digest(
            member.identity, [(one.role, one.content) for one in asked], case.contract.score_type, repeat
        )
        record = case.memory.find(key)
        attempts = (summary.attempts_of(record) if record is not None else None) or ()
        verdict = reading.read(case.contract, attempts[-1].said, swapped=swapped) if attempts else None
        if verdict is not None:
            return Judgement(member.model.model, repeat, swapped, attempts, verdict)
        attempts, chat = (), list(asked)
        while verdict is None and len(attempts) < _ATTEMPTS:
            if attempts:
                chat = prompts.asked_again(case.contract, asked, attempts[-1].said)
            try:
                answer = await member.client.ask(chat, repeat=repeat)
            except RequestFailed as failure:
                words = f"{failure.error}: {failure.message}"
                return Judgement(member.model.model, repeat, swapped, attempts, None, words)
            attempts = (*attempts, Attempt(answer.text, answer.tokens))
            verdict = reading.read(case.contract, answer.text, swapped=swapped)
        made = Judgement(member.model.model, repeat, swapped, attempts, verdict)
        if verdict is not None:  # one that could not be read has another chance when the run is taken up again
            await case.memory.keep(key, {**made.document(), "key": key})
        return made


def _cause(judgements: Sequence[Judgement]) -> str:
    """The reason why the first judgement without a verdict has none."""
    for one in judgements:
        if one.failure is not None:
            return one.failure
    said = next((one.attempts[-1].said for one in judgements if one.verdict is None), "")
    return f"unreadable: {said[-_LONGEST_CAUSE:]!r}"
