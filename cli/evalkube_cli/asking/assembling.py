"""Puts a request together from a file, options and settings, and checks it before anything is started.

Reads the files that the options name; starts nothing.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from evalkube import errors, requesting
from evalkube.models import Word
from evalkube_benchmarks import collections
from evalkube_cli.asking import gates, naming, reading
from evalkube_cli.asking.naming import Typed
from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.names import API_VERSION, Kind
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.problems import Problem, problems_of

__all__ = ["Given", "Words", "assemble"]

Words = Mapping[str, str | list[str] | bool]

_KINDS: Final[Mapping[Word, Kind]] = {"eval": Kind.EVAL_RUN, "perf": Kind.PERF_RUN}
_SPECS: Final[Mapping[Word, type[EvalRunSpec] | type[PerfRunSpec]]] = {"eval": EvalRunSpec, "perf": PerfRunSpec}


@dataclass(frozen=True, slots=True)
class Given:
    """The parts of a request that a user gave. `fallback_secrets` are used where nothing else gives a secret."""

    words: Words = field(default_factory=dict)
    file: str | None = None
    settings: Sequence[str] = ()
    thresholds: Sequence[str] = ()
    tags: Sequence[str] = ()
    secrets: Mapping[str, str] = field(default_factory=dict)
    fallback_secrets: Mapping[str, str] = field(default_factory=dict)


def assemble(given: Given, word: Word, *, other_version: bool = False) -> tuple[dict[str, Any], Typed]:
    """The body of a request, and the source of each field. Options override the file; `--set` overrides both.

    `other_version`: the service that gets the body may know other benchmarks than this command. Raises
    errors.BadRequest with every problem; each names its option.
    """
    model = requesting.REQUESTS[word]
    body = _from_file(given.file, word) if given.file is not None else {}
    typed = Typed(
        *(frozenset(model.model_fields), given.words, given.settings, given.file, frozenset(body)),
        *(given.thresholds, given.tags),
    )
    found = _put(body, given, model)
    body |= given.secrets
    for name, secret in given.fallback_secrets.items():
        if name in model.model_fields:
            body.setdefault(name, secret)
    if found:
        raise errors.BadRequest(naming.named(found, typed))
    found = [*requesting.problems(body, word), *([] if other_version else _unknown_benchmarks(body))]
    found = [*found, *_unknown_metrics(body, word)]
    if found:
        raise errors.BadRequest(naming.named(found, typed))
    return body, typed


def _put(body: dict[str, Any], given: Given, model: type[BaseModel]) -> list[Problem]:
    """Writes the given options over the fields of the file. Returns the options that could not be read."""
    found: list[Problem] = []
    for name, words in given.words.items():
        _collect(found, lambda name=name, words=words: body.update({name: _value(name, words, model)}))  # type: ignore[misc]  # mypy cannot infer a lambda with defaults
    for setting in given.settings:
        _collect(found, lambda setting=setting: reading.assign(body, setting, model))  # type: ignore[misc]  # as above
    gated = [gates.threshold(text) for text in given.thresholds]
    found += [one for one in gated if isinstance(one, Problem)]
    if gated and isinstance(body.setdefault("thresholds", []), list):
        body["thresholds"] = [*body["thresholds"], *(one for one in gated if not isinstance(one, Problem))]
    if given.tags:
        body["tags"] = requesting.tags_in(body) | dict(_tag(text) for text in given.tags)
    return found


def _tag(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name, value


def _unknown_benchmarks(body: Mapping[str, Any]) -> list[Problem]:
    names, own = body.get("datasets"), body.get("collections")
    texts = [names] if isinstance(names, str) else names if isinstance(names, list) else []
    known = own if isinstance(own, dict) else ()
    reasons = [collections.unknown(name, known) if isinstance(name, str) else None for name in texts]
    return [Problem(f"datasets[{at}]", reason) for at, reason in enumerate(reasons) if reason is not None]


def _unknown_metrics(body: Mapping[str, Any], word: Word) -> list[Problem]:
    given = body.get("thresholds")
    metrics = [one.get("metric") for one in given if isinstance(one, dict)] if isinstance(given, list) else []
    reasons = [gates.unknown_metric(one, word, body) if isinstance(one, str) else None for one in metrics]
    return [Problem(f"thresholds[{at}].metric", reason) for at, reason in enumerate(reasons) if reason is not None]


def _collect(found: list[Problem], step: Callable[[], object]) -> None:
    try:
        step()
    except reading.Unreadable as unreadable:
        found.append(unreadable.problem)


def _value(name: str, given: str | list[str] | bool, model: type[BaseModel]) -> Any:
    if isinstance(given, bool):
        return given
    annotation = model.model_fields[name].annotation
    if isinstance(given, str) and given.startswith("@") and reading.kind_of(annotation)[0] == "json":
        given = _text_of(given[1:], name)
    return reading.read(given, annotation, name)


# ---------------------------------------------------------------------------------------------------------------- files


def _from_file(name: str, word: Word) -> dict[str, Any]:
    """A request, or the spec of a resource, from a YAML or JSON file."""
    import yaml  # for files alone

    text = sys.stdin.read() if name == "-" else _text_of(name, "--file")
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as problem:
        raise _refused(name, f"is neither YAML nor JSON: {' '.join(str(problem).split())}") from None
    if not isinstance(found, dict):
        raise _refused(name, "must hold an object: the fields of a request, or a resource")
    return _of_resource(name, found, word) if "apiVersion" in found or "kind" in found else found


def _of_resource(name: str, document: Mapping[str, Any], word: Word) -> dict[str, Any]:
    """The fields of a resource under their names in a request."""
    wanted = (API_VERSION, str(_KINDS[word]))
    if (document.get("apiVersion"), document.get("kind")) != wanted:
        other = next((one for one, kind in _KINDS.items() if document.get("kind") == kind), None)
        hint = f": evalkube {other} -f {name}" if other is not None else ""
        kind = f"{document.get('apiVersion')} {document.get('kind')}"
        raise _refused(name, f"is {kind}; evalkube {word} takes {' '.join(wanted)}{hint}")
    model = _SPECS[word]
    try:
        spec = model.model_validate(document.get("spec"), by_alias=True, by_name=False)
    except ValidationError as error:
        found = problems_of(error, model, camel=True)
        told = [Problem(f"--file {name}", f"spec.{one.field} {one.reason}") for one in found]
        raise errors.BadRequest(told) from None
    return spec.model_dump(mode="json", by_alias=False, exclude_unset=True)


def _text_of(name: str, field_name: str) -> str:
    try:
        return Path(name).expanduser().read_text("utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        raise errors.BadRequest([Problem(field_name, f"cannot read {name}: {reason}")]) from None


def _refused(name: str, reason: str) -> errors.BadRequest:
    return errors.BadRequest([Problem("--file", f"{name} {reason}")])
