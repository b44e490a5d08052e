"""The resource's schema: what Kubernetes demands of it, and that the committed files are what the models say."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from evalkube_crds import names, perfrun, schema

ROOT = Path(__file__).parents[2]


def nodes(node: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema in a schema, with its path."""
    if not isinstance(node, dict):
        return
    yield path, node
    for name, child in node.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    for word in ("items", "additionalProperties"):
        yield from nodes(node.get(word), f"{path}[]")


def every_node() -> list[tuple[str, dict[str, Any]]]:
    """All schemas of both resources."""
    roots = [crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"] for crd in schema.crds().values()]
    return [found for root in roots for found in nodes(root)]


def test_the_committed_files_are_what_the_models_say() -> None:
    """`evalkube crds --output crds` writes them anew."""
    for name, crd in schema.crds().items():
        assert yaml.safe_load((ROOT / "crds" / name).read_text()) == crd, name


STRUCTURAL = (
    "type description default enum format required properties additionalProperties items pattern minLength maxLength "
    "minItems maxItems minProperties maxProperties minimum maximum exclusiveMinimum exclusiveMaximum "
    "x-kubernetes-int-or-string x-kubernetes-preserve-unknown-fields x-kubernetes-validations "
    "x-kubernetes-list-type x-kubernetes-list-map-keys"
)
"""The words of a structural schema that ours need. An API server refuses others, and 1.34 crashes over them where a
definition has selectableFields.
"""


def test_schemas_are_structural() -> None:
    """Every schema has a type, and no word but those of a structural schema."""
    words = set(STRUCTURAL.split())
    for path, node in every_node():
        assert set(node) <= words, path
        free = node.get("x-kubernetes-preserve-unknown-fields") or node.get("x-kubernetes-int-or-string")
        assert "type" in node or free, path


def test_only_three_fields_may_change() -> None:
    """Every other field of a spec has a transition rule of its own."""
    for crd in schema.crds().values():
        spec = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
        assert "!oldSelf.cancel || self.cancel" in [rule["rule"] for rule in spec["x-kubernetes-validations"]]
        whether_there = {rule["rule"] for rule in spec["x-kubernetes-validations"]}
        for name, field in spec["properties"].items():
            rules = [rule["rule"] for rule in field.get("x-kubernetes-validations", ())]
            assert ("self == oldSelf" in rules) == (name not in ("cancel", "suspend", "ttlSecondsAfterFinished")), name
            always = "default" in field or name in spec["required"]
            may_come_or_go = f"has(self.{name}) == has(oldSelf.{name})" not in whether_there
            assert always or name == "ttlSecondsAfterFinished" or not may_come_or_go, name


def columns_of(crd: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The printer columns of a definition, by heading."""
    return {each["name"].upper(): each for each in crd["spec"]["versions"][0]["additionalPrinterColumns"]}


def test_what_kubectl_get_prints() -> None:
    """All without `-o wide`; what stands in the status is there, as text."""
    evaluations, load_tests = schema.crds().values()
    assert list(columns_of(evaluations)) == ["PHASE", "REASON", "PROGRESS", "SCORE", "GATE", "MODEL", "AGE"]
    assert list(columns_of(load_tests)) == ["PHASE", "REASON", "PROGRESS", "RPS", "VERDICT", "GATE", "MODEL", "AGE"]
    for crd in (evaluations, load_tests):
        root = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        for column in columns_of(crd).values():
            assert not column.get("priority")
            node = root
            for name in column["jsonPath"].removeprefix(".").split("."):
                if name == "metadata":
                    break
                node = node["properties"][name]
            assert node["type"] in ("string", "object"), column


def test_short_names_are_nobody_elses() -> None:
    """Tekton's PipelineRun is `pr`, its TaskRun `tr`; Kubernetes' own are taken too."""
    taken = {"pr", "prs", "tr", "trs", "po", "rs", "ev", "ep", "pv", "pc", "pdb", "rc", "sa", "svc"}
    short = [name for crd in schema.crds().values() for name in crd["spec"]["names"]["shortNames"]]
    assert short == ["er", "pfr"]
    assert not taken & set(short)


NAMED = {
    "letters": ("demo", True),
    "digits and hyphens": ("1-a--b-2", True),
    "the longest": ("x" * 52, True),
    "one more": ("x" * 53, False),
    "a dot": ("qwen2.5", False),
    "a dot at the end": ("demo.", False),
    "a hyphen at the end": ("demo-", False),
    "a hyphen at the beginning": ("-demo", False),
    "capitals": ("Demo", False),
}


@pytest.mark.parametrize(("name", "allowed"), NAMED.values(), ids=NAMED)
def test_what_a_run_may_be_called(name: str, allowed: bool) -> None:
    """One rule of new runs, in the definitions of both kinds."""
    for crd in schema.crds().values():
        (rule,) = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["x-kubernetes-validations"]
        assert rule["optionalOldSelf"]
        assert f"matches(r'{names.RUN_NAME}')" in rule["rule"]
        assert "no dots" in rule["message"]
    assert bool(re.search(names.RUN_NAME, name)) is allowed


def test_no_spec_has_a_place_for_a_key() -> None:
    """A key is referred to, never written."""
    named = {path.rpartition(".")[2].lower() for path, _ in every_node()}
    assert not {name for name in named if "apikey" in name and not name.endswith(("secretref", "header"))}


def test_choices_are_the_names_of_the_contract() -> None:
    """A literal type cannot be computed, so it is compared."""
    assert set(get_args(perfrun.PerfRunSpec.model_fields["dataset"].annotation)) == set(names.PERF_DATASETS)


def test_every_field_is_explained() -> None:
    """`kubectl explain` has something to say about each."""
    for path, node in every_node():
        if ".spec." in path and "[]" not in path:
            assert node.get("description"), path
