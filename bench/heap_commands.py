"""What people wait for when they ask about a heap: whole commands beside ClrMD's, in turn, on Corpus ``bulk``.

    python bench/heap_commands.py [--objects 20000000] [--rounds 5] [--core CORE] [--directory DIR]

Every figure is a process of its own, the interpreter's start included; first without an index, then with the one that
the first left. ``pure`` counts a heap with kernels as plain Python, on a core of a million objects. Medians. The bars
are seconds of a machine on which ClrMD's ``stat`` takes 3.4; here they are as many times that as it takes in the same
run. Exit code 1 where a bar is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from tempfile import mkdtemp

from heap import clean, make_core

ROOT = Path(__file__).resolve().parent.parent
LEAF = "Corpus.Leaf"
BARS = {"heap": 0.8, "heap again": 0.25, "roots": 3.0, "roots again": 0.15}
CLRMD_STAT = 3.4
PURE_BAR = 0.3
PURE_OBJECTS = 1_000_000


def main() -> int:
    """Print the tables; return 1 where a bar is missed."""
    words = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    words.add_argument("--objects", type=int, default=20_000_000)
    words.add_argument("--rounds", type=int, default=5)
    words.add_argument("--core", type=Path)
    words.add_argument("--directory", type=Path)
    given = words.parse_args()
    directory = Path(mkdtemp(prefix="dotdump-bench-", dir=given.directory))
    try:
        kept = show_commands(given.core or make_core(directory, given.objects), given.rounds)
        return 0 if kept & show_pure(directory) else 1
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def show_commands(core: Path, rounds: int) -> bool:
    """Print seconds of each command; return whether all bars are kept."""
    leaf = a_leaf(core)
    seconds: dict[str, list[float]] = defaultdict(list)
    for _ in range(rounds):
        for name, words in (("heap", ["heap"]), ("roots", ["roots", leaf]), ("retained", ["retained"])):
            if name != "retained":
                shutil.rmtree(f"{core}.dotdump", ignore_errors=True)
            for suffix in ("", " again"):
                seconds[name + suffix].append(dotdump(words[0], str(core), *words[1:]))
        seconds["ClrMD stat"].append(clrmd("stat", str(core)))
        seconds["ClrMD gcroot"].append(clrmd("gcroot", str(core), leaf))
    pace = statistics.median(seconds["ClrMD stat"]) / CLRMD_STAT
    kept = True
    for name, found in seconds.items():
        bar = BARS.get(name, 0.0) * pace
        kept &= not bar or statistics.median(found) <= bar
        told = f"   bar {BARS[name]} s, {bar:.2f} s at this pace" if bar else ""
        print(f"{name:<16}{statistics.median(found):>8.3f} s{told}", flush=True)
    return kept


def show_pure(directory: Path) -> bool:
    """Print how many objects a second plain Python counts; return whether that is enough."""
    core = make_core(directory, PURE_OBJECTS)
    copied = directory / "pure"
    shutil.copytree(ROOT / "src" / "dotdump", copied / "dotdump", ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    command = [sys.executable, "-m", "dotdump", "heap", str(core), "--no-index", "--format", "json"]
    start = time.perf_counter()
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(copied)}
    )
    rate = json.loads(done.stdout)["objects"] / (time.perf_counter() - start) / 1e6
    clean(core)
    print(f"{'pure':<16}{rate:>8.2f} M objects/s   bar {PURE_BAR}")
    return rate >= PURE_BAR


def a_leaf(core: Path) -> str:
    """Return the address of one of the objects that the trees of the program are made of."""
    command = [sys.executable, "-m", "dotdump", "objects", str(core), "--type", f"^{LEAF}$", "--limit", "1000"]
    done = subprocess.run([*command, "--format", "csv"], check=True, capture_output=True, text=True)
    return done.stdout.splitlines()[-1].partition(",")[0]


def dotdump(*words: str) -> float:
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "dotdump", *words], check=False, capture_output=True, text=True)
    assert done.returncode in (0, 3), done.stderr
    return time.perf_counter() - start


def clrmd(*words: str) -> float:
    from corpus import corpus_environment, runtimes

    program = Path(os.environ["DOTDUMP_TEST_PEERS"]) / "clrmd" / "bin" / "Oracle.dll"
    start = time.perf_counter()
    command = [str(runtimes()[-1].root / "dotnet"), str(program), *words]
    subprocess.run(command, check=True, capture_output=True, env=corpus_environment())
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
