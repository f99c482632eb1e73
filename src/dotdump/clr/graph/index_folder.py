"""Where the index of a core lies: in a folder beside it, or among the user's caches where that cannot be written to.

An index belongs to one core as it was when the index was made: its size, its time of change, its first and last bytes.
"""

from __future__ import annotations

import hashlib
import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dotdump.clr.graph.index_file import read_index, write_index
from dotdump.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dotdump.clr.graph.index_file import IndexContents

SUFFIX = ".dotdump"
_SAMPLE = 64 << 10


@dataclass(frozen=True)
class IndexFolder:
    """The folders in which indexes of a core of this ``identity`` may lie, the best place first."""

    identity: bytes
    places: tuple[Path, ...]

    def read(self, name: str) -> IndexContents | None:
        """Return the index ``name``, or None where there is none that is whole, ours, and of this core."""
        for place in self.places:
            with suppress(OSError, FormatError):
                return read_index(place / name, self.identity)
        return None

    def write(self, name: str, contents: IndexContents) -> Path | None:
        """Write the index ``name`` to the first place that takes it; return its path, or None where none does."""
        for place in self.places:
            try:
                _make_folder(place)
                write_index(place / name, self.identity, contents)
            except OSError:
                continue
            return place / name
        return None


def index_folder(core: str | os.PathLike[str], sysroots: Sequence[str] = ()) -> IndexFolder:
    """Return where the indexes of the file ``core`` lie; raises ``OSError`` where it cannot be read.

    What is read from ``sysroots`` besides is part of the identity: other files can give types other names.
    """
    path = Path(core).absolute()
    identity = _identity(path, sysroots)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return IndexFolder(identity, (path.with_name(path.name + SUFFIX), cache / "dotdump" / identity.hex()[:32]))


def _identity(path: Path, sysroots: Sequence[str]) -> bytes:
    with path.open("rb") as file:
        status = os.fstat(file.fileno())
        digest = hashlib.sha256(b"%d %d\n" % (status.st_size, status.st_mtime_ns))
        digest.update(b"".join(os.fsencode(root) + b"\0" for root in sysroots))
        digest.update(file.read(_SAMPLE))
        file.seek(max(0, status.st_size - _SAMPLE))
        digest.update(file.read(_SAMPLE))
    return digest.digest()


def _make_folder(place: Path) -> None:
    """Make the folder, for us alone; a link or somebody else's folder in its place is refused."""
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        place.mkdir(0o700)
    status = place.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise PermissionError(f"{place} is not a folder of ours")
