"""The API dialects, in one table: which fields of a spec each of them can send. Pure.

The choices of `api`, the rules of the resource, the same rules for requests and a table of the documentation all come
from it. A field that an API has no parameter for is refused, never dropped.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:  # runners read the names, and need no pydantic for that
    from pydantic import BaseModel
    from pydantic.fields import FieldInfo

__all__ = ["ALIASES", "DIALECTS", "EVAL_TYPES", "Dialect", "check", "named", "rules"]


@dataclass(frozen=True, slots=True)
class Dialect:
    """One API.

    `kind` is the kind of its models; `streams`, whether it has streamed answers. `lacks` are the fields of a load test
    and of a `generation_config` that it has no parameter for. `lacks_values` are values of further fields that it
    cannot send. `elsewhere` maps parts of URLs to the other API that such services use there.

    A load test's `seed` is never in `lacks`: the schedule needs it anyway, and it is sent where the API has a
    parameter. `extra_args` and `extra_body` are not either, because they are the user's own.
    """

    kind: Literal["chat", "embedding", "rerank"] = "chat"
    streams: bool = True
    lacks: tuple[str, ...] = ()
    lacks_values: tuple[tuple[str, str | bool], ...] = ()
    elsewhere: tuple[tuple[str, str], ...] = ()


_SAMPLING: Final = (
    "max_tokens",
    "min_tokens",
    "temperature",
    "top_p",
    "top_k",
    "frequency_penalty",
    "repetition_penalty",
    "stop",
    "stop_token_ids",
    "logprobs",
    "n_choices",
    "query_template",
    "apply_chat_template",
    "tokenize_prompt",
    "tools",
    "tool_choice",
)
"""The fields of a load test that only requests with answers in text can have."""

DIALECTS: Final[Mapping[str, Dialect]] = {
    "openai": Dialect(),  # with the parameters that vLLM and SGLang add to it
    "openai_responses": Dialect(
        lacks=(
            *("n_choices", "top_k", "min_tokens", "stop", "stop_token_ids", "stop_seqs", "seed", "logit_bias"),
            *("frequency_penalty", "presence_penalty", "repetition_penalty", "tokenize_prompt"),
        ),
        elsewhere=(("/chat/completions", "openai"),),
    ),
    "dashscope": Dialect(
        lacks=(
            *("min_tokens", "stop_token_ids", "frequency_penalty", "logit_bias", "reasoning_effort"),
            *("max_completion_tokens", "tokenize_prompt"),
        ),
        lacks_values=(("tool_choice", "required"),),
        elsewhere=(("/compatible-mode/", "openai"),),
    ),
    "anthropic": Dialect(
        lacks=(
            *("n_choices", "min_tokens", "stop_token_ids", "seed", "logit_bias", "logprobs", "top_logprobs"),
            *("frequency_penalty", "presence_penalty", "repetition_penalty", "tokenize_prompt"),
        ),
        lacks_values=(("reasoning_effort", "minimal"), ("apply_chat_template", False)),
        elsewhere=(("/chat/completions", "openai"), ("/responses", "openai_responses")),
    ),
    "gemini": Dialect(
        lacks=(*("min_tokens", "stop_token_ids", "logit_bias", "repetition_penalty", "tokenize_prompt"),),
        lacks_values=(("reasoning_effort", "xhigh"), ("apply_chat_template", False)),
        elsewhere=(("/openai/", "openai"), ("/chat/completions", "openai")),
    ),
    "openai_embedding": Dialect(kind="embedding", streams=False, lacks=_SAMPLING),
    "openai_rerank": Dialect(kind="rerank", streams=False, lacks=_SAMPLING),
}

ALIASES: Final[Mapping[str, str]] = {
    "openai_response": "openai_responses",
    "responses": "openai_responses",
}
"""EvalScope's other names of an API. Requests may use them; specs and responses always have our name."""

EVAL_TYPES: Final[Mapping[str, str]] = {"openai_responses_api": "openai_responses"}
"""EvalScope's names of an API in evaluations, other than those of OpenAI's."""

_SCHEDULED: Final = "seed"
_URLS: Final = ("url", "api_url")
_CONFIG: Final = "generation_config"  # of what asks for answers to score, or for a judge's
_NEEDS_WORDS: Final = "api: must be the dialect of a model that answers with text"


def rules(model: "type[BaseModel]", table: Mapping[str, Dialect] = DIALECTS) -> tuple[dict[str, str], ...]:
    """The rules that `check` applies, in CEL, for the schema of a `model` with a field `api`.

    There is one rule for each field that some dialect lacks, because the API server evaluates all rules with every
    write of a status.
    """
    found = []
    if wordless := _wordless(model, table):
        found.append({"rule": f"!(self.api in {wordless})", "message": _NEEDS_WORDS})
    url = next((name for name in _URLS if name in model.model_fields), "")
    where = ".".join(_camel(model, (url,))) if url else ""
    for name, part, other in _elsewhere(table) if url else ():
        rule = f"!(self.api == {name!r} && self.{where}.contains({part!r}))"
        found.append({"rule": rule, "message": _words_elsewhere(where, part, other)})
    for path, field in _parameters(model):
        names = _without(path[-1], table)
        if names:
            where = ".".join(_camel(model, path))
            left_out = " || ".join(_is(where, value) for value in _allowed(path, field))
            rule = f"!(self.api in {names}) || {left_out}"
            found.append({"rule": rule, "message": _words(where, path[-1], names)})
        for value, names in _valueless(path[-1], table).items():
            where = ".".join(_camel(model, path))
            said = str(value).lower() if isinstance(value, bool) else repr(value)
            rule = f"!(self.api in {names}) || !has(self.{where}) || self.{where} != {said}"
            found.append({"rule": rule, "message": _words_of_value(where, said, names)})
    return tuple(found)


