"""Stacks side by side: threads that stand in the same place are one group, with what they wait for in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.analysis.lock_owners import ThreadRef, thread_ref
from dotdump.analysis.locks import LOCK_KINDS, lock_report, waits_of
from dotdump.analysis.wait_rules import WaitKind
from dotdump.records import record

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from dotdump.analysis.locks import WaitRow
    from dotdump.analysis.waits import ThreadWait
    from dotdump.clr.contracts.progress import Progress
    from dotdump.clr.model.runtime import ClrRuntime
    from dotdump.target.model import Problem


@record
class StackGroup:
    """Threads with the same methods on their stacks, the newest first, that wait for the same.

    ``waits`` says for what in words, with the lock and who has it; empty where nothing says so. ``frames`` are managed
    ones only, at most 64 of each thread, and those are what is compared; ``more`` are behind them. ``is_idle``: threads
    of the library that have nothing to do.
    """

    count: int
    threads: tuple[ThreadRef, ...]
    waits: str
    is_idle: bool
    frames: tuple[str, ...]
    more: bool = False


@record
class StackGroups:
    """The groups, the largest first; ``hidden`` threads are idle or have no managed frames, and are left out."""

    runtime: str
    groups: tuple[StackGroup, ...]
    hidden: int
    problems: tuple[Problem, ...]


def stack_groups(
    runtime: ClrRuntime, threads: Collection[int] = (), *, everything: bool = False, progress: Progress | None = None
) -> StackGroups:
    """Return the threads of a runtime by where they stand; with ``everything`` idle ones and those without frames.

    With ``threads`` all those that have one of these ids, and no others. Raises ``UnsupportedRuntime`` for NativeAOT.
    """
    known = waits_of(runtime)
    report = lock_report(runtime, progress, known)
    rows = {row.thread: row for row in report.waits}
    groups: dict[tuple[tuple[str, ...], str], list[ThreadWait]] = {}
    hidden = 0
    for wait in known.threads:
        if threads and not {wait.thread.os_id, wait.thread.managed_id}.intersection(threads):
            continue
        if not (everything or threads) and (wait.kind is WaitKind.IDLE or not wait.methods):
            hidden += 1
            continue
        groups.setdefault((wait.methods, _words(wait, rows.get(thread_ref(wait.thread)))), []).append(wait)
    found = [_group(waits, text) for (_, text), waits in groups.items()]
    found.sort(key=lambda group: -group.count)
    return StackGroups(report.runtime, tuple(found), hidden, report.problems)


def _group(waits: Sequence[ThreadWait], words: str) -> StackGroup:
    first = waits[0]
    return StackGroup(
        count=len(waits),
        threads=tuple(thread_ref(wait.thread) for wait in waits),
        waits=words,
        is_idle=first.kind is WaitKind.IDLE,
        frames=first.methods,
        more=any(wait.more for wait in waits),
    )


def _words(wait: ThreadWait, row: WaitRow | None) -> str:
    if row is None or wait.kind not in LOCK_KINDS or row.lock is None:
        return wait.words
    owners = ", ".join(f"{owner.os_id} {owner.name}".rstrip() for owner in row.owners)
    return f"{wait.words}: {row.lock_type} {row.lock}{f', held by {owners}' if owners else ''}"
