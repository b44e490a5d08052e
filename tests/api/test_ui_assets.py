"""The files that pages load, and how large a page is with all of them."""

import gzip
import hashlib
import json
import re
from importlib import resources
from pathlib import Path

import pytest

from evalkube_api.ui import assets
from fakes.many_runs import many_runs, written
from fakes.service import Service, running_service

UI = resources.files("evalkube_api") / "ui"
VENDOR = UI / "static" / "vendor"
LISTED = json.loads((VENDOR / "vendor.json").read_text("utf-8"))
MOST_BYTES = 100_000


@pytest.mark.parametrize("entry", LISTED, ids=[entry["file"] for entry in LISTED])
def test_vendored_files_are_as_they_were_published(entry: dict[str, str]) -> None:
    """By their checksums; the licence lies beside them."""
    assert hashlib.sha256((VENDOR / entry["file"]).read_bytes()).hexdigest() == entry["sha256"]
    assert len((VENDOR / entry["licence_file"]).read_text("utf-8")) > 500


def test_every_vendored_file_is_listed() -> None:
    """None comes without a source and a licence."""
    there = {file.name for file in VENDOR.iterdir()}
    listed = {entry[key] for entry in LISTED for key in ("file", "licence_file")}
    assert there == listed | {"vendor.json"}


def test_an_asset_is_kept_for_ever_under_a_name_that_says_what_it_holds(service: Service) -> None:
    """Another version of it is not there."""
    url = assets.url_of("ui.css")
    answer = service.client.get(url)
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-encoding"] == "gzip"
    assert hashlib.sha256(answer.content).hexdigest().startswith(url.split("/")[3])
    assert service.client.get("/ui/static/000000000000/ui.css").status_code == 404


def test_an_asset_comes_plain_to_who_cannot_unpack_it(service: Service) -> None:
    """The same bytes."""
    url = assets.url_of("vendor/uplot.min.js")
    plain = service.client.get(url, headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == gzip.decompress(assets.assets()["vendor/uplot.min.js"].compressed)


def test_pages_load_nothing_from_elsewhere() -> None:
    """No template and no file of our own names another place to load from."""
    own = [*(UI / "templates").iterdir(), *(file for file in (UI / "static").iterdir() if file.is_file())]
    loads = re.compile(r"""(?:src|href|action|url\(|import|fetch\(|EventSource\()\s*=?\s*["'(]*(?:https?:)?//""")
    assert {
        file.name: loads.findall(file.read_text("utf-8")) for file in own if loads.search(file.read_text("utf-8"))
    } == {}


def test_the_first_page_fits_its_budget(tmp_path: Path) -> None:
    """With 1,000 runs: all bytes that come over the wire, the page's own and those of what it loads."""
    written(tmp_path / "outputs", many_runs(1_000))
    with running_service(tmp_path / "outputs") as service:
        page = service.client.get("/ui")
        urls = re.findall(r'(?:href|src)="(/ui/static/[^"]+)"', page.text)
        assert len(urls) >= 5
        answers = [page, *(service.client.get(url) for url in urls)]
        assert all(answer.status_code == 200 for answer in answers)
        assert sum(answer.num_bytes_downloaded for answer in answers) <= MOST_BYTES
