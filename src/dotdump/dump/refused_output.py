"""Why an output file could not be made or named, and what to do about it."""

from __future__ import annotations

import errno
import os

from dotdump.dump.space import TAKES_NO_MORE
from dotdump.errors import OutputRefused
from dotdump.linux.errors import FILES_HINT
from dotdump.memory.mapped_path import DELETED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dotdump.dump.place import Place

_HINTS = {
    **TAKES_NO_MORE,
    errno.EMFILE: FILES_HINT,
    errno.ENFILE: FILES_HINT,
    errno.EROFS: "the file system is mounted read-only: write elsewhere",
    errno.EACCES: "you may not write there: write elsewhere",
    errno.EPERM: "the file system, or a filter of system calls (seccomp), does not let it: redirect it, -o - > FILE",
}


def refused_output(place: Place, error: OSError, directory: int) -> OutputRefused:
    """Return the error to raise (``from error``); ``directory`` is the open directory of the file."""
    reason = error.strerror or str(error)
    message = f"cannot write {place.name!r} in {place.directory!r}: {reason}"
    hint = _HINTS.get(error.errno or 0)
    if error.errno == errno.ENOENT:
        gone = "its directory has been removed meanwhile"
        hint = gone if _is_removed(directory) else "its file system takes no files of ours: write elsewhere"
    return OutputRefused(message, hint=hint)


def _is_removed(directory: int) -> bool:
    """Whether nothing leads to an open directory any more. Not every file system counts the names of directories."""
    try:
        return os.fstat(directory).st_nlink == 0 or os.readlink(f"/proc/self/fd/{directory}").endswith(DELETED)
    except OSError:
        return False
