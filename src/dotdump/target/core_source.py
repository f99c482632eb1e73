"""``file_space``: a file as an ``AddressSpace``, mapped where its holes may be read through a mapping.

A hole of a file in tmpfs gets a page of its own where a mapping of it is read, as the write of one would: looking at a
core makes it larger, and where no page is left the kernel ends us with SIGBUS. An overlay over tmpfs, as live systems
have it, maps the file below. Source of truth: tmpfs(5), ``shmem_fault`` in mm/shmem.c, ``ovl_mmap`` in fs/overlayfs.
"""

from __future__ import annotations

import os
import stat

from dotdump.errors import DotdumpError
from dotdump.linux.proc import Proc
from dotdump.memory.file import FileSpace, UnmappedFile

_UNIT = 512
"""Bytes of a block of ``st_blocks``."""


def file_space(path: str | os.PathLike[str] | int, name: str = "") -> FileSpace | UnmappedFile:
    """Return the file at a path, or of a descriptor that stays the caller's; raises as ``FileSpace`` does."""
    if isinstance(path, int):
        kind = UnmappedFile if _grows_as_it_is_read(path) else FileSpace
        return kind(path, name or f"descriptor {path}")
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        return file_space(descriptor, name or os.fspath(path))
    finally:
        os.close(descriptor)


def _grows_as_it_is_read(descriptor: int) -> bool:
    status = os.fstat(descriptor)
    has_holes = stat.S_ISREG(status.st_mode) and status.st_blocks * _UNIT < status.st_size
    device = os.major(status.st_dev), os.minor(status.st_dev)
    if not has_holes or device[0]:
        return False
    try:
        mounts = Proc(os.getpid()).mounts()
    except DotdumpError:
        return False
    kinds = {mount.file_system for mount in mounts if mount.device == device}
    if kinds <= {"overlay"}:  # also none: an overlay of several file systems gives files numbers of no mount
        from dotdump.linux.extents import has_extents

        return not has_extents(descriptor)
    return "tmpfs" in kinds
