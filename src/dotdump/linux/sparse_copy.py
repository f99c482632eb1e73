"""Copy a file with its holes: only what holds data is read and written.

Source of truth: lseek(2), SEEK_DATA and SEEK_HOLE; copy_file_range(2).
"""

from __future__ import annotations

import errno
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHUNK = 8 << 20
_NO_RANGE = frozenset({errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM})
"""Two file systems, an old kernel, a seccomp filter: then bytes go through us."""


def copy_sparse(source: int, destination: int, tell: Callable[[int], None]) -> int:
    """Copy the regular file ``source`` to the empty file ``destination``; return its size.

    ``tell`` is given the position after every few megabytes. Raises ``OSError``.
    """
    size = os.fstat(source).st_size
    for start, end in _data_ranges(source, size):
        position = start
        while position < end:
            copied = _copy_range(source, destination, position, min(CHUNK, end - position))
            if copied == 0:
                return position  # the source became shorter meanwhile
            position += copied
            tell(position)
    os.ftruncate(destination, size)
    return size


def _data_ranges(source: int, size: int) -> Iterator[tuple[int, int]]:
    position = 0
    while position < size:
        try:
            start = os.lseek(source, position, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # nothing but a hole up to the end
                return
            raise
        position = os.lseek(source, start, os.SEEK_HOLE)
        yield start, position


def _copy_range(source: int, destination: int, position: int, size: int) -> int:
    try:
        return os.copy_file_range(source, destination, size, position, position)
    except OSError as error:
        if error.errno not in _NO_RANGE:
            raise
    data = memoryview(os.pread(source, min(size, 1 << 20), position))
    done = 0
    while done < len(data):
        done += os.pwrite(destination, data[done:], position + done)
    return done
