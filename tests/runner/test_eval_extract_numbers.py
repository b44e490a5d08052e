"""Which number a reply ends on: by kinds of replies, with their neighbours."""

import pytest

from evalkube_runner.eval import extract, score

# What a reply says, and a number that is the same; "!" before a number that is not.
SAID: dict[str, list[tuple[str, str]]] = {
    "separators": [
        ("so \\boxed{18}", "18"),
        ("The answer is \\boxed{10\\,000}.", "10000"),
        ("The answer is 10\\,000.", "10000"),
        ("The answer is 10 000.", "10000"),
        ("The answer is 10\u202f000", "10000"),
    ],
    "fractions": [
        ("The answer is 3 1/2.", "3.5"),
        ("The answer is 3½ cups.", "3.5"),
        ("She needs 3½ cups", "3.5"),
        ("The answer is ½", "0.5"),
        ("\\boxed{3\\frac{1}{2}}", "7/2"),
        ("The answer is 3\\frac{1}{2}", "3.5"),
    ],
    "powers of ten": [
        ("The answer is 3 and 1/2 hours", "3.5"),
        ("The answer is 1.2 × 10^3.", "1200"),
        ("The answer is $1.2 \\times 10^{3}$.", "1200"),
        ("The answer is 1.2 x 10^3", "1200"),
        ("The answer is 1.2*10^3", "1200"),
        ("The answer is 1.2×10³ m", "1200"),
    ],
    "in scientific form": [
        ("The answer is 1.2e3", "1200"),
        ("The answer is 5 × 10^-3", "0.005"),
        ("The answer is 10^3", "1000"),
        ("about 3×10⁸ m/s", "300000000"),
    ],
    "scales": [
        ("The answer is $1.5 million.", "1500000"),
        ("She has $1.5 million", "1500000"),
        ("It is $1.5M", "1500000"),
        ("It cost £5m", "5000000"),
        ("The answer is 1.2万", "12000"),
        ("一共1.2万元", "12000"),
        ("答案是3亿人", "300000000"),
        ("答案是1.5千克", "1.5"),
        ("答案是5万", "50000"),
    ],
    "equations": [
        ("The answer is 18 = 9*2", "18"),
        ("The answer is 9*2 = 18", "18"),
        ("The answer is 18 = 9 × 2.", "18"),
        ("Answer: 6*3 = 18 dollars", "18"),
        ("So 18 = 9*2", "18"),
        ("\\boxed{18 = 9*2}", "18"),
        ("The answer is x = 18", "18"),
        ("2x = 36, so the answer is x = 18", "18"),
    ],
    "money in two units": [
        ("The answer is 18 dollars and 50 cents.", "18.5"),
        ("She pays 18 dollars and 50 cents", "18.5"),
        ("The answer is $18 and 50 cents", "18.5"),
        ("18 dollars, 50 cents", "18.5"),
        ("The answer is 18元5角", "18.5"),
        ("答案是18元5角2分", "18.52"),
        ("The answer is 5 pounds and 20 pence", "5.2"),
    ],
    "units in two parts": [
        ("The answer is 2 hours and 30 minutes", "2.5"),
        ("答案：2小时30分钟", "2.5"),
    ],
    "other separators": [
        ("The answer is 1,234,567", "1234567"),
        ("The answer is 1.234.567", "1234567"),
        ("The answer is 1.234,56", "1234.56"),
        ("The answer is 12,34,567", "1234567"),
        ("The answer is 12,5", "12.5"),
        ("1'234'567", "1234567"),
    ],
    "signs": [
        ("The answer is -5", "-5"),
        ("The answer is −5", "-5"),
        ("It is -$5", "-5"),
        ("The answer is $-5", "-5"),
        ("minus 5", "-5"),
        ("答案是负5", "-5"),
        ("The answer is -$1,200.50", "-1200.5"),
    ],
    "percent": [
        ("The answer is 50%", "50"),
        ("答案是百分之50", "0.5"),
        ("The answer is 50 percent", "0.5"),
    ],
    "words": [
        ("The answer is ４２", "42"),
        ("答案是十八", "18"),
        ("答案：一百零五", "105"),
        ("答案是三千零五十", "3050"),
        ("The answer is eighteen.", "18"),
        ("The answer is one hundred and five", "105"),
        ("十八", "18"),
    ],
    "plain ones": [
        ("He came 3rd", "3"),
        ("The answer is the 3rd", "3"),
        ("共有18个苹果", "18"),
        ("小猫吃了5条鱼。", "5"),
        ("答：一共有18个。", "18"),
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
    "close ones": [
        ("The answer is 0.1 + 0.2 = 0.30000000000000004", "0.3"),
        ("5000002.5", "!5000000"),
        ("5000000.5", "!5000000"),
        ("0.333333", "1/3"),
        ("0.33", "!1/3"),
        ("18 or 19", "!18"),
        ("The answer is 18 or 19", "!18"),
        ("The answer is 18 or 19", "!19"),
    ],
    "ratios and times": [
        ("The ratio is 3:2", "!3"),
        ("The answer is 3:2", "3:2"),
        ("The answer is 12:30", "12:30"),
        ("The answer is 18:00", "!18"),
    ],
    "fractions in LaTeX": [
        ("The answer is 1/3", "1/3"),
        ("3/4 of the cake", "0.75"),
        ("The answer is $\\frac{3}{4}$", "3/4"),
        ("\\boxed{\\dfrac{3}{4}}", "0.75"),
        ("\\boxed{-\\frac{1}{2}}", "-0.5"),
    ],
    "boxed": [
        ("\\boxed{\\$18}", "18"),
        ("\\boxed{18\\text{ dollars}}", "18"),
        ("\\boxed{18 \\text{ cm}^2}", "18"),
        ("\\boxed 18", "18"),
        ("\\boxed{18\\%}", "18"),
        ("$\\boxed{1{,}000}$", "1000"),
    ],
    "whole sentences": [
        ("The answer is 18.", "18"),
        ("The answer is 18. That is 9*2.", "18"),
        ("The answer is not 20, it is 18", "18"),
        ("The answer is 2 million 3", "!2"),
        ("2,880,000", "2880000"),
        ("17.9999999999", "18"),
    ],
    "more scales": [
        ("The answer is 1.5 lakh", "150000"),
        ("The answer is 2 crore rupees", "20000000"),
        ("The answer is 3 hundred thousand", "300000"),
        ("The answer is 5k", "5000"),
        ("The answer is 5 km", "5"),
        ("The answer is 5 m", "5"),
        ("The answer is 300 K", "300"),
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
}


@pytest.mark.parametrize(
    ("reply", "expected"),
    [pytest.param(*row, id=f"{kind}: {row[0][:40]}") for kind, rows in SAID.items() for row in rows],
)
def test_number(reply: str, expected: str) -> None:
    """A number is taken with all that belongs to it, and out of all numbers the one that is the answer."""
    found = extract.number(reply)
    assert found is not None
    assert (score.same_answer(found, expected.lstrip("!")) is True) is not expected.startswith("!"), found
