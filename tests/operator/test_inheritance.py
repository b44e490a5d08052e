"""What a run hands down to its Job and pods."""

from typing import Any

import pytest

from evalkube_crds.names import Kind
from evalkube_operator import jobs, reading
from evalkube_operator.inheritance import inherited, reserved
from evalkube_operator.jobs import RunnerDefaults
from fakes.chain import a_run

OWN = {
    "team": "a",
    "team-lead": "b",
    "cost-center": "7",
    "example.org/owner": "c",
    "app.kubernetes.io/name": "mine",
    "kubernetes.io/os": "linux",
    "kueue.x-k8s.io/queue-name": "fast",
    "evalkube.io/run-uid": "v",
    "sub.evalkube.io/x": "y",
    "job-name": "other",
    "controller-uid": "k",
    "notkubernetes.io/x": "y",
}
PREFIXES: dict[str, tuple[list[str], set[str]]] = {
    "none": ([], set()),
    "a beginning": (["team"], {"team", "team-lead"}),
    "a domain": (["example.org/"], {"example.org/owner"}),
    "several": (["cost-", "example.org/"], {"cost-center", "example.org/owner"}),
    "in the middle of a name": (["center"], set()),
    "Kubernetes' own": (["app.kubernetes.io/", "kubernetes.io/", "kueue.x-k8s.io/"], set()),
    "evalkube's own": (["evalkube.io/", "sub.evalkube.io/"], set()),
    "the Job controller's own": (["job-", "controller-"], set()),
    "one that only sounds like it": (["notkubernetes.io/"], {"notkubernetes.io/x"}),
}


@pytest.mark.parametrize(("prefixes", "names"), PREFIXES.values(), ids=PREFIXES)
def test_what_is_handed_down(prefixes: list[str], names: set[str]) -> None:
    """What the installer names, and nothing that means something to Kubernetes or to evalkube."""
    found = inherited(OWN, prefixes)
    assert set(found) == names
    assert all(OWN[name] == value for name, value in found.items())


def test_no_list_lets_a_run_say_whose_its_pods_are() -> None:
    """Not even one that names every letter."""
    everything = [chr(code) for code in range(32, 127)]
    assert not {name for name in inherited(OWN, everything) if reserved(name)}


def made(**defaults: Any) -> dict[str, Any]:
    """The Job of a run that has labels and annotations."""
    raw = a_run()
    raw["metadata"] |= {"labels": OWN, "annotations": {"example.org/note": "n", "evalkube.io/run": "forged"}}
    run = reading.run(raw, Kind.EVAL_RUN)
    assert run.spec is not None
    return jobs.manifest(run, run.spec, 1, RunnerDefaults(image="i", ingest_url="http://ingest", **defaults))


def test_job_and_pods_get_them() -> None:
    """Beside evalkube's own, which are as they are without."""
    plain = made()
    handed = made(inherit_labels=("team", "evalkube.io/"), inherit_annotations=("example.org/", "evalkube.io/"))
    for before, after in (
        (plain["metadata"], handed["metadata"]),
        (plain["spec"]["template"]["metadata"], handed["spec"]["template"]["metadata"]),
    ):
        assert after["labels"] == {**before["labels"], "team": "a", "team-lead": "b"}
        assert after["annotations"] == {**before["annotations"], "example.org/note": "n"}
