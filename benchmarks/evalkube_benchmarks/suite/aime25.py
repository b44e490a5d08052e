"""AIME 2025: the 30 problems of both American Invitational Mathematics Examinations of 2025, answers are 000 to 999."""

import dataclasses

from evalkube_benchmarks.suite import aime24

__all__ = ["BENCHMARK"]

BENCHMARK = dataclasses.replace(
    aime24.BENCHMARK,
    name="aime25",
    pretty_name="AIME 2025",
    hub_ids={"modelscope": "evalscope/aime25", "huggingface": "math-ai/aime25"},
)
