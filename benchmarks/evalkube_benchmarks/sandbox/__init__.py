"""Runs programs that a model wrote, each in a fresh interpreter that can harm nobody, and says what became of it.

An unprivileged process confines itself before it reads the program, the same on a laptop and in a pod of the
`restricted` level: Landlock (it reads the standard library, and writes its own scratch folder alone), a seccomp filter
that lists what it may ask of the kernel (no sockets, no other process, no signals to others), limits of resources, no
environment. Whoever starts it (`process`) watches its time, memory, threads, output and files, and kills it whole.
docs/decisions/0009 has the reasons. Without Landlock nothing is ever run.
"""

from evalkube_benchmarks.sandbox.kernel import SandboxUnavailable, protections
from evalkube_benchmarks.sandbox.outcome import Call, Limits, Outcome, Program, SandboxFailed
from evalkube_benchmarks.sandbox.process import ready, run

__all__ = ["Call", "Limits", "Outcome", "Program", "SandboxFailed", "SandboxUnavailable", "protections", "ready", "run"]
