"""renameat2(2): give a file its name without ever taking another's.

``os.rename`` replaces what bears the new name; ``rename_exclusively`` never does. Source: renameat2(2).
"""

from __future__ import annotations

import errno
import os

from dotdump.linux.errors import call_error

RENAME_NOREPLACE = 1
"""linux/fs.h: fail with EEXIST where the new name is taken."""

_UNSUPPORTED = frozenset({errno.ENOSYS, errno.EINVAL, errno.EPERM})
"""An old kernel or a seccomp filter; a file system without the flag; the filter of an older container runtime."""


def rename_exclusively(directory: int, old: str, new: str) -> None:
    """Rename ``old`` to ``new`` within an open directory; raises ``FileExistsError`` where ``new`` exists.

    Where renameat2 or its flag is not there, a hard link does the same in two steps: link(2) never replaces either.
    """
    try:
        _renameat2(directory, old, new, RENAME_NOREPLACE)
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
        os.link(old, new, src_dir_fd=directory, dst_dir_fd=directory, follow_symlinks=False)
        os.unlink(old, dir_fd=directory)


def _renameat2(directory: int, old: str, new: str, flags: int) -> None:
    import ctypes

    function = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if function is None:
        raise OSError(errno.ENOSYS, "the C library has no renameat2")
    if function(directory, os.fsencode(old), directory, os.fsencode(new), ctypes.c_uint(flags)) != 0:
        error = call_error()
        error.filename, error.filename2 = old, new
        raise error
