"""Releases whose values are those of an earlier chart, or lack some, as `helm upgrade --reuse-values` leaves them."""

import copy
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from fakes.chart import CHART, ROOT, S3, configuration, helm, needs_helm, notes, rendered


def chart_with(values: Any, folder: Path) -> Path:
    """A copy whose own values are these: what `helm upgrade --reuse-values` makes of the chart."""
    changed = shutil.copytree(CHART, folder / "chart")
    (changed / "values.yaml").write_text(yaml.safe_dump(values))
    return changed


def comparable(objects: Iterable[Any]) -> list[Any]:
    """The objects but the certificate, which is new each time."""
    kept = [each for each in objects if each and each["kind"] != "Secret"]
    assert kept
    return kept


def groups(values: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every group of values, and every value of the first level, by its path."""
    for key, value in values.items():
        inside = isinstance(value, dict) and key not in ("resources", "podSecurityContext")
        if inside or not path:
            yield (*path, key)
        if inside:
            yield from groups(value, (*path, key))


VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
EVERYTHING = (
    "namespaces={a},metrics.serviceMonitor.enabled=true,api.ingress.enabled=true,api.ingress.host=evals.example.org,"
    "image.repository=localhost/other"
)


def test_the_chart_can_read_its_own_values() -> None:
    """`make generate` copies them to where a template finds them."""
    assert (CHART / "files" / "values.yaml").read_text() == (CHART / "values.yaml").read_text()


@needs_helm
@pytest.mark.parametrize("missing", [(), *groups(VALUES)], ids=".".join)
def test_values_that_are_not_there_are_as_documented(missing: tuple[str, ...], tmp_path: Path) -> None:
    """An upgrade that reuses the values of an earlier release lacks whatever came since; () is all of them."""
    values = copy.deepcopy(VALUES)
    if missing:
        group = values
        for key in missing[:-1]:
            group = group[key]
        del group[missing[-1]]
    done = helm(EVERYTHING, chart=chart_with(values if missing else {}, tmp_path))
    assert done.returncode == 0, done.stderr
    assert comparable(yaml.safe_load_all(done.stdout)) == comparable(rendered(EVERYTHING))


@needs_helm
@pytest.mark.parametrize("values", ["", f"{EVERYTHING},{S3}"], ids=["defaults", "everything"])
@pytest.mark.parametrize("earlier", sorted((ROOT / "tests/chart/values").glob("*.yaml")), ids=lambda path: path.stem)
def test_a_release_of_an_earlier_chart_is_upgraded(values: str, earlier: Path, tmp_path: Path) -> None:
    """`--reuse-values`: the schema still knows its values, the operator what comes of them; the notes are written."""
    chart = chart_with(yaml.safe_load(earlier.read_text()), tmp_path)
    done = helm(values, chart=chart)
    assert done.returncode == 0, done.stderr
    objects = tuple(each for each in yaml.safe_load_all(done.stdout) if each)
    settings = pytest.importorskip("evalkube_operator.settings")
    settings._File.model_validate(configuration(objects))
    assert configuration(objects)["keys"] == {"requireHosts": True}
    assert "serves runs of" in notes(values, tmp_path, chart)


@needs_helm
def test_what_is_switched_off_stays_off(tmp_path: Path) -> None:
    """False, nothing and none are values too."""
    off = "crds.keep=false,keys.requireHosts=false,store.volume.keep=false,operator.jobTtlSeconds=0"
    done = helm(off, chart=chart_with(VALUES, tmp_path))
    told = configuration(tuple(each for each in yaml.safe_load_all(done.stdout) if each))
    assert told["keys"] == {"requireHosts": False}
    assert told["jobTtlSeconds"] == 0
    assert done.stdout.count("helm.sh/resource-policy") == 1, "the certificate's alone"
