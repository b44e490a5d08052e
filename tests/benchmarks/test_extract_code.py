"""The program in a reply, in the writings that models have for it."""

import orjson
import pytest

from evalkube_benchmarks import scoring
from evalkube_benchmarks.benchmark import Question
from evalkube_benchmarks.extract.code import code, defines
from evalkube_benchmarks.metrics import programs

ADD = "def add(a, b):\n    return a + b"

# name: a reply that holds all of ADD, and what of it is not the program
WHOLE = {
    "a fence": (f"```python\n{ADD}\n```", "```"),
    "a fence and prose": (f"Sure! Here it is:\n\n```python\n{ADD}\n```\nIt adds.", "It adds"),
    "no language": (f"```\n{ADD}\n```", "```"),
    "another name of it": (f"```py\n{ADD}\n```", "py\n"),
    "capitals": (f"```Python3\n{ADD}\n```", "Python3"),
    "a title beside the language": (f'```python title="a.py"\n{ADD}\n```', "title"),
    "attributes": (f"```{{.python .numberLines}}\n{ADD}\n```", "numberLines"),
    "tildes": (f"~~~python\n{ADD}\n~~~", "~~~"),
    "a fence in a longer one": (f"````python\n{ADD}\n# ```\n````", "````"),
    "in a list": ("1. Do:\n   ```python\n   def add(a, b):\n       return a + b\n   ```\n2. Done.", "Done"),
    "quoted": ("> ```python\n> def add(a, b):\n>     return a + b\n> ```", ">"),
    "cut off": (f"```python\n{ADD}", "```"),
    "an example of its use": (f"```python\n{ADD}\n```\nUse:\n```python\nprint(add(1, 2))\n```", "print"),
    "its output after it": (f"```python\n{ADD}\n```\nOutput:\n```\n3\n```", "3"),
    "tests after it": (f"```python\n{ADD}\n```\n```python\nassert add(1, 2) == 3\n```", "assert"),
    "a shell before it": (f"```bash\npip install x\n```\n```python\n{ADD}\n```", "pip"),
    "a sketch before it": (f"```python\ndef add(a, b):\n    ...\n```\nBetter:\n```python\n{ADD}\n```", "..."),
    "another language after it": (f"```python\n{ADD}\n```\n```java\nint add(int a) {{}}\n```", "java"),
    "no fence": (ADD, "```"),
    "no fence and prose": (f"Here is the function.\n\n{ADD}\n\nThis adds both numbers.", "This adds"),
    "no fence, prose at once": (f"{ADD}\nThe function returns a + b.", "returns"),
    "tags": (f"[PYTHON]\n{ADD}\n[/PYTHON]", "PYTHON"),
    "tags of examples": (f"[BEGIN]\n{ADD}\n[DONE]\nMore", "DONE"),
    "HTML": (f"<code>{ADD}</code>", "<code>"),
    "JSON": ('{"code": "def add(a, b):\\n    return a + b", "explanation": "adds"}', "explanation"),
    "JSON with a fence": ('{"answer": "```python\\ndef add(a, b):\\n    return a + b\\n```"}', "```"),
    "a session": ("```\n>>> def add(a, b):\n...     return a + b\n>>> add(1, 2)\n3\n```", ">>>"),
}
# name: the reply, what must be in the program, what must not
PART = {
    "no fence, imports": (f"from math import pi\nimport os\n\n{ADD}", "import os", "```"),
    "no fence, a decorator": (f"The code:\n@cache\n{ADD}", "@cache", "The code"),
    "no fence, a comment before it": (f"The code:\n# adds\n{ADD}", "# adds", "The code"),
    "no fence, a docstring": ('def add(a, b):\n    """\nAdds both.\n"""\n    return a + b', "return a + b", "```"),
    "no fence, a helper after it": (f"{ADD}\n\n\ndef other():\n    pass", "def other", "```"),
    "a body": ("    return a + b", "return a + b", "def"),
    "a body of some lines": ("total = a\n    total += b\n    return total", "total += b", "def"),
    "a body in a fence": ("```python\n    return a + b\n```", "return a + b", "```"),
    "Windows": (f"```python\r\n{ADD}\r\n```\r\n", "return a + b", "```"),
    "a class": ("```python\nclass add:\n    pass\n```\n```python\nadd()\n```", "class add", "add()"),
    "a name for it": ("```python\nadd = lambda a, b: a + b\n```\n```python\nadd(1, 2)\n```", "lambda", "add(1"),
}
REPLIES = PART | {name: (reply, ADD, unwanted) for name, (reply, unwanted) in WHOLE.items()}


