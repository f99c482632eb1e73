"""Heap, Mini and Triage dumps beside createdump's of the same process: seconds, bytes, and how long it stood still.

    python bench/smalldumps.py [--rounds 3] [--scenario all] [--directory DIR] [OPTION ...]

Each runtime there is runs Corpus; each round takes every type by createdump, by ptrace and by snapshot, in turn.
``--scenario bulk objects=300000 megabytes=400`` is a heap of which a part is zero. Medians; ratios are to createdump.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import mkdtemp

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
sys.path.insert(0, str(ROOT / "src"))

from corpus import Runtime, corpus, runtimes

SWITCHES = {"Mini": "--normal", "Triage": "--triage", "Heap": "--withheap"}
Row = tuple[float, int, float]


def main() -> int:
    """Print a table; return 0."""
    words = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    words.add_argument("--rounds", type=int, default=3)
    words.add_argument("--scenario", default="all")
    words.add_argument("--directory", type=Path)
    words.add_argument("options", nargs="*", help="of the scenario")
    given = words.parse_args()
    print("| runtime | type | by | seconds | MB | pause ms | seconds, ratio | MB, ratio |")
    print("|---|---|---|---|---|---|---|---|")
    for runtime in runtimes():
        directory = Path(mkdtemp(prefix="dotdump-bench-", dir=given.directory))
        try:
            with corpus(runtime, given.scenario, **dict(option.split("=") for option in given.options)) as process:
                measure(runtime, process.pid, directory, given.rounds)
        finally:
            shutil.rmtree(directory)
    return 0


def measure(runtime: Runtime, pid: int, directory: Path, rounds: int) -> None:
    """Take the dumps and print the rows of one runtime."""
    rows: dict[tuple[str, str], list[Row]] = {}
    for _ in range(rounds):
        for kind in SWITCHES:
            rows.setdefault((kind, "createdump"), []).append(by_createdump(runtime, pid, kind, directory / "core"))
            for method in ("ptrace", "snapshot"):
                rows.setdefault((kind, method), []).append(by_us(pid, kind, method, directory / "core"))
    for (kind, method), taken in rows.items():
        seconds, size, pause = (statistics.median(row[column] for row in taken) for column in range(3))
        their_seconds, their_size, _ = (
            statistics.median(row[column] for row in rows[kind, "createdump"]) for column in range(3)
        )
        print(
            f"| {runtime.version} | {kind} | {method} | {seconds:.2f} | {size / 1e6:.1f} | {pause * 1e3:.0f} "
            f"| {seconds / their_seconds:.2f} | {size / their_size:.2f} |",
            flush=True,
        )


def by_createdump(runtime: Runtime, pid: int, kind: str, path: Path) -> Row:
    """Return seconds, bytes and how long the process stood still, which is all of it."""
    begun = time.monotonic()
    command = [runtime.directory / "createdump", SWITCHES[kind], "--name", path, str(pid)]
    subprocess.run(command, check=True, capture_output=True)
    seconds, size = time.monotonic() - begun, path.stat().st_size
    path.unlink()
    return seconds, size, seconds


def by_us(pid: int, kind: str, method: str, path: Path) -> Row:
    """Return seconds of the whole command, bytes, and how long the process stood still."""
    begun = time.monotonic()
    command = [sys.executable, "-m", "dotdump", "collect", "-p", str(pid), "--type", kind, "--method", method]
    done = subprocess.run([*command, "-o", path, "--format", "json"], check=True, capture_output=True)
    seconds, size = time.monotonic() - begun, path.stat().st_size
    path.unlink()
    return seconds, size, json.loads(done.stdout)["pause"]


if __name__ == "__main__":
    sys.exit(main())
