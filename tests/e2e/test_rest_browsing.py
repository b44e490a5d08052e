"""What REST shows of runs on a cluster: lists by tags, the stream of changes, live figures, single samples and
requests, files in parts."""

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from e2e.conftest import Looked
from e2e.documents import MODEL_PORT, eval_run, tagged
from e2e.kube import Kube, PortForward, phase
from fakes.event_streams import Event, following, read_until

POINT = "parallel_8_number_150"


def got(rest: httpx.Client, path: str, **query: Any) -> Any:
    """The document at a path, which has to be there."""
    answer = rest.get(path, params=query or None)
    assert answer.status_code == 200, answer.text
    return answer.json()


def ids(rest: httpx.Client, **query: str) -> list[str]:
    """The runs of a list, in its order."""
    return [run["id"] for run in got(rest, "/api/v1/runs", **query)["runs"]]


def test_two_shards_tell_one_set_of_live_figures(looked: Looked) -> None:
    """In the status of a load test at work, as `kubectl get -o json` shows it; they go with its end."""
    progress = looked.live["status"]["progress"]
    assert {"rps", "in_flight"} <= progress["figures"].keys()
    assert progress["done"] < progress["total"] == 150
    assert (progress["stage"], progress.get("failed", 0)) == (POINT, 0)
    assert "rps" not in looked.load_test["status"]["progress"].get("figures", {})


def test_labels_are_tags_and_lists_are_filtered_by_them(rest: httpx.Client, looked: Looked) -> None:
    """By name, by value, several together; with verdicts, kinds and an order."""
    assert set(ids(rest, tag="looked")) == {"looked-eval", "looked-other", "looked-perf"}
    assert ids(rest, tag="looked,nightly=yes") == ["looked-perf"]
    assert ids(rest, tag="looked,side=candidate") == ["looked-other"]
    (line,) = got(rest, "/api/v1/runs", tag="looked", kind="perf")["runs"]
    assert line["tags"] == {"looked": "", "nightly": "yes"}
    assert {"rps", "latency_p99_s"} <= line["headline"].keys()
    verdicts = ["valid", "degraded", "invalid"]
    found = {verdict: ids(rest, tag="looked", verdict=verdict) for verdict in verdicts}
    assert found == {verdict: ["looked-perf"] if verdict == line["verdict"] else [] for verdict in verdicts}
    assert ids(rest, tag="looked", sort="model", order="asc", limit="1", page="3") != []
    assert ids(rest, tag="looked", sort="score")[-1] == "looked-perf", "what has no score comes last"
    assert rest.get("/api/v1/runs", params={"tga": "looked"}).status_code == 400


def test_tags_of_a_request_become_labels(rest: httpx.Client, kube: Kube) -> None:
    """Which kubectl selects by; the run is cancelled by its id."""
    url = f"http://slow:{MODEL_PORT}/v1/chat/completions"
    body = {"model": "m", "url": url, "data_source": "sample", "number": 10_000, "tags": {"team": "e2e"}}
    answer = rest.post("/api/v1/perf", json=body, headers={"Prefer": "respond-async"})
    assert answer.status_code == 202, answer.text
    (run,) = kube.select("perfruns", "tags.evalkube.io/team=e2e")
    assert run["metadata"]["name"] == answer.json()["id"]
    assert rest.post(f"/api/v1/runs/{answer.json()['id']}/cancel").status_code in (200, 202)
    assert phase(kube.ended("perfrun", answer.json()["id"])) == "Cancelled"


@contextmanager
def events(kube: Kube, after: str | None) -> Iterator[Iterator[Event]]:
    """The stream of runs tagged `told`, by a connection of its own."""
    forward = PortForward(kube.namespace, "service/evalkube-api", 9000).start()
    try:
        with httpx.Client(base_url=forward.url, timeout=60) as client, following(client, after, tag="told") as stream:
            yield stream
    finally:
        forward.stop()


def is_in(name: str) -> Callable[[Event], bool]:
    """Whether an event tells of a run in that phase."""
    return lambda event: event.name == "run" and event.data["phase"] == name


def test_the_stream_of_all_runs_goes_on_where_it_broke_off(rest: httpx.Client, kube: Kube) -> None:
    """A run that kubectl makes is told from its beginning to its deletion, over a connection that breaks."""
    position = got(rest, "/api/v1/runs", limit=1)["position"]
    with events(kube, position) as stream:
        kube.create(tagged(eval_run("told", "model", limit=1), told=""))
        first = read_until(stream, lambda event: event.name == "run")[-1]
    assert first.data["id"] == "told"
    with events(kube, first.position) as stream:
        seen = read_until(stream, is_in("Succeeded"))
        kube.delete("evalrun", "told")
        seen += read_until(stream, lambda event: (event.name, event.data) == ("deleted", {"id": "told"}))
    assert "snapshot" not in [event.name for event in seen], "nothing was missed"
    with events(kube, "of-another-service-1") as stream:
        assert next(stream).name == "snapshot"


