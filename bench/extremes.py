"""A dump of a process of many mappings, and of one of many threads: ours beside createdump and gcore, taken in turn.

    python bench/extremes.py [--maps 64000] [--threads 2000] [--rounds 7] [--directory DIR]

Both targets are small C programs, so that what is measured is the work for each mapping and each thread, and none for
memory. Medians of seconds; ratios are to createdump of the same round.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from corpus import runtimes
from native import native

ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""The round that warms caches writes byte code, as installing a wheel does."""
Figures = tuple[float, float]
"""Wall and CPU, seconds."""


def commands(pid: int, path: Path) -> dict[str, list[str]]:
    """Return each dumper's command line, all writing to ``path``."""
    ours = [sys.executable, "-m", "dotdump", "collect", "--force", "-p", str(pid), "-o", str(path)]
    return {
        "createdump": [str(runtimes()[-1].directory / "createdump"), "--full", "-f", str(path), str(pid)],
        "gcore": ["gcore", "-o", str(path), str(pid)],
        "ptrace": [*ours, "--method", "ptrace"],
        "snapshot": [*ours, "--method", "snapshot"],
    }


def measure(command: list[str], path: Path) -> Figures:
    """Run one dumper to its end, remove its file."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=ENVIRONMENT)
    assert process.stderr is not None
    errors = process.stderr.read().decode(errors="replace")
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    files = [file for file in path.parent.iterdir() if file.name.startswith(path.name)]
    if process.returncode != 0 or not files:
        raise SystemExit(f"{' '.join(command)}: {process.returncode}\n{errors}")
    for file in files:
        file.unlink()
    return wall, usage.ru_utime + usage.ru_stime


def run(title: str, program: str, count: int, arguments: argparse.Namespace) -> None:
    """Take the rounds on one target and print the table."""
    path = Path(arguments.directory) / "extremes.core"
    rows: dict[str, list[Figures]] = {}
    with native(program, str(count)) as process:
        for number in range(arguments.rounds + 1):
            for name, command in commands(process.pid, path).items():
                figures = measure(command, path)
                if number:  # the first round warms caches
                    rows.setdefault(name, []).append(figures)
        process.ask()
    print(f"\n| {title} | wall s | CPU s | wall / createdump | CPU / createdump |\n|---|---|---|---|---|")
    for name, figures in rows.items():
        pairs = list(zip(figures, rows["createdump"], strict=True))
        ratios = [statistics.median(a[i] / b[i] for a, b in pairs) for i in (0, 1)]
        values = [statistics.median(item[i] for item in figures) for i in (0, 1)]
        print(f"| {name} | {values[0]:.2f} | {values[1]:.2f} | {ratios[0]:.2f} | {ratios[1]:.2f} |", flush=True)


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--maps", type=int, default=64_000)
    parser.add_argument("--threads", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--directory", default=".", help="where the dumps go")
    arguments = parser.parse_args()
    run(f"{arguments.maps:,} mappings", "maps", arguments.maps, arguments)
    run(f"{arguments.threads:,} threads", "threads", arguments.threads, arguments)


if __name__ == "__main__":
    main()
