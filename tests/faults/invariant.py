"""What must hold after every fault: the target runs on as it was, and no file claims to be what it is not."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dotdump import open_core
from dotdump.dump.verify import Verdict, verify_core
from dotdump.errors import DotdumpError
from dotdump.memory.descriptor import DescriptorSpace
from native import thread_field

if TYPE_CHECKING:
    from collections.abc import Callable

    from dotdump.target.model import Target
    from native import Native

SETTLE_SECONDS = 5.0
"""How long the kernel may take to let go of a target whose tracer has just died, on a loaded machine."""

STOPPED = frozenset("tT")
RSS_GROWTH = 0.01
BLOCK = 1 << 20


@dataclass(frozen=True)
class Condition:
    """What is observed of a target: threads by id, who traces it, signals, descriptors, children, resident kB."""

    threads: frozenset[int]
    stopped: frozenset[int]
    tracer: int
    signals: tuple[str, ...]
    descriptors: int
    children: frozenset[int]
    resident: int


def settled(target: Native) -> Condition:
    """Return the condition of a target that has answered before, so that answering again costs it no page."""
    for _ in range(3):
        target.ask()
    return observe(target.pid)


def observe(pid: int) -> Condition:
    """Return the condition of process ``pid`` now."""
    status = dict(
        line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line
    )
    tids = frozenset(int(path.name) for path in Path(f"/proc/{pid}/task").iterdir())
    return Condition(
        threads=tids,
        stopped=frozenset(tid for tid in tids if thread_field(pid, tid, 0) in STOPPED),
        tracer=int(status["TracerPid"]),
        signals=tuple(status[name].strip() for name in ("SigPnd", "ShdPnd", "SigBlk", "SigIgn", "SigCgt")),
        descriptors=len(list(Path(f"/proc/{pid}/fd").iterdir())),
        children=children_of(pid),
        resident=resident_of(pid),
    )


def resident_of(pid: int) -> int:
    """Return the resident kB of ``pid``, counted page by page: VmRSS lags behind by what each CPU holds back."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Rss:"))


def children_of(pid: int) -> frozenset[int]:
    """Return the children of all threads of ``pid``, zombies included."""
    found: set[int] = set()
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            found.update(map(int, (task / "children").read_text().split()))
        except OSError:
            continue
    return frozenset(found)


def in_hand(pid: int) -> bool:
    """Return whether somebody traces process ``pid``, or has made it a child: the midst of a dump."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        return "TracerPid:\t0\n" not in status or bool(children_of(pid))
    except OSError:
        return False


def zombies_among(pids: frozenset[int]) -> frozenset[int]:
    """Return those of ``pids`` that have ended and wait to be reaped."""
    found = set()
    for pid in pids:
        with suppress(FileNotFoundError, ProcessLookupError):
            if thread_field(pid, pid, 0) == "Z":
                found.add(pid)
    return frozenset(found)


def assert_unharmed(target: Native, before: Condition) -> frozenset[int]:
    """Fail unless the target is as it was and answers; returns zombies that a killed snapshot left in it."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        now = observe(target.pid)
        left = now.children - before.children
        free = now.stopped == before.stopped and now.tracer == before.tracer and now.signals == before.signals
        if (free and zombies_among(left) == left) or time.monotonic() > deadline:
            break
        time.sleep(0.001)
    assert now.stopped == before.stopped, f"threads {sorted(now.stopped)} of {target.pid} are left stopped"
    assert now.tracer == before.tracer, f"{target.pid} is left traced by {now.tracer}"
    assert zombies_among(left) == left, f"processes {sorted(left - zombies_among(left))} are left behind"
    assert now.threads == before.threads, f"threads changed: {sorted(now.threads ^ before.threads)}"
    assert now.signals == before.signals, f"signals changed: {before.signals} {now.signals}"
    assert now.descriptors == before.descriptors, f"descriptors: {before.descriptors} before, {now.descriptors} after"
    growth = now.resident - before.resident
    assert growth <= max(before.resident * RSS_GROWTH, 64), f"the target grew by {growth} kB"
    assert int(target.ask(seconds=SETTLE_SECONDS)) > 0
    return left


def settle_output(directory: Path, name: str, code: int, inspect: Callable[[Target, str], None] | None = None) -> str:
    """Fail unless ``directory`` holds a verified core, an honest partial one, or nothing; empties it.

    Returns ``complete``, ``partial`` or ``nothing``. Exit code 0 without a complete file is a lie. ``inspect`` looks at
    what is in a core, and is told which of these it is.
    """
    found = sorted(path.name for path in directory.iterdir())
    try:
        assert set(found) <= {name, f"{name}.partial"}, f"left behind: {found}"
        if name in found:
            assert_complete(directory / name)
            if inspect is not None:
                with open_core(str(directory / name)) as target:
                    inspect(target, "complete")
            return "complete"
        assert code != 0, "exit code 0 and no core"
        if f"{name}.partial" in found:
            assert_usable(directory / f"{name}.partial", inspect)
            return "partial"
        return "nothing"
    finally:
        for path in directory.iterdir():
            path.unlink()


def assert_complete(path: Path) -> None:
    """Fail unless the core at ``path`` verifies and is private."""
    assert path.stat().st_mode & 0o777 == 0o600, f"mode {path.stat().st_mode:o}"
    with path.open("rb") as file:
        findings = verify_core(DescriptorSpace(file.fileno()), path.stat().st_size)
    problems = [finding for finding in findings if finding.verdict is Verdict.PROBLEM]
    assert not problems, f"under its final name, but {problems}"


def assert_usable(path: Path, inspect: Callable[[Target, str], None] | None = None) -> None:
    """Fail unless what is in a partial core can be read: every range it says is there."""
    if path.stat().st_size == 0:
        return
    try:
        with open_core(str(path)) as target:
            for part in target.memory.ranges():
                for start in range(part.start, part.end, BLOCK):
                    size = min(BLOCK, part.end - start)
                    assert len(target.memory.read_available(start, size)) == size, f"{part} cannot be read"
            if inspect is not None:
                inspect(target, "partial")
    except DotdumpError as error:
        assert path.stat().st_size < 1 << 16, f"a partial core of {path.stat().st_size} bytes: {error}"  # noqa: PT017 - a core may be left, and must be small
