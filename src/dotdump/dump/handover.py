"""How a file that the target writes becomes ours: what path it is told, and how what it wrote comes to the output.

The runtime opens the path itself, in its own mount namespace, as its own user, follows links and truncates what is
there. So it is never told a name in a directory that others can change:

* ``Descriptor``: where it may look into our /proc/PID/fd it is told that of the output file itself, which has no
  name yet: nothing to swap, nothing to copy, nothing left behind.
* ``PrivateDirectory``: else a new directory that only it and we can enter, in its own file system, reached through
  /proc/PID/root; what it writes there is fetched and removed.

Source of truth: proc(5); ptrace(2), "Ptrace access mode checking"; openat(2).
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress

from dotdump.dump.space import free_bytes, megabytes
from dotdump.errors import AccessDenied, Incomplete, OutputRefused, ProcessGone
from dotdump.linux.errors import explain
from dotdump.linux.sparse_copy import copy_sparse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Protocol

    from dotdump.dump.output import OutputFile
    from dotdump.dump.subject import Subject
    from dotdump.linux.status import Status
else:
    Protocol = object

CORE = "core"
CRASH_REPORT = "core.crashreport.json"
"""createdump appends the suffix to the name of the dump."""

_CANDIDATES = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 - looked at closely before they are used
"""After the target's own TMPDIR; shared memory last, as its pages count as the target's."""


class Handover(Protocol):
    """A place for the runtime to write to. ``path`` is absolute, as the target sees it, with ``%`` doubled."""

    path: str

    def size(self) -> int:
        """Return the bytes that are there so far."""

    def receive(self, tell: Callable[[int], None]) -> None:
        """Bring what was written into the output file; ``tell`` is given the bytes done."""

    def close(self) -> None:
        """Remove what is left of it. A second call does nothing."""


class Descriptor:
    """The output file itself, through /proc/PID/fd of ours."""

    def __init__(self, output: OutputFile) -> None:
        self._output = output
        self.path = f"/proc/{os.getpid()}/fd/{output.descriptor}"

    def size(self) -> int:
        return self._output.size

    def receive(self, tell: Callable[[int], None]) -> None:
        tell(self._output.size)

    def close(self) -> None:
        """Leave the output file to its owner."""


class PrivateDirectory:
    """A directory that only the target and we can enter, held open. ``parent`` is an open directory; it is closed."""

    def __init__(self, parent: int, path: str, owner: tuple[int, int], output: OutputFile) -> None:
        self._parent = parent
        self._owner = owner
        self._output = output
        self._name = f".dotdump-{os.urandom(8).hex()}"
        self.path = f"{path.rstrip('/')}/{self._name}/{CORE}".replace("%", "%%")
        self._directory = _make_directory(parent, self._name, owner)

    def size(self) -> int:
        try:
            return os.stat(CORE, dir_fd=self._directory, follow_symlinks=False).st_size
        except OSError:
            return 0

    def receive(self, tell: Callable[[int], None]) -> None:
        with suppress(FileNotFoundError):  # nothing was written: the output stays empty, which verification will say
            source = self._open(CORE)
            try:
                copy_sparse(source, self._output.descriptor, tell)
            finally:
                os.close(source)

    def read_crash_report(self, limit: int = 256 << 20) -> bytes | None:
        """Return the report that createdump wrote beside the dump, or None."""
        try:
            source = self._open(CRASH_REPORT)
        except FileNotFoundError:
            return None
        try:
            with open(source, "rb", closefd=False) as file:
                return file.read(limit)
        finally:
            os.close(source)

    def close(self) -> None:
        if self._directory < 0:
            return
        for name in (CORE, CRASH_REPORT):
            with suppress(OSError):
                os.unlink(name, dir_fd=self._directory)
        with suppress(OSError):
            os.rmdir(self._name, dir_fd=self._parent)
        os.close(self._directory)
        os.close(self._parent)
        self._directory = self._parent = -1

    def _open(self, name: str) -> int:
        """Open what the target wrote: a regular file of its own with one name, or nothing is read."""
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            descriptor = os.open(name, flags, dir_fd=self._directory)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise Incomplete(f"cannot fetch what the runtime wrote to {self.path}: {error.strerror}") from error
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1 or found.st_uid not in (self._owner[0], 0):
            os.close(descriptor)
            raise Incomplete(f"{self.path} is not a file that the runtime wrote: not fetched")
        return descriptor


def choose_handover(subject: Subject, output: OutputFile, expected: int | None, *, crash_report: bool) -> Handover:
    """Return the place that suits; raises ``AccessDenied`` or ``OutputRefused`` where there is none."""
    if may_look_into_us(subject, output.descriptor):
        if not crash_report:
            return Descriptor(output)
        return beside_output(output)
    return in_target(subject, output, expected)


def beside_output(output: OutputFile) -> PrivateDirectory:
    """Return a directory beside the output file, named to the target by our descriptor of the output's directory."""
    parent = os.dup(output.directory)
    owner = (os.geteuid(), os.getegid())
    try:
        return PrivateDirectory(parent, f"/proc/{os.getpid()}/fd/{output.directory}", owner, output)
    except BaseException:
        os.close(parent)
        raise


