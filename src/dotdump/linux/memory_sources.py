"""``VmReader`` and ``MemFile``: the two ways to read the memory of another process.

``VmReader`` is process_vm_readv(2), the fastest way into another process; it pins pages, and so unshares those that a
forked snapshot shares copy-on-write. ``MemFile`` is /proc/PID/mem, which does not: a snapshot is read by it alone.
Neither writes, and neither knows which pages hold data. Source of truth: process_vm_readv(2), proc(5).
"""

from __future__ import annotations

import ctypes
import errno
import os
from threading import Lock

from dotdump.linux.errors import call_error, explain
from dotdump.linux.iovec import IoVector
from dotdump.linux.position import read_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol
else:
    Protocol = object


class Source(Protocol):
    """One way to read another process."""

    def read_into(self, address: int, buffer: memoryview) -> int:
        """Fill the front of ``buffer`` and return how much; ``OSError`` EFAULT or EIO where nothing is there."""

    def close(self) -> None:
        """Give up its descriptors."""


class MemFile:
    """/proc/PID/mem. It ignores protections, so callers must not ask for what the target itself may not read.

    That of a process that has ended is ESRCH, as process_vm_readv has it.
    """

    def __init__(self, pid: int) -> None:
        self._descriptor = os.open(f"/proc/{pid}/mem", os.O_RDONLY | os.O_CLOEXEC)

    def read_into(self, address: int, buffer: memoryview) -> int:
        count = read_at(self._descriptor, buffer, address)
        if not count and len(buffer):  # so the kernel says that there is no memory any more
            raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH))
        return count

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class VmReader:
    """process_vm_readv(2), and for good /proc/PID/mem where a sandbox does not let it pass (EPERM, ENOSYS).

    Any thread may read.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._file: MemFile | None = None
        self._opening = Lock()

    def read_into(self, address: int, buffer: memoryview) -> int:
        if self._file is not None:
            return self._file.read_into(address, buffer)
        try:
            return _process_vm_readv(self._pid, address, buffer)
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.ENOSYS):
                raise
        return self._mem_file().read_into(address, buffer)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _mem_file(self) -> MemFile:
        with self._opening:
            if self._file is None:
                try:
                    self._file = MemFile(self._pid)
                except PermissionError as error:
                    raise explain(error, self._pid, "read its memory") from error
            return self._file


_libc_readv = ctypes.CDLL(None, use_errno=True).process_vm_readv
_libc_readv.restype = ctypes.c_ssize_t
_libc_readv.argtypes = (
    *(ctypes.c_int, ctypes.c_void_p, ctypes.c_ulong),
    *(ctypes.c_void_p, ctypes.c_ulong, ctypes.c_ulong),
)


def _process_vm_readv(pid: int, address: int, buffer: memoryview) -> int:
    size = len(buffer)
    local = IoVector(ctypes.addressof(ctypes.c_char.from_buffer(buffer)), size)
    remote = IoVector(address, size)
    count: int = _libc_readv(pid, ctypes.addressof(local), 1, ctypes.addressof(remote), 1, 0)
    if count < 0:
        raise call_error(f"process_vm_readv of process {pid}")
    return count
