"""Programs and their tests: a cheap way to look right without being it does not work, and honest ways all do."""

import pytest

from evalkube_benchmarks import scoring
from evalkube_benchmarks.benchmark import Question

EQUAL = "class A:\n    def __eq__(self, other): return True\n"

# name: a program that gives a wrong answer, and would pass
FORGERIES = {
    "nothing": "def f(x): return 0",
    "leaves at once": "import os\nos._exit(0)\ndef f(x): return 0",
    "leaves when called": "import os\ndef f(x): os._exit(0)",
    "exits at once": "import sys\nsys.exit(0)\ndef f(x): return 0",
    "exits when called": "import sys\ndef f(x): sys.exit(0)",
    "exits in a thread": "import os, threading\ndef f(x):\n    threading.Thread(target=os._exit, args=(0,)).start()",
    "leaves at the end": "import atexit, os\natexit.register(os._exit, 0)\ndef f(x): return 0",
    "dies": "import os, signal\ndef f(x): os.kill(os.getpid(), signal.SIGKILL)",
    "says that it passed": "def f(x):\n    print('1 passed')\n    print('{\"kind\": \"finished\"}')\n    return 0",
    "writes a verdict": "import os\nfor n in range(9):\n    try:\n        os.write(n, b'{\"kind\": \"finished\"}\\n')\n"
    "    except OSError:\n        pass\ndef f(x): os._exit(0)",
    "is equal to all": f"{EQUAL}def f(x): return A()",
    "is a number that is equal to all": f"{EQUAL.replace('A', 'A(int)')}def f(x): return A()",
    "is equal to all, by a name for it": "class A:\n    __eq__ = lambda *_: True\ndef f(x): return A()",
    "is equal to all, by an object": "import functools\nclass A:\n    __eq__ = functools.partial(bool, 1)\n"
    "def f(x): return A()",
    "is equal to all, by its class": "class M(type):\n    def __eq__(self, other): return True\n    __hash__ = None\n"
    "class A(metaclass=M): pass\ndef f(x): return A",
    "is what a test accepts for all": "from unittest.mock import ANY\ndef f(x): return ANY",
    "holds what is equal to all": f"{EQUAL}def f(x): return [A()]",
    "holds it as a key": f"{EQUAL}    __hash__ = lambda self: 6\ndef f(x): return {{A(): 1}}",
    "holds it in itself": f"{EQUAL}def f(x):\n    a = []\n    a.append((a, A()))\n    return a",
    "is near to all": "class A:\n    def __sub__(self, other): return 0\n    __rsub__ = __sub__\ndef f(x): return A()",
    "is a class that is called": f"{EQUAL.replace('A:', 'f:')}    def __init__(self, x): pass",
    "is an object that is called": f"{EQUAL}    def __call__(self, x): return self\nf = A()",
    "a name of a builtin": "def abs(x): return 0\ndef f(x): return 1",
    "another builtin": "import builtins\nbuiltins.abs = lambda x: 0\ndef f(x): return 1",
    "another builtin when called": "import builtins\ndef f(x):\n    builtins.abs = lambda x: 0\n    return 1",
    "another error": "import builtins\nbuiltins.AssertionError = AssertionError = Warning\ndef f(x): return 0",
    "no test": "def check(f): pass\ndef f(x): return 0",
    "a text around the tests": "def f(x): return 0\n'''",
    "a condition around the tests": "def f(x): return 0\nif False:",
    "a line that goes on": "def f(x): return 0\n0 and \\",
}  # fmt: skip


def _humaneval(expected: str) -> Question:
    return Question(
        text="def f(x):\n",
        targets=("x",),
        metadata={"entry_point": "f"},
        checks={"prompt": "def f(x):\n", "test": f"def check(candidate):\n    assert {expected}"},
    )


def _right(benchmark: str, question: Question, program: str) -> scoring.Scores:
    task = scoring.Task(benchmark=benchmark, question=question, metrics=("acc",))
    return scoring.score(task, f"```python\n{program}\n```")


