"""The answer of a search, as the report shows it."""

from evalkube_crds.perf_point import PerfPoint
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.results import PerfResult, SlaGroup, SlaProbe, SlaResult
from evalkube_report import html
from evalkube_report.load_test import service_levels

RESULT = PerfResult(
    run_id="r",
    model="m",
    points=[PerfPoint(name="parallel_23_number_138", number=138, parallel=23)],
    sla=SlaResult(
        variable="parallel",
        runs=3,
        groups=[
            SlaGroup(
                criteria={"p99_ttft": "<=0.5"},
                best=23,
                point="parallel_23_number_138",
                figures={"rps": 151.5, "tps": 3030.0},
                stopped="24 does not meet the criteria any more",
                probes=[
                    SlaProbe(value=23, point="parallel_23_number_138", outcome="met", figures={"p99_ttft": 0.051}),
                    SlaProbe(value=24, point="parallel_24_number_144", outcome="missed", figures={"p99_ttft": 0.61}),
                    SlaProbe(value=48, point="parallel_48_number_288", outcome="invalid"),
                ],
            ),
            SlaGroup(criteria={"success_rate": ">=0.9"}, stopped="even the lower bound fails"),
        ],
    ),
)


def test_the_page_shows_what_was_found_and_tried() -> None:
    """The answer, why it is one, and every value with what was measured there."""
    page = html.perf_report(RESULT, spec=PerfRunSpec(model="m", url="http://h/v1"))
    said = ("TTFT p99 &lt;= 500 ms", "24 does not meet", "51.00 ms", "610.0 ms", "missed", "even the lower bound fails")
    for text in said:
        assert text in page, text
    assert page.count('<tr class="invalid">') == 1


def test_the_answer_is_a_table() -> None:
    """The result of a plain sweep has no such table."""
    answers = service_levels.answers_table(RESULT)
    assert answers is not None
    assert answers.columns[0] == "Wanted"
    assert service_levels.answers_table(RESULT.model_copy(update={"sla": None})) is None


def test_tables_name_figures_as_all_others_do() -> None:
    """By their titles, and bounds with their unit."""
    tried = service_levels.probes_tables(RESULT)[0]
    assert tried.caption == "Tried for TTFT p99 <= 500 ms, 3 runs each"
    assert tried.columns == ("Point", "Criteria", "Requests in flight", "TTFT p99")
