"""A loaded ELF file of a target: where the version is that its text says."""

import struct

import pytest

from builders.elf_builder import DATA, ElfBuilder
from dotdump.formats.elf_image import image_at
from dotdump.memory.space import BytesSpace
from dotdump.target.core_modules import FoundModule
from dotdump.target.elf_module import ElfModule

BASE = 0x7F0000000000
CODE = 0xA00
CODE_RIGHTS, CONSTANTS, VARIABLES = 5, 4, 6


def module(*, in_code: bytes = b"", in_data: bytes = b"", data: int = CONSTANTS) -> ElfModule:
    """A library with these texts; ``data`` are the rights of its second segment."""
    file = bytearray(ElfBuilder(data=in_data).build())
    file[CODE : CODE + len(in_code)] = in_code
    for number, rights in enumerate((CODE_RIGHTS, data)):
        struct.pack_into("<I", file, 64 + 56 * number + 4, rights)
    memory = BytesSpace([(BASE, bytes(file))])
    return ElfModule(FoundModule("/lib/libshop.so", BASE, BASE + len(file), image_at(memory, BASE)), memory)


def test_a_version_is_looked_for_beside_code_first() -> None:
    found = module(in_code=b"@(#)Version 1.2.3\0", in_data=b"@(#)Version 4.5.6 built\0")
    assert found.version == "4.5.6"
    assert found.version_place[0] == BASE + DATA


def test_one_that_shows_in_code_alone_is_read_and_not_to_be_kept() -> None:
    found = module(in_code=b"@(#)Version 1.2.3\0")
    assert found.version == "1.2.3"
    assert found.version_place == (0, 0)


@pytest.mark.parametrize("text", [b"@(#)Version 2.36\0", b"GNU C Library (Shop) stable release version 2.36.\n"])
def test_of_a_file_that_has_no_constants_apart_all_is_looked_through(text: bytes) -> None:
    found = module(in_code=text, data=VARIABLES)
    assert found.version == "2.36"
    assert found.version_place[0] == BASE + CODE


def test_no_version_is_no_text() -> None:
    assert module().version == ""
    assert module().version_place == (0, 0)


@pytest.mark.parametrize("path", ["/opt/app/libx.so", "/opt/app/libx.so (deleted)", "libx.so"])
def test_a_module_has_its_name_also_where_its_file_is_gone(path: str) -> None:
    module = ElfModule(FoundModule(path, 0x1000, 0x2000, None), BytesSpace([]))
    assert (module.name, module.path) == ("libx.so", path)
