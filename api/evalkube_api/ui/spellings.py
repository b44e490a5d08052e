"""The same request for curl, the command line, and a cluster (as a resource). Pure.

They contain no secrets: in their place is an environment variable or the name of a Secret.
"""

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml
from pydantic import ValidationError

from evalkube_api.backend import KINDS
from evalkube_api.placement import Beside, ClusterRequest
from evalkube_api.ui.form import Word
from evalkube_crds import requests, tags
from evalkube_crds.cluster import CLUSTER_ONLY
from evalkube_crds.names import API_VERSION

__all__ = ["Spelling", "spellings"]

_VARIABLES: Final = {"api_key": "EVALKUBE_API_KEY", "judge_api_key": "EVALKUBE_JUDGE_API_KEY"}
_NAME_TO_FILL_IN: Final = "NAME-OF-YOUR-SECRET"


@dataclass(frozen=True, slots=True)
class Spelling:
    """One form of a request, as text to copy."""

    name: str
    text: str
    note: str


def spellings(
    word: Word, body: Mapping[str, Any], *, url: str, token: bool, secrets: Sequence[str]
) -> tuple[Spelling, ...]:
    """All forms of a request. `url`: of this service. `token`: whether the service asks for one. `secrets`: the secrets
    that are given.
    """
    keys = [_VARIABLES[name] for name in secrets if name in _VARIABLES]
    set_first = f"Set {' and '.join(keys)} before." if keys else ""
    return (
        Spelling("curl", _curl(word, body, url, token=token, secrets=secrets), set_first),
        Spelling("Command line", _command(word, body, url), set_first),
        Spelling("YAML", *_resource(word, body, secrets)),
    )


def _curl(word: Word, body: Mapping[str, Any], url: str, *, token: bool, secrets: Sequence[str]) -> str:
    held = {name: f"@@{variable}@@" for name, variable in _VARIABLES.items() if name in secrets}
    members = [f" {_json(name)}: {_json(value)}" for name, value in {**body, **held}.items()]
    data = shlex.quote("{\n" + ",\n".join(members) + "\n}")
    for variable in _VARIABLES.values():
        data = data.replace(f'"@@{variable}@@"', f"""\"'"${variable}"'\"""")
    lines = [
        f"curl {shlex.quote(f'{url}/api/v1/{word}')}",
        *(['-H "Authorization: Bearer $EVALKUBE_TOKEN"'] if token else []),
        "-H 'Content-Type: application/json'",
        "-H 'Prefer: respond-async'",
        f"-d {data}",
    ]
    return " \\\n  ".join(lines)


def _command(word: Word, body: Mapping[str, Any], url: str) -> str:
    options = [option for name, value in body.items() for option in _options(name, value)]
    return " \\\n  ".join([f"evalkube {word} --server {shlex.quote(url)}", *options])


def _options(name: str, value: Any) -> Iterator[str]:
    option = "--" + name.replace("_", "-")
    if name in CLUSTER_ONLY or name in ClusterRequest.model_fields or name == "tags":
        yield _setting(name, value)
    elif isinstance(value, bool):
        opposite = f"--{name.removeprefix('no_')}" if name.startswith("no_") else f"--no-{name}"
        yield option if value else opposite.replace("_", "-")
    elif name == "generation_config" and isinstance(value, Mapping):
        for inner, one in value.items():
            yield _setting(f"{name}.{inner}", one)
    elif isinstance(value, list) and all(isinstance(one, str | int | float) for one in value):
        yield " ".join([option, *(shlex.quote(str(one)) for one in value)])
    elif isinstance(value, str | int | float):
        yield f"{option} {shlex.quote(str(value))}"
    else:
        yield f"{option} {shlex.quote(_json(value))}"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _setting(path: str, value: Any) -> str:
    text = value if isinstance(value, str) else _json(value)
    return f"--set {shlex.quote(f'{path}={text}')}"


def _parsed(word: Word, body: Mapping[str, Any]) -> requests.EvalRequest | requests.PerfRequest:
    if word == "eval":
        return requests.parse_request(requests.EvalRequest, body)
    return requests.parse_request(requests.PerfRequest, body)


def _resource(word: Word, body: Mapping[str, Any], secrets: Sequence[str]) -> tuple[str, str]:
    """The resource, and what to do before it is applied; no text if the request is incomplete."""
    beside = {name: value for name, value in body.items() if name in Beside.model_fields}
    asked = {name: value for name, value in body.items() if name not in beside}
    try:
        spec, taken = requests.split_request(_parsed(word, asked))
    except ValidationError:
        return "", "A resource needs a complete request: fill in what is required."
    metadata: dict[str, Any] = {"generateName": f"{word}-"}
    if "namespace" in beside:
        metadata["namespace"] = beside["namespace"]
    if beside.get("tags"):
        metadata["labels"] = tags.labels_of(beside["tags"])
    written = spec.model_dump(mode="json", by_alias=True, exclude_unset=True)
    if "api_key" in secrets:
        written["apiKeySecretRef"] = {"name": _NAME_TO_FILL_IN, "key": "api-key"}
    document = {"apiVersion": API_VERSION, "kind": str(KINDS[word]), "metadata": metadata, "spec": written}
    note = "For kubectl create -f; the key is in a Secret of the namespace." if secrets or taken else ""
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100), note or "For kubectl create -f."
