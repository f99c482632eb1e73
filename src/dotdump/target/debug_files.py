"""Separate files of symbols: where distributions, debuginfod, .NET and people keep them; taken only by their build-id.

That is where PT_NOTE says, or else in the section .note.gnu.build-id: eu-strip, which Fedora, RHEL and SUSE use, leaves
the program headers of the whole file, and no segment is where they say. So no memory is ever taken from such a file.

Source of truth: GDB manual, "Separate Debug Files"; debuginfod(8) for its cache; .NET names its own ``FILE.dbg``.
"""

from __future__ import annotations

import posixpath

from dotdump.memory.mapped_path import DELETED
from dotdump.target.elf_files import find_section, first_matching, places_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dotdump.target.elf_files import ElfFile

_DEBUG_ROOT = "/usr/lib/debug"
_LONGEST_NAME = 4096


def find_debug_file(
    path: str, build_id: bytes | None, sysroots: Sequence[str], folders: Sequence[str] = (), file: ElfFile | None = None
) -> ElfFile | None:
    """Return the separate file of symbols for the file at ``path``, or None.

    ``folders`` are looked through first, then the usual places under each of ``sysroots`` and here. ``file`` is the
    file itself where it was found: its .gnu_debuglink may name another.
    """
    if build_id is None:
        return None
    places = _places(path.removesuffix(DELETED), build_id.hex(), sysroots, folders, _link(file))
    return first_matching(places, build_id, is_separate=True)


def _places(path: str, digits: str, sysroots: Sequence[str], folders: Sequence[str], link: str) -> Iterator[str]:
    kept = f".build-id/{digits[:2]}/{digits[2:]}.debug"
    name = posixpath.basename(path)
    names = [f"{name}.dbg", f"{name}.debug", name, *([link] if link else [])]
    for folder in folders:
        for place in (kept, kept.removeprefix(".build-id/"), f"{digits}/debuginfo", *names):
            yield posixpath.join(folder, place)
    beside = [f"{path}.dbg", f"{path}.debug"]
    if link:
        folder = posixpath.dirname(path)
        beside += [f"{folder}/{link}", f"{folder}/.debug/{link}", f"{_DEBUG_ROOT}{folder}/{link}"]
    for place in (f"{_DEBUG_ROOT}/{kept}", *beside):
        yield from places_of(place, sysroots)


def _link(file: ElfFile | None) -> str:
    """Return the name in .gnu_debuglink, which is a name and no path, or nothing."""
    section = find_section(file.space, file.image.header, b".gnu_debuglink") if file else None
    if file is None or section is None:
        return ""
    name = file.space.read_available(section.offset, min(section.size, _LONGEST_NAME)).split(b"\0", 1)[0]
    return "" if b"/" in name else name.decode("utf-8", "surrogateescape")
