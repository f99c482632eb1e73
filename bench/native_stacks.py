"""Native stacks beside gdb's: which frames are equal, and what 40,000 of them cost.

    python bench/native_stacks.py [--rounds 5] [--frames 40000] [--directory DIR]

The first table is of cores of a C program whose stacks are hard to walk, of CPython, and of Corpus ``all`` and
``bulk`` on every runtime there is: each frame of gdb in code, by pc and stack pointer. gdb is taught frame pointers for
code outside of loaded files, where it has nothing; ours has no such help. The second times the walk of one deep thread,
by processes of their own: ``dotdump stacks`` and ``bt`` of gdb. Exit code 1 where less than 99 % of the frames are
equal, or a difference is not explained.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stack_witness import Comparison

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
sys.path.insert(0, str(ROOT / "src"))

PYTHON = """
import sys
def deep(n):
    return sorted([1, 2], key=lambda _: deep(n - 1)) if n else [print("ready", flush=True), sys.stdin.read()]
deep(20)
"""


def main() -> int:
    """Print the tables; return 1 where frames differ."""
    words = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    words.add_argument("--rounds", type=int, default=5)
    words.add_argument("--frames", type=int, default=40_000)
    words.add_argument("--directory", type=Path)
    given = words.parse_args()
    directory = Path(mkdtemp(prefix="dotdump-bench-", dir=given.directory))
    try:
        good = show_fidelity(directory, given.rounds)
        show_speed(directory, given.rounds, given.frames)
    finally:
        shutil.rmtree(directory)
    return 0 if good else 1


def show_fidelity(directory: Path, rounds: int) -> bool:
    """Print how many frames are equal; return whether that is enough."""
    from stack_witness import Comparison, compare

    good = True
    print("| program | frames of gdb | equal | differences |\n|---|---|---|---|")
    for name, cores in programs(directory, rounds):
        found = Comparison()
        for core, program in cores:
            found.add(compare(core, program))
            core.unlink()
        good = good and found.equal >= 0.99 * found.theirs and not found.samples
        print(
            f"| {name} | {found.theirs:,} | {100 * found.equal / found.theirs:.2f} % | {_differences(found)} |",
            flush=True,
        )
    return good


def _differences(found: Comparison) -> str:
    return "; ".join(f"{count} {reason}" for reason, count in found.reasons.items()) or "none"


def programs(directory: Path, rounds: int) -> Iterator[tuple[str, list[tuple[Path, str]]]]:
    """Yield a name, and cores of programs with the file that each was started from."""
    from corpus import corpus, executables, runtimes
    from native import compiled, native

    with native("stacks") as hard:
        cores = [(dump(hard.pid, directory / f"c{number}"), str(compiled("stacks"))) for number in range(rounds)]
    yield "C: handlers, alloca, tail calls, realigned, vdso, wherever it stood", cores
    with python() as process:
        core = dump(process.pid, directory / "python")
    yield "CPython", [(core, sys.executable)]
    for runtime in runtimes():
        cores = []
        for number in range(rounds):
            with corpus(runtime, "all") as running:
                cores.append((dump(running.pid, directory / f"core{number}"), str(runtime.root / "dotnet")))
        yield f".NET {runtime.version}", cores
        with corpus(runtime, "bulk", objects=20_000, megabytes=1, mutators=4) as running:
            cores = [
                (dump(running.pid, directory / f"bulk{number}"), str(runtime.root / "dotnet"))
                for number in range(rounds)
            ]
        yield f".NET {runtime.version}, four threads allocating", cores
    for name, program in executables().items():
        if "musl" not in name:
            with corpus(program, "all") as running:
                core = dump(running.pid, directory / name)
            yield name, [(core, str(program))]


@contextmanager
def python() -> Iterator[subprocess.Popen[bytes]]:
    """Run a Python program that recurses through C."""
    with subprocess.Popen([sys.executable, "-c", PYTHON], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def dump(pid: int, core: Path) -> Path:
    """Write a core of a process and return its path."""
    command = [sys.executable, "-m", "dotdump", "collect", "-p", str(pid), "-o", str(core), "--method", "ptrace"]
    subprocess.run(command, check=True, capture_output=True)
    return core


def show_speed(directory: Path, rounds: int, frames: int) -> None:
    """Print what a deep stack costs, ours and gdb's, taken in turn."""
    from native import compiled, native

    with native("stacks", str(frames)) as running:
        core = dump(running.pid, directory / "deep")
    gdb = ["gdb", "-batch", "-nx", "-iex", "set debuginfod enabled off", "-ex", "thread apply all bt"]
    commands = (
        [sys.executable, "-m", "dotdump", "stacks", str(core), "--native"],
        [*gdb, str(compiled("stacks")), str(core)],
    )
    seconds: tuple[list[float], list[float]] = ([], [])
    frames_shown = [0, 0]
    for _ in range(rounds):
        for which, command in enumerate(commands):
            start = time.monotonic()
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            seconds[which].append(time.monotonic() - start)
            frames_shown[which] = done.stdout.count(" recurse (" if which else "!recurse+")
    ours, theirs = map(statistics.median, seconds)
    print(
        f"\nmedians of {rounds} rounds: dotdump stacks {ours:.2f} s for {frames_shown[0]:,} frames of recursion,",
        end=" ",
    )
    print(f"gdb's bt {theirs:.2f} s for {frames_shown[1]:,}, ratio {ours / theirs:.2f}")


if __name__ == "__main__":
    sys.exit(main())
