"""Programs of a model in the sandbox: each attack is contained and told, by this kernel and by older ones."""

import json
import os
import sys
import tempfile
from pathlib import Path

import pytest

from evalkube_benchmarks import sandbox
from evalkube_benchmarks.sandbox import Call, Limits, Program, calls, kernel
from fakes import attacks, old_kernel

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is of Linux kernels")
FAKES = Path(attacks.__file__)


@pytest.mark.parametrize("attack", attacks.ATTACKS, ids=lambda attack: attack.name)
def test_an_attack_is_contained_and_told(attack: attacks.Attack, tmp_path: Path) -> None:
    """It ends as the table says, and what lies outside is as it was."""
    secret = tmp_path / "secret"
    secret.write_text("not for a model")
    assert attacks.complaint(attack, attacks.tried(attack, str(secret))) is None
    assert secret.read_text() == "not for a model"


@pytest.mark.parametrize("abi", [1, 2, 3, 4])
def test_an_older_kernel_contains_the_same(abi: int) -> None:
    """What its Landlock does not know of, the filter of system calls refuses; what held is told."""
    done = old_kernel.run(abi, [sys.executable, str(FAKES), "quick"])
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["complaints"] == []
    assert told["held"] == list(kernel.protections(abi))
    assert ("landlock:tcp" in told["held"]) == (abi >= 4)
    assert "landlock:signals" not in told["held"]
    assert "seccomp:signals" in told["held"]


# the Landlock that a kernel has, what is said of it
REFUSALS = [
    pytest.param(0, "has no Landlock", id="none"),
    pytest.param(-1, "seccomp profile of this container forbids Landlock", id="refused by a container"),
]


@pytest.mark.parametrize(("abi", "words"), REFUSALS)
def test_nothing_runs_without_landlock(abi: int, words: str, tmp_path: Path) -> None:
    """Refused with what to do; the program has not run."""
    mark = tmp_path / "ran"
    source = f"open({str(mark)!r}, 'w')"
    script = f"from evalkube_benchmarks import sandbox\nsandbox.run(sandbox.Program(sources=({source!r},)))"
    done = old_kernel.run(abi, [sys.executable, "-c", script])
    assert "SandboxUnavailable" in done.stderr
    assert words in done.stderr
    assert not mark.exists()


def test_scratch_goes_whatever_is_left_in_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Folders that may not be looked into, and more of them in one another than a path may name."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    source = "import os\nos.mkdir('shut', 0)\nopen('file', 'w').close()\nos.symlink('/etc', 'link')\n"
    deep = "for _ in range(200):\n    os.mkdir('a' * 200)\n    os.chdir('a' * 200)"
    assert sandbox.run(Program(sources=(source + deep,))).kind == "finished"
    assert list(tmp_path.iterdir()) == []


def test_a_program_reads_its_input_and_writes_its_output() -> None:
    """As it would anywhere, threads that nobody joins and what is left for the end included."""
    source = (
        "import atexit, sys, threading\natexit.register(print, 'last')\n"
        "def main():\n    print(sum(map(int, sys.stdin.read().split())), input.__name__)\n"
        "threading.Thread(target=main).start()\nexit()"
    )
    outcome = sandbox.run(Program(sources=(source,), name="__main__", complete=False, stdin="1 2\n3\n" * 50_000))
    assert (outcome.kind, outcome.stdout) == ("finished", b"300000 input\nlast\n")


# name: the program, the function, its arguments, what it gives or what is said
CALLS = {
    "function": ("def f(a, b):\n    return (a, b)", "f", ([1], "é"), [[1], "é"]),
    "method": ("class S:\n    def f(self, a):\n        print('noise')\n        return a * 2", "S.f", (21,), 42),
    "nothing": ("def f():\n    pass", "f", (), None),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_call_gives_a_value(name: str) -> None:
    """As JSON has it, whatever the program prints."""
    source, function, arguments, value = CALLS[name]
    outcome = sandbox.run(Program(sources=(source,), call=Call(function, arguments)))
    assert (outcome.kind, outcome.value) == ("finished", value)


def test_a_value_that_json_has_not_is_an_error() -> None:
    """Told as the program's own."""
    outcome = sandbox.run(Program(sources=("def f():\n    return object()",), call=Call("f", ())))
    assert (outcome.kind, "TypeError" in outcome.detail) == ("error", True)


def test_the_first_writing_that_compiles_is_run() -> None:
    """The others are as if they were not there."""
    assert sandbox.run(Program(sources=("x = (", "assert True", "1/0"))).kind == "finished"


def test_processor_time_is_counted_not_the_clock() -> None:
    """A program that waits a little longer than its processor time is not wrong."""
    outcome = sandbox.run(Program(sources=("import time\ntime.sleep(0.6)",)), Limits(cpu_s=0.5))
    assert (outcome.kind, outcome.cpu_s < 0.5) == ("finished", True)


def test_where_a_program_went_wrong_is_told() -> None:
    """With the line and the words of the assertion."""
    outcome = sandbox.run(Program(sources=("x = 1\n\nassert x == 2, 'x is 1'",)))
    assert outcome.words == "failed: AssertionError: x is 1 (line 3)"


def test_no_descriptor_of_ours_is_inherited(tmp_path: Path) -> None:
    """Not a file that we hold open, even where it could be inherited."""
    held = os.open(tmp_path / "held", os.O_CREAT | os.O_RDWR)
    os.set_inheritable(held, True)
    source = f"import os\ntry:\n    os.fstat({held})\nexcept OSError:\n    pass\nelse:\n    raise SystemError"
    try:
        assert sandbox.run(Program(sources=(source,))).kind == "finished"
    finally:
        os.close(held)


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_a_filter_is_one_the_kernel_takes(machine: str) -> None:
    """Not longer than 4,096 lines, and each jump forward within it."""
    lines = calls.filter_for(machine)
    count = len(lines) // 8
    assert len(lines) % 8 == 0
    assert count < 4096
    for at in range(count):
        code, true, false = lines[at * 8] | lines[at * 8 + 1] << 8, lines[at * 8 + 2], lines[at * 8 + 3]
        if code & 7 == 5:
            assert at + 1 + max(true, false) < count
