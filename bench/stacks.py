"""What managed stacks cost, with names and lines, beside ClrMD on the same cores.

    python bench/stacks.py [--rounds 3] [--threads 2000] [--frames 40000] [--directory DIR]

Three cores of the newest runtime: so many threads with so many frames in all, many parked threads, and one thread as
deep as ClrMD follows one: it gives at most 8,096 frames of a thread. Each round times, in turn and by processes of
their own, ``dotdump stacks CORE --format json`` and ClrMD's walk of all threads with signatures; the ratio is the
median of the rounds' ratios. Exit code 1 where ours takes more than half of ClrMD's time on the first core, or ClrMD
has seen fewer frames of any.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
sys.path.insert(0, str(ROOT / "src"))

DEEP = 8_000
HEAD = "| core | threads | managed frames | of ClrMD | dotdump | ClrMD | ratio |\n|---|---|---|---|---|---|---|"


def main() -> int:
    """Print the table; return 1 where it took too long."""
    words = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    words.add_argument("--rounds", type=int, default=3)
    words.add_argument("--threads", type=int, default=2_000)
    words.add_argument("--frames", type=int, default=40_000)
    words.add_argument("--directory", type=Path)
    given = words.parse_args()
    directory = Path(mkdtemp(prefix="dotdump-bench-", dir=given.directory))
    try:
        print(HEAD)
        rows = [row(core, given.rounds) for core in cores(directory, given.threads, given.frames)]
    finally:
        shutil.rmtree(directory)
    return 0 if rows[0] <= 0.5 and math.inf not in rows else 1


def cores(directory: Path, threads: int, frames: int) -> Iterator[Path]:
    """Make the cores, one at a time; each is named for what is in it."""
    from corpus import corpus, runtimes
    from hosted import hosted

    newest = runtimes()[-1]
    with hosted("many_stacks.py", newest, directory, threads, frames // threads - 4) as facts:
        core = dump(directory / f"{threads} threads, {frames} frames", facts["pid"])
    yield core
    for name, scenario, keys in (
        (f"churn parked={threads}", "churn", {"workers": 1, "parked": threads}),
        (f"threads depth={DEEP}", "threads", {"depth": DEEP}),
    ):
        with corpus(newest, scenario, **keys) as running:
            core = dump(directory / name, running.pid)
        yield core


def dump(core: Path, pid: int) -> Path:
    run("collect", "-p", str(pid), "--method", "ptrace", "-o", str(core))
    os.sync()  # else it is written to the disk beside what is timed
    return core


def row(core: Path, rounds: int) -> float:
    """Print one core's figures and remove it; return our time by ClrMD's."""
    from peers import oracle

    ours, theirs = [], []
    for _ in range(rounds):
        start = time.monotonic()
        text = run("stacks", str(core), "--format", "json")
        ours.append(time.monotonic() - start)
        start = time.monotonic()
        recorded = oracle("threads", core, seconds=600)
        theirs.append(time.monotonic() - start)
    core.unlink()
    found = json.loads(text)["threads"]
    frames = sum(frame["kind"] == "managed" for thread in found for frame in thread["frames"])
    told = [frame for thread in recorded for frame in thread["frames"] if frame["kind"] == "ManagedMethod"]
    of_clrmd = sum(frame["method"] is not None for frame in told)  # of a thread that starts it shows a place in libc
    ratio = statistics.median(mine / other for mine, other in zip(ours, theirs, strict=True))
    counts = f"{len(found):,} | {frames:,} | {of_clrmd:,}"
    seconds = f"{statistics.median(ours):.2f} s | {statistics.median(theirs):.2f} s"
    print(f"| {core.name} | {counts} | {seconds} | {ratio:.2f} |", flush=True)
    return ratio if of_clrmd >= frames else math.inf


def run(*words: str) -> str:
    """Run dotdump and return what it printed."""
    command = [sys.executable, "-m", "dotdump", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT / "src").stdout


if __name__ == "__main__":
    sys.exit(main())
