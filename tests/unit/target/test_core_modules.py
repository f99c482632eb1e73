"""Which files a core had loaded, where little of it says so."""

import struct
from collections import Counter

import pytest

from builders.elf_builder import ElfBuilder
from dotdump.formats.core_notes import AuxType, MappedFile
from dotdump.formats.elf_image import ElfImage, image_at
from dotdump.memory.region import Protection, Region
from dotdump.memory.space import AddressSpace, BytesSpace
from dotdump.target import core_modules
from dotdump.target.core_modules import find_modules

BASE, PAGE = 0x550000000000, 0x1000


def mapped(path: str, base: int, *offsets: int) -> list[MappedFile]:
    return [MappedFile(base + offset, base + offset + PAGE, offset, path) for offset in offsets]


@pytest.mark.parametrize("path", ["/opt/shop", "/opt/shop (deleted)", "/usr/bin/[shop]"])
def test_the_program_is_known_by_where_its_headers_were_though_no_memory_is_there(path: str) -> None:
    files = [*mapped(path, BASE, 0, PAGE), *mapped("/var/data", BASE + 0x10000, 0, PAGE)]
    (found,) = find_modules(BytesSpace([]), files, {AuxType.PHDR: BASE + 64}, [])
    assert (found.path, found.base, found.end, found.image) == (path, BASE, BASE + 2 * PAGE, None)


def test_without_them_only_libraries_are_known() -> None:
    files = [*mapped("/opt/shop", BASE, 0, PAGE), *mapped("/lib/libshop.so.1", BASE + 0x10000, 0, PAGE)]
    assert [found.path for found in find_modules(BytesSpace([]), files, {}, [])] == ["/lib/libshop.so.1"]


@pytest.mark.parametrize("bias", [0, 0x7F0000000000])
def test_a_library_whose_addresses_do_not_begin_at_0_has_the_name_of_the_linkers_list(bias: int) -> None:
    library, start = bytearray(ElfBuilder().build()), 0x300000
    for header in range(64, 64 + 4 * 56, 56):
        (address,) = struct.unpack_from("<Q", library, header + 16)
        struct.pack_into("<Q", library, header + 16, start + address)
    debug, entry, name = 0x600000000000, 0x600000000100, b"/opt/libshop.so"
    (dynamic,) = struct.unpack_from("<Q", library, 64 + 2 * 56 + 16)
    words = struct.pack("<4Q", bias, entry + 64, bias + dynamic, 0).ljust(64, b"\0") + name + b"\0"
    memory = BytesSpace(
        [
            (BASE, ElfBuilder(dynamic=[(21, debug)]).build()),
            (bias + start, bytes(library)),
            (debug, struct.pack("<QQ", 1, entry)),
            (entry, words),
        ]
    )
    regions = [Region(part.start, part.end, Protection.READ) for part in memory.ranges()]
    found = find_modules(memory, [], {AuxType.PHDR: BASE + 64}, regions)
    assert (name.decode(), bias + start) in {(module.path, module.base) for module in found}


def test_headers_near_the_files_of_a_linkers_list_are_read_once_however_long_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    debug, entries, length = 0x600000000000, 0x600000001000, 50
    libraries = [0x7F0000000000 + number * 0x100000 for number in range(8)]
    words = [
        (0x1000 + number, entries, libraries[-1] + 0x1000, entries + 32 * (number + 1)) for number in range(length)
    ]
    words[-1] = (*words[-1][:3], 0)
    memory = BytesSpace(
        [
            (BASE, ElfBuilder(dynamic=[(21, debug)]).build()),
            (debug, struct.pack("<QQ", 1, entries)),
            (entries, b"".join(struct.pack("<4Q", *entry) for entry in words)),
            *((base, ElfBuilder().build()) for base in libraries),
        ]
    )
    regions = [Region(part.start, part.end, Protection.READ) for part in memory.ranges()]
    read: list[int] = []

    def counted(space: AddressSpace, base: int) -> ElfImage:
        read.append(base)
        return image_at(space, base)

    monkeypatch.setattr(core_modules, "image_at", counted)
    found = find_modules(memory, [], {AuxType.PHDR: BASE + 64}, regions)
    assert {module.base for module in found} == {BASE, *libraries}
    assert max(Counter(base for base in read if base in libraries).values()) == 2


def test_of_lines_with_the_same_start_the_first_counts() -> None:
    files = [MappedFile(BASE, BASE + PAGE, 0, f"/lib/{number}.so") for number in range(3)]
    files.append(MappedFile(BASE + PAGE, BASE + 2 * PAGE, PAGE, "/lib/0.so"))
    (found,) = find_modules(BytesSpace([]), files, {}, [])
    assert (found.path, found.end) == ("/lib/0.so", BASE + 2 * PAGE)
