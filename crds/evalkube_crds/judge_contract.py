"""What judges are told, and how their words become scores: the four kinds of a judge's contract."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from evalkube_crds.fields import Contract, ReadPath
from evalkube_crds.rules import Rule

__all__ = ["Criterion", "JudgeContract", "ReferenceAnswers", "Scale"]


class Scale(Contract):
    """The lowest and the highest mark that a judge may give; scores are where on it a mark lies, from 0 to 1."""

    rules: ClassVar[tuple["Rule[Scale]", ...]] = (
        Rule(
            "self.highest > self.lowest",
            lambda scale: scale.highest > scale.lowest,
            "highest: must be above lowest",
        ),
    )

    lowest: Annotated[float, Field(ge=-1_000_000, le=1_000_000)] = Field(default=0.0, description="Mark of score 0")
    highest: Annotated[float, Field(ge=-1_000_000, le=1_000_000)] = Field(default=1.0, description="Mark of score 1")


class Criterion(Contract):
    """One criterion of a rubric, with a mark and a figure of its own."""

    name: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\s/:：=|,;\"'`*\[\](){}<>]+$")] = Field(
        description="Name, under which its figure is reported"
    )
    description: Annotated[str, Field(max_length=4096)] = Field(
        default="", description="What the judge is told that it means"
    )
    scale: Scale | None = Field(default=None, description="Marks that the judge may give; the contract's unless set")
    weight: Annotated[float, Field(gt=0, le=1_000_000)] = Field(
        default=1.0, description="How much it counts in the rubric's score, beside the other criteria"
    )


class ReferenceAnswers(Contract):
    """Which answers those of the model are compared with."""

    answers: ReadPath | None = Field(
        default=None,
        description="Folder of an earlier run (on one machine also its id), a predictions file, or JSON Lines with "
        "question and answer; unless set the data set's own reference answers",
    )
    model: Annotated[str, Field(min_length=1, max_length=512)] | None = Field(
        default=None, description="Whose answers, where the folder has those of several models"
    )


class JudgeContract(Contract):
    """What the judge is told and how its words become a score."""

    rules: ClassVar[tuple[Rule[Any], ...]] = (
        Rule(
            "self.scoreType != 'pattern' || size(self.scoreMapping) > 0",
            lambda contract: contract.score_type != "pattern" or len(contract.score_mapping) > 0,
            "score_mapping: is empty; give a score for each word that the judge may say",
        ),
        Rule(
            "self.scoreType != 'rubric' || size(self.criteria) > 0",
            lambda contract: contract.score_type != "rubric" or len(contract.criteria) > 0,
            "criteria: a rubric needs at least one",
        ),
        Rule(
            "self.scoreType == 'rubric' || size(self.criteria) == 0",
            lambda contract: contract.score_type == "rubric" or not contract.criteria,
            "criteria: only of score_type rubric",
        ),
        Rule(
            "self.criteria.all(c, self.criteria.exists_one(d, d.name.lowerAscii() == c.name.lowerAscii()))",
            lambda contract: len({one.name.lower() for one in contract.criteria}) == len(contract.criteria),
            "criteria: each name once, whatever its case",
        ),
        Rule(
            "self.scoreType in ['numeric', 'rubric'] || !has(self.scale)",
            lambda contract: contract.score_type in ("numeric", "rubric") or contract.scale is None,
            "scale: only of score_type numeric or rubric",
        ),
        Rule(
            "self.scoreType == 'pairwise' || !has(self.reference)",
            lambda contract: contract.score_type == "pairwise" or contract.reference is None,
            "reference: only of score_type pairwise",
        ),
        Rule(
            "!has(self.promptTemplate) || self.scoreType == 'pairwise' || self.promptTemplate.contains('{prediction}')",
            lambda contract: (
                contract.prompt_template is None
                or contract.score_type == "pairwise"
                or "{prediction}" in contract.prompt_template
            ),
            "prompt_template: does not contain {prediction}, so there would be nothing to grade",
        ),
        Rule(
            "!has(self.promptTemplate) || self.scoreType != 'pairwise' || "
            "(self.promptTemplate.contains('{answer_a}') && self.promptTemplate.contains('{answer_b}'))",
            lambda contract: (
                contract.prompt_template is None
                or contract.score_type != "pairwise"
                or ("{answer_a}" in contract.prompt_template and "{answer_b}" in contract.prompt_template)
            ),
            "prompt_template: of pairwise must contain {answer_a} and {answer_b}",
        ),
    )

    system_prompt: str | None = Field(default=None, description="System message to the judge")
    prompt_template: str | None = Field(
        default=None,
        description="Prompt to the judge, with {question}, {target} and {prediction}; of pairwise with {answer_a} and "
        "{answer_b} instead",
    )
    score_type: Literal["pattern", "numeric", "rubric", "pairwise"] = Field(
        default="pattern",
        description="pattern: a word of score_mapping; numeric: a mark of scale; rubric: a mark for each of criteria; "
        "pairwise: which of two answers is better, the model's or one of reference",
    )
    score_mapping: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(
        default={"A": 1.0, "B": 0.0}, description="Score of each word the judge may say"
    )
    scale: Scale | None = Field(
        default=None, description="Marks of numeric, and of a rubric's criteria; 0 to 1 unless set"
    )
    criteria: Annotated[list[Criterion], Field(max_length=16)] = Field(
        default=[], description="Criteria of a rubric; each has a figure, and their weighted mean is the score"
    )
    reference: ReferenceAnswers | None = Field(
        default=None, description="The other answers of pairwise; the data set's own unless set"
    )
