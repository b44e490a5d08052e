"""What the image must be able to do, asked while it is built, with what is left after its diet.

Asked twice: what is loaded here the first time is compiled by it; the second time it loads from that alone.
"""

import datetime
import importlib
import pkgutil
import tempfile
import zoneinfo
from pathlib import Path

import numpy as np
import tokenizers
from arro3 import core, io

from evalkube_benchmarks.instructions import texts
from evalkube_benchmarks.metrics import algebra
from evalkube_crds.paths import Readable
from evalkube_runner.data import files
from evalkube_runner.perf import bulk_histogram, schedule

_ROOMS = ("crds", "benchmarks", "report", "runner", "operator", "api", "cli", "mock")
_OURS = ["evalkube", *(f"evalkube_{room}" for room in _ROOMS)]
_LAZY = [  # what is imported where it is first used, by us or by what we use
    *(
        "filelock",
        "jinja2",
        "uvicorn.lifespan.on",
        "uvicorn.loops.uvloop",
        "uvicorn.protocols.http.httptools_impl",
        "uvloop",
        "yaml",
    ),
    *(
        "huggingface_hub.errors",
        "huggingface_hub.file_download",
        "huggingface_hub.hf_api",
        "huggingface_hub.utils.tqdm",
    ),
    *("modelscope_hub.api", "modelscope_hub.config", "modelscope_hub.errors"),
    *("kubernetes.aio", "obstore.store", "rich.progress", "typer.rich_utils"),
]
_EQUAL = [  # reaches most of what a model's answer can make sympy load
    ("1/2", "0.5"),
    (r"\frac{\sqrt{8}}{2}", r"\sqrt{2}"),
    (r"x^2 + 2x + 1", r"(x+1)^2"),
    (r"\sin(x)^2 + \cos(x)^2", "1"),
    (r"(1, 2] \cup [3, \infty)", r"(1,2]\cup[3,\infty)"),
    (r"\{1, 2, 3\}", r"\{3, 2, 1\}"),
    ("x = 5", "5"),
    (r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}", r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}"),
    (r"\log_2 8", "3"),
    (r"50\%", "0.5"),
    (r"\sum_{i=1}^{3} i", "6"),
]


def _modules() -> None:
    for room in _OURS:
        for module in pkgutil.walk_packages(importlib.import_module(room).__path__, f"{room}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    for name in _LAZY:
        importlib.import_module(name)


def _mathematics() -> None:
    for mine, gold in _EQUAL:
        assert algebra.equal(mine, gold), (mine, gold)


def _texts() -> None:
    assert texts.sentences("Dr. Smith is in. He waits.") == 2
    assert texts.language("Wo ist hier der nächste Bahnhof?") == "de"


def _parquet() -> None:
    moments = core.Array([0, None], core.DataType.int64()).cast(core.DataType.timestamp("us", tz="UTC"))
    table = core.Table.from_pydict({"q": core.Array(["1+1?", None], core.DataType.utf8()), "at": moments})
    epoch = datetime.datetime(1970, 1, 1, tzinfo=zoneinfo.ZoneInfo("UTC"))
    with tempfile.TemporaryDirectory() as folder:
        for codec in ("snappy", "zstd(3)", "gzip(6)"):
            io.write_parquet(table, Path(folder, "a.parquet"), compression=codec)
            records = files.read_file(Path(folder, "a.parquet"), Readable.of([Path(folder)]))
            assert records == [{"q": "1+1?", "at": epoch}, {"q": None, "at": None}], records


def _numbers() -> None:
    assert len(list(schedule.plan(1, schedule.Lane(0, 1), 9, rate=5.0, max_tokens=(1, 4)))) == 9
    tally = bulk_histogram.BulkHistogram()
    tally.add([1, 2, 3])
    assert tally.histogram().total == 6
    assert np.allclose(np.linalg.solve(np.eye(2) * 2, [2.0, 4.0]), [1, 2])


if __name__ == "__main__":
    _modules()
    _mathematics()
    _texts()
    _parquet()
    _numbers()
    tokenizers.Tokenizer(tokenizers.models.WordLevel())
