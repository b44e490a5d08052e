"""The prompts of a load test: their texts, the filter by length, and their form in requests.

Same spec, same index: same prompt, in every process and shard. `load` blocks (files, a hub); `item` reads at most one
line of a file. Nothing here talks to the endpoint under test.
"""

import logging
from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, get_args

import numpy as np
import orjson

from evalkube_crds.names import Reason
from evalkube_crds.paths import Readable
from evalkube_crds.perf_trace import TRACE
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.results import LeftOut, PromptData
from evalkube_runner.context import RunContext
from evalkube_runner.data import catalogue, lines, opening, rows, texts, tokens
from evalkube_runner.data.random_texts import ENDLESS, RandomTexts, random_texts
from evalkube_runner.data.texts import Texts, text_of
from evalkube_runner.data.tokens import TokenCounter
from evalkube_runner.data.trace_texts import TraceTexts, trace_texts
from evalkube_runner.errors import RunFailed
from evalkube_runner.wire.answer import Prompt

__all__ = ["ENDLESS", "PromptSource", "TokenCounter", "load", "prefix_of", "tell"]

_LOG = logging.getLogger("evalkube.runner")
_BATCH: Final = 1024
_Indices: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]


class PromptSource:
    """The prompts of one load test, by index. `data`: which they are, and what was left out or cut, for its result."""

    def __init__(self, source: Texts, shape: "_Shape", kept: _Indices | None, data: PromptData) -> None:
        self._source = source
        self._shape = shape
        self._kept = kept
        self.data = data

    def __len__(self) -> int:
        """How many different prompts there are; ENDLESS for random ones. With fewer than requests they come again."""
        return len(self._source) if self._kept is None else len(self._kept)

    def limit(self, index: int) -> int | None:
        """The most tokens of a request's answer, where a trace tells it."""
        return self._source.trace.limit(index % len(self)) if isinstance(self._source, TraceTexts) else None

    def arrivals_ns(self, speed: float) -> "_Indices | None":
        """The due times of a trace's requests, after the first; None where prompts belong to no trace."""
        return self._source.trace.arrivals_ns(speed) if isinstance(self._source, TraceTexts) else None

    def item(self, index: int) -> Prompt:
        """Messages, text, token ids or a whole body. Past the end it begins again; dataset_offset is the caller's."""
        at = index % len(self)
        return self._shape.apply(self._source.item(at if self._kept is None else int(self._kept[at])))


def load(spec: PerfRunSpec, context: RunContext, *, chat: bool) -> PromptSource:
    """The prompts of `spec`. `chat`: the endpoint takes messages (apply_chat_template, where set, goes before it).

    Lengths are in tokens with a tokenizer_path, else in characters (of made texts: words). Raises RunFailed:
    DatasetUnavailable for data that is not there or malformed, InvalidSpec for options that lead nowhere.
    """
    counter = tokens.load(spec.tokenizer_path, context.readable) if spec.tokenizer_path else None
    shape = _Shape(
        spec, counter, context.readable, chat=chat if spec.apply_chat_template is None else spec.apply_chat_template
    )
    source, origin = _source(spec, context, counter)
    if len(source) == 0:
        raise RunFailed(Reason.DATASET_UNAVAILABLE, f"{origin}: holds no prompts")
    given = spec.prompt is not None or _makes_texts(source)
    chosen = _chosen(spec, source, counter) if not given else _Chosen(None, Counter(), 0)
    if chosen.kept is not None and len(chosen.kept) == 0:
        raise RunFailed(Reason.INVALID_SPEC, _none_left(spec, len(source), origin, counter))
    left_out = chosen.left_out + _left_out(source)
    data = PromptData(
        dataset="custom" if spec.prompt is not None else spec.dataset,
        source=origin,
        prompts=None if len(source) == ENDLESS else len(source) if chosen.kept is None else len(chosen.kept),
        left_out={why: left_out[why] for why in get_args(LeftOut) if left_out[why]},
        cut=chosen.cut,
        reordered=source.trace.unordered if isinstance(source, TraceTexts) else 0,
        length_basis="tokens" if counter else "words" if _makes_texts(source) else "characters",
    )
    tell(data, "prompts")
    if isinstance(source, TraceTexts) and chosen.kept is not None:
        return PromptSource(source.only(chosen.kept), shape, None, data)
    return PromptSource(source, shape, chosen.kept, data)


def _makes_texts(source: Texts) -> bool:
    """Whether the spec's texts are made to lengths."""
    return isinstance(source, RandomTexts) or (isinstance(source, TraceTexts) and not source.trace.format.has_bodies)


def _left_out(source: Texts) -> Counter[LeftOut]:
    """The number of prompts that a source itself leaves out."""
    if isinstance(source, TraceTexts):
        return Counter(source.trace.left_out)
    return Counter({"empty": source.empty if isinstance(source, lines.LineFile | catalogue.RowTexts) else 0})


def prefix_of(spec: PerfRunSpec, readable: Readable) -> str:
    """The text that goes before prompts; empty where there is none. Raises RunFailed."""
    name = spec.dataset_args.prefix_file
    return _text_file(name, "dataset_args.prefix_file", readable) if name else ""


def tell(data: PromptData, unit: str) -> None:
    """Log which prompts (or conversations: `unit`) a load test has."""
    known = "a prompt for each request" if data.prompts is None else f"{data.prompts} {unit}"
    left_out = [f"{count} {why.replace('_', ' ')}" for why, count in data.left_out.items()]
    told = [f"left out: {', '.join(left_out)}"] if left_out else []
    told += [f"cut: {data.cut}"] if data.cut else []
    told += [f"put in order of their times: {data.reordered}"] if data.reordered else []
    _LOG.info("%s from %s; %s", known, data.source, "; ".join([*told, f"lengths in {data.length_basis}"]))


