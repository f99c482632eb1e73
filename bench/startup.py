"""Start-up: CPU time of ``dotdump`` against ``python -c pass`` of the same interpreter, in pairs, medians.

Byte code is written before the first pair, as installing a wheel writes it.
Promised: ``--version`` at most 1.5 times, ``ps`` with three .NET processes at most 2.5 times. Exit code 1 where not.
"""

from __future__ import annotations

import os
import statistics
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from corpus import corpus, runtimes

PAIRS = 25
PROMISES = {"--version": 1.5, "ps": 2.5}
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
DOTDUMP = str(Path(sys.executable).with_name("dotdump"))


def cpu_seconds(command: list[str]) -> float:
    """User and system time of one run of ``command``, its output thrown away."""
    quiet = [(os.POSIX_SPAWN_OPEN, descriptor, os.devnull, os.O_WRONLY, 0) for descriptor in (1, 2)]
    pid = os.posix_spawn(command[0], command, ENVIRONMENT, file_actions=quiet)
    _, status, usage = os.wait4(pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    return usage.ru_utime + usage.ru_stime


def measure(words: list[str]) -> tuple[float, float, float]:
    """Return medians over pairs: bare seconds, our seconds, and the ratio within a pair."""
    cpu_seconds([DOTDUMP, *words])
    bare, ours = [], []
    for _ in range(PAIRS):
        bare.append(cpu_seconds([sys.executable, "-c", "pass"]))
        ours.append(cpu_seconds([DOTDUMP, *words]))
    ratios = [o / b for o, b in zip(ours, bare, strict=True)]
    return statistics.median(bare), statistics.median(ours), statistics.median(ratios)


def main() -> int:
    """Print the table; return the exit code."""
    kept = True
    print(f"{'command':<22}{'bare ms':>9}{'ours ms':>9}{'ratio':>8}{'bar':>7}")
    with ExitStack() as running:
        sockets = running.enter_context(TemporaryDirectory(prefix="dd-"))
        for runtime in (runtimes() * 3)[:3]:
            running.enter_context(corpus(runtime, "idle", environment={"TMPDIR": sockets}))
        for command, bar in PROMISES.items():
            bare, ours, ratio = measure(command.split())
            kept &= ratio <= bar
            row = f"dotdump {command:<14}{bare * 1e3:>9.1f}{ours * 1e3:>9.1f}{ratio:>8.2f}{bar:>7.1f}"
            print(f"{row}{'' if ratio <= bar else '  missed'}")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
