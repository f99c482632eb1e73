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

CAPABILITY_HINT = (
    "it has rights that dotdump lacks: give dotdump CAP_SYS_PTRACE (docker run --cap-add SYS_PTRACE), or run it as the "
    "user of that process; 'dotdump doctor -p PID' shows what stands in the way"
)
FILTER_HINT = "allow ptrace in the profile (docker run --security-opt seccomp=PROFILE, or --cap-add SYS_PTRACE)"
FILES_HINT = "raise the limit on open files: ulimit -n 4096"
MOUNT_HINT = "mount -t proc proc /proc, in a mount namespace of its own"


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
        return _not_found(pid, doing)
    reason = os.strerror(error.errno) if error.errno else str(error)
    if is_out_of_files(error):
        return CollectError(f"cannot {doing}: dotdump may open no more files ({reason})", hint=FILES_HINT)
    if error.errno in (EACCES, EPERM):
        who = f"process {pid}{_owner(pid)} by user {os.geteuid()}"
        hint = CAPABILITY_HINT if os.geteuid() in (0, _owner_of(pid)) else SAME_USER_HINT
        return AccessDenied(f"cannot {doing}: not allowed for {who} ({reason})", hint=hint)
    return CollectError(f"cannot {doing}: process {pid}: {reason}")


def is_out_of_files(error: OSError) -> bool:
    """Whether the error says that we, or all here, may open no more files: nothing about the file asked for."""
    return error.errno in (EMFILE, ENFILE)


def is_gone(error: OSError) -> bool:
    """Whether the error says that the process, or the file asked for, is not there."""
    return isinstance(error, FileNotFoundError) or error.errno == ESRCH


def _not_found(pid: int, doing: str) -> CollectError:
    """Return the error about a process that /proc does not show, or shows and the kernel does not know."""
    if os.path.exists(f"/proc/{pid}"):
        if not _numbers_are_ours():
            said = f"cannot {doing}: /proc is that of another PID namespace, so {pid} is no process of ours"
            return CollectError(said, hint=MOUNT_HINT)
    elif _is_there(pid):
        said = f"cannot {doing}: process {pid} is there, but not in /proc, which is not mounted here or hides it"
        return AccessDenied(said, hint=f"{MOUNT_HINT}; where it has hidepid, run dotdump as that process's user")
    return ProcessGone(f"cannot {doing}: process {pid} does not exist (any more)")


def require_proc() -> None:
    """Raise ``CollectError`` where /proc, of which processes are told, is not there or tells of others than ours."""
    if not os.path.lexists("/proc/self"):
        raise CollectError("cannot look for processes: /proc is not mounted here", hint=MOUNT_HINT)
    if not _numbers_are_ours():
        said = "cannot look for processes: /proc is that of another PID namespace, so its numbers are none of ours"
        raise CollectError(said, hint=MOUNT_HINT)


def _numbers_are_ours() -> bool:
    try:
        return os.readlink("/proc/self") == str(os.getpid())
    except OSError:
        return False


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return pid > 0


def _owner(pid: int) -> str:
    owner = _owner_of(pid)
    return "" if owner is None else f" of user {owner}"


def _owner_of(pid: int) -> int | None:
    try:
        return os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return None
