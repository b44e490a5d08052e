"""C-Eval: 52 subjects of Chinese schools, universities and professions (Huang et al. 2023, arXiv:2305.08322).

The validation split is evaluated: the answers of the test split are not public.
"""

from evalkube_benchmarks import multiple_choice, readers
from evalkube_benchmarks.benchmark import Benchmark, Subset
from evalkube_benchmarks.metrics import accuracy
from evalkube_benchmarks.multiple_choice import Columns

__all__ = ["BENCHMARK"]

_STEM, _SOCIAL, _HUMANITIES, _OTHER = "STEM", "Social Science", "Humanities", "Other"

# The title of each subject, and the category it is reported under.
_SUBJECTS = {
    "computer_network": ("计算机网络", _STEM),
    "operating_system": ("操作系统", _STEM),
    "computer_architecture": ("计算机组成", _STEM),
    "college_programming": ("大学编程", _STEM),
    "college_physics": ("大学物理", _STEM),
    "college_chemistry": ("大学化学", _STEM),
    "advanced_mathematics": ("高等数学", _STEM),
    "probability_and_statistics": ("概率统计", _STEM),
    "discrete_mathematics": ("离散数学", _STEM),
    "electrical_engineer": ("注册电气工程师", _STEM),
    "metrology_engineer": ("注册计量师", _STEM),
    "high_school_mathematics": ("高中数学", _STEM),
    "high_school_physics": ("高中物理", _STEM),
    "high_school_chemistry": ("高中化学", _STEM),
    "high_school_biology": ("高中生物", _STEM),
    "middle_school_mathematics": ("初中数学", _STEM),
    "middle_school_biology": ("初中生物", _STEM),
    "middle_school_physics": ("初中物理", _STEM),
    "middle_school_chemistry": ("初中化学", _STEM),
    "veterinary_medicine": ("兽医学", _STEM),
    "college_economics": ("大学经济学", _SOCIAL),
    "business_administration": ("工商管理", _SOCIAL),
    "marxism": ("马克思主义基本原理", _SOCIAL),
    "mao_zedong_thought": ("毛泽东思想和中国特色社会主义理论体系概论", _SOCIAL),
    "education_science": ("教育学", _SOCIAL),
    "teacher_qualification": ("教师资格", _SOCIAL),
    "high_school_politics": ("高中政治", _SOCIAL),
    "high_school_geography": ("高中地理", _SOCIAL),
    "middle_school_politics": ("初中政治", _SOCIAL),
    "middle_school_geography": ("初中地理", _SOCIAL),
    "modern_chinese_history": ("近代史纲要", _HUMANITIES),
    "ideological_and_moral_cultivation": ("思想道德修养与法律基础", _HUMANITIES),
    "logic": ("逻辑学", _HUMANITIES),
    "law": ("法学", _HUMANITIES),
    "chinese_language_and_literature": ("中国语言文学", _HUMANITIES),
    "art_studies": ("艺术学", _HUMANITIES),
    "professional_tour_guide": ("导游资格", _HUMANITIES),
    "legal_professional": ("法律职业资格", _HUMANITIES),
    "high_school_chinese": ("高中语文", _HUMANITIES),
    "high_school_history": ("高中历史", _HUMANITIES),
    "middle_school_history": ("初中历史", _HUMANITIES),
    "civil_servant": ("公务员", _OTHER),
    "sports_science": ("体育学", _OTHER),
    "plant_protection": ("植物保护", _OTHER),
    "basic_medicine": ("基础医学", _OTHER),
    "clinical_medicine": ("临床医学", _OTHER),
    "urban_and_rural_planner": ("注册城乡规划师", _OTHER),
    "accountant": ("注册会计师", _OTHER),
    "fire_engineer": ("注册消防工程师", _OTHER),
    "environmental_impact_assessment_engineer": ("环境影响评价工程师", _OTHER),
    "tax_accountant": ("税务师", _OTHER),
    "physician": ("医师资格", _OTHER),
}


BENCHMARK = Benchmark(
    name="ceval",
    pretty_name="C-Eval",
    description="Chinese single-choice questions from 52 subjects, from middle school to professional examinations.",
    category="knowledge",
    languages=("zh",),
    source="https://arxiv.org/abs/2305.08322",
    licence="CC-BY-NC-SA-4.0",
    items=1346,
    hub_ids={"modelscope": "evalscope/ceval", "huggingface": "ceval/ceval-exam"},
    subsets=tuple(Subset(name, (category,), title) for name, (title, category) in _SUBJECTS.items()),
    eval_split="val",
    train_split="dev",
    few_shot_num=5,
    prompt=multiple_choice.CHINESE_OF_SUBJECT,
    read=multiple_choice.reader(Columns(choices=tuple("ABCD"), solution="explanation", kept=("id",))),
    extract=readers.choice,
    metrics=(accuracy.CHOSEN,),
    rules_version=2,
)
