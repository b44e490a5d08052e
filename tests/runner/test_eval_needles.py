"""A needle in a haystack, whole: texts, a tokenizer, a scripted endpoint, and the page of the run."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.results import EvalResult
from evalkube_report import html
from evalkube_report.evaluation import evidence
from evalkube_runner.errors import RunFailed
from evalkube_runner.eval.run import evaluate
from fakes import scripted_endpoint
from fakes.evaluations import context_in, spec_of
from fakes.scripted_endpoint import Says, ScriptedEndpoint, says
from fakes.word_tokenizer import save_word_tokenizer

_NEEDLE, _QUESTION = "The password of the mill is heron.", "What is the password of the mill?"
_GRID = {
    "context_lengths_min": 60,
    "context_lengths_max": 120,
    "context_lengths_num_intervals": 2,
    "document_depth_percent_intervals": 3,
    "needles": [_NEEDLE],
    "retrieval_question": _QUESTION,
    "answers": ["heron"],
}


def _evaluated(
    folder: Path, script: Any, **parameters: Any
) -> tuple[EvalResult, EvalRunSpec, ScriptedEndpoint, evidence.Evidence]:
    """One evaluation over a text of the user's own, and the evidence for its page."""
    (folder / "texts").mkdir(parents=True)
    (folder / "texts" / "mill.txt").write_text("The mill stands by the river. It grinds rye and wheat. " * 9, "utf-8")

    async def run() -> tuple[EvalResult, EvalRunSpec, ScriptedEndpoint, evidence.Evidence]:
        args = {"local_path": str(folder / "texts"), "subset_list": ["mill"], "extra_params": _GRID | parameters}
        context = context_in(folder / "out")
        async with scripted_endpoint.running(script) as endpoint:
            spec = spec_of(endpoint.url, datasets=["needle_haystack"], dataset_args={"needle_haystack": args})
            result = await evaluate(spec, context)
            return result, spec, endpoint, await evidence.gathered(result, context.delivery.get)

    return asyncio.run(run())


def _asked(body: dict[str, Any]) -> str:
    content = body["messages"][-1]["content"]
    assert isinstance(content, str)
    return content


def _short_ones_found(body: dict[str, Any], _: int) -> Says:
    return says("It is Heron." if len(_asked(body).split()) < 120 else "I cannot find it.")


def test_the_page_has_the_map_of_the_grid(tmp_path: Path) -> None:
    """Each length at each depth is asked once; what was found is in the map and in its table."""
    result, spec, endpoint, found = _evaluated(tmp_path, _short_ones_found)
    assert len(endpoint.bodies) == 6
    assert all(_NEEDLE in _asked(body) and _QUESTION in _asked(body) for body in endpoint.bodies)
    scores = {(cell.x, cell.y): cell.score for cell in found.cells["needle_haystack"]}
    assert scores == {(length, depth): float(length == 60) for length in (60, 120) for depth in (0, 50, 100)}
    page = html.eval_report(result, spec=spec, samples=found.samples, cells=found.cells)
    assert page.count('class="heat"') == 6
    assert "Context length (tokens) 120, Depth (%) 50: 0 %" in page


def test_lengths_are_those_of_the_tokenizer(tmp_path: Path) -> None:
    """A tokenizer of words: the text before the question has as many words as are asked for."""
    path = save_word_tokenizer(tmp_path)
    *_, endpoint, _ = _evaluated(tmp_path / "run", _short_ones_found, tokenizer_path=path)
    texts = [_asked(body).partition("Text: ")[2].partition("\n\nQuestion: ")[0] for body in endpoint.bodies]
    assert sorted(len(text.split()) for text in texts) == [60, 60, 60, 120, 120, 120]


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"tokenizer_path": "/nowhere/tokenizer.json"}, "tokenizer_path"),
        ({"context_lengths_max": 1}, "extra_params: context_lengths_min must be"),
        ({"retrieval_question": ""}, "retrieval_question"),
    ],
)
def test_what_cannot_be_asked_is_refused(tmp_path: Path, parameters: dict[str, Any], reason: str) -> None:
    """Before anything is asked, with the parameter's name."""
    with pytest.raises(RunFailed, match=reason):
        _evaluated(tmp_path, _short_ones_found, **parameters)
