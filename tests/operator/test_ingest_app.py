"""Ingest as a runner's pod meets it: a real server on a real socket, the store behind it real too."""

import asyncio
import base64
import hashlib
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from evalkube_crds.live import Live, ShardProgress
from evalkube_crds.load_news import OthersNews
from evalkube_crds.names import Kind, Reason
from evalkube_crds.results import EvalResult, PerfResult, Receipt
from evalkube_crds.sketch import Sketch
from evalkube_operator.ingest.limits import Limits
from evalkube_operator.store import keys
from fakes.ingest import Ingest, pods, serving
from fakes.stores import chunks, opened

_LIMITS = Limits(artifact_bytes=1 << 20, append_bytes=1000, result_bytes=2000, run_bytes=3 << 20, run_artifacts=8)


@pytest.fixture
def ingest(tmp_path: Path) -> Iterator[Ingest]:
    """Two shards of an evaluation, over a folder."""
    with serving(opened("volume", tmp_path), pods(2), limits=_LIMITS) as served:
        yield served


def _client(ingest: Ingest, token: str = "pod-0", *, attempt: int = 0, shard: int = 0) -> httpx.Client:
    base = f"{ingest.url}/v1/runs/uid-1/attempts/{attempt}/shards/{shard}/"
    return httpx.Client(base_url=base, headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=60)


def _digest(data: bytes) -> dict[str, str]:
    return {"Content-Digest": f"sha-256=:{base64.b64encode(hashlib.sha256(data).digest()).decode()}:"}


def _put(client: httpx.Client, path: str, data: bytes) -> int:
    return client.put(f"artifacts/{path}", content=data, headers=_digest(data)).status_code


def _append(client: httpx.Client, path: str, offset: int, data: bytes) -> tuple[int, dict[str, object]]:
    answer = client.post(f"append/{path}", params={"offset": offset}, content=data, headers=_digest(data))
    return answer.status_code, answer.json() if answer.content else {}


def test_artifacts_come_back_as_they_went_in(ingest: Ingest) -> None:
    """Put twice, read, measured by HEAD; missing ones are 404; names are any text."""
    with _client(ingest) as client:
        name = "reports/caf%C3%A9%20%23%25.html"
        assert [_put(client, name, b"<html>") for _ in range(2)] == [204, 204]
        assert client.get(f"artifacts/{name}").content == b"<html>"
        assert client.head(f"artifacts/{name}").headers["content-length"] == "6"
        assert client.get("artifacts/none").status_code == 404
        assert client.head("artifacts/none").status_code == 404


def test_shards_hear_of_each_others_loads(ingest: Ingest) -> None:
    """Each is told what the others said last; what is no such word is refused."""
    with _client(ingest) as first, _client(ingest, "pod-1", shard=1) as second:
        nothing = first.post("load", json={"turn": 3, "sent": 50, "failed": 5})
        assert (nothing.status_code, nothing.json()["loading"]) == (200, 0)
        heard = second.post("load", json={"turn": 3, "sent": 7}).json()
        assert (heard["loading"], heard["sent"], heard["failed"], heard["ended"]) == (1, 50, 5, "")
        second.post("load", json={"turn": 3, "sent": 9, "over": True, "ended": "no connection", "gone": True})
        assert first.post("load", json={"turn": 3}).json()["ended"] == "no connection"
        assert first.post("load", json={"turn": 4}).json() == OthersNews(ended="no connection", gone=True).model_dump()
        for wrong in ({}, {"turn": -1}, {"turn": 0, "sent": -1}, {"turn": 0, "ended": "x" * 1001}):
            assert first.post("load", json=wrong).status_code == 422


def test_appends_tell_repeats_from_gaps(ingest: Ingest) -> None:
    """204 for what continues or repeats, 409 with the size for the rest, 400 for half a line."""
    with _client(ingest) as client:
        assert _append(client, "p.jsonl", 0, b"a\n") == (204, {})
        assert _append(client, "p.jsonl", 0, b"a\nb\n") == (204, {})
        assert _append(client, "p.jsonl", 2, b"b\n") == (204, {})
        for offset, data in ((5, b"x\n"), (2, b"x\n")):
            status, document = _append(client, "p.jsonl", offset, data)
            assert (status, document["size"]) == (409, 4)
        assert _append(client, "p.jsonl", 4, b"half")[1]["code"] == "not_lines"
        assert client.get("artifacts/p.jsonl").content == b"a\nb\n"


