"""Answers as tables."""

import io
from typing import Any

from rich.console import Console

from evalkube_cli import load_tables, tables
from evalkube_crds.wording import printable


def _shown(found: Any, width: int = 120) -> str:
    console = Console(file=io.StringIO(), width=width)
    for table in found:
        console.print(table)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def _report(**more: Any) -> dict[str, Any]:
    category = {"name": ["STEM"], "score": 0.5, "macro_score": 0.5, "num": 2, "subsets": []}
    metric = {"name": "mean_acc", "num": 4, "score": 0.75, "interval": [0.3006, 0.9544], "macro_score": 0.7}
    return {
        "metrics": [metric | {"categories": [category]}],
        "requested": 5,
        "scored": 4,
        "errored": 1,
        "errors": {"parse": 1},
        "truncated": 0,
    } | more


def _point(verdict: str, **metrics: Any) -> dict[str, Any]:
    percentiles = {"Percentiles": ["50%", "90%", "99%"]}
    columns = {name: [0.2, 0.25, None] for name in ("TTFT (s)", "TPOT (s)", "Latency (s)")}
    base = {
        "Succeed requests": 99,
        "Total requests": 100,
        "Request throughput (req/s)": 12.3456,
        "Output token throughput (tok/s)": None,
        "Client verdict": verdict,
    }
    return {"metrics": base | metrics, "percentiles": percentiles | columns}


def test_scores() -> None:
    """Score with its interval, macro score, counts and causes on one line."""
    text = _shown(tables.eval_tables({"gsm8k": _report()}))
    line = next(line for line in text.splitlines() if "gsm8k" in line)
    assert line.split() == [
        "gsm8k",
        "mean_acc",
        "0.7500",
        "0.3006–0.9544",
        "0.7000",
        "4",
        "of",
        "5",
        *("1", "(parse", "1)"),
    ]


def test_what_did_not_happen_has_no_column() -> None:
    """All samples are scored: their number, and nothing else."""
    text = _shown(tables.eval_tables({"gsm8k": _report(scored=5, errored=0, errors={})}))
    line = next(line for line in text.splitlines() if "gsm8k" in line)
    assert line.split() == ["gsm8k", "mean_acc", "0.7500", "0.3006–0.9544", "0.7000", "5"]
    assert not {"Errored", "Truncated", "Empty"} & set(text.split())


def test_scores_fit_a_terminal() -> None:
    """Of 80 columns, whatever the names are: names are folded, and no number is cut."""
    results = {"gsm8k": _report(requested=14_042, scored=14_000), "competition_math": _report(empty=3)}
    text = _shown(tables.eval_tables(results), width=80)
    assert "…" not in text
    assert all(len(line) <= 80 for line in text.splitlines())
    assert "14,000 of 14,042" in text
    assert text.count("0.3006–0.9544") == 2


def test_judgements_that_do_not_count_are_told() -> None:
    """By why; no table where no judge was asked."""
    found = {"judgements": 40, "excluded": 7, "unreadable": 5, "failed": 2, "asked_again": 9, "inconsistent": 0}
    text = _shown(tables.eval_tables({"simple_qa": _report(judge_summary=found)}))
    assert ["simple_qa", "40", "5", "2", "9", "0"] in [line.split() for line in text.splitlines()]
    assert "Judgements" not in _shown(tables.eval_tables({"gsm8k": _report()}))


def test_what_an_early_end_saved() -> None:
    """The interval for all questions, and how many were asked."""
    found = {
        "wanted": 0.02, "reached": True, "low": 0.71, "high": 0.75, "asked_questions": 911, "of_questions": 1319,
        "saved_samples": 408, "note": "",
    }  # fmt: skip
    text = _shown(tables.eval_tables({"gsm8k": _report(precision=found)}))
    line = next(line for line in text.splitlines() if "±" in line)
    assert line.split() == ["gsm8k", "±0.02", "0.7100–0.7500", "911", "of", "1,319", "408"]


