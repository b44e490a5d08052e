"""The CustomResourceDefinitions, made from the models: structural schemas, defaults, CEL rules, printer columns. Pure.

Kubernetes knows a part of OpenAPI 3.0 (kubernetes.io/docs, "Specifying a structural schema"): no references, no unions,
no null, exclusive bounds as booleans. Each step of `_simplified` brings pydantic's JSON Schema closer to that.
"""

from typing import Any, Final

from pydantic import BaseModel

from evalkube_crds import dialects
from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.fields import cel, model_in
from evalkube_crds.names import GROUP, RUN_NAME, RUN_NAME_RULE, VERSION, Kind
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.status import RunStatus

__all__ = ["crds"]

_MUTABLE: Final = ("suspend", "cancel", "ttlSecondsAfterFinished")
Column = dict[str, Any]
_EITHER: Final = "x-kubernetes-int-or-string"

_DROPPED = frozenset({"title", "examples", "propertyNames", "$defs", "discriminator"})


def crds() -> dict[str, dict[str, Any]]:
    """Both definitions, by file name."""
    score, rps, verdict = _shown("Score", "score"), _shown("RPS", "rps"), _shown("Verdict", "verdict")
    return {
        f"{GROUP}_evalruns.yaml": _crd(Kind.EVAL_RUN, "evalruns", "er", EvalRunSpec, [score]),
        f"{GROUP}_perfruns.yaml": _crd(Kind.PERF_RUN, "perfruns", "pfr", PerfRunSpec, [rps, verdict]),
    }


def _crd(kind: Kind, plural: str, short: str, spec: type[BaseModel], figures: list[Column]) -> dict[str, Any]:
    names = {
        "kind": str(kind),
        "listKind": f"{kind}List",
        "plural": plural,
        "singular": plural[:-1],
        "shortNames": [short],
        "categories": ["evals"],
    }
    version = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": _columns(figures),
        "selectableFields": [{"jsonPath": ".spec.model"}],
        "schema": {"openAPIV3Schema": _resource(kind, spec)},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {"group": GROUP, "names": names, "scope": "Namespaced", "versions": [version]},
    }


def _shown(name: str, field: str) -> Column:
    return {"name": name, "type": "string", "jsonPath": f".status.columns.{field}"}


def _columns(figures: list[Column]) -> list[Column]:
    """The definition of one kind; `figures` are the printer columns that only this kind has."""
    return [
        {"name": "Phase", "type": "string", "jsonPath": ".status.phase"},
        _shown("Reason", "reason"),
        {"name": "Progress", "type": "string", "jsonPath": ".status.progressText"},
        *figures,
        _shown("Gate", "gate"),
        {"name": "Model", "type": "string", "jsonPath": ".spec.model"},
        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    ]


def _resource(kind: Kind, spec: type[BaseModel]) -> dict[str, Any]:
    what = "An evaluation of a model behind an endpoint" if kind is Kind.EVAL_RUN else "A load test of an endpoint"
    return {
        "type": "object",
        "description": f"{what}, as one run.",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": _spec_schema(spec),
            "status": _model_schema(RunStatus),
        },
        "x-kubernetes-validations": [_name_rule()],
    }


def _name_rule() -> dict[str, Any]:
    """The rule of a run's name, for new runs only: the status of an old run must be writable in any case."""
    rule = cel(f"oldSelf.hasValue() || self.metadata.name.matches(r'{RUN_NAME}')", RUN_NAME_RULE)
    return {**rule, "optionalOldSelf": True}


def _spec_schema(spec: type[BaseModel]) -> dict[str, Any]:
    """The schema of a spec, with the rules of immutable fields at each field where that is possible.

    The API server evaluates all rules at every write of a status too, and a rule at the top costs it a pass over all
    fields.
    """
    schema = _model_schema(spec)
    rules = schema.setdefault("x-kubernetes-validations", [])
    rules.append(cel("!oldSelf.cancel || self.cancel", "cancel cannot be taken back"))
    for name, field in schema["properties"].items():
        if name in _MUTABLE:
            continue
        message = f"{name} cannot change after creation; create another run"
        field.setdefault("x-kubernetes-validations", []).append(cel("self == oldSelf", message))
        if "default" not in field and name not in schema["required"]:  # it may be absent, where its own rule is silent
            rules.append(cel(f"has(self.{name}) == has(oldSelf.{name})", message))
    return schema