@pytest.mark.parametrize(
    ("token", "shard", "attempt", "expected"),
    [
        pytest.param("forged", 0, 0, (401, "bad_token"), id="unknown"),
        pytest.param("pod-1", 0, 0, (403, "not_yours"), id="another shard"),
        pytest.param("pod-0", 0, 1, (403, "not_yours"), id="another attempt"),
        pytest.param("api", 0, 0, (401, "bad_token"), id="a reader writes"),
    ],
)
def test_a_runner_writes_only_its_own(
    ingest: Ingest, token: str, shard: int, attempt: int, expected: tuple[int, str]
) -> None:
    """Nothing is stored for others."""
    with _client(ingest, token, shard=shard, attempt=attempt) as client:
        answer = client.put("artifacts/a", content=b"x", headers=_digest(b"x"))
        assert (answer.status_code, answer.json()["code"]) == expected
    assert asyncio.run(ingest.store.runs()) == []


def test_a_superseded_pod_writes_no_more(ingest: Ingest) -> None:
    """Neither once its attempt is over, nor once it has ended and another has its shard, however fresh its token is."""
    with _client(ingest) as old, _client(ingest, "pod-new") as new:
        assert _put(old, "a", b"old") == 204
        assert _put(new, "a", b"new") == 403
        ingest.core.owners["pod-new"] = ingest.core.owners["pod-0"]
        ingest.core.close("pod-0")
        assert _put(new, "a", b"new") == 204
        assert _put(old, "a", b"old") == 410
        ingest.core.close("pod-new")
        assert _put(new, "a", b"too late") == 410
        assert _append(new, "b", 0, b"x\n")[0] == 410
        ingest.core.owners.clear()
        assert _put(new, "a", b"gone") == 403


def test_a_body_that_was_damaged_is_not_kept(ingest: Ingest) -> None:
    """Wrong digest, none, and a connection cut within the body: the old artifact stays."""
    with _client(ingest) as client:
        assert _put(client, "a", b"old") == 204
        wrong = client.put("artifacts/a", content=b"new", headers=_digest(b"other"))
        assert (wrong.status_code, wrong.json()["code"]) == (400, "digest_mismatch")
        assert client.put("artifacts/a", content=b"new").json()["code"] == "digest_needed"
        chunked = client.put("artifacts/a", content=iter([b"new"]), headers=_digest(b"new"))
        assert chunked.json()["code"] == "length_needed"
        _cut_short(ingest)
        assert client.get("artifacts/a").content == b"old"


def _cut_short(ingest: Ingest) -> None:
    host, port = ingest.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(_head(3) + b"ne")


def _head(length: int) -> bytes:
    lines = [
        "PUT /v1/runs/uid-1/attempts/0/shards/0/artifacts/a HTTP/1.1",
        "Host: x",
        "Authorization: Bearer pod-0",
        f"Content-Digest: {_digest(b'new')['Content-Digest']}",
        f"Content-Length: {length}",
    ]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode()


@pytest.mark.parametrize("path", ["%2e%2e/x", "a/%2e%2e/%2e./x", ".evalkube/run.json", "a.parts/0", "a//b", "a%00b"])
def test_paths_stay_in_their_place(ingest: Ingest, path: str) -> None:
    """Also when the client does not tidy them up itself."""
    with _client(ingest) as client:
        url = httpx.URL(f"{ingest.url}/", raw_path=f"/v1/runs/uid-1/attempts/0/shards/0/artifacts/{path}".encode())
        answer = client.put(url, content=b"x", headers=_digest(b"x"))
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_path")


def test_what_is_too_much_is_refused(ingest: Ingest) -> None:
    """413 in every way: one artifact, one append, the run's bytes, the number of artifacts; the client hears it."""
    with _client(ingest) as client:
        assert _put(client, "big", bytes((1 << 20) + 1)) == 413
        assert _append(client, "p", 0, b"x" * 1000 + b"\n")[0] == 413
        block = bytes(1 << 20)
        assert [_put(client, str(n), block) for n in range(4)] == [204, 204, 204, 413]
        assert [_put(client, f"s{n}", b"") for n in range(6)][-1] == 413
        assert _put(client, "0", b"smaller") == 204


def test_who_sends_too_fast_waits(tmp_path: Path) -> None:
    """429 with the time to wait, by requests and by bytes; other runs' clients would not notice."""
    slow = Limits(requests_per_s=0.01, requests_burst=3, bytes_per_s=0.01, bytes_burst=10)
    with serving(opened("volume", tmp_path), limits=slow) as ingest, _client(ingest) as client:
        assert [_put(client, "a", b"x" * 8) for _ in range(3)] == [204, 204, 429]
        answer = client.get("artifacts/a")
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) >= 1


