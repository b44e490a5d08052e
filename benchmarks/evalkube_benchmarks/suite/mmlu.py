"""MMLU: 57 subjects from school to profession (Hendrycks et al. 2020, arXiv:2009.03300).

The test split has 14,042 questions. The worked examples of a subject are the 5 of its dev split; all are shown.
"""

from evalkube_benchmarks import fields, multiple_choice, readers
from evalkube_benchmarks.benchmark import Benchmark, Subset
from evalkube_benchmarks.metrics import accuracy
from evalkube_benchmarks.multiple_choice import Columns

__all__ = ["BENCHMARK", "SUBSETS"]

# The categories are the paper's.
_SUBJECTS = {
    "STEM": """abstract_algebra astronomy college_biology college_chemistry college_computer_science
        college_mathematics college_physics computer_security conceptual_physics electrical_engineering
        elementary_mathematics high_school_biology high_school_chemistry high_school_computer_science
        high_school_mathematics high_school_physics high_school_statistics machine_learning""",
    "Humanities": """formal_logic high_school_european_history high_school_us_history high_school_world_history
        international_law jurisprudence logical_fallacies moral_disputes moral_scenarios philosophy prehistory
        professional_law world_religions""",
    "Social Science": """econometrics high_school_geography high_school_government_and_politics
        high_school_macroeconomics high_school_microeconomics high_school_psychology human_sexuality
        professional_psychology public_relations security_studies sociology us_foreign_policy""",
    "Other": """anatomy business_ethics clinical_knowledge college_medicine global_facts human_aging management
        marketing medical_genetics miscellaneous nutrition professional_accounting professional_medicine virology""",
}

SUBSETS = tuple(
    Subset(name, (category,), " ".join("US" if word == "us" else word for word in name.split("_")))
    for category, names in _SUBJECTS.items()
    for name in names.split()
)


BENCHMARK = Benchmark(
    name="mmlu",
    pretty_name="MMLU",
    description="Multiple-choice questions with four choices from 57 subjects, from primary school to professions.",
    category="knowledge",
    languages=("en",),
    source="https://arxiv.org/abs/2009.03300",
    licence="MIT",
    items=14042,
    hub_ids={"modelscope": "cais/mmlu", "huggingface": "cais/mmlu"},
    subsets=SUBSETS,
    one_config="all",
    subset_of=lambda record: fields.text(record, "subject"),
    eval_split="test",
    train_split="dev",
    few_shot_num=5,
    prompt=multiple_choice.english(subject=True),
    read=multiple_choice.reader(Columns(first=0)),
    extract=readers.choice,
    metrics=(accuracy.CHOSEN,),
)
