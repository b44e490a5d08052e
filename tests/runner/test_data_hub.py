"""Both hubs through their official clients, against a hub on loopback that can misbehave."""

import hashlib
import io
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import orjson
import pyarrow
import pyarrow.parquet
import pytest

from evalkube_crds.perfrun import PerfRunSpec
from evalkube_runner.context import HubEndpoints, RunContext
from evalkube_runner.data import catalogue, datasets, prompts
from evalkube_runner.data.cache import Entry, Manifest, Shelf, TornError, new_manifest
from evalkube_runner.data.datasets import Source
from evalkube_runner.deliver import FileDelivery
from evalkube_runner.errors import RunFailed
from fakes.hub_server import COMMIT, HubServer

_ROWS = [{"question": f"q{number}", "answer": str(number)} for number in range(2000)]
_LINES = b"".join(orjson.dumps(row) + b"\n" for row in _ROWS)
_TEST, _TRAIN = "main/test.jsonl", "main/train.jsonl"
_FILES = {
    "README.md": b"# no front matter\n",
    _TEST: _LINES,
    _TRAIN: _LINES[:20_000].rpartition(b"\n")[0],
    "x.zip": b"z" * 99,
}
_HUBS = ("modelscope", "huggingface")


@pytest.fixture
def server() -> Iterator[HubServer]:
    """A hub with one data set in the hubs' layout."""
    with HubServer("owner/name", dict(_FILES), large=frozenset({_TEST})) as hub:
        yield hub


@pytest.fixture
def context(server: HubServer, tmp_path: Path) -> RunContext:
    """A run that knows this hub."""
    return RunContext(
        run_id="r1",
        delivery=FileDelivery(tmp_path / "out", tmp_path / "control", pipeline="eval"),
        scratch=tmp_path / "scratch",
        cache=tmp_path / "cache",
        hubs=HubEndpoints(modelscope=server.url, huggingface=server.url),
    )


def _source(hub: str, *, force: bool = False) -> Source:
    assert hub in ("modelscope", "huggingface")
    name = "huggingface" if hub == "huggingface" else "modelscope"
    return Source(benchmark="gsm8k", hub=name, hub_ids={hub: "owner/name"}, force_redownload=force)  # type: ignore[arg-type]  # mypy widens the literal


_each_hub = pytest.mark.parametrize("hub", _HUBS)


@_each_hub
def test_only_what_is_needed_is_downloaded(server: HubServer, context: RunContext, hub: str) -> None:
    """The card and the wanted split come, nothing else; the commit is recorded."""
    assert datasets.load(_source(hub), "main", "test", context) == _ROWS
    assert (server.bodies(_TEST) >= 1, server.bodies(_TRAIN), server.bodies("x.zip")) == (True, 0, 0)
    assert datasets.origin(_source(hub), context) == f"{hub}:owner/name@{COMMIT}"
    assert datasets.available(_source(hub), context) == {"main": ("test", "train")}


def test_a_loading_script_is_passed_by(server: HubServer, context: RunContext) -> None:
    """Where there are no records but a script, Hugging Face's own branch with them as parquet is read."""
    table = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(_ROWS), table)
    server.files = {"name.py": b"raise SystemExit", "README.md": b"# no front matter\n", "x.zip": b"z"}
    with pytest.raises(RunFailed, match="no data file"):
        datasets.load(_source("huggingface"), "main", "test", context)
    server.converted = {"plain_text/test/0000.parquet": table.getvalue()}
    fresh = _source("huggingface", force=True)
    assert datasets.load(fresh, "main", "test", replace(context, run_id="r2"), only_subset=True) == _ROWS


@_each_hub
def test_what_is_cached_needs_no_network(server: HubServer, context: RunContext, hub: str) -> None:
    """The second time nothing is asked, and offline it works as well."""
    datasets.load(_source(hub), "main", "test", context)
    server.requests.clear()
    offline = replace(context, offline=True, run_id="r2")
    assert datasets.load(_source(hub), "main", "test", offline) == _ROWS
    assert server.requests == []
    with pytest.raises(RunFailed, match=r"not in the cache .* offline"):
        datasets.load(_source(hub), "main", "train", offline)


@_each_hub
def test_force_redownload_takes_the_new_revision_once_a_run(server: HubServer, context: RunContext, hub: str) -> None:
    """A forced run sees what the hub has now, asks for it once, and leaves it for later runs."""
    datasets.load(_source(hub), "main", "test", context)
    server.files[_TEST], server.commit = b'{"question": "new"}\n', "a" * 40
    if hub == "modelscope":
        server.files["z.txt"] = b""  # the newest commit is that of the last file
    assert datasets.load(_source(hub), "main", "test", context) == _ROWS
    forced = replace(context, run_id="r2")
    assert datasets.load(_source(hub, force=True), "main", "test", forced) == [{"question": "new"}]
    asked = len(server.requests)
    assert datasets.load(_source(hub, force=True), "main", "test", forced) == [{"question": "new"}]
    assert len(server.requests) == asked
    assert datasets.origin(_source(hub), context).endswith("@" + "a" * 40)