def test_limits_count_what_an_earlier_operator_took(tmp_path: Path) -> None:
    """A restart does not empty the run's account."""
    for status in (204, 413):
        with serving(opened("volume", tmp_path), limits=_LIMITS) as ingest, _client(ingest) as client:
            block = bytes(1 << 20)
            assert [_put(client, f"{status}-{n}", block) for n in range(3)][-1] == status


def test_a_body_that_does_not_come_is_not_waited_for(tmp_path: Path) -> None:
    """408 after a while without a byte; what came of it is thrown away."""
    with serving(opened("volume", tmp_path), limits=Limits(body_idle_s=0.1)) as ingest:
        host, port = ingest.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(_head(3) + b"ne")
            connection.settimeout(30)
            assert connection.recv(100).startswith(b"HTTP/1.1 408")
        with _client(ingest) as client:
            assert client.get("artifacts/a").status_code == 404


def test_progress_reaches_the_core(ingest: Ingest) -> None:
    """As it was sent; nonsense does not."""
    with _client(ingest, "pod-1", shard=1) as client:
        assert client.post("progress", content=b'{"done": 3, "total": 9}').status_code == 204
        assert client.post("progress", content=b'{"done": -3}').status_code == 422
    [(attempt, shard, progress)] = ingest.core.told
    assert (attempt, shard, progress.done, progress.total) == (0, 1, 3, 9)


NO_FIGURES = {
    "a bucket of no duration": {"times": {"ttft": {"first": 1400, "counts": [1] * 9}}},
    "more counts than there are buckets": {"times": {"ttft": {"first": 0, "counts": [1] * 5000}}},
    "a count below 0": {"times": {"ttft": {"first": 0, "counts": [-1]}}},
    "too many rates": {"rates": {str(at): 1.0 for at in range(17)}},
    "a score of no answers": {"scores": {"a": {"answers": 0, "mean": 0.0}}},
}


@pytest.mark.parametrize("live", NO_FIGURES.values(), ids=NO_FIGURES)
def test_figures_that_cannot_be_are_refused(ingest: Ingest, live: dict[str, Any]) -> None:
    """What shards tell is added up in the operator's memory, which no runner may fill."""
    with _client(ingest) as client:
        assert client.post("progress", json={"done": 3, "live": live}).status_code == 422
    assert ingest.core.told == []


def test_what_a_shard_sees_reaches_the_core(ingest: Ingest) -> None:
    """Whole, as the figures of all shards are made of it."""
    told = ShardProgress(done=3, total=9, live=Live(rates={"rps": 1.5}, times={"ttft": Sketch.of([20_000_000])}))
    with _client(ingest) as client:
        assert client.post("progress", content=told.model_dump_json(by_alias=True).encode()).status_code == 204
    assert ingest.core.told == [(0, 0, told)]


def _result(**changes: object) -> bytes:
    fields: dict[str, object] = {"run_id": "my-run", "model": "m", "shards": [1], "of_shards": 2}
    return EvalResult.model_validate(fields | changes).model_dump_json(by_alias=True).encode()


def test_a_result_is_stored_as_it_came(ingest: Ingest) -> None:
    """Byte for byte, so that its digest is the receipt's; again is no harm."""
    document = _result()
    with _client(ingest, "pod-1", shard=1) as client:
        for _ in range(2):
            answer = client.put("result", content=document, headers=_digest(document))
            assert (answer.status_code, answer.json()) == (200, {"whole": False})
    [(shard, found)] = ingest.results(0).items()
    assert (shard, found.sha256) == (1, hashlib.sha256(document).hexdigest())


@pytest.mark.parametrize(
    ("document", "code"),
    [
        pytest.param(b"{}", "bad_result", id="no result"),
        pytest.param(b"[" * 1900, "bad_result", id="no JSON"),
        pytest.param(PerfResult(run_id="my-run", model="m").model_dump_json().encode(), "bad_result", id="other kind"),
        pytest.param(_result(shards=[0]), "foreign_result", id="another shard's"),
        pytest.param(_result(of_shards=3), "foreign_result", id="another split's"),
        pytest.param(_result(run_id="other"), "foreign_result", id="another run's"),
        pytest.param(_result(model="m" * 2000), "too_large", id="too large"),
    ],
)
def test_a_result_that_is_not_this_shards_is_refused(ingest: Ingest, document: bytes, code: str) -> None:
    """It never comes into the store."""
    with _client(ingest, "pod-1", shard=1) as client:
        assert client.put("result", content=document, headers=_digest(document)).json()["code"] == code
    assert ingest.results(0) == {}


