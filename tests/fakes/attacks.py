"""What a model's program may try, and what must become of it. As a program it tries all, and prints what became.

`python attacks.py` needs nothing but `evalkube_benchmarks`: the tests run it under older kernels and in a pod. With
`quick` it leaves out what only waits.
"""

import json
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from evalkube_benchmarks import sandbox
from evalkube_benchmarks.sandbox import Limits, Program


@dataclass(frozen=True, slots=True)
class Attack:
    """A program; what it must end as; and what must be in the words about it."""

    name: str
    source: str
    kind: str
    words: str = ""


ATTACKS = (
    Attack("fork bomb", "import os\nwhile True:\n    os.fork()", "forbidden", "PermissionError"),
    Attack(
        "fork bomb that goes on",
        "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass",
        "timeout",
        "processor time",
    ),
    Attack("bomb of processes", "import multiprocessing as m\nm.Process(target=print).start()", "forbidden"),
    Attack(
        "bomb of threads",
        "import threading, time\nthreading.stack_size(32768)\n"
        "while True:\n    threading.Thread(target=time.sleep, args=(60,)).start()",
        "threads",
        "64 threads",
    ),
    Attack("a session of its own", "import os\nos.setsid()", "forbidden"),
    Attack("a group of its own", "import os\nos.setpgid(0, 0)", "forbidden"),
    Attack("a fork by another name", "import ctypes\nassert ctypes.CDLL(None).vfork() == -1", "finished"),
    Attack("a ring of calls", "import ctypes\nassert ctypes.CDLL(None).syscall(425, 8, bytes(120)) == -1", "finished"),
    Attack("memory hog", "held = []\nwhile True:\n    held.append(bytearray(1 << 20))", "memory", "MemoryError"),
    Attack("memory at once", "x = 'x' * (1 << 40)", "memory"),
    Attack(
        "memory beside the heap",
        "import mmap\nheld = []\nwhile True:\n    m = mmap.mmap(-1, 1 << 24)\n    m.write(b'x' * (1 << 24))\n"
        "    held.append(m)",
        "memory",
    ),
    Attack("endless loop", "while True:\n    pass", "timeout", "processor time"),
    Attack(
        "endless loop that hears nothing",
        "import signal\nfor one in range(1, 65):\n    try:\n        signal.signal(one, signal.SIG_IGN)\n"
        "    except (OSError, ValueError):\n        pass\nwhile True:\n    pass",
        "timeout",
    ),
    Attack("endless sleep", "import time\ntime.sleep(3600)", "timeout", "did not end"),
    Attack("endless input", "import os, time\nos.close(1)\nos.close(2)\ntime.sleep(3600)", "timeout", "did not end"),
    Attack("1 GB of output", "for _ in range(1024):\n    print('x' * (1 << 20))", "output", "16 MiB"),
    Attack("1 GB of complaints", "import sys\nfor _ in range(1024):\n    sys.stderr.write('x' * (1 << 20))", "output"),
    Attack("1 GB in one file", "open('big', 'wb').write(bytes(1 << 30))", "memory"),
    Attack(
        "1 GB in one file, bit by bit",
        "with open('big', 'wb') as file:\n    for _ in range(1024):\n        file.write(bytes(1 << 20))",
        "files",
    ),
    Attack(
        "1 GB in many files",
        "n = 0\nwhile True:\n    n += 1\n    open(f'f{n}', 'wb').write(bytes(10 << 20))",
        "files",
        "64 MiB",
    ),
    Attack("files without end", "n = 0\nwhile True:\n    n += 1\n    open(f'f{n}', 'w').close()", "files", "256 files"),
    Attack("folders without end", "import os\nwhile True:\n    os.mkdir('a')\n    os.chdir('a')", "files"),
    Attack(
        "1 GB where no path leads",
        "import os\nfor _ in range(24):\n    os.mkdir('a' * 200)\n    os.chdir('a' * 200)\n"
        "n = 0\nwhile True:\n    n += 1\n    open(f'f{n}', 'wb').write(bytes(10 << 20))",
        "files",
        "64 MiB",
    ),
    Attack(
        "1 GB where nobody may look",
        "import os\nos.mkdir('a', 0o300)\nn = 0\nwhile True:\n    n += 1\n"
        "    open(f'a/f{n}', 'wb').write(bytes(1 << 20))",
        "files",
    ),
    Attack(
        "1 GB in files without a name",
        "import os, time\nheld = []\nfor n in range(50):\n    held.append(open('f', 'wb', 0))\n"
        "    held[-1].write(bytes(15 << 20))\n    os.unlink('f')\ntime.sleep(3600)",
        "files",
    ),
    Attack("token", "open('/var/run/secrets/kubernetes.io/serviceaccount/token').read()", "refused"),
    Attack("accounts", "open('/etc/passwd').read()", "forbidden"),
    Attack("all processes", "import os\nos.listdir('/proc')", "forbidden"),
    Attack("environment of the parent", "import os\nopen(f'/proc/{os.getppid()}/environ', 'rb').read()", "forbidden"),
    Attack("memory of the parent", "import os\nopen(f'/proc/{os.getppid()}/mem', 'rb').read(1)", "forbidden"),
    Attack("own environment", "import os\nassert set(os.environ) <= {'LC_CTYPE'}, os.environ", "finished"),
    Attack("other scratch", "import os\nos.listdir(os.path.dirname(os.getcwd()))", "forbidden"),
    Attack("a file of another sample", "open('{secret}').read()", "forbidden"),
    Attack("emptied file", "open('{secret}', 'w')", "forbidden"),
    Attack("emptied by opening", "import os\nos.open('{secret}', os.O_RDONLY | os.O_TRUNC)", "forbidden"),
    Attack("emptied library", "import os\nos.open(os.__file__, os.O_RDONLY | os.O_TRUNC)", "forbidden"),
    Attack("truncated library", "import os\nos.truncate(os.__file__, 0)", "forbidden"),
    Attack("changed library", "import os\nopen(os.__file__, 'a').write('#')", "forbidden"),
    Attack("rights of a file", "import os\nos.chmod(os.__file__, 0o777)", "forbidden"),
    Attack("times of a file", "import os\nos.utime(os.__file__, (0, 0))", "forbidden"),
    Attack("link to a file", "import os\nos.symlink('{secret}', 'a')\nopen('a').read()", "forbidden"),
    Attack("hard link to a file", "import os\nos.link('{secret}', 'a')\nopen('a').read()", "refused"),
    Attack("a way up", "open('../../../../etc/passwd').read()", "forbidden"),
    Attack("connection", "import socket\nsocket.create_connection(('127.0.0.1', 80), 1)", "forbidden"),
    Attack("datagram", "import socket\nsocket.socket(socket.AF_INET, socket.SOCK_DGRAM)", "forbidden"),
    Attack("Unix socket", "import socket\nsocket.socket(socket.AF_UNIX)", "forbidden"),
    Attack("page", "import urllib.request\nurllib.request.urlopen('http://127.0.0.1/')", "error", "not permitted"),
    Attack("signal to the parent", "import os\nos.kill(os.getppid(), 9)", "forbidden"),
    Attack("signal to all", "import os\nos.kill(-1, 9)", "forbidden"),
    Attack("signal to the group", "import os\nos.killpg(0, 9)", "forbidden"),
    Attack("signal by a descriptor", "import os\nos.pidfd_open(os.getppid())", "forbidden"),
    Attack(
        "signal by a pipe",
        "import fcntl, os\nr, w = os.pipe()\nfcntl.fcntl(r, 8, os.getppid())",
        "forbidden",
    ),
    Attack("limits of the parent", "import os, resource\nresource.prlimit(os.getppid(), 7, (0, 0))", "forbidden"),
    Attack(
        "more memory for itself",
        "import resource\ntry:\n    resource.setrlimit(resource.RLIMIT_AS, (-1, -1))\nexcept (OSError, ValueError):\n"
        "    pass\nheld = []\nwhile True:\n    held.append(bytearray(1 << 24))",
        "memory",
    ),
    Attack("another program", "import os\nos.execv('/bin/sh', ['sh'])", "forbidden"),
    Attack("a shell", "import os\nassert os.system('echo') != 0", "finished"),
    Attack("a program of its own", "import subprocess\nsubprocess.run(['/bin/true'])", "forbidden"),
    Attack("tracing", "import ctypes\nassert ctypes.CDLL(None).ptrace(16, {parent}, 0, 0) == -1", "finished"),
    Attack("mount", "import ctypes\nassert ctypes.CDLL(None).mount(b'a', b'.', b'tmpfs', 0, 0) == -1", "finished"),
    Attack("namespace", "import ctypes\nassert ctypes.CDLL(None).unshare(0x10000000) == -1", "finished"),
    Attack("crash", "import ctypes\nctypes.string_at(0)", "crash", "SIGSEGV"),
    Attack("abort", "import os\nos.abort()", "crash", "SIGABRT"),
    Attack("leaving early", "import os\nos._exit(0)", "error", "before its end"),
    Attack("exit", "raise SystemExit(0)", "error", "exit()"),
    Attack(
        "its own verdict",
        "import os\nfor n in range(64):\n    try:\n        os.write(n, b'{\"kind\": \"finished\"}\\n')\n"
        "    except OSError:\n        pass\nos._exit(0)",
        "error",
        "before its end",
    ),
    Attack("deep recursion", "import sys\nsys.setrecursionlimit(1 << 30)\nf = lambda: f()\nf()", "any"),
    Attack("words that raise", "class E(Exception):\n    def __str__(self):\n        raise E\nraise E", "error", "E"),
    Attack("no program", "this is no program", "error", "SyntaxError"),
)  # fmt: skip

