"""Grading by language models: what the judges are asked, how their words are read, how several verdicts become one.

A judge that fails or says nothing readable gives no verdict. Too few verdicts make a sample errored, never wrong.
"""

import asyncio
import re
import statistics
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Self

from evalkube_benchmarks import extract, prompts
from evalkube_benchmarks.declaration import Message, Question
from evalkube_crds.credentials import NO_CREDENTIALS, Credentials
from evalkube_crds.evalrun import Judge, JudgeContract
from evalkube_crds.names import Reason
from evalkube_crds.paths import Readable
from evalkube_crds.proxies import Proxies
from evalkube_crds.results import TokenUsage
from evalkube_runner.ca_file import trust_of
from evalkube_runner.errors import RunFailed
from evalkube_runner.eval.at_once import Limit
from evalkube_runner.eval.client import Client, RequestFailed
from evalkube_runner.gate import Gate

__all__ = ["Grade", "JudgeFailed", "Judges", "aggregate", "check", "elected", "label_in", "messages", "verdict"]

_NOTHING, _NO_PROXIES = Readable(), Proxies()
_SYSTEM = (
    "You grade answers. Judge only whether the given answer agrees with the reference; "
    "do not solve the task anew, and ignore style and length."
)
_MATERIAL = "Task:\n{question}\n\nReference answer:\n{target}\n\nAnswer to grade:\n{prediction}\n\n"
_PATTERN = (
    "Decide which grade fits: {grades}.\n"
    "Where A and B are the grades, A means that the answer agrees with the reference in substance, B that it doesn't.\n"
    "Give one sentence of reasons, then end with the grade in double square brackets, such as [[{example}]]."
)
_NUMERIC = (
    "Say how far the answer agrees with the reference, from 0 (not at all) to 1 (in everything that matters).\n"
    "Give one sentence of reasons, then end with the number in double square brackets, such as [[0.5]]."
)
_NAMES = ("question", "target", "prediction")


class JudgeFailed(Exception):
    """Too few judges gave a verdict."""


def check(contract: JudgeContract) -> None:
    """Raises RunFailed(InvalidSpec) for a contract that cannot be asked or read."""
    for name in prompts.placeholders(contract.prompt_template or ""):
        if name not in _NAMES:
            raise RunFailed(
                Reason.INVALID_SPEC,
                f"judge.contract.prompt_template: has no value for {{{name}}}; valid: {', '.join(_NAMES)}",
            )
    if contract.prompt_template is not None and "prediction" not in prompts.placeholders(contract.prompt_template):
        raise RunFailed(
            Reason.INVALID_SPEC,
            "judge.contract.prompt_template: does not contain {prediction}, so there would be nothing to grade",
        )
    if contract.score_type == "pattern" and not contract.score_mapping:
        raise RunFailed(
            Reason.INVALID_SPEC,
            "judge.contract.score_mapping: is empty; give a score for each word that the judge may say",
        )


def messages(contract: JudgeContract, question: Question, reply: str) -> list[Message]:
    """The chat that asks a judge about one reply, its thoughts left out."""
    template = contract.prompt_template
    if template is None:
        template = _MATERIAL + (_NUMERIC if contract.score_type == "numeric" else _PATTERN)
    grades = list(contract.score_mapping)
    values = {
        "question": question.text,
        "target": "\n(or) ".join(question.targets),
        "prediction": extract.strip_thinking(reply),
        "grades": ", ".join(grades),
        "example": grades[0] if grades else "",
    }
    system = contract.system_prompt if contract.system_prompt is not None else _SYSTEM
    return [*([Message("system", system)] if system else []), Message("user", prompts.render(template, values))]


def verdict(contract: JudgeContract, said: str) -> float | None:
    """The score in a judge's words, 0 to 1; None when there is none or more than one."""
    if contract.score_type == "numeric":
        said = extract.strip_thinking(said)
        bracketed = _bracketed(said)
        return _unit_interval(bracketed[-1] if bracketed else said.strip())
    label = label_in(contract, said)
    return None if label is None else contract.score_mapping[label]


