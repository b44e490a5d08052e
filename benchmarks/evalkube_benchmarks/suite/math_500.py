"""MATH-500: 500 problems of the test split of MATH (Lightman et al. 2023, arXiv:2305.20050), answers are formulas."""

import dataclasses

from evalkube_benchmarks.suite import competition_math

__all__ = ["BENCHMARK"]

BENCHMARK = dataclasses.replace(
    competition_math.BENCHMARK,
    name="math_500",
    pretty_name="MATH-500",
    source="https://arxiv.org/abs/2305.20050",
    items=500,
    hub_ids={"modelscope": "AI-ModelScope/MATH-500", "huggingface": "HuggingFaceH4/MATH-500"},
    train_split=None,
    few_shot_num=0,
)
