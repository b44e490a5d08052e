"""The client against a real service (whose runner is the stand-in)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from evalkube_cli import errors
from evalkube_cli.client import EvalkubeClient
from fakes.service import running_service

_REQUEST = {"model": "ok", "api_url": "http://127.0.0.1:9/v1", "datasets": ["gsm8k"], "dataset_hub": "sample"}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EvalkubeClient]:
    """A client of a service of this module."""
    with (
        running_service(tmp_path_factory.mktemp("service") / "outputs") as service,
        EvalkubeClient(service.url) as made,
    ):
        yield made


def test_a_run_from_request_to_answer(client: EvalkubeClient) -> None:
    """Blocking, with the seed's keys."""
    answer = client.eval(**_REQUEST)
    assert answer["status"] == "success"
    assert Path(answer["output_dir"]).is_dir()


def test_progress_goes_on_to_the_end(client: EvalkubeClient) -> None:
    """The last moment is of a run that has ended."""
    run_id = client.submit_eval(**_REQUEST | {"model": "slow-0.2"})
    moments = list(client.progress(run_id))
    assert moments[-1]["phase"] == "Succeeded"
    assert client.run(run_id)["phase"] == "Succeeded"


def test_a_refused_request_names_each_field(client: EvalkubeClient) -> None:
    """400 becomes problems."""
    with pytest.raises(errors.BadRequest) as refused:
        client.submit_perf(model="m", url="ftp://x", numbr=1)
    assert {problem.field for problem in refused.value.problems} == {"url", "numbr"}


def test_a_failed_run_says_why(client: EvalkubeClient) -> None:
    """500 becomes the reason and the message."""
    with pytest.raises(errors.RunFailed, match="made to fail") as failed:
        client.eval(**_REQUEST | {"model": "fail-AuthenticationFailed"})
    assert failed.value.reason == "AuthenticationFailed"


def test_waiting_can_end_before_the_run(client: EvalkubeClient) -> None:
    """A time-out leaves the run alone; cancel ends it."""
    run_id = client.submit_eval(**_REQUEST | {"model": "hang"})
    with pytest.raises(TimeoutError):
        client.wait(run_id, timeout_s=0.1)
    assert client.run(run_id)["phase"] in ("Queued", "Pending", "Starting", "Running")
    client.cancel(run_id)
    with pytest.raises(errors.RunFailed) as failed:
        client.wait(run_id)
    assert failed.value.reason == "Cancelled"


def test_runs_and_their_files(client: EvalkubeClient) -> None:
    """A run is listed, its files are listed and read, and after delete it is gone."""
    run_id = client.submit_eval(**_REQUEST | {"model": "ok", "model_id": "listed"})
    client.wait(run_id)
    assert next(client.runs(kind="eval"))["id"] == run_id
    paths = [entry["path"] for entry in client.artifacts(run_id)]
    assert client.artifact(run_id, "secrets-seen.txt") == b""
    assert "secrets-seen.txt" in paths
    assert run_id in client.logs(run_id)
    assert client.delete(run_id)["status"] == "deleted"
    with pytest.raises(errors.NotFound):
        client.run(run_id)


def test_all_pages_of_runs_are_read(client: EvalkubeClient) -> None:
    """Every run comes once, newest first."""
    made = [client.submit_eval(**_REQUEST) for _ in range(3)]
    for run_id in made:
        client.wait(run_id)
    ids = [run["id"] for run in client.runs(kind="eval", phase="Succeeded", model="ok")]
    assert [run_id for run_id in ids if run_id in made] == made[::-1]
    assert len(set(ids)) == len(ids)


def test_a_service_with_a_token(tmp_path: Path) -> None:
    """It is sent with everything; without it, or with another, the client says so by its type."""
    token = "tok-0123456789abcdef"
    (tmp_path / "token").write_text(token)
    with running_service(tmp_path / "outputs", token_file=str(tmp_path / "token")) as service:
        with EvalkubeClient(service.url, token=token) as client:
            run_id = client.submit_eval(**_REQUEST)
            assert [moment["phase"] for moment in client.progress(run_id)][-1] == "Succeeded"
            assert client.artifacts(run_id)
        for other in (None, "another-0123456789"):
            with EvalkubeClient(service.url, token=other) as stranger:
                assert stranger.health()["status"] == "ok"
                with pytest.raises(errors.Unauthorized, match="Authorization"):
                    stranger.run(run_id)
                with pytest.raises(errors.Unauthorized, match="Authorization"):
                    list(stranger.progress(run_id))


@pytest.mark.parametrize("token", ["", "two words", "a\nb: c", "\u00fc"])
def test_a_token_that_no_header_can_hold(token: str) -> None:
    """Is refused before anything is sent, and not shown."""
    with pytest.raises(errors.BadRequest, match="token: must be printable ASCII"):
        EvalkubeClient("http://127.0.0.1:9", token=token)


def test_nobody_there() -> None:
    """A connection that is refused is tried again, and then said."""
    with EvalkubeClient("http://127.0.0.1:9") as nobody, pytest.raises(errors.Unreachable, match=r"127\.0\.0\.1:9"):
        nobody.health()


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
    with pytest.raises(errors.Unreachable) as failed, EvalkubeClient("http://service.test:9000", timeout_s=5) as client:
        client.health()
    assert said in str(failed.value)
    assert "hidden" not in str(failed.value)
