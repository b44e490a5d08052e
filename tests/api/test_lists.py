"""Lists of runs and the stream of their changes over HTTP, on one machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fakes.bodies import eval_body, perf_body
from fakes.event_streams import Event, following, read_until
from fakes.service import Service, running_service
from fakes.waiting import until


def submitted(service: Service, word: str = "eval", model: str = "ok", **more: Any) -> str:
    """The id of a run that was just accepted."""
    body = eval_body(model, **more) if word == "eval" else perf_body(model, **more)
    response = service.post(word, body, Prefer="respond-async")
    assert response.status_code == 202, response.text
    return str(response.json()["id"])


def listed(service: Service, **query: str) -> list[dict[str, Any]]:
    """The runs of a page."""
    response = service.client.get("/api/v1/runs", params=query)
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["runs"]
    return found


def is_run(event: Event, run_id: str, **fields: Any) -> bool:
    """Whether the event tells of that run, as it is now."""
    return event.name == "run" and event.data["id"] == run_id and fields.items() <= event.data.items()


@contextmanager
def at_work(service: Service, word: str = "eval", **more: Any) -> Iterator[str]:
    """A run that has told progress and works on; cancelled in the end."""
    run_id = submitted(service, word, "hang", **more)
    until(lambda: (service.run(run_id)["progress"] or {}).get("total"))
    try:
        yield run_id
    finally:
        service.client.post(f"/api/v1/runs/{run_id}/cancel")


@pytest.mark.parametrize(
    ("tags", "shown"),
    [
        pytest.param({"team": "search", "nightly": ""}, {"nightly": "", "team": "search"}, id="with values"),
        pytest.param(["team", "nightly"], {"nightly": "", "team": ""}, id="words alone"),
        pytest.param("nightly", {"nightly": ""}, id="one word"),
        pytest.param({}, {}, id="none"),
        pytest.param(None, {}, id="null"),
    ],
)
def test_tags_of_a_request_are_those_of_the_run(service: Service, tags: Any, shown: dict[str, str]) -> None:
    """In the run and in lists, and as labels in its document."""
    run_id = submitted(service, tags=tags, model="ok-tags")
    assert service.run(run_id)["tags"] == shown
    assert next(one for one in listed(service, model="ok-tags") if one["id"] == run_id)["tags"] == shown


def test_runs_are_found_by_tag(service: Service) -> None:
    """By name or by value, several together."""
    both = submitted(service, tags={"project": "a", "kept": "yes"})
    one = submitted(service, tags={"project": "b"})
    assert [run["id"] for run in listed(service, tag="project")] == [one, both]
    assert [run["id"] for run in listed(service, tag="project=a")] == [both]
    assert [run["id"] for run in listed(service, tag="project,kept=yes")] == [both]
    assert [run["id"] for run in listed(service, q="project=B")] == [one]


@pytest.mark.parametrize(
    ("tags", "field"),
    [({"a b": "x"}, "tags.a b"), ({"a": "-"}, "tags.a"), ({"a": 1}, "tags.a"), (["", "a"], "tags."), (5, "tags")],
)
def test_tags_that_no_label_can_be_are_refused(service: Service, tags: Any, field: str) -> None:
    """400 with the field and a reason, on one machine as on a cluster."""
    response = service.post("eval", eval_body(tags=tags))
    assert response.status_code == 400
    assert [problem["field"] for problem in response.json()["problems"]] == [field]


def test_the_same_key_with_other_tags_is_another_request(service: Service) -> None:
    """It is refused, and never answered by a run without those tags."""
    first = service.post("eval", eval_body(tags={"a": "1"}), Idempotency_Key="tagged", Prefer="respond-async")
    again = service.post("eval", eval_body(tags={"a": "1"}), Idempotency_Key="tagged", Prefer="respond-async")
    assert again.json()["id"] == first.json()["id"]
    other = service.post("eval", eval_body(tags={"a": "2"}), Idempotency_Key="tagged")
    assert other.status_code == 422


def test_a_run_at_work_shows_its_progress_in_lists(service: Service) -> None:
    """With its share in percent; nothing is queued and nothing found yet."""
    with at_work(service, tags="watched") as run_id:
        (line,) = listed(service, tag="watched")
        assert line["id"] == run_id
        assert line["progress"] | {"figures": {}} == {
            "done": 1,
            "total": 4,
            "percent": 25.0,
            "eta_seconds": 3.0,
            "stage": "gsm8k",
            "failed": 0,
            "figures": {},
        }
        assert (line["queue"], line["headline"], line["failed"], line["verdict"]) == (None, {}, 0, None)
        assert line["datasets"] == ["gsm8k"]


def test_a_load_test_that_ended_shows_verdict_and_headline(real: Service, model: str) -> None:
    """Of its fastest valid point, and is found and sorted by them."""
    answer = real.post(
        "perf",
        perf_body(
            url=f"{model}/chat/completions", data_source="sample", tags="measured", parallel=[1, 2], number=[4, 8]
        ),
    )
    assert answer.status_code == 200, answer.text
    (line,) = listed(real, tag="measured", sort="rps", dataset="openqa")
    assert line["verdict"] in ("valid", "degraded", "invalid")
    assert {"rps", "output_tps", "ttft_p99_s", "latency_p99_s"} <= line["headline"].keys()
    assert len(line["headline"]) <= 6
    assert line["headline"]["rps"] in [line["summary"][name] for name in line["summary"] if name.endswith("/rps")]
    assert listed(real, tag="measured", verdict=line["verdict"]) == [line]
    assert answer.json()["summary"] == line["summary"]


def test_an_evaluation_that_ended_shows_its_score(real: Service, model: str) -> None:
    """With the ends of its interval, in lists and in the answer of the submission."""
    answer = real.post("eval", eval_body(api_url=model, dataset_hub="sample", tags="scored"))
    assert answer.status_code == 200, answer.text
    (line,) = listed(real, tag="scored", sort="score")
    assert list(line["headline"]) == ["score", "score_low", "score_high"]
    assert answer.json()["summary"] == line["summary"]


def test_a_waiting_run_shows_its_place_and_what_it_waits_for(outputs: Path) -> None:
    """In lists and alone; the next one moves up when the first has its turn."""
    with running_service(outputs, stop_grace_s=1.0, max_evals=1) as service:
        with at_work(service) as first:
            second, third = submitted(service, "perf"), submitted(service, model="hang")
            queues = {line["id"]: line["queue"] for line in listed(service, phase="Queued")}
            assert queues == {
                second: {"position": 1, "waits_for": "the end of the evaluation that is running; load tests run alone"},
                third: {"position": 2, "waits_for": "1 run before it"},
            }
            assert service.run(third)["queue"] == queues[third]
            assert service.run(first)["queue"] is None
        until(lambda: service.run(third)["phase"] == "Running")
        assert listed(service, phase="Queued,Pending") == []
        assert service.run(second)["phase"] == "Succeeded"


def test_runs_are_sorted_and_paged_by_number(service: Service) -> None:
    """`continue` is of lists in the order of creation."""
    for model in ("ok-c", "ok-a", "ok-b"):
        service.post("eval", eval_body(model, tags="sorted"))
    assert [line["model"] for line in listed(service, tag="sorted", sort="model", order="asc")] == [
        "ok-a",
        "ok-b",
        "ok-c",
    ]
    page = {"tag": "sorted", "sort": "model", "order": "asc", "limit": "1", "page": "2"}
    response = service.client.get("/api/v1/runs", params=page).json()
    assert [line["model"] for line in response["runs"]] == ["ok-b"]
    assert (response["total"], response["next"]) == (3, None)


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("fase=Failed", "did you mean 'phase'"),
        ("phase=Faild", "did you mean 'Failed'"),
        ("phase=Failed,Runing", "did you mean 'Running'"),
        ("verdict=vald", "did you mean 'valid'"),
        ("sort=scor", ""),
        ("tag=a%20b", "63 letters"),
        ("tag=", "63 letters"),
        ("sort=score&continue=a~b~c", "'page'"),
    ],
)
def test_a_filter_that_is_none_is_refused(service: Service, query: str, reason: str) -> None:
    """400 with the parameter, and the nearest that is right."""
    response = service.client.get(f"/api/v1/runs?{query}")
    assert response.status_code == 400
    (problem,) = response.json()["problems"]
    assert reason in problem["reason"]


def test_events_tell_of_a_run_from_its_beginning_to_its_deletion(service: Service) -> None:
    """Each event has the whole line, so that a page needs no other request."""
    with following(service.client, tag="told") as events:
        assert read_until(events, lambda event: event.position is not None)[0].name == "snapshot"
        run_id = submitted(service, model="slow-1", tags="told")
        seen = read_until(events, lambda event: is_run(event, run_id, phase="Succeeded"))
        phases = list(dict.fromkeys(event.data["phase"] for event in seen))
        assert phases[-1] == "Succeeded"
        assert "Running" in phases
        assert any(event.data["progress"] for event in seen)
        assert seen[-1].data == listed(service, tag="told")[0]
        service.client.delete(f"/api/v1/runs/{run_id}")
        assert read_until(events, lambda event: event.name == "deleted")[-1].data == {"id": run_id}


def test_a_stream_goes_on_where_it_broke_off(service: Service) -> None:
    """From the last event, or from the list that a page was made of; what happened in between is told."""
    position = service.client.get("/api/v1/runs").json()["position"]
    first = service.post("eval", eval_body(tags="resumed")).json()["id"]
    with following(service.client, tag="resumed", after=position) as events:
        last = read_until(events, lambda event: is_run(event, first, phase="Succeeded"))[-1]
    second = service.post("eval", eval_body(tags="resumed")).json()["id"]
    with following(service.client, tag="resumed", after=last.position) as events:
        told = read_until(events, lambda event: is_run(event, second, phase="Succeeded"))
    assert {event.name for event in told} == {"run"}
    assert {event.data["id"] for event in told} == {second}


def test_a_position_of_another_service_is_a_new_beginning(service: Service) -> None:
    """With a snapshot: a page throws away what it has."""
    run_id = service.post("eval", eval_body(tags="anew")).json()["id"]
    with following(service.client, tag="anew", after="0123abcd-7") as events:
        told = read_until(events, lambda event: event.position is not None)
    assert [event.name for event in told] == ["snapshot", "run"]
    assert told[1].data["id"] == run_id


def test_a_page_without_headers_goes_on_too(service: Service) -> None:
    """A browser's first request has no Last-Event-ID: `after` is the same."""
    position = service.client.get("/api/v1/runs").json()["position"]
    run_id = service.post("eval", eval_body(tags="paged")).json()["id"]
    with service.client.stream("GET", "/api/v1/events", params={"after": position, "tag": "paged"}) as response:
        lines = response.iter_lines()
        assert next(line for line in lines if line.startswith("event: ")) == "event: run"
        assert run_id in next(line for line in lines if line.startswith("data: "))


