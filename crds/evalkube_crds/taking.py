"""The secrets of a request, taken out, because its run's spec must not hold them. Pure.

They are in headers, query parameters and body keys.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_plus, urlsplit, urlunsplit

from evalkube_crds import secret_keys
from evalkube_crds.credentials import Credentials, body_objection, header_objection, is_secret
from evalkube_crds.problems import Problem

__all__ = ["Taken", "taken"]


class Taken:
    """A request without its secrets, and the secrets by the part of the request that they belong to."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        self.body = dict(body)
        self.problems: list[Problem] = []
        self._found: dict[str, dict[str, dict[str, str]]] = {}
        self._keys: dict[str, dict[str, Any]] = {}
        self._own: dict[str, str] = {}

    def secrets(self) -> dict[str, str]:
        """The secrets of a run, each as JSON. Raises ValidationError for one that cannot be a header."""
        found: dict[str, dict[str, Any]] = {name: {**parts} for name, parts in self._found.items()}
        for name, keys in self._keys.items():
            if keys:
                found.setdefault(name, {})["body"] = keys
        kept = {name: Credentials(**parts).model_dump_json(exclude_unset=True) for name, parts in found.items()}
        return kept | self._own

    def of_judge(self, model: dict[str, Any], place: int) -> None:
        """Takes out a judge's own key and the other secrets of its endpoint."""
        above = f"judge.models[{place}]."
        key = model.pop("api_key", None)
        if key is not None and not isinstance(key, str):
            self.problems.append(Problem(f"{above}api_key", "must be a string"))
        elif key not in (None, "", "EMPTY"):
            self._own[f"judge_api_key_{place}"] = key
        self.of_endpoint(model, "judge_credentials", above)

    def of_endpoint(self, holder: dict[str, Any], name: str, above: str = "") -> None:
        """Takes the secrets out of the URL, headers, query and bodies that `holder` has for one endpoint."""
        for field in ("api_url", "url"):
            if isinstance(holder.get(field), str):
                holder[field] = self._of_url(holder[field], name, above + field)
        self._of_maps(holder, name, above)
        config = holder.get("generation_config")
        if isinstance(config, dict):
            holder["generation_config"] = dict(config)
            self._of_maps(holder["generation_config"], name, f"{above}generation_config.")
        self._of_bodies(holder, name, above)

    def _of_maps(self, holder: dict[str, Any], name: str, above: str) -> None:
        for field, part in (("headers", "headers"), ("extra_headers", "headers"), ("extra_query", "query")):
            given = holder.get(field)
            if not isinstance(given, dict):
                continue
            secret = {key: value for key, value in given.items() if is_secret(key) and isinstance(value, str)}
            for key, value in secret.items():
                self._take(name, part, key, value, above + field)
            if secret:
                holder[field] = {key: value for key, value in given.items() if key not in secret}

    def _of_bodies(self, holder: dict[str, Any], name: str, above: str) -> None:
        """Takes the secrets out of the bodies. Fields come in the order of their priority, key by key."""
        config = holder.get("generation_config")
        secret: dict[str, Any] = {}
        last = ""
        if isinstance(holder.get("tools"), list):
            kept, secret = secret_keys.divided({"tools": holder["tools"]})
            holder["tools"], last = kept["tools"], f"{above}tools"
        for part, field, where in (
            (holder, "query_template", "query_template"),
            (holder, "extra_args", "extra_args"),
            (config, "extra_body", "generation_config.extra_body"),
        ):
            if not isinstance(part, dict) or field not in part:
                continue
            given, last = part[field], above + where
            part[field], found = secret_keys.divided(given)
            over = given if isinstance(given, dict) else {}
            secret = {key: value for key, value in secret.items() if key not in over} | found
        objection = body_objection(secret)
        if objection is None and self._keys.setdefault(name, secret) != secret:
            objection = "has other keys that carry secrets than the judges before; give all judges the same"
        if objection is not None:
            self.problems.append(Problem(last or f"{above}generation_config.extra_body", objection))

    def _of_url(self, url: str, name: str, field: str) -> str:
        try:
            parts = urlsplit(url)
        except ValueError:  # the contract says so
            return url
        kept = []
        for pair in parts.query.split("&"):
            key, _, value = pair.partition("=")
            if is_secret(unquote_plus(key)):
                self._take(name, "query", unquote_plus(key), unquote_plus(value), field)
            else:
                kept.append(pair)
        return url if len(kept) == len(parts.query.split("&")) else urlunsplit(parts._replace(query="&".join(kept)))

    def _take(self, name: str, part: str, key: str, value: str, field: str) -> None:
        there = self._found.setdefault(name, {"headers": {}, "query": {}})[part]
        objection = header_objection(key, value) if part == "headers" else None
        if objection is None and there.get(key, value) != value:
            objection = f"{key} has two different values; give all judges the same"
        if objection is not None:
            self.problems.append(Problem(field, objection))
        there[key] = value


def taken(body: Mapping[str, Any]) -> Taken:
    """A `body` (of a request, not yet checked) without its secrets."""
    found = Taken(body)
    found.of_endpoint(found.body, "credentials")
    judge = found.body.get("judge")
    models = judge.get("models") if isinstance(judge, dict) else None
    models = [models] if isinstance(models, dict) else models  # one value where a list is meant
    if isinstance(judge, dict) and isinstance(models, list):
        own = [dict(model) if isinstance(model, dict) else model for model in models]
        for place, model in enumerate(own):
            if isinstance(model, dict):
                found.of_judge(model, place)
        found.body["judge"] = {**judge, "models": own}
    return found