def label_in(contract: JudgeContract, said: str) -> str | None:
    """The word of `score_mapping` that a judge settles on; None when there is none or more than one.

    What stands last in double brackets counts; without brackets it may also be the last line, or the only word of them
    that is mentioned at all.
    """
    said = extract.strip_thinking(said)
    bracketed = _bracketed(said)
    lines = [line for line in said.splitlines() if line.strip()]
    for candidate in (*bracketed, *lines[-1:]):
        word = candidate.strip(" \t*_`\"'.。:：()[]")
        if word in contract.score_mapping:
            return word
    mentioned = {word for word in contract.score_mapping if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", said)}
    return mentioned.pop() if len(mentioned) == 1 and not bracketed else None


def elected(contract: JudgeContract, labels: Sequence[str]) -> str | None:
    """The most frequent label; of equally frequent ones that of the lowest score. None without any."""
    votes = Counter(labels)
    return min(votes, key=lambda label: (-votes[label], contract.score_mapping[label]), default=None)


def _bracketed(said: str) -> list[str]:
    """What stands last in double square brackets, on one line; [] where nothing does. One look at each end: linear."""
    closed = said.rfind("]]")
    start = said.rfind("[[", 0, closed) if closed >= 0 else -1
    inside = said[start + 2 : said.find("]]", start + 2)].strip() if start >= 0 else ""
    return [inside] if inside and "\n" not in inside else []


def _unit_interval(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value <= 1 else None


def aggregate(verdicts: Sequence[float], how: str) -> float:
    """One score from several (at least one). Of verdicts that are equally frequent the lower one wins."""
    if how == "median":
        return statistics.median(verdicts)
    if how == "majority_vote":
        votes = Counter(verdicts)
        return min(votes, key=lambda score: (-votes[score], score))
    return statistics.fmean(verdicts)


@dataclass(frozen=True, slots=True)
class Grade:
    """What the judges say of one reply: a score from 0 to 1, the label that most of them gave, and their words."""

    score: float
    label: str | None
    words: dict[str, Any]


class Judges:
    """The judges of a run, each with its own connections. Use as an async context manager."""

    def __init__(
        self,
        judge: Judge,
        *,
        api_key: str | None,
        connections: int,
        gate: Gate,
        adaptive: bool = False,
        credentials: Credentials = NO_CREDENTIALS,
        readable: Readable = _NOTHING,
        proxies: Proxies = _NO_PROXIES,
    ) -> None:
        """`readable`: where the `ca_file` of a judge may lie. `adaptive`: each finds out how many of the connections it
        can use at once. Raises RunFailed for a `ca_file` that is of no use.
        """
        self._judge = judge
        self._stack = AsyncExitStack()
        self._clients = [
            Client(
                model.api_url,
                model.model,
                model.generation_config,
                api_key=api_key,
                api=model.api,
                api_key_header=model.api_key_header,
                trust=trust_of(model, readable, field=f"judge.models[{at}].ca_file"),
                proxies=proxies,
                connections=connections,
                gate=gate,
                credentials=credentials,
                limit=Limit(connections) if adaptive else None,
            )
            for at, model in enumerate(judge.models)
        ]

    async def __aenter__(self) -> Self:
        for client in self._clients:
            await self._stack.enter_async_context(client)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    @property
    def usages(self) -> list[TokenUsage]:
        """What each has been asked so far."""
        return [client.usage for client in self._clients]

    async def grade(self, contract: JudgeContract, question: Question, reply: str) -> Grade:
        """The judges' grade of a reply, and their words. Raises JudgeFailed when too few could be read."""
        asked = messages(contract, question, reply)
        rounds = [(client, repeat) for client in self._clients for repeat in range(self._judge.repeats)]
        replies = await asyncio.gather(*(self._one(client, asked, repeat) for client, repeat in rounds))
        read = [(said, verdict(contract, said)) for said, failure in replies if failure is None]
        verdicts = [value for _, value in read if value is not None]
        if len(verdicts) < self._judge.min_valid_judges:
            causes = [failure for _, failure in replies if failure] + [
                f"unreadable: {said[-200:]!r}" for said, value in read if value is None
            ]
            raise JudgeFailed(f"{len(verdicts)} of {len(rounds)} verdicts could be read; {causes[0] if causes else ''}")
        summary = {
            "verdicts": verdicts,
            "replies": [said for said, _ in read],
            "failures": [failure for _, failure in replies if failure],
        }
        labels = [label for said, _ in read if (label := label_in(contract, said)) is not None]
        return Grade(aggregate(verdicts, self._judge.aggregation), elected(contract, labels), summary)

    async def _one(self, client: Client, asked: Sequence[Message], repeat: int) -> tuple[str, str | None]:
        try:
            return (await client.ask(asked, repeat=repeat)).text, None
        except RequestFailed as failure:
            return "", f"{failure.error}: {failure.message}"