class _Shape:
    """Shapes an item into a request's prompt: cut, prefix, role, template, token ids, in this order."""

    def __init__(self, spec: PerfRunSpec, counter: TokenCounter | None, readable: Readable, *, chat: bool) -> None:
        args = spec.dataset_args
        if args.prefix_file is not None and args.target_input_len is not None and args.input_len_mode == "drop":
            raise _invalid(
                "dataset_args.input_len_mode: drop has no meaning with prefix_file, which fills up short ones"
            )
        self.counter = counter
        self._chat = chat
        self._target = args.target_input_len
        self._prefix = prefix_of(spec, readable)
        self._prefix_ids = counter.encode(self._prefix) if counter and self._prefix else []
        self._role = args.prefix_role
        self._model = spec.model
        self._template = _template(spec.query_template, readable) if spec.query_template else None
        self._as_ids = spec.tokenize_prompt

    def apply(self, prompt: Prompt) -> Prompt:
        """Messages and bodies from a file go out as they are; only text is shaped."""
        if not isinstance(prompt, str):
            return prompt
        text = prompt
        if self.counter is not None and self._target is not None:
            text = self.counter.cut(text, self._target)
        prefix = self._prefix_for(text)
        if self._template is not None:
            body: dict[str, object] = _filled(self._template, self._model, self._joined(prefix, text))
            return body
        if self._chat:
            separate = bool(prefix) and self._role == "system"
            user: dict[str, object] = {"role": "user", "content": text if separate else self._joined(prefix, text)}
            system: dict[str, object] = {"role": "system", "content": prefix}
            return [system, user] if separate else [user]
        whole = self._joined(prefix, text)
        return self.counter.encode(whole) if self._as_ids and self.counter else whole

    def _joined(self, prefix: str, text: str) -> str:
        return f"{prefix}\n{text}" if prefix else text

    def _prefix_for(self, text: str) -> str:
        """The prefix for a prompt. With a target length it is cut, or repeated, to fill the prompt up to that
        length.
        """
        if not self._prefix or self._target is None or self.counter is None:
            return self._prefix
        apart = self._chat and self._template is None and self._role == "system"
        length = self._target - self.counter.count(text)
        for _ in range(16):
            if length <= 0:
                return ""
            repeated = self._prefix_ids * (length // len(self._prefix_ids) + 1)
            prefix = self.counter.decode(repeated[:length])
            whole = (
                self.counter.count(prefix) + self.counter.count(text)
                if apart
                else self.counter.count(self._joined(prefix, text))
            )
            if whole == self._target:
                break
            length += self._target - whole
        return prefix


def _source(spec: PerfRunSpec, context: RunContext, counter: TokenCounter | None) -> tuple[Texts, str]:
    if spec.prompt is not None:
        return texts.TextList([_literal(spec.prompt, "prompt", context.readable)]), "prompt"
    if spec.dataset == "random":
        return random_texts(spec, counter), "random"
    if spec.dataset == "line_by_line":
        path = catalogue.dataset_path(spec.dataset_path or "", context)
        return lines.LineFile(path, context.readable), f"local:{spec.dataset_path}"
    if spec.dataset == TRACE:
        found = trace_texts(spec, context, counter)
        return found, f"local:{spec.dataset_path}, with {found.trace.format.name} columns"
    place = catalogue.place_of(spec.dataset, spec, context)
    return catalogue.RowTexts(rows.opened(place.path, place.readable), catalogue.SETS[spec.dataset].text), place.origin


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The indices of the items with fitting lengths (None: all of them), the reasons why others do not fit, and how
    many items are cut.
    """

    kept: _Indices | None
    left_out: Counter[LeftOut]
    cut: int


def _chosen(spec: PerfRunSpec, source: Texts, counter: TokenCounter | None) -> _Chosen:
    target, drops = spec.dataset_args.target_input_len, spec.dataset_args.input_len_mode == "drop"
    least = max(spec.min_prompt_length, target if target is not None and drops else 0)
    kept, left_out, cut = array("q"), Counter[LeftOut](), 0
    for at, (length, is_text) in enumerate(_lengths(source, counter)):
        if length < least:
            left_out["too_short"] += 1
        elif length > spec.max_prompt_length:
            left_out["too_long"] += 1
        else:
            kept.append(at)
            cut += target is not None and is_text and length > target
    return _Chosen(np.array(kept, dtype=np.int64) if left_out else None, left_out, cut)


def _lengths(source: Texts, counter: TokenCounter | None) -> Iterator[tuple[int, bool]]:
    """The length of each item, and whether it is text: only text is shaped."""
    for start in range(0, len(source), _BATCH):
        items = [source.item(index) for index in range(start, min(start + _BATCH, len(source)))]
        batch = [text_of(item) for item in items]
        lengths = counter.counts(batch) if counter else map(len, batch)
        yield from zip(lengths, (isinstance(item, str) for item in items), strict=True)


def _none_left(spec: PerfRunSpec, count: int, origin: str, counter: TokenCounter | None) -> str:
    unit = "tokens" if counter else "characters"
    target = spec.dataset_args.target_input_len
    drop = f", nor at least target_input_len {target}" if target and spec.dataset_args.input_len_mode == "drop" else ""
    return (
        f"min_prompt_length, max_prompt_length: none of the {count} prompts of {origin} has {spec.min_prompt_length} "
        f"to {spec.max_prompt_length} {unit}{drop}"
    )


def _literal(value: str, option: str, readable: Readable) -> str:
    return _text_file(value[1:], option, readable) if value.startswith("@") else value


def _text_file(path: str, option: str, readable: Readable) -> str:
    file = opening.found(path, readable, option)
    try:
        text = opening.read(file, readable).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise _invalid(f"{option}: {path} cannot be read: {reason}") from error
    if not text.strip():
        raise _invalid(f"{option}: {path} is empty")
    return text


def _template(value: str, readable: Readable) -> dict[str, Any]:
    try:
        template = orjson.loads(_literal(value, "query_template", readable))
    except orjson.JSONDecodeError as error:
        raise _invalid(f"query_template: not valid JSON: {error}") from error
    if not isinstance(template, dict):
        raise _invalid("query_template: must be a JSON object, the body of a request")
    return template


def _filled(node: Any, model: str, text: str) -> Any:
    """The template with %m and %p replaced, inside its strings only, so that no quote in a prompt breaks the JSON."""
    if isinstance(node, str):
        return text.join(part.replace("%m", model) for part in node.split("%p"))
    if isinstance(node, list):
        return [_filled(item, model, text) for item in node]
    if isinstance(node, dict):
        return {key: _filled(item, model, text) for key, item in node.items()}
    return node


def _invalid(message: str) -> RunFailed:
    return RunFailed(Reason.INVALID_SPEC, message)