def test_the_last_word_of_a_runner_is_passed_on(ingest: Ingest) -> None:
    """Of one that is done, and of this shard; everything else is refused."""
    receipt = Receipt(run_id="my-run", shard=1, reason=Reason.COMPLETED, done=3)

    def sent(client: httpx.Client, **changes: object) -> str:
        body = receipt.model_copy(update=changes).model_dump_json(by_alias=True).encode()
        answer = client.put("receipt", content=body, headers=_digest(body))
        return str(answer.json()["code"]) if answer.content else str(answer.status_code)

    with _client(ingest, "pod-1", shard=1) as client:
        assert sent(client, shard=0) == "foreign_receipt"
        assert sent(client, run_id="other") == "foreign_receipt"
        assert sent(client, reason=Reason.CANCELLED) == "not_completed"
        assert client.put("receipt", content=b"{}").json()["code"] == "bad_receipt"
        assert ingest.core.receipts == []
        assert sent(client) == "204"
    assert ingest.core.receipts == [(0, receipt)]


def _deliver(client: httpx.Client, document: bytes) -> bool:
    answer = client.put("result", content=document, headers=_digest(document))
    return bool(answer.json()["whole"])


def _put_whole(client: httpx.Client, path: str, data: bytes) -> tuple[int, str]:
    answer = client.put(f"whole/artifacts/{path}", content=data, headers=_digest(data))
    return answer.status_code, answer.json()["code"] if answer.content else ""


def test_the_last_shard_is_told_that_the_whole_is_there(ingest: Ingest) -> None:
    """Not the first; and again whoever comes back after it."""
    with _client(ingest) as first, _client(ingest, "pod-1", shard=1) as second:
        assert [_deliver(first, _result(shards=[0])), _deliver(second, _result())] == [False, True]
        assert _deliver(first, _result(shards=[0], started_at_ns=1)) is True


def test_results_of_another_attempt_are_not_of_the_whole(tmp_path: Path) -> None:
    """An attempt is whole by its own; the only shard of a run has nobody to report for."""
    owners = pods(2) | pods(2, attempt=1, prefix="pod-again")
    with serving(opened("volume", tmp_path / "a"), owners) as ingest:
        with _client(ingest) as first:
            assert _deliver(first, _result(shards=[0])) is False
        with _client(ingest, "pod-again-1", attempt=1, shard=1) as again:
            assert _deliver(again, _result()) is False
            assert again.get("whole/results/0").json()["code"] == "no_result"
            assert json.loads(again.get("whole/results/1").content)["shards"] == [1]
    with serving(opened("volume", tmp_path / "b")) as ingest, _client(ingest) as only:
        assert _deliver(only, _result(shards=[0], of_shards=1)) is False


def test_shards_read_one_anothers_results_and_lines(ingest: Ingest) -> None:
    """As they were delivered, the lines of all as one; nobody else does."""
    with _client(ingest) as first, _client(ingest, "pod-1", shard=1) as second:
        for client, line in ((second, b'{"n":2}\n'), (first, b'{"n":1}\n')):
            assert _append(client, "p.jsonl", 0, line)[0] == 204
        _deliver(second, _result())
        assert first.get("whole/results/1").content == _result()
        assert first.get("whole/results/0").status_code == 404
        assert first.get("whole/artifacts/p.jsonl").content == b'{"n":1}\n{"n":2}\n'
        assert first.get("whole/artifacts/none").status_code == 404
    for token, shard in (("pod-0", 1), ("forged", 0), ("api", 0)):
        with _client(ingest, token, shard=shard) as foreign:
            assert foreign.get("whole/results/1").status_code in (401, 403)
            assert foreign.get("whole/artifacts/p.jsonl").status_code in (401, 403)


def test_the_whole_is_reported_when_all_results_are_in(ingest: Ingest) -> None:
    """Not before; then by whoever, as often as it likes, and readers find it before the shards' own."""
    with _client(ingest) as first, _client(ingest, "pod-1", shard=1) as second:
        assert _put(first, "r.html", b"of 0") == 204
        assert _deliver(second, _result()) is False
        assert _put_whole(second, "r.html", b"early") == (409, "results_missing")
        assert _deliver(first, _result(shards=[0])) is True
        assert [_put_whole(client, "r.html", b"whole") for client in (first, second)] == [(204, "")] * 2
        assert second.get("whole/artifacts/r.html").content == b"whole"
    with httpx.Client(headers={"Authorization": "Bearer api"}, trust_env=False, timeout=60) as api:
        listed = api.get(f"{ingest.url}/v1/runs/uid-1/artifacts").json()["artifacts"]
        assert [(one["path"], one["bytes"]) for one in listed] == [("r.html", 5), ("shards/0/r.html", 4)]