@_each_hub
def test_a_dropped_connection_is_survived(server: HubServer, context: RunContext, hub: str) -> None:
    """A body that ends in the middle is asked for again."""
    server.cuts[_TEST] = 1
    assert datasets.load(_source(hub), "main", "test", context) == _ROWS
    assert server.cuts[_TEST] == 0


@_each_hub
@pytest.mark.parametrize("body", [_LINES[:-50], _LINES.replace(b"q7", b"q8")], ids=["shorter", "other bytes"])
def test_a_file_that_is_not_as_listed_is_refused(server: HubServer, context: RunContext, hub: str, body: bytes) -> None:
    """Another size or other bytes than listed never reach the cache."""
    server.instead[_TEST] = body
    with pytest.raises(RunFailed, match="did not arrive whole"):
        datasets.load(_source(hub), "main", "test", context)
    assert not list(context.cache.rglob("test.jsonl"))
    server.instead.clear()
    assert datasets.load(_source(hub), "main", "test", context) == _ROWS


@_each_hub
@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (404, "RepoNotFound", "is not found"),
        (401, "", "does not exist or is private"),
        (403, "GatedRepo", "is gated: accept its terms"),
        (503, "", "is overloaded; try again later"),
    ],
)
def test_refusals(server: HubServer, context: RunContext, hub: str, status: int, code: str, expected: str) -> None:
    """Each refusal has words of its own, and comes soon."""
    server.status, server.error_code = status, code
    began = time.monotonic()
    with pytest.raises(RunFailed, match=expected):
        datasets.load(_source(hub), "main", "test", context)
    assert time.monotonic() - began < 20


@_each_hub
def test_a_token_opens_private_data(server: HubServer, context: RunContext, hub: str) -> None:
    """The hub's token from the settings is sent, and never shown in a message."""
    server.token = "t0ken"
    with pytest.raises(RunFailed, match="private"):
        datasets.load(_source(hub), "main", "test", context)
    hubs = replace(context.hubs, modelscope_token="t0ken", huggingface_token="t0ken")
    assert datasets.load(_source(hub), "main", "test", replace(context, hubs=hubs)) == _ROWS
    assert "t0ken" not in repr(hubs)


@_each_hub
def test_no_network_is_said_soon_with_the_ways_out(context: RunContext, hub: str) -> None:
    """Nobody listens there: seconds, not minutes, and every way out is named."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        began = time.monotonic()
        with pytest.raises(RunFailed) as caught:
            datasets.load(_source(hub), "main", "test", replace(context, hubs=HubEndpoints(url, url)))
    assert time.monotonic() - began < 20
    other = "huggingface" if hub == "modelscope" else "modelscope"
    for words in (
        url,
        "cannot be reached",
        "dataset_args.gsm8k.local_path",
        "'sample'",
        f"'{other}'",
        "EVALKUBE_CACHE",
    ):
        assert words in str(caught.value)


@_each_hub
def test_a_split_that_the_hub_lacks(context: RunContext, hub: str) -> None:
    """What is there is listed."""
    with pytest.raises(
        RunFailed, match=r"no split 'dev' of subset 'main' in .* owner/name; there is: main: test, train"
    ):
        datasets.load(_source(hub), "main", "dev", context, few_shot=True)


_CHILD = """
import sys
from pathlib import Path
from evalkube_runner.context import HubEndpoints, RunContext
from evalkube_runner.data import datasets
from evalkube_runner.deliver import FileDelivery
hub, url, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
context = RunContext(run_id=sys.argv[4], delivery=FileDelivery(folder / "out", folder / "control", pipeline="eval"),
                     scratch=folder / sys.argv[4], cache=folder / "cache", hubs=HubEndpoints(url, url))