def test_the_place_in_the_line_is_told_as_it_changes(outputs: Path) -> None:
    """Of each run that waits, when one before it has its turn or is gone."""
    with running_service(outputs, stop_grace_s=1.0, max_evals=1) as service, at_work(service) as first:
        second, third = submitted(service, model="hang"), submitted(service, model="hang")
        position = service.client.get("/api/v1/runs").json()["position"]
        service.client.post(f"/api/v1/runs/{second}/cancel")
        queue = {"position": 1, "waits_for": "the end of the evaluation that is running (--max-runs)"}
        with following(service.client, after=position) as events:
            read_until(events, lambda event: is_run(event, third, queue=queue))
            service.client.post(f"/api/v1/runs/{first}/cancel")
            read_until(events, lambda event: is_run(event, third, queue=None, phase="Running"))
        service.client.post(f"/api/v1/runs/{third}/cancel")


def test_a_stream_ends_with_the_service(outputs: Path) -> None:
    """Which tells the last state of its runs before."""
    with running_service(outputs, stop_grace_s=1.0) as service:
        run_id = submitted(service, model="hang")
        until(lambda: service.run(run_id)["phase"] == "Running")
        with following(service.client) as events:
            read_until(events, lambda event: event.position is not None)
            service.process.terminate()
            read_until(events, lambda event: is_run(event, run_id, phase="Interrupted"))
            assert list(events) == []