def test_nothing_scored() -> None:
    """A dataset without a metric still has its line."""
    text = _shown(tables.eval_tables({"gsm8k": _report(metrics=[], scored=0)}))
    assert "0 of 5" in text


def test_what_is_of_a_whole_evaluation() -> None:
    """The index of a collection, the cost, and what a dry run expects; nothing where there is none of it."""
    member = {"weight": 2.0, "score": 0.5}
    cost = {"total": 0.75, "datasets": {"gsm8k": 0.5}, "judges": [{"model": "j", "cost": 0.25}]}
    asked = {"model": "m", "calls": 1319, "prompt_tokens": 400_000, "most_output_tokens": 2_701_312, "most_cost": 1.5}
    answer = {
        "collections": {"mine": {"index": None, "members": {"gsm8k": member}}},
        "cost": cost,
        "estimate": {
            "counted_by": "characters",
            "most_cost": 1.5,
            "model": asked,
            "judges": [],
            "datasets": {"gsm8k": {**asked, "kept": 7}},
        },
    }
    text = _shown(tables.beside_tables(answer))
    lines = [line.split() for line in text.splitlines()]
    assert ["mine", "-", "gsm8k", "0.5000", "(2)"] in lines
    assert ["judge", "j", "0.250000"] in lines
    assert ["total", "0.750000"] in lines
    assert ["gsm8k", "1,319", "400,000", "2,701,312", "1.500000", "7"] in lines
    assert ["total", "1,319", "400,000", "2,701,312", "1.500000"] in lines
    assert _shown(tables.beside_tables({"result": {}})) == ""
    assert _shown(tables.eval_tables({})) == ""


def test_categories_of_a_dataset_with_several() -> None:
    """One category says nothing new; two do."""
    metric = _report()["metrics"][0]
    two = [metric["categories"][0], metric["categories"][0] | {"name": ["[bold]Other"]}]
    text = _shown(tables.eval_tables({"ceval": _report(metrics=[metric | {"categories": two}])}))
    assert "ceval by category" in text
    assert "[bold]Other" in text


def test_points() -> None:
    """Throughput, times in ms, and what speaks against the figures; a dash where nothing was measured."""
    noted = _point("degraded", **{"Errors": {"status_429": 1}, "Client verdict reasons": ["degraded: a stall"]})
    text = _shown(load_tables.perf_tables({"parallel_10_number_100": noted}))
    assert "99 of 100" in text
    assert "12.35" in text
    assert "200" in text
    assert "1 failed: status_429" in text
    assert "degraded: a stall" in text


def test_good_requests() -> None:
    """Their share and their throughput, where a test asked for them; a point without them has dashes."""
    good = {"Goodput (share of requests)": 0.9876, "Request goodput (req/s)": 12.19, "Good requests": 98}
    lines = _shown(load_tables.perf_tables({"p": _point("valid", **good), "q": _point("valid")})).splitlines()
    assert next(line for line in lines if line.split()[:1] == ["p"]).split() == [
        *("p", "99", "of", "100", "12.35", "98.8%", "12.19", "-", "valid")
    ]
    assert next(line for line in lines if line.split()[:1] == ["q"]).split() == [
        *("q", "99", "of", "100", "12.35", "-", "-", "-", "valid")
    ]
    assert "Good" not in _shown(load_tables.perf_tables({"q": _point("valid")}))


def test_conversations() -> None:
    """How they ended, and times in ms; nothing where there were none."""
    counts = {"completed": 8, "failed": 1, "cut": 0, "unsent_turns": 1234}
    noted = _point(
        "valid",
        **{
            "Conversations": counts,
            "Average turns per conversation": 2.5,
            "Average first-turn time to first token (s)": 0.0413,
            "Average later-turn time to first token (s)": None,
        },
    )
    text = _shown(load_tables.perf_tables({"parallel_10_number_100": noted}))
    assert "not sent" in text
    assert _row(text, "41.3")[1:] == ["8", "1", "0", "1,234", "2.5", "41.3", "-"]
    assert "not sent" not in _shown(load_tables.perf_tables({"parallel_10_number_100": _point("valid")}))


