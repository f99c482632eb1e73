"""What a dump costs the target and the machine: ours beside createdump and gcore, in one run, taken in turn.

    python bench/dump.py [--objects 20000000] [--megabytes 1000] [--rounds 7] [--directory DIR]

Pause is the longest gap in the target's own 1 ms heartbeat. The collector pauses the target too: the row ``nothing``
is the same wait without a dump, and snapshots are taken of a target without mutators where ``--quiet`` is given.
With ``--touch`` so many megabytes are taken and given back before each dump: a virtual machine that reports free memory
to its host pays to get it back, which is then the biggest cost of all and has nothing to do with dumping.
``copy alone`` is no dump: it reads the same memory and writes it, and does nothing else.
CPU and peak memory are the kernel's accounting of the dumper and all its children. Medians; ratios are to createdump
of the same round.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from corpus import Corpus, Runtime, corpus, runtimes

SETTLE_SECONDS = 1.0
MADV_POPULATE_WRITE = 23
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""The round that warms caches writes byte code, as installing a wheel does."""
DOTDUMP = [sys.executable, "-m", "dotdump", "collect", "--force"]


@dataclass(frozen=True)
class Cost:
    """One dump: seconds of wall and CPU, milliseconds of pause, megabytes of peak memory, file and target growth."""

    wall: float
    durable: float
    cpu: float
    pause: float
    peak: float
    bytes: float
    growth: float


FIGURES = ("wall", "durable", "cpu", "pause", "peak", "bytes", "growth")


def commands(runtime: Runtime, pid: int, path: Path, buffer: str) -> dict[str, list[str]]:
    """Return each dumper's command line, all writing to ``path``."""
    ours = [*DOTDUMP, "-p", str(pid), "-o", str(path)]
    return {
        "createdump": [str(runtime.directory / "createdump"), "--full", "-f", str(path), str(pid)],
        "gcore": ["gcore", "-o", str(path), str(pid)],
        "ptrace": [*ours, "--method", "ptrace", "--buffer", "0"],
        "ptrace, buffered": [*ours, "--method", "ptrace", "--buffer", buffer],
        "snapshot": [*ours, "--method", "snapshot"],
        "snapshot, zstd": [*ours, "--method", "snapshot", "--compress"],
        "copy alone": [sys.executable, str(ROOT / "bench" / "peers" / "copy_alone.py"), str(pid), str(path)],
    }


def measure(target: Corpus, command: list[str], path: Path) -> Cost:
    """Run one dumper and return what it cost; its file is removed."""
    before = resident_kb(target.pid)
    target.pause_ms()
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=ENVIRONMENT)
    assert process.stderr is not None
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    wall = time.monotonic() - start
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command)}\n{errors.decode(errors='replace')}")
    files = [p for p in path.parent.iterdir() if p.name.startswith(path.name)]
    for file in files:
        sync(file)
    durable = time.monotonic() - start
    size = sum(p.stat().st_size for p in files)
    for file in files:
        file.unlink()
    pause = target.pause_ms()
    growth = (resident_kb(target.pid) - before) / 1024
    cpu = usage.ru_utime + usage.ru_stime
    return Cost(wall, durable, cpu, pause, usage.ru_maxrss / 1024, size / 1e6, growth)


def sync(path: Path) -> None:
    """Wait until the file is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def touch(megabytes: int) -> None:
    """Take so much memory in another process, in small pages, and give it back."""
    script = f"import mmap; mmap.mmap(-1, {megabytes} << 20, mmap.MAP_PRIVATE).madvise({MADV_POPULATE_WRITE})"
    if megabytes:
        subprocess.run([sys.executable, "-c", script], check=True)


def resident_kb(pid: int) -> int:
    """Return VmRSS."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])


def idle_pause(target: Corpus) -> float:
    """Return the longest gap while nobody dumps: the collector's own, and the machine's."""
    target.pause_ms()
    time.sleep(3)
    return target.pause_ms()


def run(arguments: argparse.Namespace) -> None:
    """Take the rounds and print the table."""
    runtime = next(r for r in reversed(runtimes()) if r.version.startswith(arguments.runtime))
    keys = {"objects": arguments.objects, "megabytes": arguments.megabytes, "mutators": arguments.mutators}
    path = Path(arguments.directory) / "bench.core"
    rows: dict[str, list[Cost]] = {}
    idle = []
    with corpus(runtime, "bulk", **keys) as target:
        todo = commands(runtime, target.pid, path, arguments.buffer)
        chosen = [name for name in todo if name in arguments.only] or list(todo)
        print(f".NET {runtime.version}, {keys}, {resident_kb(target.pid) / 1024:.0f} MB resident, pid {target.pid}")
        for number in range(arguments.rounds + 1):
            idle.append(idle_pause(target))
            for name in chosen:
                time.sleep(SETTLE_SECONDS)
                touch(arguments.touch)
                cost = measure(target, todo[name], path)
                if number:  # the first round warms caches
                    rows.setdefault(name, []).append(cost)
    table(rows, statistics.median(idle))


def table(rows: dict[str, list[Cost]], idle: float) -> None:
    """Print medians, then ratios to createdump round by round."""
    heads = {"wall s": 9, "fsync s": 9, "CPU s": 8, "pause ms": 10, "peak MB": 9, "file MB": 9, "RSS +MB": 9}
    print(f"{'median':<18}" + "".join(f"{head:>{width}}" for head, width in heads.items()))
    for name, costs in rows.items():
        values = [statistics.median(getattr(cost, figure) for cost in costs) for figure in FIGURES]
        wall, durable, cpu, pause, peak, size, growth = values
        print(f"{name:<18}{wall:9.2f}{durable:9.2f}{cpu:8.2f}{pause:10.1f}{peak:9.1f}{size:9.0f}{growth:9.1f}")
    print(f"{'nothing':<18}{'':26}{idle:10.1f}")
    for peer in ("createdump", "gcore"):
        if peer in rows:
            ratios(rows, peer)


def ratios(rows: dict[str, list[Cost]], peer: str) -> None:
    """Print each dumper's figures divided by those of ``peer`` in the same round: medians."""
    print(f"{'/ ' + peer:<18}{'wall':>9}{'fsync':>9}{'CPU':>8}{'pause':>10}{'peak':>9}{'file':>9}")
    for name, costs in rows.items():
        if name == peer:
            continue
        pairs = list(zip(costs, rows[peer], strict=True))
        values = [statistics.median(getattr(a, f) / max(getattr(b, f), 1e-9) for a, b in pairs) for f in FIGURES[:6]]
        wall, durable, cpu, pause, peak, size = values
        print(f"{name:<18}{wall:9.3f}{durable:9.3f}{cpu:8.3f}{pause:10.4f}{peak:9.2f}{size:9.3f}")


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objects", type=int, default=20_000_000)
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--mutators", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--runtime", default="10", help="version, or its beginning")
    parser.add_argument("--touch", type=int, default=0, metavar="MB", help="memory to have at hand before each dump")
    parser.add_argument("--buffer", default="4G")
    parser.add_argument("--directory", default=".", help="where the dumps go")
    parser.add_argument("--only", nargs="*", default=[], help="names of dumpers")
    arguments = parser.parse_args()
    if not shutil.which("gcore"):
        raise SystemExit("gcore is not here: install gdb")
    run(arguments)


if __name__ == "__main__":
    main()
