"""What may lie in the place of a run's document, or beside it, when the service starts: it starts, and serves all
others."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fakes.bodies import eval_body
from fakes.service import Service, running_service

Put = Callable[[Path, dict[str, Any]], object]


def text(words: str) -> Put:
    """`run.json` with these words in it."""
    return lambda folder, _: _file(folder).write_text(words)


def like_a_good_one(*place: str, value: Any) -> Put:
    """The document of a good run with another value in that place."""

    def put(folder: Path, good: dict[str, Any]) -> None:
        document = json.loads(json.dumps(good))
        document["metadata"]["name"] = folder.name
        holder = document
        for name in place[:-1]:
            holder = holder[name]
        holder[place[-1]] = value
        _file(folder).write_text(json.dumps(document))

    return put


def _file(folder: Path) -> Path:
    folder.mkdir()
    return folder / "run.json"


def _linked(folder: Path, _: dict[str, Any]) -> None:
    target = folder.parent.parent / "elsewhere"
    target.mkdir()
    (target / "precious").touch()
    folder.symlink_to(target)


def _beside_others(folder: Path, _: dict[str, Any]) -> None:
    folder.mkdir()
    (folder / "precious").touch()


def _huge(folder: Path, _: dict[str, Any]) -> None:
    with _file(folder).open("wb") as file:
        file.truncate(40 * 1024 * 1024 * 1024)


DAMAGE: dict[str, Put] = {
    "null": text("null"),
    "a list": text("[]"),
    "a number": text("1"),
    "words": text('"EvalRun"'),
    "nothing": text(""),
    "no JSON": text("\0\0\0"),
    "half written": text('{"kind": "EvalRun", "spec"'),
    "an empty object": text("{}"),
    "deep": text("[" * 100_000),
    "deep inside": text('{"kind": ' + '{"a": ' * 100_000),
    "bytes": lambda folder, _: _file(folder).write_bytes(b'{"kind": "\xff\xfe"}'),
    "a folder in its place": lambda folder, _: _file(folder).mkdir(),
    "a pipe in its place": lambda folder, _: os.mkfifo(_file(folder)),
    "a link to nowhere": lambda folder, _: _file(folder).symlink_to("/nowhere/run.json"),
    "a link in a ring": lambda folder, _: _file(folder).symlink_to("run.json"),
    "a device": lambda folder, _: _file(folder).symlink_to("/dev/zero"),
    "huge": _huge,
    "a kind of no run": like_a_good_one("kind", value="Pod"),
    "a list for a kind": like_a_good_one("kind", value=[]),
    "null metadata": like_a_good_one("metadata", value=None),
    "a number for its name": like_a_good_one("metadata", "name", value=7),
    "another run's name": like_a_good_one("metadata", "name", value="eval-another"),
    "a name that leads out": like_a_good_one("metadata", "name", value="../../../out"),
    "a time of no calendar": like_a_good_one("metadata", "creationTimestamp", value="9999999-13-01"),
    "null status": like_a_good_one("status", value=None),
    "words for a phase": like_a_good_one("status", "phase", value="Asleep"),
    "a list for a folder": like_a_good_one("status", "outputDir", value=[]),
    "an object for conditions": like_a_good_one("status", "conditions", value={}),
    "null spec": like_a_good_one("spec", value=None),
    "a number for a model": like_a_good_one("spec", "model", value=3),
    "a file in the folder's place": lambda folder, _: folder.touch(),
    "a link in the folder's place": _linked,
    "no document, but something": _beside_others,
}


@dataclass(frozen=True)
class Damaged:
    """A service that started over all of it, and the run that is well."""

    service: Service
    good: str
    before: dict[str, tuple[str, int]]
    log: Path


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Damaged]:
    """One start for all rows: each is one that would stop it."""
    outputs = tmp_path_factory.mktemp("damaged") / "outputs"
    log = outputs.with_name("second.log")
    with running_service(outputs) as first:
        good = first.post("eval", eval_body()).json()["id"]
    runs = outputs / ".evalkube" / "runs"
    document = json.loads((runs / good / "run.json").read_bytes())
    for name, put in DAMAGE.items():
        put(runs / _id(name), document)
    before = {name: _seen(runs / _id(name)) for name in DAMAGE}
    with running_service(outputs, log=log) as second:
        yield Damaged(second, good, before, log)


def _id(name: str) -> str:
    return "eval-" + "".join(letter if letter.isalnum() else "-" for letter in name.lower())


def _seen(path: Path) -> tuple[str, int]:
    """What lies there, and how large its document is."""
    names = sorted(str(inner.relative_to(path)) for inner in path.rglob("*")) if path.is_dir() else []
    document = path / "run.json"
    return f"{path.is_symlink()} {names}", document.lstat().st_size if os.path.lexists(document) else 0


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_document_is_passed_over(damaged: Damaged, name: str) -> None:
    """Left as it is, named in the log, and no run."""
    path = damaged.service.outputs / ".evalkube" / "runs" / _id(name)
    assert damaged.service.client.get(f"/api/v1/runs/{_id(name)}").status_code == 404
    assert _seen(path) == damaged.before[name]
    lines = [line for line in damaged.log.read_text().splitlines() if f"{path}:" in line]
    assert len(lines) == 1
    assert "is skipped" in lines[0]
    assert "Traceback" not in damaged.log.read_text()


def test_all_others_are_served(damaged: Damaged) -> None:
    """Those that were there and new ones."""
    assert damaged.service.client.get("/api/v1/runs").json()["total"] == 1
    assert damaged.service.run(damaged.good)["phase"] == "Succeeded"
    new = damaged.service.post("eval", eval_body()).json()
    assert new["status"] == "success"
    assert damaged.service.client.delete(f"/api/v1/runs/{new['id']}").json()["artifacts"] == "deleted"


BESIDE: dict[str, Put] = {
    f"{what} for a {name}": (lambda folder, _, name=name, put=put: put(folder / name, {}))  # type: ignore[misc]
    for name in ("process", "receipt", "progress", "result", "response")
    for what, put in {
        "null": lambda path, _: path.write_text("null"),
        "a list": lambda path, _: path.write_text("[1]"),
        "infinity": lambda path, _: path.write_text('{"pid": 1e999, "started": "x", "done": 1e999}'),
        "depth": lambda path, _: path.write_text("[" * 100_000),
        "a folder": lambda path, _: path.mkdir(),
        "a pipe": lambda path, _: os.mkfifo(path),
    }.items()
}


def test_what_a_runner_left_harms_no_start(outputs: Path) -> None:
    """Each of its files, of a run that had not ended: such a run was interrupted."""
    with running_service(outputs) as first:
        good = first.post("eval", eval_body()).json()["id"]
    runs = outputs / ".evalkube" / "runs"
    document = json.loads((runs / good / "run.json").read_bytes())
    document["status"]["conditions"] = document["status"]["conditions"][:1]
    for name, put in BESIDE.items():
        folder = runs / _id(name)
        like_a_good_one("status", "phase", value="Running")(folder, document)
        put(folder, {})
        (folder / f"{name.split()[-1]}").rename(folder / f"{name.split()[-1]}.json")
    with running_service(outputs) as second:
        for name in BESIDE:
            assert second.run(_id(name))["phase"] == "Interrupted", name
        assert second.run(good)["phase"] == "Succeeded"


FOLDERS = {
    "the output root": "{outputs}",
    "above it": "{outputs}/..",
    "beside it": "{outputs}/../precious",
    "elsewhere": "{precious}",
    "the service's own": "{outputs}/.evalkube",
    "inside of that": "{outputs}/.evalkube/trash",
    "through a link": "{outputs}/linked",
    "nowhere": "/nowhere",
    "no path": "a\0b",
}


@pytest.mark.parametrize("folder", FOLDERS.values(), ids=FOLDERS.keys())
def test_nothing_is_deleted_that_is_no_folder_of_a_run(outputs: Path, folder: str) -> None:
    """Whatever a document says of itself: it is deleted, and no file but its own."""
    precious = outputs.with_name("precious")
    with running_service(outputs) as first:
        run_id = first.post("eval", eval_body()).json()["id"]
    precious.mkdir()
    (precious / "file").touch()
    (outputs / "linked").symlink_to(precious)
    path = outputs / ".evalkube" / "runs" / run_id / "run.json"
    document = json.loads(path.read_bytes())
    assert document["metadata"]["annotations"]["evalkube.io/made-folder"] == "true"
    document["status"]["outputDir"] = folder.format(outputs=outputs, precious=precious)
    path.write_text(json.dumps(document))
    with running_service(outputs) as second:
        assert second.client.delete(f"/api/v1/runs/{run_id}").json()["artifacts"] == "kept"
        assert second.post("eval", eval_body()).status_code == 200
    assert (precious / "file").exists()
    assert (outputs / "linked").is_symlink()
