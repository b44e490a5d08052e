"""The client against a real service (whose runner is the stand-in)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evalkube import Client, EvalRequest, Evaluation, LoadTest, errors
from evalkube_crds.names import Phase
from fakes.service import running_service

_REQUEST: dict[str, Any] = {
    "model": "ok",
    "api_url": "http://127.0.0.1:9/v1",
    "datasets": ["gsm8k"],
    "dataset_hub": "sample",
}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client of a service of this module."""
    with (
        running_service(tmp_path_factory.mktemp("service") / "outputs") as service,
        Client(service.url) as made,
    ):
        yield made


def test_a_run_from_request_to_result(client: Client) -> None:
    """Blocking, by fields or by a request; the answer has the seed's keys."""
    for found in (client.evaluate(**_REQUEST), client.evaluate(EvalRequest(**_REQUEST), limit=3)):
        assert isinstance(found, Evaluation)
        assert (found.answer["status"], found.scores) == ("success", {"gsm8k": 1.0})
        assert Path(found.output_dir or "").is_dir()
    assert found.run.spec["limit"] == 3


def test_a_load_test_from_request_to_result(client: Client) -> None:
    """Points by name, and whether they can be believed."""
    found = client.load_test(model="ok", url="http://127.0.0.1:9/v1", number=5, parallel=2, data_source="sample")
    assert isinstance(found, LoadTest)
    assert list(found.points) == ["parallel_2_number_5"]
    assert found.verdict == "valid"


def test_progress_goes_on_to_the_end(client: Client) -> None:
    """The last moment is of a run that has ended."""
    run_id = client.submit("eval", _REQUEST | {"model": "slow-0.2"})
    moments = list(client.progress(run_id))
    assert moments[-1].phase is Phase.SUCCEEDED
    assert client.run(run_id).phase is Phase.SUCCEEDED


def test_a_refused_request_names_each_field(client: Client) -> None:
    """400 becomes problems."""
    with pytest.raises(errors.BadRequest) as refused:
        client.submit("perf", {"model": "m", "url": "ftp://x", "numbr": 1})
    assert {problem.field for problem in refused.value.problems} == {"url", "numbr"}


def test_a_failed_run_says_why(client: Client) -> None:
    """500 becomes the reason and the message."""
    with pytest.raises(errors.RunFailed, match="made to fail") as failed:
        client.evaluate(**_REQUEST | {"model": "fail-AuthenticationFailed"})
    assert failed.value.reason == "AuthenticationFailed"


def test_waiting_can_end_before_the_run(client: Client) -> None:
    """A time-out leaves the run alone; cancel ends it."""
    run_id = client.submit("eval", _REQUEST | {"model": "hang"})
    with pytest.raises(TimeoutError):
        client.wait(run_id, timeout_s=0.1)
    assert not client.run(run_id).ended
    client.cancel(run_id)
    with pytest.raises(errors.RunFailed) as failed:
        client.wait(run_id)
    assert failed.value.reason == "Cancelled"


def test_runs_and_their_files(client: Client) -> None:
    """A run is listed, its files are listed and read, and after delete it is gone."""
    run_id = client.submit("eval", _REQUEST | {"model": "ok", "model_id": "listed"})
    client.wait(run_id)
    assert next(client.runs(kind="eval")).id == run_id
    paths = [entry.path for entry in client.artifacts(run_id)]
    assert client.artifact(run_id, "secrets-seen.txt") == b""
    assert "secrets-seen.txt" in paths
    assert run_id in client.logs(run_id)
    assert client.delete(run_id) == "its files are deleted"
    with pytest.raises(errors.NotFound):
        client.run(run_id)


def test_all_pages_of_runs_are_read(client: Client) -> None:
    """Every run comes once, newest first."""
    made = [client.submit("eval", _REQUEST) for _ in range(3)]
    for run_id in made:
        client.wait(run_id)
    ids = [run.id for run in client.runs(kind="eval", phase="Succeeded", model="ok")]
    assert [run_id for run_id in ids if run_id in made] == made[::-1]
    assert len(set(ids)) == len(ids)


def test_a_service_with_a_token(tmp_path: Path) -> None:
    """It is sent with everything; without it, or with another, the client says so by its type."""
    token = "tok-0123456789abcdef"
    (tmp_path / "token").write_text(token)
    with running_service(tmp_path / "outputs", token_file=str(tmp_path / "token")) as service:
        with Client(service.url, token=token) as client:
            run_id = client.submit("eval", _REQUEST)
            assert [moment.phase for moment in client.progress(run_id)][-1] is Phase.SUCCEEDED
            assert client.artifacts(run_id)
        for other in (None, "another-0123456789"):
            with Client(service.url, token=other) as stranger:
                assert stranger.health().status == "ok"
                with pytest.raises(errors.Unauthorized, match="Authorization"):
                    stranger.run(run_id)
                with pytest.raises(errors.Unauthorized, match="Authorization"):
                    list(stranger.progress(run_id))


@pytest.mark.parametrize("token", ["", "two words", "a\nb: c", "\u00fc"])
def test_a_token_that_no_header_can_hold(token: str) -> None:
    """Is refused before anything is sent, and not shown."""
    with pytest.raises(errors.BadRequest, match="token: must be printable ASCII"):
        Client("http://127.0.0.1:9", token=token)


@pytest.mark.parametrize("url", ["", "nonsense", "localhost:9000", "ftp://h", "http://", "http://[::1"])
def test_what_is_no_url_of_a_service(url: str) -> None:
    """Is refused before anything is sent."""
    with pytest.raises(errors.BadRequest, match=r"url: .* is not the URL of a service"):
        Client(url)


def test_nobody_there() -> None:
    """A connection that is refused is tried again, and then said."""
    with Client("http://127.0.0.1:9") as nobody, pytest.raises(errors.Unreachable, match=r"127\.0\.0\.1:9"):
        nobody.health()


def test_a_stream_of_nobody() -> None:
    """No error of httpx."""
    with Client("http://127.0.0.1:9") as nobody:
        for stream in (nobody.follow_logs("a"), nobody.events()):
            with pytest.raises(errors.Unreachable, match=r"127\.0\.0\.1:9"):
                next(stream)


@pytest.mark.parametrize(
    ("proxy", "said"),
    [
        ("http://user:hidden@127.0.0.1:9", "service.test"),
        ("ftp://user:hidden@h", "HTTP_PROXY: is a proxy of"),
    ],
    ids=["nobody there", "no proxy"],
)
def test_a_proxy_on_the_way_to_the_service(monkeypatch: pytest.MonkeyPatch, proxy: str, said: str) -> None:
    """By the one rule for proxies: NO_PROXY may hold networks, and a false proxy is told in words."""
    for name in ("http_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_PROXY", proxy)
    monkeypatch.setenv("NO_PROXY", "10.0.0.0/8,::1/128,[::1]")
    with pytest.raises(errors.Unreachable) as failed, Client("http://service.test:9000", timeout_s=5) as client:
        client.health()
    assert said in str(failed.value)
    assert "hidden" not in str(failed.value)
