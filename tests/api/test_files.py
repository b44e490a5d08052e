"""Files of runs over HTTP: whole, in parts, not again, and all at once."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from evalkube_api import zipping
from fakes.bodies import eval_body
from fakes.service import Service

DATA = bytes(range(256)) * 2000


@pytest.fixture(scope="module")
def run_id(service: Service) -> str:
    """A run that has ended, with a large file."""
    run: dict[str, str] = service.post("eval", eval_body()).json()
    (Path(run["output_dir"]) / "large.bin").write_bytes(DATA)
    return run["id"]


@pytest.fixture
def client(service: Service, run_id: str) -> Iterator[httpx.Client]:
    """Of that run."""
    with httpx.Client(base_url=f"{service.url}/api/v1/runs/{run_id}/", trust_env=False, timeout=60) as client:
        yield client


@pytest.mark.parametrize(
    ("wanted", "first", "last"),
    [("0-0", 0, 0), ("100-199", 100, 199), ("511990-", 511_990, 511_999), ("-5", 511_995, 511_999)],
)
def test_a_part_of_a_file(client: httpx.Client, wanted: str, first: int, last: int) -> None:
    """Exactly the bytes of the Range, and what they are of."""
    answer = client.get("artifacts/large.bin", headers={"Range": f"bytes={wanted}"})
    assert answer.status_code == 206
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{len(DATA)}"
    assert answer.content == DATA[first : last + 1]
    assert int(answer.headers["Content-Length"]) == last + 1 - first


def test_a_part_that_is_not_there(client: httpx.Client) -> None:
    """416, with the size that the file has."""
    answer = client.get("artifacts/large.bin", headers={"Range": f"bytes={len(DATA)}-"})
    assert (answer.status_code, answer.headers["Content-Range"]) == (416, f"bytes */{len(DATA)}")
    assert "512000 bytes" in answer.json()["error"]


@pytest.mark.parametrize("wanted", ["lines=0-1", "bytes=0-1,5-6", "bytes=9-3", "bytes=x"])
def test_what_is_no_single_part_is_the_whole(client: httpx.Client, wanted: str) -> None:
    """As the RFC lets a server answer."""
    answer = client.get("artifacts/large.bin", headers={"Range": wanted})
    assert (answer.status_code, answer.headers["Accept-Ranges"]) == (200, "bytes")
    assert answer.content == DATA


def test_a_file_is_not_sent_again(client: httpx.Client) -> None:
    """304 for who has it: by its tag, by its time, and for a part as for the whole."""
    first = client.get("artifacts/large.bin")
    tag, modified = first.headers["ETag"], first.headers["Last-Modified"]
    for headers in ({"If-None-Match": tag}, {"If-None-Match": f'"x", W/{tag}'}, {"If-Modified-Since": modified}):
        answer = client.get("artifacts/large.bin", headers=headers)
        assert (answer.status_code, answer.content, answer.headers["ETag"]) == (304, b"", tag)
    part = client.get("artifacts/large.bin", headers={"Range": "bytes=0-4", "If-None-Match": tag})
    assert part.status_code == 304
    for headers in ({"If-None-Match": '"other"'}, {"If-None-Match": '"other"', "If-Modified-Since": modified}):
        assert client.get("artifacts/large.bin", headers=headers).content == DATA


def test_a_download_goes_on_only_in_the_same_file(client: httpx.Client) -> None:
    """If-Range: a part while it is the file of before, else the whole one that there is now."""
    tag = client.head("artifacts/large.bin").headers["ETag"]
    part = client.get("artifacts/large.bin", headers={"Range": "bytes=10-", "If-Range": tag})
    assert (part.status_code, part.content) == (206, DATA[10:])
    for wanted in ("bytes=10-", "bytes=900000-"):
        whole = client.get("artifacts/large.bin", headers={"Range": wanted, "If-Range": '"before"'})
        assert (whole.status_code, whole.content) == (200, DATA)
    beyond = client.get("artifacts/large.bin", headers={"Range": "bytes=900000-", "If-Range": tag})
    assert beyond.status_code == 416


def test_a_changed_file_has_another_tag(service: Service, client: httpx.Client, run_id: str) -> None:
    """Also where it is as long as before."""
    path = Path(service.run(run_id)["output_dir"]) / "changing.txt"
    path.write_text("one")
    before = client.get("artifacts/changing.txt").headers["ETag"]
    path.write_text("two")
    answer = client.get("artifacts/changing.txt", headers={"If-None-Match": before})
    assert (answer.status_code, answer.text) == (200, "two")


def test_all_files_in_one_archive(client: httpx.Client, run_id: str) -> None:
    """Below a folder of the run's name, each as it is, sent without its length being known."""
    answer = client.get("artifacts.zip")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/zip")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{run_id}.zip"'
    assert "Content-Length" not in answer.headers
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        assert packed.testzip() is None
        names = {one["path"] for one in client.get("artifacts").json()["artifacts"]}
        assert {name.removeprefix(f"{run_id}/") for name in packed.namelist()} == names
        assert packed.read(f"{run_id}/large.bin") == DATA
    assert client.get("../none/artifacts.zip").status_code == 404


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("reports/a.json", "run/reports/a.json"),
        ("../../etc/passwd", "run/_/_/etc/passwd"),
        ("/etc/passwd", "run/_/etc/passwd"),
        ("..\\..\\x.bat", "run/.._.._x.bat"),
        ("C:/x", "run/C_/x"),
        ("a/ ./b\n", "run/a/_/b_"),
    ],
)
def test_no_name_leads_out_of_the_archive(path: str, expected: str) -> None:
    """On no system."""
    assert zipping.safe_name("run", path) == expected
