"""Which of its numbers a reply ends on: announced, in a box, in an equation, at its end, or two side by side."""

import pytest

from evalkube_benchmarks import extract
from evalkube_benchmarks.metrics import equality

# What a reply says, and a number that is the same; "!" before a number that is not, "none" where there is no answer.
SAID: dict[str, list[tuple[str, str]]] = {
    "equations": [
        ("The answer is 18 = 9*2", "18"),
        ("The answer is 9*2 = 18", "18"),
        ("The answer is 18 = 9 × 2.", "18"),
        ("Answer: 6*3 = 18 dollars", "18"),
        ("So 18 = 9*2", "18"),
        ("\\boxed{18 = 9*2}", "18"),
        ("The answer is x = 18", "18"),
        ("2x = 36, so the answer is x = 18", "18"),
        ("= 18", "18"),
        ("x=18", "18"),
        ("18 + 0 = 18", "18"),
        ("18 = 9*2 = 6*3", "18"),
        ("The answer is 18=9+9", "18"),
        ("The answer: 18=9*2, as required", "18"),
    ],
    "plain ones": [
        ("He came 3rd", "3"),
        ("The answer is the 3rd", "3"),
        ("共有18个苹果", "18"),
        ("小猫吃了5条鱼。", "5"),
        ("答：一共有18个。", "18"),
        ("The answer is 18th", "18"),
        ("The answer is No. 18", "18"),
        ("#18", "18"),
        ("The answer is 18.0.", "18"),
        ("The answer is 018", "18"),
        ("The answer is 1e3", "1000"),
        ("v2.0 gives 18", "18"),
        ("In 2023, 18 eggs", "18"),
        ("18 eggs were sold in 2023", "!18"),
    ],
    "announced": [
        ("The answer is 18 because 3+6=9", "18"),
        ("The answer is 18, since 9*2=18", "18"),
        ("The answer is about 18", "18"),
        ("The answer is approximately $18.00", "18"),
        ("The answer to the question is 18", "18"),
        ("The final answer to this problem is: **18**", "18"),
        ("**Final Answer**\n\n18", "18"),
        ("### Answer:\n18", "18"),
        ("Answer\n18", "18"),
        ("The answer is 3.5 hours, i.e. 3 1/2 hours", "3.5"),
        ("The answer is approximately 3.14159.", "3.14159"),
        ("The final answer is $\\boxed{18}$. I hope it is correct.", "18"),
        ("Therefore, Janet makes **$18** every day.", "18"),
        ("So, she made $18 in total, which is 2 more than yesterday.", "!18"),
        ("The answer is 18 (i.e., 9 × 2)", "18"),
        ("The answer is: 9 × 2 = **18**", "18"),
        ("The answer is 18.\n\nIn 2023 it was 20.", "18"),
        ("Final Answer: The final answer is $18$. I hope it is correct.", "18"),
        ("The answer is `18`", "18"),
        ("答案是18个，比昨天多2个", "18"),
        ("答案是：\n\n18", "18"),
        ("答案\n18", "18"),
        ("【答案】18", "18"),
        ("故答案为18", "18"),
        ("因此，一共需要18元。", "18"),
        ("所以，选18", "18"),
        ("解：9×2=18（元）\n答：一共18元。", "18"),
        ("9×2=18（元）", "18"),
        ("9 * 2 = 18 (dollars)", "18"),
        ("The answer is ≈ 18", "18"),
        ("The answer is ~18", "18"),
        ("answer=18", "18"),
        ("ANSWER IS 18", "18"),
        ("The answers are 18 and 20", "!20"),
    ],
    "set apart": [
        ("The answer would be 18 apples", "18"),
        ("<answer>18</answer>", "18"),
        ("<answer>18", "18"),
        ("#### 18\n", "18"),
        ("####18 dollars", "18"),
    ],
    "in a sum": [
        ("So she makes 9 * 2 = $18 every day at the market", "18"),
        ("16 - 3 - 4 = 9 eggs", "9"),
        ("She makes 9 * 2 = 18 dollars in 2 days", "18"),
    ],
    "boxed": [
        ("\\boxed{\\$18}", "18"),
        ("\\boxed{18\\text{ dollars}}", "18"),
        ("\\boxed{18 \\text{ cm}^2}", "18"),
        ("\\boxed 18", "18"),
        ("\\boxed{18\\%}", "18"),
        ("$\\boxed{1{,}000}$", "1000"),
    ],
    "between marks of TeX": [
        ("\\(\\boxed{18}\\)", "18"),
        ("\\[18\\]", "18"),
        ("The answer is \\(18\\).", "18"),
        ("The answer is $18$ dollars", "18"),
        ("The answer is $$18$$", "18"),
        ("The answer is $ 18", "18"),
    ],
    "whole sentences": [
        ("The answer is 18.", "18"),
        ("The answer is 18. That is 9*2.", "18"),
        ("The answer is not 20, it is 18", "18"),
        ("The answer is 2 million 3", "!2"),
        ("2,880,000", "2880000"),
        ("17.9999999999", "18"),
    ],
    "endings": [
        ("He is 1.8 m", "1.8"),
        ("1 000 000", "1000000"),
        ("It takes 5 feet 6 inches", "5.5"),
        ("10 - 20 = -10", "-10"),
        ("The answer is: $18.\n", "18"),
        ("total = 18", "18"),
        ("Total: 18", "18"),
        ("结果：18", "18"),
        ("得数是18", "18"),
        ("The answer is $5", "5"),
        ("The answer is 5 dollars per 2 apples", "5"),
    ],
    "asides": [
        ("The answer is 18 (9*2).", "18"),
        ("The answer is **18** dollars", "18"),
        ("Answer: 18 eggs / day", "18"),
        ("答案是：42元。", "42"),
        ("所以答案是：42元。", "42"),
        ("The answer is 5,000 and 3 more are left.", "5000"),
    ],
    "hedges": [
        ("The answer is 18 or so", "18"),
        ("between 10 and 18", "none"),
        ("The answer is 17 to 19", "none"),
    ],
}


@pytest.mark.parametrize(
    ("reply", "expected"),
    [pytest.param(*row, id=f"{kind}: {row[0][:40]}") for kind, rows in SAID.items() for row in rows],
)
def test_number(reply: str, expected: str) -> None:
    """Out of all numbers the one that is the answer is taken."""
    found = extract.number(reply)
    if expected == "none":
        assert found is None
        return
    assert found is not None
    assert (equality.same_answer(found, expected.lstrip("!")) is True) is not expected.startswith("!"), found