source = datasets.Source(benchmark="gsm8k", hub=hub, hub_ids={hub: "owner/name"})
print(len(datasets.load(source, "main", "test", context)))
"""


@pytest.fixture
def child(server: HubServer, tmp_path: Path) -> Iterator[Callable[[str, str], "subprocess.Popen[bytes]"]]:
    """Starts processes that load the data set into the same cache."""
    started: list[subprocess.Popen[bytes]] = []

    def start(hub: str, run_id: str) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-c", _CHILD, hub, server.url, str(tmp_path), run_id]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


@_each_hub
def test_two_processes_download_once(
    server: HubServer, child: Callable[[str, str], "subprocess.Popen[bytes]"], hub: str
) -> None:
    """Both succeed, and the hub was asked for each file once."""
    server.delay_s = 0.2
    processes = [child(hub, "a"), child(hub, "b")]
    assert [process.communicate(timeout=60)[0] for process in processes] == [b"2000\n", b"2000\n"]
    bodies = [
        line for line in server.requests if line.startswith("GET") and line.endswith(_TEST) and "/resolve/" not in line
    ]
    assert len(bodies) == 1


@_each_hub
def test_a_kill_in_mid_download_leaves_nothing_half(
    server: HubServer, context: RunContext, child: Callable[[str, str], "subprocess.Popen[bytes]"], hub: str
) -> None:
    """SIGKILL while the body comes: no lock stays, no half file counts, the next run loads everything."""
    server.stall = threading.Event()
    process = child(hub, "a")
    assert server.stalled.wait(60)
    process.send_signal(signal.SIGKILL)
    assert process.wait(60) == -signal.SIGKILL
    server.stall.set()
    assert not list((context.cache / "datasets" / hub / "owner--name").glob("files/*/main/test.jsonl"))
    assert datasets.load(_source(hub), "main", "test", context) == _ROWS
    assert not list(context.cache.rglob("staging"))


_NAMED = {
    "openqa": ("open_qa.jsonl", {"question": "为什么？"}),
    "longalpaca": ("LongAlpaca-12k.json", [{"instruction": "为什么？"}]),
    "share_gpt_en": ("common_en_70k.jsonl", {"conversation": [{"human": "为什么？", "assistant": "."}]}),
    "share_gpt_zh": ("sharegpt_jsonl/common_zh_70k.jsonl", {"conversation": [{"human": "为什么？", "assistant": "."}]}),
}


@pytest.mark.parametrize("hub", _HUBS)
@pytest.mark.parametrize("name", _NAMED)
def test_prompts_from_both_hubs(context: RunContext, name: str, hub: str) -> None:
    """Load-test prompts come from the one file that they need, in whatever folder it lies."""
    file, rows = _NAMED[name]
    dataset_id = catalogue.SETS[name].hub_ids[hub]
    with HubServer(dataset_id, {file: orjson.dumps(rows), "all.jsonl": b"{}\n"}) as server:
        spec = PerfRunSpec.model_validate(
            {"model": "m", "url": "http://h/v1/completions", "dataset": name, "data_source": hub}
        )
        source = prompts.load(spec, replace(context, hubs=HubEndpoints(server.url, server.url)), chat=False)
        assert (source.item(0), server.bodies("all.jsonl")) == ("为什么？", 0)
        assert source.data.source == f"{hub}:{dataset_id}@{COMMIT}"


def _shelved(tmp_path: Path, content: bytes, entry: Entry) -> tuple[Shelf, Manifest]:
    shelf = Shelf(tmp_path, "modelscope", "o/n")
    manifest = new_manifest(
        hub="modelscope", dataset_id="o/n", endpoint="http://h", revision="r/../1", fetched_by="run", entries=[entry]
    )
    with shelf.locked(1) as staging:
        (staging / "file").write_bytes(content)
        return shelf, shelf.add(manifest, entry, staging / "file")


def test_a_torn_file_is_not_complete(tmp_path: Path) -> None:
    """A file counts by the manifest and its size, not by being there."""
    shelf, manifest = _shelved(
        tmp_path, b"whole", Entry("a/b.jsonl", 5, "sha256:" + hashlib.sha256(b"whole").hexdigest())
    )
    place = shelf.file(manifest, "a/b.jsonl")
    assert place is not None
    assert place.is_relative_to(shelf.root)
    assert shelf.manifest() == manifest
    place.write_bytes(b"who")
    assert shelf.file(manifest, "a/b.jsonl") is None
    (place.parent / "c.jsonl").write_bytes(b"never listed")
    assert shelf.file(manifest, "a/c.jsonl") is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"format": 2}', b'{"format": 1, "entries": [{}]}'])
def test_a_torn_manifest_is_none(tmp_path: Path, content: bytes) -> None:
    """Whatever a manifest has become, it is read as absent, never as a crash."""
    shelf = Shelf(tmp_path, "modelscope", "o/n")
    shelf.root.mkdir(parents=True)
    (shelf.root / "manifest.json").write_bytes(content)
    assert shelf.manifest() is None


@pytest.mark.parametrize("digest", ["sha256:00", "git:00"])
def test_a_wrong_digest_is_torn(tmp_path: Path, digest: str) -> None:
    """Both kinds of digest are checked."""
    with pytest.raises(TornError, match="what arrived has"):
        _shelved(tmp_path, b"whole", Entry("a.jsonl", 5, digest))


@pytest.mark.parametrize("path", ["../../etc/passwd", "/etc/passwd", "a/../../b", "a\\..\\b", "a//b", "./a"])
def test_paths_that_leave_the_shelf_are_dropped(path: str) -> None:
    """A hostile listing cannot name a file outside."""
    entries = [Entry(path, 1)]
    manifest = new_manifest(hub="h", dataset_id="o/n", endpoint="", revision="r", fetched_by="x", entries=entries)
    assert not manifest.entries
