"""The figures of questions about facts, from a judge's label, and the judge's contract (arXiv:2411.04368, section 3).

Of n answers, c are right and a were attempted. `correct` is c/n, `correct given attempted` is c/a, and F1, the harmonic
mean of both, is 2c/(n+a).
"""

from collections.abc import Callable

from evalkube_benchmarks.benchmark import Metric, Question, Share
from evalkube_crds.evalrun import JudgeContract

__all__ = ["CHINESE", "ENGLISH", "METRICS"]

_CORRECT, _INCORRECT, _NOT_ATTEMPTED = "CORRECT", "INCORRECT", "NOT_ATTEMPTED"
_MAPPING = {_CORRECT: 1.0, _INCORRECT: 0.0, _NOT_ATTEMPTED: 0.0}


def _is(wanted: str) -> Callable[[str, Question], float]:
    return lambda label, _: float(label == wanted)


def _of_attempted(label: str, _: Question) -> Share:
    return Share(int(label == _CORRECT), int(label != _NOT_ATTEMPTED))


def _f1(label: str, _: Question) -> Share:
    return Share(2 * int(label == _CORRECT), 1 + int(label != _NOT_ATTEMPTED))


METRICS = (
    Metric(name="is_correct", score=_is(_CORRECT)),
    Metric(name="is_incorrect", score=_is(_INCORRECT), better="lower"),
    Metric(name="is_not_attempted", score=_is(_NOT_ATTEMPTED), better="lower"),
    Metric(name="accuracy_given_attempted", score=_of_attempted, verdict=False),
    Metric(name="f1", score=_f1, verdict=False),
)

ENGLISH = JudgeContract(
    system_prompt="You compare answers with references. You do not answer the question yourself.",
    prompt_template="""\
Question:
{question}

Reference:
{target}

Answer to grade:
{prediction}

Choose one label for the answer:
- CORRECT: it states everything that the reference states, and nothing that contradicts it. Other words, spelling, case,
  a unit that goes without saying, further facts that are true, and doubts that leave the statement standing do no harm.
  A number must be right to the last digit that the reference gives.
- INCORRECT: a statement in it contradicts the reference, also where another one agrees with it, or where it is a guess.
- NOT_ATTEMPTED: it does not say what the reference says, and contradicts nothing: it declines, asks back, or leaves the
  question open.

Give one sentence of reasons, then end with the label in double square brackets, such as [[INCORRECT]].""",
    score_mapping=_MAPPING,
)
"""The contract in English; the judge must tell a wrong answer from a missing one."""

CHINESE = JudgeContract(
    system_prompt="你负责把回答与参考答案作对照，自己不作答。",
    prompt_template="""\
问题：
{question}

参考答案：
{target}

待评的回答：
{prediction}

请为这个回答选一个标签：
- CORRECT：参考答案的内容它都说到了，而且没有与之相矛盾的话。措辞不同、繁简不同、错别字、外文译名的不同写法、
  不言自明的单位、另外补充的真实信息、语气上的保留，都不影响。数字必须与参考答案给出的每一位一致。
- INCORRECT：其中有话与参考答案相矛盾；即使别处说对了，或者只是猜测，也算。
- NOT_ATTEMPTED：没有说出参考答案的内容，也没有与之相矛盾：拒绝回答、反问，或者没有给出结论。

先用一句话说明理由，最后在双层方括号里写出标签，例如 [[INCORRECT]]。""",
    score_mapping=_MAPPING,
)
"""The contract in Chinese, with the same labels."""
