"""Managed stacks beside ClrMD's: which frames are equal, by method, ip and sp, in order.

    python bench/managed_stacks.py [--rounds 3] [--storm 25] [--directory DIR]

Cores of Corpus ``all``, ``threads`` and ``async`` on every runtime there is; of a storm: ``bulk`` with four threads
that allocate, caught anywhere, ``--storm`` times on each runtime. They are taken of the stopped process, of a snapshot,
and as Mini dumps in turn. Then the full cores that the runtime has createdump write of Corpus ``crash-*``: ours in its
place where a stack overflowed on 8 and 9, over which theirs takes minutes. ClrMD reads the same core with the runtime's
own DAC.
Exit code 1 where less than 99.5 % of ClrMD's frames are among ours (100 % on 10 and later), or a thread differs without
a reason.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from corpus import Corpus, Runtime
    from managed_stack_witness import Comparison

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
sys.path.insert(0, str(ROOT / "src"))

SCENARIOS: dict[str, dict[str, int]] = {
    "all": {},
    "threads": {},
    "async": {},
    "storm": {"objects": 20_000, "mutators": 4},
}
ENDS = ("crash-exception", "crash-failfast", "crash-segv", "crash-stackoverflow")
FULL = 4
KINDS = (("--method", "ptrace"), ("--method", "snapshot"), ("--method", "ptrace", "--type", "Mini"))
CRASH_SECONDS = 90.0
SLOW = [(8, "crash-stackoverflow"), (9, "crash-stackoverflow")]
"""What theirs takes minutes for."""


def main() -> int:
    """Print the table; return 1 where frames differ."""
    words = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    words.add_argument("--rounds", type=int, default=3)
    words.add_argument("--storm", type=int, default=25)
    words.add_argument("--runtime", type=int, action="append", default=[], help="only this major version")
    words.add_argument("--directory", type=Path)
    given = words.parse_args()
    directory = Path(mkdtemp(prefix="dotdump-bench-", dir=given.directory))
    try:
        return 0 if show(directory, given.rounds, given.storm, given.runtime) else 1
    finally:
        shutil.rmtree(directory)


def show(directory: Path, rounds: int, storm: int, majors: list[int]) -> bool:
    """Print how many frames are equal; return whether that is enough."""
    from corpus import runtimes

    good = True
    print("| runtime | scenario | cores | threads | in managed code | frames of ClrMD | equal | threads that differ |")
    print("|---|---|---|---|---|---|---|---|")
    for runtime in runtimes():
        if majors and runtime.major not in majors:
            continue
        for scenario, keys in SCENARIOS.items():
            count = storm if scenario == "storm" else rounds
            good &= show_row(runtime, scenario, count, compare_all(runtime, scenario, keys, directory, count))
        for end in ENDS:
            good &= show_row(runtime, end, 1, compare_crash(runtime, end, directory))
    return good


def show_row(runtime: Runtime, scenario: str, count: int, found: Comparison) -> bool:
    """Print one row; return whether enough is equal in it."""
    share = 100 * found.equal / found.theirs if found.theirs else 0
    differing = "; ".join(f"{number} {reason}" for reason, number in found.reasons.items()) or "none"
    print(
        f"| {runtime.version} | {scenario} | {count} | {found.threads} | {found.in_code} | {found.theirs:,} |"
        f" {share:.2f} % | {differing} |",
        flush=True,
    )
    for sample in found.samples[:5]:
        print(sample, file=sys.stderr, flush=True)
    return not found.theirs or (share >= (100 if runtime.major >= 10 else 99.5) and not found.samples)


def compare_crash(runtime: Runtime, end: str, directory: Path) -> Comparison:
    """Return how the core compares that the runtime has createdump write of a program that ends so."""
    import dotdump
    from corpus import crash_dump_environment
    from dotdump.clr.model.runtime import ClrRuntime
    from managed_stack_witness import compare
    from our_createdump import with_our_createdump
    from peers import oracle

    core = directory / end
    ours = (runtime.major, end) in SLOW
    with with_our_createdump(runtime, directory) if ours else nullcontext(runtime) as used:
        environment = crash_dump_environment(core, FULL)
        subprocess.run(used.command(end), env=environment, capture_output=True, check=False, timeout=CRASH_SECONDS)
        with dotdump.open_core(core) as target:
            found = compare(ClrRuntime.of(target), oracle("threads", core))
    core.unlink()
    return found


def compare_all(runtime: Runtime, scenario: str, keys: dict[str, int], directory: Path, count: int) -> Comparison:
    """Return the sum over ``count`` cores of one process."""
    import dotdump
    from corpus import corpus
    from dotdump.clr.model.runtime import ClrRuntime
    from managed_stack_witness import Comparison, compare
    from peers import oracle

    total = Comparison()
    with corpus(runtime, "bulk" if scenario == "storm" else scenario, **keys) as running:
        for core in cores(running, directory, count, KINDS):
            with dotdump.open_core(core) as target:
                try:
                    total.add(compare(ClrRuntime.of(target), oracle("threads", core)))
                except AssertionError:  # its DAC took it down
                    total.reasons["ClrMD ended in a core and was not compared"] += 1
            core.unlink()
    return total


def cores(running: Corpus, directory: Path, count: int, kinds: Sequence[Sequence[str]]) -> Iterator[Path]:
    """Yield cores of a process, each taken wherever it is."""
    for number in range(count):
        core = directory / f"core.{running.pid}.{number}"
        command = ["collect", "-p", str(running.pid), "-o", str(core), *kinds[number % len(kinds)]]
        subprocess.run([sys.executable, "-m", "dotdump", *command], check=True, capture_output=True, cwd=ROOT / "src")
        yield core


if __name__ == "__main__":
    sys.exit(main())