def test_reports_of_the_whole_keep_within_the_same_bounds(ingest: Ingest) -> None:
    """Their size counts, their names are checked, the operator's own are not theirs, and a closed attempt is over."""
    with _client(ingest) as first, _client(ingest, "pod-1", shard=1) as second:
        _deliver(first, _result(shards=[0]))
        _deliver(second, _result())
        assert _put_whole(first, "big", bytes((1 << 20) + 1)) == (413, "too_large")
        block = bytes(1 << 20)
        found = [_put_whole(first, str(n), block)[0] for n in range(2)] + [_put(first, str(n), block) for n in range(2)]
        assert found == [204, 204, 413, 413]
        for path in ("result.json", "response.json", ".evalkube/run.json", "a.parts/0"):
            assert _put_whole(first, path, b"x") == (400, "bad_path")
        ingest.core.close("pod-0")
        assert _put_whole(first, "late", b"x") == (410, "superseded")
        assert first.get("whole/results/1").status_code == 410


def test_an_evaluation_goes_on_in_its_next_attempt(tmp_path: Path) -> None:
    """What the first left is read and continued by the second; a load test begins anew."""
    for kind, expected in ((Kind.EVAL_RUN, b"1\n2\n"), (Kind.PERF_RUN, None)):
        owners = pods(kind=kind) | pods(kind=kind, attempt=1, prefix="pod-again")
        with serving(opened("volume", tmp_path / kind), owners) as ingest:
            with _client(ingest) as first:
                assert _append(first, "p.jsonl", 0, b"1\n")[0] == 204
                assert _put(first, "c.yaml", b"c") == 204
            ingest.core.close("pod-0")
            with _client(ingest, "pod-again-0", attempt=1) as second:
                assert second.get("artifacts/c.yaml").status_code == (200 if expected else 404)
                status, _ = _append(second, "p.jsonl", 2, b"2\n")
                assert status == (204 if expected else 409)
                assert second.get("artifacts/p.jsonl").content == (expected or second.get("artifacts/p.jsonl").content)


def test_the_api_reads_what_the_shards_left(ingest: Ingest) -> None:
    """Listing, lines in the shards' order, the merged result; nobody else reads, and nothing of other runs."""
    for shard, lines in ((1, b'{"n":2}\n'), (0, b'{"n":1}\n')):
        with _client(ingest, f"pod-{shard}", shard=shard) as client:
            assert _append(client, "p.jsonl", 0, lines)[0] == 204
    base = f"{ingest.url}/v1/runs/uid-1"
    with httpx.Client(headers={"Authorization": "Bearer api"}, trust_env=False, timeout=60) as api:
        listed = api.get(f"{base}/artifacts").json()["artifacts"]
        assert [(one["path"], one["bytes"]) for one in listed] == [
            ("p.jsonl", 16), ("shards/0/p.jsonl", 8), ("shards/1/p.jsonl", 8),
        ]  # fmt: skip
        assert api.get(f"{base}/artifacts/p.jsonl").content == b'{"n":1}\n{"n":2}\n'
        assert api.get(f"{base}/artifacts/.evalkube/run.json").status_code == 404
        assert api.get(f"{base}/result").status_code == 404
        run = ingest.core.run("uid-1")
        assert run is not None
        asyncio.run(ingest.store.put(keys.own(run, keys.MERGED_RESULT), chunks(b'{"x":1}')))
        assert api.get(f"{base}/result").json() == {"x": 1}
        assert api.get(f"{ingest.url}/v1/runs/uid-2/artifacts").status_code == 404
    assert httpx.get(f"{base}/artifacts", headers={"Authorization": "Bearer pod-0"}).status_code == 401
    assert httpx.get(f"{base}/artifacts").status_code == 401


def test_an_outage_behind_it_is_told_as_one(ingest: Ingest) -> None:
    """503 with a time to come back, not 401: the runner must not give up."""
    ingest.reviews.down = True
    with _client(ingest) as client:
        answer = client.get("artifacts/a")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
