"""Where the index of a core lies: in a folder beside it, or among the user's caches where that cannot be written to.

An index belongs to one core as it was when the index was made: its size, its time of change, its first and last bytes.
Neither ``pathlib`` nor ``hashlib`` is here: importing them takes longer than reading an index.
"""

from __future__ import annotations

import os
import stat
import zlib
from contextlib import suppress
from struct import Struct
from typing import TYPE_CHECKING

from dotdump.clr.graph.index_file import read_index, write_index
from dotdump.errors import FormatError
from dotdump.records import record

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dotdump.clr.graph.index_file import IndexContents

SUFFIX = ".dotdump"
_SAMPLE = 64 << 10
_IDENTITY = Struct("<QqIIII")


@record
class IndexFolder:
    """The folders in which indexes of a core of this ``identity`` may lie, the best place first.

    Nothing is written where ``lacking`` says that what was read of the core lacked something: an index cannot tell.
    """

    identity: bytes
    places: tuple[str, ...]
    lacking: Callable[[], bool] = bool

    def read(self, name: str) -> IndexContents | None:
        """Return the index ``name``, or None where there is none that is whole, ours, and of this core."""
        for place in self.places:
            with suppress(OSError, FormatError):
                return read_index(f"{place}/{name}", self.identity)
        return None

    def write(self, name: str, contents: IndexContents) -> str | None:
        """Write the index ``name`` to the first place that takes it; return its path, or None where none does."""
        for place in self.places if not self.lacking() else ():
            path = f"{place}/{name}"
            try:
                _make_folder(place)
                write_index(path, self.identity, contents)
            except OSError:
                continue
            return path
        return None


def index_folder(core: str | os.PathLike[str], sysroots: Sequence[str] = ()) -> IndexFolder:
    """Return where the indexes of the file ``core`` lie; raises ``OSError`` where it cannot be read.

    What is read from ``sysroots`` besides is part of the identity: other files can give types other names.
    """
    path = os.path.abspath(core)
    identity = _identity(path, sysroots)
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return IndexFolder(identity, (path + SUFFIX, f"{cache}/dotdump/{identity.hex()}"))


def _identity(path: str, sysroots: Sequence[str]) -> bytes:
    with open(path, "rb") as file:
        status = os.fstat(file.fileno())
        first = zlib.crc32(file.read(_SAMPLE))
        file.seek(max(0, status.st_size - _SAMPLE))
        last = zlib.crc32(file.read(_SAMPLE))
    names = b"".join(os.fsencode(root) + b"\0" for root in sysroots)
    return _IDENTITY.pack(status.st_size, status.st_mtime_ns, first, last, zlib.crc32(names), len(names))


def _make_folder(place: str) -> None:
    """Make the folder, for us alone; a link or somebody else's folder in its place is refused."""
    os.makedirs(os.path.dirname(place), mode=0o700, exist_ok=True)
    with suppress(FileExistsError):
        os.mkdir(place, 0o700)
    status = os.lstat(place)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise PermissionError(f"{place} is not a folder of ours")
