"""Whether a socket is the target's own: by its file's owner, and by the process that the kernel saw listen.

Decides about files and connections that are already held, never about names, which may be swapped.
Source of truth: unix(7), ``SO_PEERCRED``; pid_namespaces(7).
"""

from __future__ import annotations

import os
import stat

from dotdump.errors import ServerSpoofed
from dotdump.linux.proc import ROOT, Proc
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dotdump.ipc.transport import Channel


@record
class Owner:
    """The process that a socket should belong to.

    ``namespace_pids`` are its pids from the procfs's namespace inwards, the last being what it calls itself; ``uids``
    its real, effective, saved and file-system user; ``start_time`` in clock ticks since boot.
    """

    pid: int
    namespace_pids: tuple[int, ...]
    uids: tuple[int, ...]
    start_time: int

    @property
    def own_pid(self) -> int:
        """Its pid as it sees it, which is the one in its socket's name."""
        return self.namespace_pids[-1]

    @property
    def trusted_users(self) -> tuple[int, ...]:
        """Its users, and root: a target may have given up being root after its runtime had started."""
        return (*self.uids, 0)


def read_owner(pid: int, root: str = ROOT) -> Owner:
    """Read who ``pid`` is; raises ``ProcessGone`` or ``AccessDenied``."""
    proc = Proc(pid, root)
    status = proc.status()
    return Owner(pid, status.namespace_pids or (pid,), status.uids, proc.stat().start_time)


def require_owned(descriptor: int, path: str, owner: Owner) -> None:
    """Check the file that ``descriptor`` holds; raises ``ServerSpoofed`` where it is not a socket of ``owner``."""
    facts = os.fstat(descriptor)
    if not stat.S_ISSOCK(facts.st_mode):
        raise ServerSpoofed(f"{path} is not a socket, so process {owner.pid} did not make it: not used")
    if facts.st_uid not in owner.trusted_users:
        raise ServerSpoofed(
            f"{path} belongs to user {facts.st_uid}, but process {owner.pid} to user {owner.uids[0]}: not used"
        )


def require_listener(channel: Channel, path: str, owner: Owner, root: str = ROOT) -> str:
    """Check who listens at the other end; return what cannot be checked here, or ``""``; raises ``ServerSpoofed``.

    Where procfs counts pids of another namespace than our system calls do (a host's /proc in a container) the pids
    cannot be compared: then any of the target's own will do, and a listener outside our namespace, which the kernel
    calls 0, is known by its user alone.
    """
    peer = channel.peer()
    if peer.uid not in owner.trusted_users:
        raise ServerSpoofed(f"{path}: user {peer.uid} listens on it, not process {owner.pid}: not used")
    if procfs_is_ours(root):
        if peer.pid != owner.pid:
            raise ServerSpoofed(f"{path}: process {peer.pid} listens on it, not process {owner.pid}: not used")
        return ""
    if peer.pid and peer.pid not in owner.namespace_pids:
        raise ServerSpoofed(
            f"{path}: process {peer.pid} listens on it, which is process {owner.pid} in no namespace: not used"
        )
    return f"{root} counts the pids of another namespace than ours, so the listener was checked by its user only"


def procfs_is_ours(root: str = ROOT) -> bool:
    """Return whether procfs counts pids as our system calls do."""
    try:
        return int(os.readlink(f"{root}/self")) == os.getpid()
    except (OSError, ValueError):
        return False


def sees_our_files(pid: int, root: str = ROOT) -> bool:
    """Return whether paths mean the same to ``pid`` as to us; False where its namespace may not be looked at."""
    try:
        same_mounts = os.stat(f"{root}/{pid}/ns/mnt").st_ino == os.stat(f"{root}/self/ns/mnt").st_ino
        return same_mounts and os.readlink(f"{root}/{pid}/root") == os.readlink(f"{root}/self/root")
    except OSError:
        return False
