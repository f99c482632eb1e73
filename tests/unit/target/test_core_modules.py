"""Which files a core had loaded, where little of it says so."""

import pytest

from dotdump.formats.core_notes import AuxType, MappedFile
from dotdump.memory.space import BytesSpace
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