def named(body: Mapping[str, Any]) -> dict[str, Any]:
    """The unchecked body of a request, with EvalScope's names of an API replaced by ours, also for judges."""
    found = dict(body)
    if isinstance(api := found.get("api"), str):
        found["api"] = ALIASES.get(api, api)
    kind = found.get("eval_type")
    if isinstance(kind, str) and kind in EVAL_TYPES and found.get("api", EVAL_TYPES[kind]) == EVAL_TYPES[kind]:
        del found["eval_type"]
        found["api"] = EVAL_TYPES[kind]
    judge = found.get("judge")
    models = judge.get("models") if isinstance(judge, dict) else None
    if isinstance(judge, dict) and isinstance(models, list):
        found["judge"] = {**judge, "models": [named(one) if isinstance(one, dict) else one for one in models]}
    return found


def check(spec: Any, table: Mapping[str, Dialect] = DIALECTS) -> None:
    """Refuses a field that the dialect of `spec` (a model with a field `api`) cannot send. Raises ValueError."""
    row = table[spec.api]
    if spec.api in _wordless(type(spec), table):
        raise ValueError(_NEEDS_WORDS)
    for path, field in _parameters(type(spec)) if row.lacks or not row.streams else ():
        names = _without(path[-1], table)
        if spec.api in names and _value(spec, path) not in _allowed(path, field):
            raise ValueError(_words(".".join(path), path[-1], names))
    for path, _ in _parameters(type(spec)) if row.lacks_values else ():
        value = _value(spec, path)
        names = _valueless(path[-1], table).get(value, []) if isinstance(value, str | bool) else []
        if spec.api in names:
            said = str(value).lower() if isinstance(value, bool) else repr(value)
            raise ValueError(_words_of_value(".".join(path), said, names))
    url = next((name for name in _URLS if hasattr(spec, name)), "")
    for name, part, other in _elsewhere(table) if url else ():
        if name == spec.api and part in getattr(spec, url):
            raise ValueError(_words_elsewhere(url, part, other))


def _wordless(model: "type[BaseModel]", table: Mapping[str, Dialect]) -> list[str]:
    """The dialects that `model` cannot use, because it needs answers in text."""
    return [name for name, row in table.items() if row.kind != "chat"] if _CONFIG in model.model_fields else []


def _elsewhere(table: Mapping[str, Dialect]) -> Iterator[tuple[str, str, str]]:
    """Each dialect with a part of a URL, and the other API that is spoken at such a URL."""
    for name, row in table.items():
        for part, other in row.elsewhere:
            yield name, part, other


def _words_elsewhere(where: str, part: str, other: str) -> str:
    return f"{where}: {part} is a URL of the {other} API; set api to {other}, or give the URL of this API"


def _valueless(field: str, table: Mapping[str, Dialect]) -> dict[str | bool, list[str]]:
    """The values of a field that some dialects cannot send, with these dialects."""
    found: dict[str | bool, list[str]] = {}
    for name, row in table.items():
        for of, value in row.lacks_values:
            if of == field:
                found.setdefault(value, []).append(name)
    return found


def _words_of_value(where: str, value: str, names: list[str]) -> str:
    return f"{where}: {', '.join(names)} has no {value}; leave it out, or give another value"


def _without(field: str, table: Mapping[str, Dialect]) -> list[str]:
    """The dialects that have no parameter for a field."""
    return [name for name, row in table.items() if field in row.lacks or (field == "stream" and not row.streams)]


def _value(spec: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        spec = getattr(spec, name)
    return spec


def _parameters(model: "type[BaseModel]") -> "Iterator[tuple[tuple[str, ...], FieldInfo]]":
    """The parameters of a request in `model`, by path: those of its generation_config or, if it has none, its own."""
    config = model.model_fields.get(_CONFIG)
    if config is not None:
        inner: dict[str, FieldInfo] = getattr(config.annotation, "model_fields", {})
        for name, field in inner.items():
            yield (_CONFIG, name), field
        return
    for name, field in model.model_fields.items():
        if name != _SCHEDULED:
            yield (name,), field


def _allowed(path: tuple[str, ...], field: "FieldInfo") -> tuple[Any, ...]:
    """The values that a dialect without the field allows: the value of a field that is left out, and no stream."""
    if path[-1] == "stream":
        return (None, False) if field.default is None else (False,)
    return (field.default,)


def _is(where: str, allowed: Any) -> str:
    if allowed is None:
        return f"!has(self.{where})"
    return f"!self.{where}" if allowed is False else f"self.{where} == {allowed!r}"


def _words(where: str, field: str, names: list[str]) -> str:
    if field == "stream":
        return f"{where}: {', '.join(names)} cannot stream; leave it out"
    return f"{where}: is not a parameter of {', '.join(names)}; leave it out"


def _camel(model: "type[BaseModel]", path: tuple[str, ...]) -> Iterator[str]:
    fields = model.model_fields
    for name in path:
        yield fields[name].alias or name
        fields = getattr(fields[name].annotation, "model_fields", {})
