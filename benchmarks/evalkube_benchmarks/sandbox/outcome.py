"""The program for the sandbox, its limits and its outcome. No I/O."""

from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["Call", "Kind", "Limits", "Outcome", "Program", "SandboxFailed"]

Kind = Literal[
    "finished",  # it came to its end
    "failed",  # an assertion did not hold
    "error",  # it does not compile, raised another exception, or ended before its tests did
    "forbidden",  # it asked for what the sandbox does not give (a file, a socket, a process), and could not do without
    "timeout",
    "memory",
    "output",  # it wrote more than anybody reads
    "files",  # it wrote too many files, or too much into them
    "threads",
    "crash",  # the interpreter ended by a signal
]


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a program.

    `cpu_s` is processor time, so that a busy machine makes no program wrong. A program that only waits is ended after
    `wall_s`. `memory_bytes` is address space.
    """

    cpu_s: float = 4.0
    memory_bytes: int = 512 << 20
    output_bytes: int = 16 << 20
    files_bytes: int = 64 << 20
    files: int = 256
    threads: int = 64

    @property
    def wall_s(self) -> float:
        """The maximum duration of a program, including waiting."""
        return 3 * self.cpu_s + 2


@dataclass(frozen=True, slots=True)
class Call:
    """A function to call after the program is loaded: by its name, or Class.method of a new object."""

    function: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """Python source to run.

    `sources` are variants of the program, of which the first that compiles is run. `name` is its `__name__`.
    `complete`: it must reach its last line; a program that calls exit() before is wrong. `call` returns a value as
    JSON. `tests` run after it, and call its names `called`.
    """

    sources: tuple[str, ...]
    name: str = "program"
    complete: bool = True
    stdin: str = ""
    call: Call | None = None
    tests: str = ""
    called: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The outcome of a program.

    `detail` is the outcome in words, `value` the result of a call (JSON), `held` the protection that the machine had.
    """

    kind: Kind
    detail: str = ""
    stdout: bytes = b""
    value: Any = None
    cpu_s: float = 0.0
    held: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """The outcome in words."""
        return f"{self.kind}: {self.detail}" if self.detail else self.kind


class SandboxFailed(Exception):
    """A failure of the sandbox to run a program: nothing is known about the program."""