def test_a_submission_changes_no_run_that_waits(outputs: Path) -> None:
    """Its place is behind them. Told of each, a long queue would be sent anew with every submission."""
    with running_service(outputs, stop_grace_s=1.0, max_evals=1) as service, at_work(service):
        first, second = submitted(service), submitted(service)
        position = service.client.get("/api/v1/runs").json()["position"]
        with following(service.client, after=position) as events:
            last = submitted(service)
            told = read_until(events, lambda event: is_run(event, last))
        assert not {first, second} & {event.data.get("id") for event in told}


def test_events_of_a_namespace_are_a_clusters(service: Service) -> None:
    """Refused before the stream begins, with the field."""
    response = service.client.get("/api/v1/events", params={"namespace": "a"})
    assert (response.status_code, response.json()["problems"][0]["field"]) == (400, "namespace")


def test_a_search_says_what_it_found_in_a_sentence(real: Service, model: str) -> None:
    """Beside every value that it tried, and in the headline of the run."""
    search: dict[str, Any] = {
        "sla_auto_tune": True,
        "sla_params": [{"p99_ttft": "<=10"}],
        "sla_upper_bound": 2,
        "sla_num_runs": 1,
    }
    body = perf_body(url=f"{model}/chat/completions", data_source="sample", tags="searched", parallel=1, **search)
    answer = real.post("perf", body)
    assert answer.status_code == 200, answer.text
    found = answer.json()["sla"]
    assert found["groups"][0]["best"] == 2
    assert found["answer"].startswith("Up to 2 requests in flight meet TTFT p99 <=")
    assert listed(real, tag="searched")[0]["headline"]["sla/1/parallel"] == 2
