"""Every benchmark from end to end, over the layout, field names and types in which the hubs serve its data set.

`served/<benchmark>.json`, its items our own, and `served/<benchmark>.<variant>.json` where it has several kinds:

    hub       {"huggingface": {"files": {path: rows}}, "modelscope": ...}: a file is written in the format of its
              extension, a text (README.md) as it is. A hub that is left out serves the other one's files; a benchmark
              without hubs has "local". "converted" beside "files" are those of the branch refs/convert/parquet.
    args      the `dataset_args` of the run
    right     the replies in the order of subsets and records; `wrong` the same
    judge     {"right": [words of the judge...], "wrong": [...]}, where a language model grades
    scores    the figures over the right replies; `wrong_scores` over the others (the main one is 0 unless it says so)
"""

import asyncio
import csv
import io
import json
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.ipc
import pyarrow.parquet
import pytest

from evalkube_benchmarks import samples
from evalkube_benchmarks.table import BENCHMARKS
from evalkube_crds.seed import evaluation as report
from evalkube_runner.context import HubEndpoints, RunContext
from evalkube_runner.deliver import FileDelivery
from evalkube_runner.eval.run import evaluate
from fakes import scripted_endpoint
from fakes.evaluations import context_in, spec_of
from fakes.hub_server import HubServer
from fakes.readable import ANYTHING
from fakes.scripted_endpoint import Says, says

_FOLDER = Path(__file__).parent / "served"
_Fixture = dict[str, Any]


_NAMES = [*BENCHMARKS, *(path.stem for path in sorted(_FOLDER.glob("*.*.json")))]
_HUBS = {name: tuple(BENCHMARKS[name.partition(".")[0]].hub_ids) or ("local",) for name in _NAMES}
_SERVED = [(name, hub, "right") for name in _NAMES for hub in _HUBS[name]] + [
    (name, _HUBS[name][0], "wrong") for name in _NAMES
]


@pytest.mark.parametrize(("name", "hub", "kind"), _SERVED)
def test_what_hubs_serve_is_asked_and_scored(tmp_path: Path, name: str, hub: str, kind: str) -> None:
    """Right replies have the full score, from each hub; wrong ones none, whatever the hub."""
    fixture: _Fixture = json.loads((_FOLDER / f"{name}.json").read_text("utf-8"))
    benchmark = BENCHMARKS[name.partition(".")[0]]
    hubs = fixture["hub"]
    served = hubs.get(hub) or next(iter(hubs.values()))
    files, converted = (
        {path: _written(path, rows) for path, rows in served.get(branch, {}).items()}
        for branch in ("files", "converted")
    )
    args = dict(fixture.get("args", {}))
    with HubServer(benchmark.hub_ids.get(hub, "no/hub"), files, converted=converted) as server:
        if hub == "local":
            args["local_path"] = str(_in_folder(tmp_path / "data", files))
        context = RunContext(
            run_id="r",
            delivery=FileDelivery(tmp_path / "out", tmp_path / "control", pipeline="eval"),
            scratch=tmp_path / "out",
            cache=tmp_path / "cache",
            hubs=HubEndpoints(modelscope=server.url, huggingface=server.url),
            readable=ANYTHING,
        )
        made = asyncio.run(
            _evaluated(context, fixture, kind, benchmark.name, dataset_hub=hub, dataset_args={benchmark.name: args})
        )
    scores = {metric["name"].removeprefix("mean_"): metric["score"] for metric in made["metrics"]}
    wanted = fixture["scores"] if kind == "right" else fixture.get("wrong_scores", {benchmark.metrics[0].name: 0.0})
    assert {metric: scores[metric] for metric in wanted} == pytest.approx(wanted, abs=1e-4)
    assert (made["requested"], made["errored"]) == (len(fixture[kind]), 0)


def test_the_sample_items_of_all_are_asked_at_once(tmp_path: Path) -> None:
    """The demo's answers are found by the question; of six one is wrong on purpose."""
    answers = dict(samples.answers())
    names = [name for name, benchmark in BENCHMARKS.items() if benchmark.judge is None]

    def script(body: dict[str, Any], _number: int) -> Says:
        asked = body["messages"][-1]["content"]
        return says(next(answer for question, answer in answers.items() if question in asked))

    async def run() -> dict[str, dict[str, Any]]:
        async with scripted_endpoint.running(script) as endpoint:
            spec = spec_of(endpoint.url, datasets=names, dataset_hub="sample")
            return report.reports(await evaluate(spec, context_in(tmp_path)))

    for name, made in asyncio.run(run()).items():
        count = len(list(samples.questions(BENCHMARKS[name])))
        assert (made["requested"], made["errored"]) == (count, 0), name
        if BENCHMARKS[name].metrics[0].verdict:
            assert made["score"] == pytest.approx((count - count // 6) / count, abs=1e-4), name


async def _evaluated(context: RunContext, fixture: _Fixture, kind: str, name: str, **options: Any) -> dict[str, Any]:
    """The report of one evaluation whose endpoint gives the replies in turn, and so does its judge's."""
    replies = {"org/m": iter(fixture[kind]), "judge": iter(fixture.get("judge", {}).get(kind, []))}

    def script(body: dict[str, Any], _number: int) -> Says:
        return says(next(replies[body["model"]]))

    async with scripted_endpoint.running(script) as endpoint:
        if "judge" in fixture:
            options["judge"] = {"models": [{"model": "judge", "api_url": endpoint.url}]}
        spec = spec_of(endpoint.url, datasets=[name], eval_batch_size=1, **options)
        return report.reports(await evaluate(spec, context))[name]


def _written(path: str, rows: Any) -> bytes:
    """The bytes of a file in the format of its extension."""
    if isinstance(rows, str):
        return rows.encode()
    suffix = path.rpartition(".")[2]
    if suffix == "parquet":
        table = io.BytesIO()
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), table)
        return table.getvalue()
    if suffix == "arrow":
        table, rows = io.BytesIO(), pyarrow.Table.from_pylist(rows)
        with pyarrow.ipc.new_stream(table, rows.schema) as writer:
            writer.write_table(rows)
        return table.getvalue()
    if suffix in ("csv", "tsv"):
        text = io.StringIO()
        cells = csv.DictWriter(text, list(rows[0]), delimiter="," if suffix == "csv" else "\t")
        cells.writeheader()
        cells.writerows(rows)
        return text.getvalue().encode()
    if suffix == "jsonl":
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    return json.dumps(rows, ensure_ascii=False).encode()


def _in_folder(folder: Path, files: dict[str, bytes]) -> Path:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder
