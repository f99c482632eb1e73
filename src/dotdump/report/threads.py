"""Threads as a table, and their registers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.report.stacks import WORTH_SAYING, exception_text
from dotdump.report.table import fitted, render_table

if TYPE_CHECKING:
    from dotdump.analysis.threads import ManagedThread, ThreadList, ThreadRow


def render_threads(threads: ThreadList, *, registers: bool = False, width: int | None = None) -> str:
    """Return a table of the threads, and with ``registers`` a block of them for each."""
    managed = any(row.managed is not None for row in threads.threads)
    header = ("TID", "ID", "SIGNAL", "NAME", "STATE", "IP", "FUNCTION") if managed else _NATIVE_HEADER
    cells = _managed_cells if managed else _native_cells
    rows = [cells(row) for row in threads.threads]
    table = render_table(header, rows, right=frozenset((0, 1) if managed else (0,)), width=width)
    exceptions = [
        fitted(f"thread {row.tid}: {exception_text(row.managed.exception)}", width)
        for row in threads.threads
        if row.managed is not None and row.managed.exception is not None
    ]
    blocks = [table, *exceptions] if not registers else [table, *exceptions, *map(_register_block, threads.threads)]
    return "\n\n".join(blocks)


_NATIVE_HEADER = ("TID", "SIGNAL", "IP", "SP", "NAME", "FUNCTION")


def _native_cells(row: ThreadRow) -> tuple[object, ...]:
    return (row.tid, row.signal or "", row.instruction_pointer, row.stack_pointer, row.name, row.function)


def _managed_cells(row: ThreadRow) -> tuple[object, ...]:
    found = row.managed
    number = found.managed_id if found is not None and found.managed_id is not None else ""
    state = _state(found) if found is not None else "native"
    ip = row.instruction_pointer if row.registers else ""
    return (row.tid or "", number, row.signal or "", row.name, state, ip, row.function)


def _state(thread: ManagedThread) -> str:
    words = [word for word in thread.state if word in WORTH_SAYING]
    modes = ["cooperative"] if thread.gc_mode == "cooperative" else []
    return ", ".join([*thread.roles, *words, *modes])


def _register_block(row: ThreadRow) -> str:
    pairs = [f"{name:>8} {value:<18}" for name, value in row.registers.items()]
    lines = ("  ".join(pairs[at : at + 4]).rstrip() for at in range(0, len(pairs), 4))
    return "\n".join([f"thread {row.tid}", *lines])