def _row(text: str, cell: str) -> list[str]:
    return next(line.split() for line in text.splitlines() if cell in line.split())


def test_ranges_of_percentiles() -> None:
    """In ms, "too few" where the service gave none, nothing of what was not measured; from an older service nothing."""
    point = _point("valid")
    assert "ranges" not in _shown(load_tables.perf_tables({"p": point}))
    point["percentiles"] |= {"TTFT low (s)": [0.2, 0.2, None], "TTFT high (s)": [0.2, 1.3, None]}
    nothing = [None] * 3
    point["percentiles"] |= {"TPOT (s)": nothing, "TPOT low (s)": nothing, "TPOT high (s)": nothing}
    text = _shown(load_tables.perf_tables({"p": point}), 80)
    ranges = text[text.index("95 % ranges of the percentiles in ms") :].splitlines()
    assert [line.split() for line in ranges if "TTFT" in line] == [["p", "TTFT", "200", "200–1,300", "too", "few"]]
    assert not [line for line in ranges if "TPOT" in line]
    assert "p50 6, p90 36, p99 368" in text


def test_a_points_name_is_not_cut_to_pieces() -> None:
    """In a terminal of 80 columns names stay whole."""
    assert (
        _shown(load_tables.perf_tables({"parallel_10_number_100": _point("valid")}), 80).count("parallel_10_number_100")
        == 2
    )


def test_words_of_a_server_command_no_terminal() -> None:
    """Neither in a name nor in what it said of a failure."""
    evil = "\x1b]0;owned\x07\x9b31m\u202e[bold]"
    metrics = {"Succeed requests": 0, "Total requests": 1, "Errors": {evil: 1}, "Client verdict": evil}
    metrics |= {"Request throughput (req/s)": None, "Output token throughput (tok/s)": None}
    columns = ("TTFT (s)", "TPOT (s)", "Latency (s)")
    percentiles = {"Percentiles": ["50%", "90%", "99%"], **{name: [None] * 3 for name in columns}}
    group: dict[str, Any] = {"criteria": {evil: "<1"}, "best": None, "stopped": evil, "probes": []}
    drawn = [
        *load_tables.perf_tables({evil: {"metrics": metrics, "percentiles": percentiles}}),
        *load_tables.sla_tables({"variable": "parallel", "groups": [group]}),
    ]
    out = io.StringIO()
    for table in drawn:
        Console(file=out, width=200).print(table)
    assert printable(out.getvalue()) == out.getvalue()
    assert "[bold]" in out.getvalue()


STEADY = {"share": 0.925, "rps": 91.615, "output_tps": 916.15, "ttft_p99_s": 0.0733, "latency_p99_s": 0.1171}


def test_the_steady_part_has_a_table_of_its_own() -> None:
    """Of 80 columns, for points that have such a part; a short test has none, and hears nothing of it."""
    name = "parallel_10_number_100"
    absent = {"absent": ["too_short"], "message": "too few"}
    points = {name: _point("valid", **{"Steady state": STEADY}), "short": _point("valid", **{"Steady state": absent})}
    text = _shown(table for table in load_tables.perf_tables(points) if "steady" in str(table.title))
    assert max(map(len, text.splitlines())) <= 80
    line = next(line for line in text.splitlines() if name in line)
    assert line.split() == [name, "92%", "91.61", "916.1", "73.3", "117.1"]
    assert "short" not in text
    assert "too few" not in _shown(load_tables.perf_tables({"short": points["short"]}))


def test_a_load_that_was_never_steady_is_to_note() -> None:
    """Nobody asked for that; where a service tells of no such part there is no table."""
    absent = {"absent": ["unbalanced"], "message": "more requests came than ended"}
    text = _shown(load_tables.perf_tables({"p": _point("valid", **{"Steady state": absent})}))
    assert "no steady part: more requests came than ended" in " ".join(text.split())
    assert "steady" not in _shown(load_tables.perf_tables({"p": _point("valid")}))