def _model_schema(model: type[BaseModel]) -> dict[str, Any]:
    document = model.model_json_schema(mode="serialization", by_alias=True)
    definitions = document.get("$defs", {})
    schema: dict[str, Any] = _simplified(document, definitions)
    _require(schema, model)
    return schema


def _simplified(node: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(node, list):
        return [_simplified(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    node = _flattened(node, definitions)
    plain: dict[str, Any] = {}
    for key, value in node.items():
        if key == "properties":
            plain[key] = {name: _simplified(child, definitions) for name, child in value.items()}
        elif key in ("default", "enum", "x-kubernetes-validations"):
            if value is not None:
                plain[key] = _without_nulls(value)
        elif key not in _DROPPED:
            plain[key] = _simplified(value, definitions)
    _bounds(plain)
    _keys(plain)
    if plain.get("additionalProperties") is False:
        del plain["additionalProperties"]  # the API server drops or refuses unknown fields by itself
    if plain.get("x-kubernetes-preserve-unknown-fields") or plain.get("additionalProperties") in (True, {}):
        plain.pop("additionalProperties", None)
        plain["x-kubernetes-preserve-unknown-fields"] = True
    if "const" in plain:
        plain["enum"] = [plain.pop("const")]
    return plain


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    return value


def _flattened(node: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """`node` with its reference resolved and without "or null": in a resource an absent field means none."""
    while "$ref" in node or "anyOf" in node or "allOf" in node:
        node = dict(node)
        if "$ref" in node:
            inner = definitions[node.pop("$ref").rpartition("/")[2]]
        else:
            if node.get(_EITHER):
                return _int_or_string(node)
            options = [option for option in node.pop("anyOf", None) or node.pop("allOf") if option != {"type": "null"}]
            if len(options) != 1:
                raise ValueError(f"a union has no structural schema: {options}")
            inner = options[0]
        node = {**inner, **node}
    return node


def _int_or_string(node: dict[str, Any]) -> dict[str, Any]:
    """The one union that a structural schema allows; the rules of the field say which numbers and which words."""
    return {name: value for name, value in node.items() if name != "anyOf"}


def _bounds(schema: dict[str, Any]) -> None:
    for word, plain in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if word in schema and not isinstance(schema[word], bool):
            schema[plain] = schema[word]
            schema[word] = True
    least = schema.get("minimum", 0)
    if least != int(least):  # of a whole number the API server compares only the whole part of it
        _add_rule(schema, f"self >= {least}", f"must be at least {least}")


def _keys(schema: dict[str, Any]) -> None:
    """The rule for the keys of a map, because a structural schema has no `patternProperties`."""
    if "patternProperties" in schema:
        [(pattern, values)] = schema.pop("patternProperties").items()
        schema["additionalProperties"] = values
        _add_rule(schema, f"self.all(name, name.matches(r'{pattern}'))", f"each name must match pattern {pattern}")


def _add_rule(schema: dict[str, Any], rule: str, message: str) -> None:
    schema["x-kubernetes-validations"] = [*schema.get("x-kubernetes-validations", []), cel(rule, message)]


def _require(schema: dict[str, Any], model: type[BaseModel]) -> None:
    """Sets `required` and the CEL rules of `model` and of all models in it; pydantic's are wrong here."""
    needed = [field.alias or name for name, field in model.model_fields.items() if field.is_required()]
    schema.pop("required", None)
    if needed:
        schema["required"] = needed
    names = _fields_within(model)
    rules = [one for rule in getattr(model, "rules", ()) for one in rule.validations(names)]
    rules += dialects.rules(model) if "api" in model.model_fields else ()
    if rules:
        schema["x-kubernetes-validations"] = [*schema.get("x-kubernetes-validations", []), *rules]
    for name, field in model.model_fields.items():
        inner = model_in(field.annotation)
        if inner is not None:
            child = schema["properties"][field.alias or name]
            child = child.get("items") or child.get("additionalProperties") or child
            _require(child, inner)


def _fields_within(model: type[BaseModel]) -> set[str]:
    """The names of the fields of `model` and of all models in it."""
    names = set(model.model_fields)
    for field in model.model_fields.values():
        if (inner := model_in(field.annotation)) is not None:
            names |= _fields_within(inner)
    return names