def in_target(subject: Subject, output: OutputFile, expected: int | None) -> PrivateDirectory:
    """Return a directory in the target's own file system, where only it can write and where there is room."""
    status, refusals = subject.status, []
    _require_root(subject.pid)
    for path in _candidate_paths(subject):
        try:
            parent = open_trusted_directory(subject.pid, path, status)
        except (OSError, OutputRefused) as error:
            refusals.append(f"{path} ({getattr(error, 'strerror', None) or error})")
            continue
        try:
            _require_room(parent, expected)
            return PrivateDirectory(parent, path, (status.uids[3], status.gids[3]), output)
        except (OSError, OutputRefused) as error:
            os.close(parent)
            refusals.append(f"{path} ({getattr(error, 'strerror', None) or error})")
    raise OutputRefused(
        f"process {subject.pid} has no place where its runtime could safely write the dump: {', '.join(refusals)}",
        hint="set TMPDIR for the target to a directory of its own with enough room, or use --method ptrace",
    )


def may_look_into_us(subject: Subject, descriptor: int) -> bool:
    """Return whether the target can open our /proc/PID/fd: same ids, no fewer rights, same namespaces, same /proc."""
    mine, theirs = _own_status(), subject.status
    if set(mine.uids) != {theirs.uids[3]} or set(theirs.uids) != set(mine.uids):
        return False
    if set(mine.gids[:3]) != {theirs.gids[3]} or (mine.capabilities_permitted or 0) & ~(
        theirs.capabilities_effective or 0
    ):
        return False
    try:
        if any(subject.proc.namespace(kind) != _own_namespace(kind) for kind in ("pid", "user")):
            return False
        its_root = f"/proc/{subject.pid}/root"
        seen = os.stat(f"{its_root}/proc/{os.getpid()}/fd/{descriptor}")
    except (OSError, AccessDenied, ProcessGone):
        return False
    held = os.fstat(descriptor)
    return (seen.st_dev, seen.st_ino) == (held.st_dev, held.st_ino)


def open_trusted_directory(pid: int, path: str, status: Status) -> int:
    """Return a descriptor of a directory in the target's root, walked without following any link.

    Every step must belong to root or the target's user and let nobody else rename in it. Raises ``OSError``,
    ``OutputRefused``.
    """
    flags = os.O_DIRECTORY | os.O_CLOEXEC
    current = os.open(f"/proc/{pid}/root", flags | os.O_PATH)
    try:
        _require_trusted(current, status)
        for step in path.split("/"):
            if step in ("", "."):
                continue
            following = os.open(step, flags | os.O_NOFOLLOW | os.O_PATH, dir_fd=current)
            os.close(current)
            current = following
            _require_trusted(current, status)
        return os.open(".", flags | os.O_RDONLY, dir_fd=current)
    finally:
        os.close(current)


def _require_root(pid: int) -> None:
    """Raise ``AccessDenied`` where its files are out of reach: /proc/PID/root is for who may trace it."""
    try:
        os.stat(f"/proc/{pid}/root/")
    except PermissionError as error:
        raise explain(error, pid, "reach the directory in which its runtime would write the dump") from error


def _require_trusted(descriptor: int, status: Status) -> None:
    found = os.fstat(descriptor)
    if found.st_uid not in (0, os.geteuid(), *status.uids):
        raise OutputRefused(f"a part of it belongs to user {found.st_uid}")
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not found.st_mode & stat.S_ISVTX:
        raise OutputRefused("others may rename files in a part of it")


def _require_room(directory: int, expected: int | None) -> None:
    free = free_bytes(os.fstatvfs(directory))
    if expected is not None and free is not None and free < expected:
        raise OutputRefused(f"{megabytes(free)} free, {megabytes(expected)} needed")


def _candidate_paths(subject: Subject) -> Iterator[str]:
    with suppress(AccessDenied, ProcessGone):
        chosen = subject.proc.environment().get("TMPDIR", "")
        if chosen.startswith("/") and ".." not in chosen.split("/") and chosen.rstrip("/") not in _CANDIDATES:
            yield chosen
    yield from _CANDIDATES


def _make_directory(parent: int, name: str, owner: tuple[int, int]) -> int:
    """Make a directory for ``owner`` (uid, gid) alone, and return a descriptor of it."""
    os.mkdir(name, 0o700, dir_fd=parent)
    descriptor = -1
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
        _give_to(descriptor, owner)
    except BaseException:
        if descriptor >= 0:
            os.close(descriptor)
        with suppress(OSError):
            os.rmdir(name, dir_fd=parent)
        raise
    return descriptor


def _give_to(directory: int, owner: tuple[int, int]) -> None:
    """Make a directory that was just made here private to ``owner``."""
    made = os.fstat(directory)
    if made.st_uid != os.geteuid() or os.listdir(directory):
        raise OutputRefused("somebody swapped a directory as it was made")
    os.fchmod(directory, 0o700)
    if owner != (made.st_uid, made.st_gid):
        os.fchown(directory, *owner)


def _own_status() -> Status:
    from dotdump.linux.proc import Proc

    return Proc(os.getpid()).status()


def _own_namespace(kind: str) -> int:
    return os.stat(f"/proc/self/ns/{kind}").st_ino