_LIMITS = Limits(cpu_s=0.5, memory_bytes=256 << 20)


def tried(attack: Attack, secret: str, abi: int | None = None) -> sandbox.Outcome:
    """What becomes of an attack. `secret`: a file that our user may read."""
    source = attack.source.replace("{secret}", secret).replace("{parent}", str(os.getpid()))
    return sandbox.run(Program(sources=(source,)), _LIMITS, abi=abi)


def complaint(attack: Attack, outcome: sandbox.Outcome) -> str | None:
    """What is wrong with an outcome; None where it is what must be."""
    wanted = {"any": None, "refused": ("forbidden", "error")}.get(attack.kind, (attack.kind,))
    if (wanted is None or outcome.kind in wanted) and attack.words in outcome.detail:
        return None
    return f"{attack.name}: {outcome.words}, and not {attack.kind} {attack.words}"


def main() -> None:
    """Tries all attacks; prints {"held", "complaints", "outcomes"} as JSON."""
    with tempfile.NamedTemporaryFile() as secret:
        secret.write(b"not for a model")
        secret.flush()
        attacks = [one for one in ATTACKS if "quick" not in sys.argv or one.words != "did not end"]
        outcomes = {attack.name: tried(attack, secret.name) for attack in attacks}
        complaints = [complaint(attack, outcomes[attack.name]) for attack in attacks]
        if Path(secret.name).read_bytes() != b"not for a model":
            complaints.append("a file outside was changed")
    print(
        json.dumps(
            {
                "held": sandbox.ready(),
                "complaints": [one for one in complaints if one],
                "outcomes": {name: outcome.words for name, outcome in outcomes.items()},
            }
        )
    )


if __name__ == "__main__":
    main()
