"""Memory whose absent pages a program supplies itself, as they are touched: who reads one waits for its answer.

While the program stands still there is none, and no signal but SIGKILL ends the wait. Source of truth: userfaultfd(2),
``handle_userfault`` in fs/userfaultfd.c.
"""

from __future__ import annotations

import os

from dotdump.linux.proc import Proc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dotdump.memory.space import MemoryRange

_LINK = "anon_inode:[userfaultfd]"


def answers_faults(pid: int) -> bool:
    """Return whether a descriptor of the process is a userfaultfd. Another process that has it goes on answering."""
    directory = f"/proc/{pid}/fd"
    try:
        found = any(_is_userfaultfd(f"{directory}/{name}") for name in os.listdir(directory))
    except OSError:
        return False
    if found:
        import dotdump.linux.smaps  # noqa: F401 - ``awaited`` is asked while the process stands still
    return found


def awaited(pid: int) -> tuple[MemoryRange, ...]:
    """Return the memory of a process whose absent pages may be supplied as they are touched, by address. Slow."""
    return Proc(pid).memory_use().awaited


def _is_userfaultfd(path: str) -> bool:
    try:
        return os.readlink(path) == _LINK
    except OSError:
        return False  # closed meanwhile
