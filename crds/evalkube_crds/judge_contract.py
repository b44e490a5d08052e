"""The contract of a judge: what it is told, and how its answer becomes a score. There are four kinds."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from evalkube_crds.fields import Contract, ReadPath
from evalkube_crds.rules import Rule

__all__ = ["Criterion", "JudgeContract", "ReferenceAnswers", "Scale"]


class Scale(Contract):
    """The marks that a judge may give; a score is a mark's position from the lowest (0) to the highest (1)."""

    rules: ClassVar[tuple["Rule[Scale]", ...]] = (
        Rule(
            "self.highest > self.lowest",
            lambda scale: scale.highest > scale.lowest,
            "highest: must be greater than lowest",
        ),
    )

    lowest: Annotated[float, Field(ge=-1_000_000, le=1_000_000)] = Field(
        default=0.0, description="Mark that means score 0"
    )
    highest: Annotated[float, Field(ge=-1_000_000, le=1_000_000)] = Field(
        default=1.0, description="Mark that means score 1"
    )


class Criterion(Contract):
    """One criterion of a rubric, with its own mark and its own figure."""

    name: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\s/:：=|,;\"'`*\[\](){}<>]+$")] = Field(
        description="Name of the criterion, used for its figure too"
    )
    description: Annotated[str, Field(max_length=4096)] = Field(
        default="", description="Explanation of the criterion for the judge"
    )
    scale: Scale | None = Field(
        default=None, description="Marks that the judge may give. Default: those of the contract"
    )
    weight: Annotated[float, Field(gt=0, le=1_000_000)] = Field(
        default=1.0, description="Weight of the criterion in the rubric's score"
    )


class ReferenceAnswers(Contract):
    """The answers that the model's answers are compared with."""

    answers: ReadPath | None = Field(
        default=None,
        description="Folder of an earlier run (on one machine also its id), a predictions file, or JSON Lines with "
        "question and answer. Default: the data set's own reference answers",
    )
    model: Annotated[str, Field(min_length=1, max_length=512)] | None = Field(
        default=None, description="Model whose answers to take, if the folder has answers of several models"
    )


class JudgeContract(Contract):
    """What the judge is told, and how its answer becomes a score."""

    rules: ClassVar[tuple[Rule[Any], ...]] = (
        Rule(
            "self.scoreType != 'pattern' || size(self.scoreMapping) > 0",
            lambda contract: contract.score_type != "pattern" or len(contract.score_mapping) > 0,
            "score_mapping: is empty; give a score for each word that the judge may answer",
        ),
        Rule(
            "self.scoreType != 'rubric' || size(self.criteria) > 0",
            lambda contract: contract.score_type != "rubric" or len(contract.criteria) > 0,
            "criteria: a rubric needs at least one",
        ),
        Rule(
            "self.scoreType == 'rubric' || size(self.criteria) == 0",
            lambda contract: contract.score_type == "rubric" or not contract.criteria,
            "criteria: are only for score_type rubric",
        ),
        Rule(
            "self.criteria.all(c, self.criteria.exists_one(d, d.name.lowerAscii() == c.name.lowerAscii()))",
            lambda contract: len({one.name.lower() for one in contract.criteria}) == len(contract.criteria),
            "criteria: two have the same name (upper and lower case count as equal); rename one",
        ),
        Rule(
            "self.scoreType in ['numeric', 'rubric'] || !has(self.scale)",
            lambda contract: contract.score_type in ("numeric", "rubric") or contract.scale is None,
            "scale: is only for score_type numeric or rubric",
        ),
        Rule(
            "self.scoreType == 'pairwise' || !has(self.reference)",
            lambda contract: contract.score_type == "pairwise" or contract.reference is None,
            "reference: is only for score_type pairwise",
        ),
        Rule(
            "!has(self.promptTemplate) || self.scoreType == 'pairwise' || self.promptTemplate.contains('{prediction}')",
            lambda contract: (
                contract.prompt_template is None
                or contract.score_type == "pairwise"
                or "{prediction}" in contract.prompt_template
            ),
            "prompt_template: must contain {prediction}, the answer to grade",
        ),
        Rule(
            "!has(self.promptTemplate) || self.scoreType != 'pairwise' || "
            "(self.promptTemplate.contains('{answer_a}') && self.promptTemplate.contains('{answer_b}'))",
            lambda contract: (
                contract.prompt_template is None
                or contract.score_type != "pairwise"
                or ("{answer_a}" in contract.prompt_template and "{answer_b}" in contract.prompt_template)
            ),
            "prompt_template: for pairwise must contain {answer_a} and {answer_b}",
        ),
    )

    system_prompt: str | None = Field(default=None, description="System message to the judge")
    prompt_template: str | None = Field(
        default=None,
        description="Prompt to the judge, with {question}, {target} and {prediction}. For pairwise {answer_a} and "
        "{answer_b} replace the last",
    )
    score_type: Literal["pattern", "numeric", "rubric", "pairwise"] = Field(
        default="pattern",
        description="pattern: a word of score_mapping. numeric: a mark on scale. rubric: a mark for each of "
        "criteria. pairwise: the better one of two answers, the model's or the one in reference",
    )
    score_mapping: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(
        default={"A": 1.0, "B": 0.0}, description="Score of each word that the judge may answer"
    )
    scale: Scale | None = Field(
        default=None, description="Marks of numeric, and of a rubric's criteria. Default: 0 to 1"
    )
    criteria: Annotated[list[Criterion], Field(max_length=16)] = Field(
        default=[], description="Criteria of a rubric. Each has its own figure; their weighted mean is the score"
    )
    reference: ReferenceAnswers | None = Field(
        default=None, description="The other answers of pairwise. Default: the data set's own"
    )
