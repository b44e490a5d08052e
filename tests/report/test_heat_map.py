"""Heat maps: every place of the grid in the drawing and in its table."""

import asyncio
import json
from xml.etree import ElementTree

from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.results import DatasetResult, EvalResult, SubsetResult
from evalkube_report import html
from evalkube_report.evaluation import evidence
from evalkube_report.plots import drawing, heat_map
from evalkube_report.plots.drawing import Shown
from evalkube_report.plots.heat_map import Cell

CELLS = [
    Cell("english", 1000, 0, 1.0),
    Cell("english", 1000, 100, 0.0),
    Cell("english", 32000, 0, 1.0),
    Cell("english", 32000, 0, 0.5),
    Cell("chinese", 1000, 50, 1.0),
]


def _maps() -> list[Shown]:
    return [drawing.shown(grid) for grid in heat_map.heat_maps(CELLS, ("context_length", "depth_percent"), "mean_acc")]


def test_the_table_has_every_place() -> None:
    """A row for each depth, a column for each length, the mean of what was asked more than once."""
    english, chinese = _maps()
    assert english.table.columns == ("Depth (%)", "1,000", "32,000")
    assert [row.cells for row in english.table.rows] == [("0", "100 %", "75.0 %"), ("100", "0 %", "-")]
    assert [row.cells for row in chinese.table.rows] == [("50", "100 %")]


def test_the_drawing_tells_each_place() -> None:
    """The fuller the higher; a place without a score is hollow."""
    root = ElementTree.fromstring(_maps()[0].drawing)
    told = {rect.findtext("title"): rect.get("fill-opacity") for rect in root.iter("rect")}
    assert told == {
        "Context length (tokens) 1,000, Depth (%) 0: 100 %": "0.55",
        "Context length (tokens) 32,000, Depth (%) 0: 75.0 %": "0.42",
        "Context length (tokens) 1,000, Depth (%) 100: 0 %": "0.05",
        "Context length (tokens) 32,000, Depth (%) 100: -": None,
    }
    assert "3 of 4 places" in (root.findtext("desc") or "")


def test_many_columns_are_drawn_without_numbers_inside() -> None:
    """Names of columns that would touch are left out."""
    cells = [Cell("s", 1000 * at, 0, 1.0) for at in range(1, 41)]
    root = ElementTree.fromstring(drawing.drawn(heat_map.heat_maps(cells, ("context_length", "depth_percent"), "m")[0]))
    texts = [text.text or "" for text in root.iter("text")]
    assert "100" not in texts
    assert len([text for text in texts if text.endswith(",000")]) < 14


def test_the_page_of_a_run_has_its_map() -> None:
    """Of all reviews that a run left, more than the page shows as samples."""
    subset = SubsetResult(name="english", requested=300, scored=300)
    names = {"name": "needle_haystack", "pretty_name": "Needle", "description": "", "main_metric": "mean_acc"}
    dataset = DatasetResult(**names, subsets=[subset], heat_map=("context_length", "depth_percent"))
    result = EvalResult(run_id="r", model="m", datasets=[dataset])
    score = {
        "value": {"acc": 1.0},
        "extracted_prediction": "x",
        "explanation": None,
        "judge_summary": {},
        "metadata": {},
    }
    lines = [
        {
            "index": at,
            "target": "t",
            "sample_score": {
                "score": score,
                "sample_metadata": {"context_length": 1000 * (at % 20 + 1), "depth_percent": at // 20},
            },
        }
        for at in range(300)
    ]

    async def get(path: str) -> bytes | None:
        found = path == "reviews/m/needle_haystack_english.jsonl"
        return "\n".join(map(json.dumps, lines)).encode() if found else None

    found = asyncio.run(evidence.gathered(result, get))
    assert len(found.cells["needle_haystack"]) == 300
    assert len(found.samples) == 200
    body = {"model": "m", "api_url": "http://h/v1", "datasets": ["needle_haystack"]}
    spec = EvalRunSpec.model_validate(body, by_name=True)
    page = html.eval_report(result, spec=spec, samples=found.samples, cells=found.cells)
    assert page.count('class="heat"') == 300
    assert "english: mean_acc, by Depth (%) (rows) and Context length (tokens) (columns)" in page
