"""System calls that failed: as an ``OSError``, and what one about another process means, as one of our errors.

The kernel says ENOENT or ESRCH where a process has ended, EACCES or EPERM where it is not ours to look at: proc(5),
ptrace(2), "Ptrace access mode checking".
"""

from __future__ import annotations

import os
from errno import EACCES, EMFILE, ENFILE, EPERM, ESRCH

from dotdump.errors import AccessDenied, CollectError, ProcessGone

SAME_USER_HINT = (
    "run dotdump as the user of that process, or as root; 'dotdump doctor -p PID' shows what stands in the way"
)


def call_error(doing: str = "") -> OSError:
    """Return the error of the call by ctypes that has just failed; ``doing`` says what it was for."""
    import ctypes

    return system_error(ctypes.get_errno(), doing)


def system_error(number: int, doing: str = "") -> OSError:
    """Return the error of that number, as the kernel gave it for ``doing`` something."""
    reason = os.strerror(number)
    return OSError(number, f"{doing}: {reason}" if doing else reason)


def explain(error: OSError, pid: int, doing: str) -> CollectError:
    """Return the error to raise (``from error``) where ``doing`` something to process ``pid`` failed.

    ``doing`` continues "cannot …", for example ``"read its memory map"``.
    """
    if is_gone(error):
        return ProcessGone(f"cannot {doing}: process {pid} does not exist (any more)")
    reason = os.strerror(error.errno) if error.errno else str(error)
    if error.errno in (EMFILE, ENFILE):
        said = f"cannot {doing}: dotdump may open no more files ({reason})"
        return CollectError(said, hint="raise the limit on open files: ulimit -n 4096")
    if error.errno in (EACCES, EPERM):
        who = f"process {pid}{_owner(pid)} by user {os.geteuid()}"
        return AccessDenied(f"cannot {doing}: not allowed for {who} ({reason})", hint=SAME_USER_HINT)
    return CollectError(f"cannot {doing}: process {pid}: {reason}")


def is_gone(error: OSError) -> bool:
    """Whether the error says that the process, or the file asked for, is not there."""
    return isinstance(error, FileNotFoundError) or error.errno == ESRCH


def _owner(pid: int) -> str:
    try:
        return f" of user {os.stat(f'/proc/{pid}').st_uid}"
    except OSError:
        return ""
