"""A request's fields as fields of a form, made from its schema. Pure.

A field of a form is text. The browser's text is converted to the value of the request. An empty field, or a default, is
left out of the request.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal

from pydantic import BaseModel

from evalkube_api.placement import Beside, ClusterRequest
from evalkube_crds.cluster import CLUSTER_ONLY
from evalkube_crds.generation import GenerationConfig
from evalkube_crds.problems import Problem
from evalkube_crds.requests import SECRETS, EvalRequest, PerfRequest

__all__ = ["Field", "Group", "Word", "body_of", "field_of_problem", "groups", "values_of"]

Word = Literal["eval", "perf"]
Shape = Literal["text", "integer", "number", "switch", "choice", "list", "numbers", "pairs", "json", "secret", "names"]
"""`switch`: yes or no; `choice`: one of a few words; `list`: texts, one a line; `numbers`: with commas; `pairs`: a text
for a name, one a line; `names`: of benchmarks."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `name`: its path in the request. `default`: the value of an empty field, as text."""

    name: str
    shape: Shape
    help: str
    default: str = ""
    required: bool = False
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None

    @property
    def id(self) -> str:
        """The id of the field's element in the page."""
        return "f-" + self.name.replace(".", "-").replace("_", "-")

    @property
    def label(self) -> str:
        """The label of the field: its name, as in curl, the command line and the documents."""
        return self.name.removeprefix("generation_config.")


@dataclass(frozen=True, slots=True)
class Group:
    """A group of fields. `folded`: closed, unless one of them has a value."""

    title: str
    fields: tuple[Field, ...]
    folded: bool = False


_MODELS: Final[Mapping[Word, type[BaseModel]]] = {"eval": EvalRequest, "perf": PerfRequest}
_KEPT_FOR_CLIENTS: Final = {"eval_type", "eval_backend", "cancel", "suspend"}
_GENERATION: Final = "generation_config"
_TAGS: Final = "tags"

_GROUPS: Final[Mapping[Word, Mapping[str, tuple[str, ...]]]] = {
    "eval": {
        "Endpoint": ("model", "api_url", "api_key", "api"),
        "Benchmarks": ("datasets", "dataset_hub"),
        "Amount": ("limit", "repeats", "precision", "eval_batch_size", "dry_run"),
        "Limits": (
            *("generation_config.max_tokens", "generation_config.timeout", "generation_config.retries"),
            *("target_grace", "thresholds"),
        ),
    },
    "perf": {
        "Endpoint": ("model", "url", "api_key", "api"),
        "Prompts": ("dataset", "data_source", "dataset_path", "prompt", "max_tokens", "min_tokens"),
        "Load": ("parallel", "rate", "number", "open_loop", "warmup_num", "arrivals"),
        "Service level": ("goodput", "sla_auto_tune", "sla_variable", "sla_params"),
        "Limits": ("duration", "max_error_rate", "total_timeout", "sleep_interval", "target_grace", "thresholds"),
    },
}
_LAST: Final[Mapping[str, tuple[str, ...]]] = {"Name and tags": ("name", "model_id", "tags", "work_dir")}


@cache
def groups(word: Word, *, cluster: bool) -> tuple[Group, ...]:
    """The form for a kind of run. `cluster`: with the fields that only a cluster supports."""
    fields = {field.name: field for field in _fields(word, cluster=cluster)}
    found, placed = [], set[str]()
    for title, names in {**_GROUPS[word], **_LAST}.items():
        there = tuple(fields[name] for name in names if name in fields)
        placed |= {field.name for field in there}
        found.append(Group(title, there))
    rest = [field for name, field in fields.items() if name not in placed]
    cluster_only = {*CLUSTER_ONLY, *ClusterRequest.model_fields}
    on_cluster = tuple(field for field in rest if field.name in cluster_only)
    generation = tuple(field for field in rest if field.name.startswith(_GENERATION))
    others = tuple(field for field in rest if field not in on_cluster and field not in generation)
    folded = {"Generation": generation, "More settings": others, "On the cluster": on_cluster}
    return (*found, *(Group(title, inner, folded=True) for title, inner in folded.items() if inner))


def _fields(word: Word, *, cluster: bool) -> Iterable[Field]:
    schema = _MODELS[word].model_json_schema(by_alias=False)
    beside = Beside.model_json_schema(by_alias=False)["properties"]
    hidden = _KEPT_FOR_CLIENTS | (set() if cluster else {*CLUSTER_ONLY, *ClusterRequest.model_fields})
    for name, described in {**schema["properties"], **beside}.items():
        if name in hidden:
            continue
        if name == _GENERATION:
            inner = GenerationConfig.model_json_schema(by_alias=False)
            for own, field in inner["properties"].items():
                yield _field(f"{name}.{own}", field, inner, required=False)
        else:
            yield _field(name, described, schema, required=name in schema.get("required", ()))


def _field(name: str, described: Mapping[str, Any], schema: Mapping[str, Any], *, required: bool) -> Field:
    parts = [part for part in described.get("anyOf", [described]) if part.get("type") != "null"]
    shape = _shape(name, parts, nullable=len(parts) < len(described.get("anyOf", [described])))
    low, high = parts[0].get("minimum", parts[0].get("exclusiveMinimum")), parts[0].get("maximum")
    return Field(
        name,
        shape,
        help=_sentence(described.get("description") or _described(described, schema)),
        default="" if shape in ("secret", "json") else _text(described.get("default"), shape),
        required=required,
        choices=_choices(parts, shape),
        low=low,
        high=high,
    )


