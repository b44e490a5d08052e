"""SuperGPQA: 26,529 graduate-level questions from 13 disciplines in 72 fields (M-A-P 2025, arXiv:2502.14739).

Most have ten choices. All are in one split; there are no worked examples. Fields are reported under their discipline.
"""

from evalkube_benchmarks import fields, multiple_choice, readers
from evalkube_benchmarks.benchmark import Benchmark, Subset
from evalkube_benchmarks.metrics import accuracy
from evalkube_benchmarks.multiple_choice import Columns

__all__ = ["BENCHMARK"]

_DISCIPLINES = {
    "Agronomy": "Animal Husbandry; Aquaculture; Crop Science; Forestry; Veterinary Medicine",
    "Economics": "Applied Economics; Theoretical Economics",
    "Education": "Education; Physical Education; Psychology",
    "Engineering": """Aeronautical and Astronautical Science and Technology; Agricultural Engineering; Architecture;
        Chemical Engineering and Technology; Civil Engineering; Computer Science and Technology;
        Control Science and Engineering; Electrical Engineering; Electronic Science and Technology;
        Environmental Science and Engineering; Food Science and Engineering; Forestry Engineering;
        Geological Resources and Geological Engineering; Hydraulic Engineering;
        Information and Communication Engineering; Instrument Science and Technology;
        Materials Science and Engineering; Mechanical Engineering; Mechanics; Metallurgical Engineering;
        Mining Engineering; Naval Architecture and Ocean Engineering; Nuclear Science and Technology;
        Optical Engineering; Petroleum and Natural Gas Engineering; Power Engineering and Engineering Thermophysics;
        Surveying and Mapping Science and Technology; Textile Science and Engineering; Transportation Engineering;
        Weapon Science and Technology""",
    "History": "History",
    "Law": "Law; Political Science",
    "Literature and Arts": "Art Studies; Journalism and Communication; Language and Literature; Musicology",
    "Management": """Business Administration; Library, Information and Archival Management;
        Management Science and Engineering; Public Administration""",
    "Medicine": """Basic Medicine; Clinical Medicine; Pharmacy; Public Health and Preventive Medicine; Stomatology;
        Traditional Chinese Medicine""",
    "Military Science": "Military Science",
    "Philosophy": "Philosophy",
    "Science": """Astronomy; Atmospheric Science; Biology; Chemistry; Geography; Geology; Geophysics; Mathematics;
        Oceanography; Physical Oceanography; Physics; Systems Science""",
    "Sociology": "Sociology",
}


BENCHMARK = Benchmark(
    name="super_gpqa",
    pretty_name="SuperGPQA",
    description="Graduate-level questions from 72 fields of 13 disciplines, most with ten choices.",
    category="knowledge",
    languages=("en",),
    source="https://arxiv.org/abs/2502.14739",
    licence="ODC-By-1.0",
    items=26529,
    hub_ids={"modelscope": "m-a-p/SuperGPQA", "huggingface": "m-a-p/SuperGPQA"},
    subsets=tuple(
        Subset(name.strip(), (discipline,)) for discipline, names in _DISCIPLINES.items() for name in names.split(";")
    ),
    subset_of=lambda record: fields.text(record, "field"),
    eval_split="train",
    prompt=multiple_choice.english(),
    read=multiple_choice.reader(
        Columns(choices="options", answer="answer_letter", kept=("uuid", "subfield", "difficulty")),
    ),
    extract=readers.choice,
    metrics=(accuracy.CHOSEN,),
)
