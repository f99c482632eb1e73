"""Files of a target that are no ELF: assemblies and portable PDBs, where they may be on this machine.

Paths come from a core, so they are not to be trusted: none leads out of a root by ``..``, and nothing but a regular
file is opened. Whether a file is the one that was meant is for the caller to say, by what is in it. What was opened is
closed with the target.
"""

from __future__ import annotations

import ntpath
import posixpath

from dotdump.errors import DotdumpError
from dotdump.linux.errors import is_out_of_files
from dotdump.memory.file import FileSpace
from dotdump.memory.mapped_path import within
from dotdump.target.elf_files import places_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from dotdump.target.model import FilePlaces


class SideFile(FileSpace):
    """A file that gives no views of itself: a view that somebody still has would keep it mapped when it is closed."""

    def view(self, address: int, size: int) -> memoryview | None:  # noqa: ARG002 - there is none
        return None


def open_side_file(
    places: FilePlaces, paths: Iterable[str], accept: Callable[[SideFile], bool], limit: int
) -> SideFile | None:
    """Return the first file that may be one of ``paths`` and that ``accept`` takes, or None; closed are all others.

    Folders of symbols are looked through first, by name. Files of more than ``limit`` bytes are not looked at;
    an ``accept`` that raises ``DotdumpError`` has not taken the file. Raises ``OSError`` where no more files may be
    opened.
    """
    seen: set[str] = set()
    for place in _candidates(places, list(paths)):
        if place in seen:
            continue
        seen.add(place)
        try:
            space = SideFile(place)
        except OSError as error:
            if is_out_of_files(error):
                raise
            continue
        except (ValueError, DotdumpError):
            continue
        if 0 < space.size <= limit and _accepts(accept, space):
            places.hold(space)
            return space
        space.close()
    return None


def _accepts(accept: Callable[[SideFile], bool], space: SideFile) -> bool:
    try:
        return accept(space)
    except DotdumpError:
        return False


def _candidates(places: FilePlaces, paths: list[str]) -> Iterator[str]:
    for folder in places.symbols:
        for path in paths:
            name = ntpath.basename(posixpath.basename(path))
            if name and name not in (".", "..") and "\0" not in name:
                yield posixpath.join(folder, name)
    for path in paths:
        for one in dict.fromkeys((path, within(places.chroot, path))):
            yield from places_of(one, places.roots)