@pytest.mark.parametrize("name", FORGERIES)
@pytest.mark.parametrize("expected", ["candidate(9) == 6", "abs(candidate(9) - 6) < 1e-6"], ids=["equal", "near"])
def test_a_completion_does_not_forge_its_verdict(name: str, expected: str) -> None:
    """It is wrong, with the reason."""
    scores = _right("humaneval", _humaneval(expected), FORGERIES[name])
    assert scores.values == {"acc": 0.0}
    assert scores.explanation


@pytest.mark.parametrize("name", FORGERIES)
def test_a_program_does_not_forge_its_verdict(name: str) -> None:
    """The same with the assertions of a task."""
    question = Question(text="", targets=("x",), checks={"setup": "", "tests": ["assert f(9) == 6"]})
    assert _right("mbpp", question, FORGERIES[name]).values == {"acc": 0.0}


# name: the program, what comes before the tests, the tests
HONEST = {
    "a number": ("def f(x): return 6", "", "assert f(9) == 6"),
    "the name of a builtin": ("def sum(a, b): return a + b", "", "assert sum(2, 4) == 6"),
    "a set of it": ("def f(x): return [2, 1]", "", "assert set(f(9)) == set([1, 2])"),
    "a counter": ("from collections import Counter\ndef f(x): return Counter(x)", "", "assert f('a') == {'a': 1}"),
    "a dictionary with a default": (
        "from collections import defaultdict\ndef f(x):\n    d = defaultdict(int)\n    d[x] += 1\n    return d",
        "",
        "assert f('a') == {'a': 1}",
    ),
    "a named tuple": (
        "from collections import namedtuple\nP = namedtuple('P', 'a b')\ndef f(x): return P(x, 1)",
        "",
        "assert f(2) == (2, 1)",
    ),
    "a fraction": ("from fractions import Fraction\ndef f(x): return Fraction(x, 2)", "", "assert f(1) == 0.5"),
    "a date": ("import datetime\ndef f(x): return datetime.date(x, 1, 1)", "", "assert f(2000).year == 2000"),
    "an iterator": ("def f(x):\n    yield from range(x)", "", "assert list(f(2)) == [0, 1]"),
    "objects that are given to it": (
        "class P:\n    def __init__(s, a): s.a = a\n    def __lt__(s, o): return s.a < o.a\ndef f(x): return min(x).a",
        "",
        "assert f([P(2), P(1)]) == 1",
    ),
    "an object made before the tests": (
        "class P:\n    def __init__(self, a): self.a = a\ndef f(x): return x.a",
        "p = P(3)",
        "assert f(p) == 3",
    ),
    "a function made before the tests": ("def f(x): return twice(x)", "def twice(x): return 2 * x", "assert f(3) == 6"),
    "an import of the tests": ("def f(x): return x / 3", "import math", "assert math.isclose(f(1), 1 / 3)"),
}


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_program_is_right(name: str) -> None:
    """Whatever types it gives, and whatever it calls its functions."""
    program, setup, test = HONEST[name]
    question = Question(text="", targets=("x",), checks={"setup": setup, "tests": [test]})
    scores = _right("mbpp", question, program)
    assert (scores.values, scores.explanation) == ({"acc": 1.0}, "")


def test_what_is_given_one_by_one_is_looked_at_too() -> None:
    """Each value of an iterator, also where a test calls the program in a way of its own."""
    test = "assert [*map(f, [1])][0].__next__() == 6"
    question = Question(text="", targets=("x",), checks={"setup": "", "tests": [test]})
    scores = _right("mbpp", question, f"{EQUAL}def f(x): yield A()")
    assert "own way to be equal" in scores.explanation


def test_the_line_of_the_tests_that_failed_is_told() -> None:
    """Apart from lines of the program."""
    question = Question(text="", targets=("x",), checks={"setup": "", "tests": ["assert f(1)", "assert f(0), 'no'"]})
    scores = _right("mbpp", question, "def f(x): return x")
    assert scores.explanation == "failed: AssertionError: no (line 2 of its tests)"
