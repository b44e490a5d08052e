"""The sandbox: it runs programs that a model wrote, each in a fresh, confined interpreter, and reports the outcome.

An unprivileged process confines itself before it reads the program, equally on a laptop and in a pod of the
`restricted` level. Landlock lets it read the standard library and write only its own scratch folder. A seccomp filter
lists the system calls that it may make: no sockets, no other process, no signals to others. It also has resource limits
and no environment. The process that starts it (`process`) watches its time, memory, threads, output and files, and
kills all of it. docs/decisions/0009 has the reasons. Without Landlock no program is ever run.
"""

from evalkube_benchmarks.sandbox.kernel import SandboxUnavailable, protections
from evalkube_benchmarks.sandbox.outcome import Call, Limits, Outcome, Program, SandboxFailed
from evalkube_benchmarks.sandbox.process import ready, run

__all__ = ["Call", "Limits", "Outcome", "Program", "SandboxFailed", "SandboxUnavailable", "protections", "ready", "run"]
