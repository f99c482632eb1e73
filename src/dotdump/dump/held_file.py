"""``HeldFile``: an output file that another process holds open and has lent us as ``/proc/PID/fd/N``.

``dotdump collect --method runtime`` hands its nameless output to the runtime so, which hands it to its createdump.
Written only where it cannot be anybody else's, nor hold anything: regular, empty, of our user, private, and with at
most one name. What becomes of it is for its holder to decide. Source: proc(5), "/proc/pid/fd/".
"""

from __future__ import annotations

import os
import stat

from dotdump.closing import Closing
from dotdump.dump.sink import sink_for
from dotdump.errors import OutputRefused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dotdump.dump.sink import FileSink, PipeSink


class HeldFile(Closing):
    """The file, opened anew through its holder's ``path``."""

    def __init__(self, path: str, descriptor: int) -> None:
        self.path = path
        self.descriptor = descriptor

    @classmethod
    def find(cls, path: str) -> HeldFile | None:
        """Return the file that ``path`` lends, None where it is not of that form; raises ``OutputRefused``."""
        if not is_descriptor_path(path):
            return None
        try:
            seen = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError as error:
            raise OutputRefused(f"cannot write to {path}: {error.strerror}") from error
        try:
            _require_ours(path, os.fstat(seen))
            # Through what was looked at, so that what is opened is the same file.
            return cls(path, os.open(f"/proc/self/fd/{seen}", os.O_RDWR | os.O_CLOEXEC))
        except OSError as error:
            raise OutputRefused(f"cannot write to {path}: {error.strerror}") from error
        finally:
            os.close(seen)

    @property
    def size(self) -> int:
        """Bytes written so far, up to the highest position."""
        return os.fstat(self.descriptor).st_size

    def sink(self) -> FileSink | PipeSink:
        """Return where to write."""
        return sink_for(self.descriptor)

    def close(self) -> None:
        """Let go of it. A second call does nothing."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


def is_descriptor_path(path: str) -> bool:
    """Return whether ``path`` names a descriptor of a process: ``/proc/PID/fd/N``."""
    parts = path.split("/")
    if len(parts) != 5 or (parts[0], parts[1], parts[3]) != ("", "proc", "fd"):
        return False
    return all(part.isascii() and part.isdigit() for part in (parts[2], parts[4]))


def _require_ours(path: str, found: os.stat_result) -> None:
    problems = (
        (not stat.S_ISREG(found.st_mode), "it is not a regular file"),
        (found.st_uid != os.geteuid(), f"it belongs to user {found.st_uid}"),
        (bool(found.st_mode & 0o077), "others may read or write it"),
        (found.st_nlink > 1, "it has several names"),
        (found.st_size > 0, "it is not empty"),
    )
    for is_so, why in problems:
        if is_so:
            raise OutputRefused(f"cannot write to {path}: {why}")