def test_the_samples_of_all_shards_are_listed_and_read_one_by_one(rest: httpx.Client, looked: Looked) -> None:
    """Each once; the wrong one by its state; what it says is what the stored lines say."""
    here = "/api/v1/runs/looked-eval"
    whole = got(rest, f"{here}/samples", limit=100)
    assert whole["total"] == looked.evaluation["status"]["progress"]["total"]
    assert len({one["href"] for one in whole["samples"]}) == whole["total"]
    wrong = got(rest, f"{here}/samples", state="wrong")
    assert wrong["total"] == 1, "the mock's answer to one of the questions is wrong"
    sample = got(rest, wrong["samples"][0]["href"])
    lines = rest.get(f"{here}/artifacts/predictions/mock-model/gsm8k_main.jsonl").text.splitlines()
    line = next(line for line in map(json.loads, lines) if line["index"] == sample["index"])
    assert sample["answer"] == line["model_output"]["choices"][0]["message"]["content"]
    assert (sample["state"], sample["score"]) == ("wrong", 0)


def test_the_requests_of_all_shards_are_listed_and_seen_over_time(rest: httpx.Client, looked: Looked) -> None:
    """All of them, of both pods, in one list and in one series."""
    here = f"/api/v1/runs/{looked.load_test['metadata']['name']}"
    listed = got(rest, f"{here}/requests", point=POINT, limit=500)
    assert (listed["total"], {one["shard"] for one in listed["requests"]}) == (150, {0, 1})
    slowest = got(rest, f"{here}/requests", point=POINT, sort="slowest", limit=1)["requests"]
    assert slowest[0]["latency_s"] == max(one["latency_s"] for one in listed["requests"])
    series = got(rest, f"{here}/series", point=POINT, buckets=20)
    assert (sum(series["sent"]), sum(series["succeeded"]), sum(series["failed"])) == (150, 150, 0)
    assert len(series["sent"]) > 1


def test_runs_are_compared(rest: httpx.Client, looked: Looked) -> None:
    """Evaluations over the questions of both, load tests load by load."""
    found = got(rest, "/api/v1/compare", baseline="looked-eval", candidate="looked-other")
    assert (found["kind"], list(found["comparisons"][0]["benchmarks"])) == ("eval", ["gsm8k"])
    found = got(rest, "/api/v1/compare", baseline="looked-perf", candidate="looked-perf")
    assert (found["kind"], found["candidates"][0]["points"][0]["candidate"]["point"]) == ("perf", POINT)


def test_files_come_whole_in_parts_and_all_at_once(rest: httpx.Client, looked: Looked) -> None:
    """Out of the operator's store: Range, ETag, and an archive with all that is listed."""
    here = f"/api/v1/runs/{looked.evaluation['metadata']['name']}"
    path = f"{here}/artifacts/reports/report.html"
    whole = rest.get(path)
    assert (whole.status_code, whole.headers["Accept-Ranges"]) == (200, "bytes")
    for wanted, part in (("0-9", whole.content[:10]), ("100-", whole.content[100:]), ("-5", whole.content[-5:])):
        answer = rest.get(path, headers={"Range": f"bytes={wanted}"})
        assert (answer.status_code, answer.content) == (206, part)
    size = len(whole.content)
    beyond = rest.get(path, headers={"Range": f"bytes={size}-"})
    assert (beyond.status_code, beyond.headers["Content-Range"]) == (416, f"bytes */{size}")
    same = rest.get(path, headers={"If-None-Match": whole.headers["ETag"]})
    assert (same.status_code, same.content) == (304, b"")
    assert rest.head(path).headers["ETag"] == whole.headers["ETag"]
    archive = rest.get(f"{here}/artifacts.zip")
    with zipfile.ZipFile(io.BytesIO(archive.content)) as packed:
        assert packed.testzip() is None
        listed = {one["path"] for one in got(rest, f"{here}/artifacts")["artifacts"]}
        assert {name.removeprefix("looked-eval/") for name in packed.namelist()} == listed
        assert packed.read("looked-eval/reports/report.html") == whole.content


def test_an_answer_has_the_summary_of_the_status(rest: httpx.Client, looked: Looked) -> None:
    """Flat, with the names that columns and thresholds use; it is not sent again to who has it."""
    for run in (looked.evaluation, looked.load_test):
        path = f"/api/v1/runs/{run['metadata']['name']}/result"
        answer = rest.get(path)
        assert answer.status_code == 200, answer.text
        assert answer.json()["summary"] == run["status"]["summary"]
        assert rest.get(path, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304


def test_a_task_of_evalscope_s_client(rest: httpx.Client, kube: Kube) -> None:
    """Submitted, watched and read under an id of the client's own, which is a tag of the run."""
    url = f"http://model:{MODEL_PORT}/v1"
    body = {"model": "m", "api_url": url, "datasets": ["gsm8k"], "dataset_hub": "sample", "limit": 2}
    answer = rest.post("/api/v1/eval/invoke", json=body, headers={"EvalScope-Task-Id": "e2e-task.1"})
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["status"], told["task_id"], "gsm8k" in told["result"]) == ("completed", "e2e-task.1", True)
    assert len(kube.select("evalruns", "tags.evalkube.io/evalscope-task-id=e2e-task.1")) == 1
    task = {"task_id": "e2e-task.1"}
    assert got(rest, "/api/v1/eval/progress", **task)["percent"] == 100
    assert "evalkube.runner" in got(rest, "/api/v1/eval/log", **task)["text"]
    assert "gsm8k" in rest.get("/api/v1/eval/report", params=task).text