@pytest.mark.parametrize("name", REPLIES)
def test_the_program_is_found(name: str) -> None:
    """All of it, and nothing of what stands around it."""
    reply, wanted, unwanted = REPLIES[name]
    found = code(reply, "add")
    assert found is not None
    assert wanted in found.replace("\r", "")
    assert unwanted not in found


NONE = ["I cannot help with that.", "", "The answer is 42.", "def", "```python\n\n```"]


@pytest.mark.parametrize("reply", NONE)
def test_no_program_is_none(reply: str) -> None:
    """Words are no code."""
    assert code(reply, "add") is None


PROMPT = 'import math\n\n\ndef root(x):\n    return math.sqrt(x)\n\n\ndef twice(x):\n    """Twice the root."""\n'

# name: the reply, whether it is right
COMPLETIONS = {
    "the whole function": ("```python\ndef twice(x):\n    return 2 * root(x)\n```", 1.0),
    "the whole prompt too": (f"```python\n{PROMPT}    return 2 * math.sqrt(x)\n```", 1.0),
    "a body": ("    return 2 * root(x)", 1.0),
    "a body that lost its margin": ("y = root(x)\n    return 2 * y", 1.0),
    "a body without a margin": ("```python\ny = root(x)\nif y:\n    y *= 2\nreturn y\n```", 1.0),
    "a body in a fence": ("```python\n    return 2 * root(x)\n```", 1.0),
    "a body and another function": ("    return 2 * root(x)\n\n\ndef other():\n    pass", 1.0),
    "a thought before it": (
        "<think>def twice(x): return 0</think>def twice(x): return 2 * root(x)",
        1.0,
    ),
    "a thought that never ends": ("<think>```python\ndef twice(x): return 2 * root(x)\n```", 0.0),
    "an example that reads input": (
        "```python\ndef twice(x):\n    return 2 * root(x)\n\nif __name__ == '__main__':\n    twice(input())\n```",
        1.0,
    ),
    "wrong": ("```python\ndef twice(x):\n    return x\n```", 0.0),
    "another name": ("```python\ndef thrice(x):\n    return 2 * root(x)\n```", 0.0),
    "no code": ("I do not know.", 0.0),
    "it leaves": ("    raise SystemExit(0)", 0.0),
    "it takes the test away": ("```python\ndef twice(x): return 0\ndef check(f): pass\n```", 0.0),
}


@pytest.mark.parametrize("name", COMPLETIONS)
def test_a_completion_is_scored(name: str) -> None:
    """By the tests of its problem, with the reason where it is wrong."""
    reply, right = COMPLETIONS[name]
    question = Question(
        text=PROMPT,
        targets=("x",),
        metadata={"entry_point": "twice"},
        checks={"prompt": PROMPT, "test": "def check(candidate):\n    assert candidate(9) == 6"},
    )
    task = scoring.Task(benchmark="humaneval", question=question, metrics=("acc",))
    scores = scoring.score(scoring.Task.unpacked(orjson.loads(orjson.dumps(task.packed()))), reply)
    assert scores.values == {"acc": right}
    assert bool(scores.explanation) == (right == 0 and scores.extracted is not None)
    assert ("landlock:files" in scores.held) == (scores.extracted is not None)


def test_what_stands_before_the_function_goes_with_it() -> None:
    """Imports and helpers of the prompt, and not the function that is to be written."""
    first = programs.completed("def twice(x):\n    pass", PROMPT, "twice")[0]
    assert "def root" in first
    assert "Twice the root" not in first


def test_a_program_defines_names_of_its_own() -> None:
    """At its own level, and not in words or calls."""
    assert defines("async def f(x): pass", "f")
    assert not defines("x = f(1)\n# def f(x)\nclass A:\n    def f(self): pass", "f")
