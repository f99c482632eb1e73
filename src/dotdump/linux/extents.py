"""Whether a file system keeps files in extents on a disk, asked of an open file.

Source of truth: the kernel's Documentation/filesystems/fiemap.rst. overlayfs asks the file system that really has the
file; tmpfs, whose files are pages, knows no such request.
"""

from __future__ import annotations

import errno
from fcntl import ioctl
from struct import Struct

_FS_IOC_FIEMAP = 0xC020660B
_FIEMAP = Struct("<QQIIII")
"""Start, length, flags, extents found, room for extents, reserved. Without room they are counted."""
_PAGE = 4096


def has_extents(descriptor: int) -> bool:
    """Return whether an open file is kept in extents; True where the file system does not say."""
    try:
        ioctl(descriptor, _FS_IOC_FIEMAP, _FIEMAP.pack(0, _PAGE, 0, 0, 0, 0))
    except OSError as error:
        return error.errno not in (errno.EOPNOTSUPP, errno.ENOTTY)
    return True