def _shape(name: str, parts: Sequence[Mapping[str, Any]], *, nullable: bool) -> Shape:
    if name in SECRETS:
        return "secret"
    if name == "datasets":
        return "names"
    if parts[0].get("additionalProperties") == {"type": "string"}:
        return "pairs"
    types = {part.get("type") for part in parts}
    listed = next((part for part in parts if part.get("type") == "array"), None)
    if listed is not None:
        return _listed_shape(listed)
    if len(parts) == 1 and "enum" in parts[0]:
        return "choice"
    if types == {"boolean"}:
        return "choice" if nullable else "switch"
    if len(types) == 1 and types <= {"integer", "number", "string"}:
        plain: dict[Any, Shape] = {"integer": "integer", "number": "number", "string": "text"}
        return plain[types.pop()]
    if types <= {"integer", "number", "string"} and types:
        return "text"
    return "json"


def _listed_shape(listed: Mapping[str, Any]) -> Shape:
    kind = listed.get("items", {}).get("type")
    return "numbers" if kind in ("integer", "number") else "list" if kind == "string" else "json"


def _choices(parts: Sequence[Mapping[str, Any]], shape: Shape) -> tuple[str, ...]:
    if shape != "choice":
        return ()
    return tuple(map(str, parts[0]["enum"])) if "enum" in parts[0] else ("true", "false")


def _described(described: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """The description of the schema that a field refers to."""
    reference = described.get("$ref", "").rpartition("/")[2]
    text = schema.get("$defs", {}).get(reference, {}).get("description", "")
    return str(text)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _text(value: Any, shape: Shape) -> str:
    """A value as text of the form."""
    if value is None or (value in ({}, []) and shape != "text"):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if shape == "numbers":
        return ", ".join(f"{one:g}" if isinstance(one, float) else str(one) for one in _listed(value))
    if shape in ("list", "names"):
        return "\n".join(map(str, _listed(value)))
    if shape == "pairs" and isinstance(value, Mapping):
        return "\n".join(f"{name}: {one}" for name, one in value.items())
    if isinstance(value, float):
        return f"{value:.12g}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def values_of(word: Word, body: Mapping[str, Any], *, cluster: bool) -> dict[str, str]:
    """A request as texts for its form, by field name. Secrets are left out."""
    found = {}
    for group in groups(word, cluster=cluster):
        for field in group.fields:
            value = _at(body, field.name)
            if value is not None and field.shape != "secret":
                found[field.name] = _text(value, field.shape)
    return found


def _at(body: Mapping[str, Any], path: str) -> Any:
    value: Any = body
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def body_of(word: Word, given: Mapping[str, str], *, cluster: bool) -> tuple[dict[str, Any], list[Problem]]:
    """The request of a sent form, and the fields that cannot be read.

    The contract then checks the request.
    """
    body: dict[str, Any] = {}
    problems = []
    for group in groups(word, cluster=cluster):
        for field in group.fields:
            text = given.get(field.name, "false" if field.shape == "switch" else "").strip()  # unless ticked
            if not text or text == field.default:
                continue
            try:
                _place(body, field.name, _value(field, text))
            except ValueError as problem:
                problems.append(Problem(field.name, str(problem)))
    return body, problems


def _place(body: dict[str, Any], path: str, value: Any) -> None:
    *above, name = path.split(".")
    for part in above:
        body = body.setdefault(part, {})
    body[name] = value


def _value(field: Field, text: str) -> Any:
    """The value of a field's text. Raises ValueError for a text that cannot be a value of this field."""
    match field.shape:
        case "switch":
            return text == "true"
        case "choice":
            return {"true": True, "false": False}.get(text, text) if "true" in field.choices else text
        case "integer" | "number":
            return _number(text)
        case "numbers":
            return [_number(part.strip()) for part in text.replace(";", ",").split(",") if part.strip()]
        case "list" | "names":
            return [line.strip() for line in text.splitlines() if line.strip()]
        case "pairs":
            return dict(_pair(line, alone=field.name == _TAGS) for line in text.splitlines() if line.strip())
        case "json":
            return _json(text)
    return _number(text, or_text=True) if field.default.isdigit() else text


def _number(text: str, *, or_text: bool = False) -> Any:
    for kind in (int, float):
        try:
            value = kind(text)
        except ValueError:
            continue
        if abs(value) < float("inf"):
            return value
    if or_text:
        return text
    raise ValueError(f"must be a number, not {text[:40]!r}")


def _pair(line: str, *, alone: bool) -> tuple[str, str]:
    """A name and a value from one line. `alone`: a name may have no value."""
    name, mark, value = line.partition(":")
    if not name.strip() or not (mark or alone):
        raise ValueError(f"must be `name: value`, one a line, not {line.strip()[:40]!r}")
    return name.strip(), value.strip()


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise ValueError(f"must be JSON: {problem}") from None


def field_of_problem(word: Word, problem: Problem, *, cluster: bool) -> str | None:
    """The form field of a request's problem; None if it belongs to no field."""
    names = {field.name for group in groups(word, cluster=cluster) for field in group.fields}
    path = problem.field.partition("[")[0]
    while path and path not in names:
        path = path.rpartition(".")[0]
    return path or None
