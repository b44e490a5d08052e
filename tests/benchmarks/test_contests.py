"""Programs of contests: their tests as the hub serves them, what counts as the same output, and why one is wrong."""

import base64
import json
import pickle
import zlib
from typing import Any

import pytest

from evalkube_benchmarks.metrics import contests
from evalkube_benchmarks.metrics.contests import Test, passes, same_output
from evalkube_benchmarks.sandbox import Limits
from evalkube_benchmarks.suite import live_code_bench

ROWS = [{"input": "1\n", "output": "2\n", "testtype": "stdin"}]
READ = [Test("1\n", "2\n", call=False)]
LIMITS = Limits(cpu_s=1.0)


def _packed(value: Any) -> str:
    return base64.b64encode(zlib.compress(pickle.dumps(value))).decode()


# name: the private tests
SERVED = {
    "JSON": json.dumps(ROWS),
    "compressed": _packed(json.dumps(ROWS)),
    "compressed, not pickled": base64.b64encode(zlib.compress(json.dumps(ROWS).encode())).decode(),
}


@pytest.mark.parametrize("name", SERVED)
def test_tests_are_read_as_they_are_served(name: str) -> None:
    """Public ones first."""
    assert contests.tests_of("[]", SERVED[name]) == READ
    assert contests.tests_of(json.dumps(ROWS), SERVED[name]) == READ * 2


class _Harmful:
    def __reduce__(self) -> tuple[Any, ...]:
        return (print, ("it ran",))


# name: public and private tests, what is said
DAMAGED = {
    "an object of a class": ("[]", _packed(_Harmful()), "must be a text"),
    "no base64": ("[]", "!!", "cannot be read"),
    "no zlib": ("[]", base64.b64encode(b"x").decode(), "cannot be read"),
    "another shape": ('[{"in": 1}]', "", "cannot be read"),
    "none": ("[]", "[]", "no tests"),
    "too large": ("[]", base64.b64encode(zlib.compress(bytes(300 << 20))).decode(), "more than 256 MiB"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_tests_are_told(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The sample is errored, and nothing of the data is executed."""
    public, private, words = DAMAGED[name]
    with pytest.raises(ValueError, match=words):
        contests.tests_of(public, private)
    assert "it ran" not in capsys.readouterr().out


# name: what was written, what was expected, whether that is the same
OUTPUTS = {
    "the same": ("1\n2\n", "1\n2\n", True),
    "no last line end": ("1\n2", "1\n2\n", True),
    "space round lines": (" 1 \n2\t\n\n", "1\n2", True),
    "Windows": ("1\r\n2\r\n", "1\n2", True),
    "numbers by value": ("1.0 2.50", "1 2.5", True),
    "a number that is none": ("1.0 x", "1 x", False),
    "another number": ("1.0000001", "1", False),
    "a line more": ("1\n2", "1", False),
    "an empty line between": ("1\n\n2", "1\n2", False),
    "case": ("yes", "Yes", False),
    "nothing": ("", "", True),
    "nothing instead": ("", "0", False),
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_outputs_are_compared_by_lines_and_numbers(name: str) -> None:
    """As contests do."""
    written, expected, same = OUTPUTS[name]
    assert same_output(written, expected) is same


DOUBLE = (
    "class Solution:\n    def double(self, values: List[int]) -> List[int]:\n        return [2 * v for v in values]"
)

# name: the program, its function, the test, what is said; "" where it is right
PROGRAMS = {
    "stdin": ("print(int(input()) * 2)", "", Test("21\n", "42\n", call=False), ""),
    "all of stdin": (
        "import sys\nprint(sum(map(int, sys.stdin.buffer.read().split())))",
        "",
        Test("1 2\n3", "6", call=False),
        "",
    ),
    "its first descriptor": ("print(open(0).read()[::-1])", "", Test("ab", "ba", call=False), ""),
    "a guard": ("if __name__ == '__main__':\n    print(1)", "", Test("", "1", call=False), ""),
    "it leaves": ("print(1)\nexit()", "", Test("", "1", call=False), ""),
    "it leaves at once": (
        "import os\nprint(1, flush=True)\nos._exit(0)",
        "",
        Test("", "1", call=False),
        "",
    ),
    "names that sites import": ("print(gcd(4, 6), Counter('aa')['a'], inf)", "", Test("", "2 2 inf", call=False), ""),
    "a method": (DOUBLE, "Solution.double", Test("[1, 2]", "[2, 4]", call=True), ""),
    "a function": ("def f(a, b):\n    return (a, b)", "f", Test('"x"\n[1]', '["x", [1]]', call=True), ""),
    "another output": ("print(1)", "", Test("", "2", call=False), "wrote '1', not '2'"),
    "another value": (DOUBLE, "Solution.double", Test("[1]", "[1]", call=True), "gave '[2]', not '[1]'"),
    "an error": ("print(1 / 0)", "", Test("", "2", call=False), "error: ZeroDivisionError"),
    "endless": ("while True: pass", "", Test("", "2", call=False), "timeout: took more than 1 s"),
    "it reads files": ("print(open('/etc/passwd').read())", "", Test("", "2", call=False), "forbidden"),
    "no such method": (DOUBLE, "Solution.triple", Test("[1]", "[1]", call=True), "AttributeError"),
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_is_judged(name: str) -> None:
    """Right, or wrong with the number of its test and the reason."""
    program, function, test, words = PROGRAMS[name]
    explained = passes(program, function, [test, test], LIMITS)
    assert explained.value == float(not words)
    assert explained.why == "" if not words else explained.why.startswith("test 1 of 2: ")
    assert words in explained.why


DAYS = ["2024-12-31T00:00:00", "2025-01-01T00:00:00", "2025-03-31T23:00:00", "2025-04-01T00:00:00"]


def test_problems_are_chosen_by_date() -> None:
    """Both ends are included; a record without a date is not chosen."""
    chosen = live_code_bench.BENCHMARK.variant(
        live_code_bench.BENCHMARK,
        {**live_code_bench.BENCHMARK.parameters, "start_date": "2025-01-01", "end_date": "2025-03-31"},
    ).prepare([{"contest_date": day} for day in [*DAYS, None]])
    assert [record["contest_date"] for record in chosen] == DAYS[1:3]
