"""Symbols that only the file has: in .symtab, or packed in .gnu_debugdata; found by build-id or not at all."""

from __future__ import annotations

import errno
import io
import lzma
import os
import struct
from typing import TYPE_CHECKING

import pytest

from builders.core_builder import CoreBuilder, Segment
from builders.elf_builder import DATA, PAGE, ElfBuilder, sections
from dotdump.formats.elf import SectionType, read_section_headers
from dotdump.formats.elf_image import image_at
from dotdump.memory.file import FileSpace
from dotdump.memory.space import BytesSpace
from dotdump.target.core import open_core
from dotdump.target.core_modules import FoundModule
from dotdump.target.elf_files import ElfFile, find_elf_file
from dotdump.target.elf_module import ElfModule
from dotdump.target.model import FilePlaces
from dotdump.target.side_files import open_side_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


BASE = 0x7F0000000000
PATH = "/lib/libshop.so"
HIDDEN = [(b"hidden_function", 0x820, 32), (b"inlined", 0x830, 4)]


def module(
    tmp_path: Path,
    file: bytes,
    name: str = "lib/libshop.so",
    *,
    symbols: Sequence[str] = (),
    file_exists: bool = False,
) -> ElfModule:
    """The module of a core that holds the library without its sections, with ``file`` under a sysroot."""
    plain = ElfBuilder().build()
    place = tmp_path / name
    place.parent.mkdir(parents=True, exist_ok=file_exists)
    place.write_bytes(file)
    mapped = [(BASE, BASE + DATA, 0, PATH.encode()), (BASE + DATA, BASE + DATA + PAGE, DATA, PATH.encode())]
    segments = [Segment(BASE, plain[:DATA], flags=5), Segment(BASE + DATA, plain[DATA:])]
    core = CoreBuilder(segments=segments, files=mapped).build()
    (found,) = open_core(io.BytesIO(core), [str(tmp_path)], symbols).modules
    return found


def mini_debug(table: bytes) -> bytes:
    return sections(ElfBuilder().build(), {b".gnu_debugdata": lzma.compress(table)})


def test_a_symbol_of_symtab_is_found_by_name_and_by_address(tmp_path: Path) -> None:
    found = module(tmp_path, sections(ElfBuilder().build(), {}, HIDDEN))
    assert found.find_symbol("hidden_function") == BASE + 0x820
    assert found.symbol_at(BASE + 0x825) == ("hidden_function", 5)
    assert found.symbol_at(BASE + 0x831) == ("inlined", 1)
    assert found.find_symbol("second") == BASE + 0x900
    assert found.symbol_at(BASE + 0x904) == ("second", 4)
    assert found.find_symbol("nowhere") is None


def test_a_packed_table_has_no_packed_table(tmp_path: Path) -> None:
    file = sections(ElfBuilder().build(), {}, HIDDEN)
    for _ in range(100):
        file = mini_debug(file)
    found = module(tmp_path, file)
    assert found.find_symbol("hidden_function") is None
    assert found.find_symbol("second") == BASE + 0x900


def test_a_table_that_is_said_to_be_of_terabytes_is_read_as_far_as_tables_can_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dotdump.target.elf_files.SYMBOLS", 1000)
    file = bytearray(sections(ElfBuilder().build(), {}, HIDDEN))
    (at,) = struct.unpack_from("<Q", file, 40)
    struct.pack_into("<Q", file, at + 64 + 32, 1 << 42)
    found = module(tmp_path, bytes(file))
    os.truncate(tmp_path / "lib/libshop.so", 1 << 43)
    assert found.find_symbol("hidden_function") == BASE + 0x820


def test_a_file_has_one_table_of_a_kind_however_many_it_says_it_has(tmp_path: Path) -> None:
    file = bytearray(sections(ElfBuilder().build(), {}, HIDDEN))
    whole = list(opened(tmp_path, file).symbol_tables())
    (at,) = struct.unpack_from("<Q", file, 40)
    struct.pack_into("<I", file, at + 2 * 64 + 4, SectionType.SYMTAB)
    assert len(list(opened(tmp_path, file).symbol_tables())) == len(whole)


def test_no_more_sections_are_read_than_a_linked_file_can_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = opened(tmp_path, sections(ElfBuilder().build(), {}, HIDDEN))
    monkeypatch.setattr("dotdump.formats.elf.LINKED_SECTIONS", 2)
    assert len(read_section_headers(file.space, file.image.header)) == 2


def opened(folder: Path, file: bytes | bytearray) -> ElfFile:
    path = folder / "libshop.so"
    path.write_bytes(file)
    return ElfFile(FileSpace(path))


def test_a_symbol_of_the_packed_table_is_found_too(tmp_path: Path) -> None:
    found = module(tmp_path, mini_debug(sections(ElfBuilder().build(), {}, HIDDEN)))
    assert found.find_symbol("hidden_function") == BASE + 0x820
    assert found.symbol_at(BASE + 0x825) == ("hidden_function", 5)
    assert found.find_symbol("second") == BASE + 0x900


def test_symbols_kept_in_a_file_of_their_own_are_found_by_build_id(tmp_path: Path) -> None:
    digits = ElfBuilder().build_id.hex()
    kept = f"usr/lib/debug/.build-id/{digits[:2]}/{digits[2:]}.debug"
    found = module(tmp_path, sections(ElfBuilder().build(), {}, HIDDEN), kept)
    assert found.find_symbol("hidden_function") == BASE + 0x820


def test_a_file_of_a_chroot_is_found_below_its_root_by_the_path_that_the_kernel_shows(tmp_path: Path) -> None:
    plain = ElfBuilder().build()
    (tmp_path / "lib").mkdir()
    (tmp_path / PATH[1:]).write_bytes(plain)
    memory = BytesSpace([(BASE, plain[:DATA]), (BASE + DATA, plain[DATA:])])
    mapped = FoundModule(f"/srv/jail{PATH}", BASE, BASE + DATA + PAGE, image_at(memory, BASE))
    roots = [str(tmp_path)]
    assert ElfModule(mapped, memory, roots).file is None
    found = ElfModule(mapped, memory, roots, chroot="/srv/jail")
    assert found.file is not None
    assert (found.path, found.file.path) == (mapped.path, str(tmp_path / PATH[1:]))
    found.close()
    places = FilePlaces((str(tmp_path),), chroot="/srv/jail")
    assert open_side_file(places, [mapped.path], lambda _: True, 1 << 20) is not None
    places.close()


def test_a_file_that_may_not_be_opened_for_too_many_open_ones_is_not_taken_for_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = module(tmp_path, sections(ElfBuilder().build(), {}, HIDDEN))

    def refuse(path: str, *_: object) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), path)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(OSError, match="Too many open files"):
        find_elf_file(PATH, found.build_id, [str(tmp_path)])
    with pytest.raises(OSError, match="Too many open files"):
        open_side_file(FilePlaces((str(tmp_path),)), [PATH], lambda _: True, 1 << 20)


def test_a_file_of_another_build_is_not_believed(tmp_path: Path) -> None:
    found = module(tmp_path, sections(ElfBuilder(build_id=b"other" * 4).build(), {}, HIDDEN))
    assert found.find_symbol("hidden_function") is None
    assert found.find_symbol("second") == BASE + 0x900


@pytest.mark.parametrize("damage", ["not xz", "cut", "not ELF"])
def test_a_packed_table_that_is_damaged_adds_nothing(damage: str, tmp_path: Path) -> None:
    table = sections(ElfBuilder().build(), {}, HIDDEN)
    packed = {
        "not xz": b"\x01" * 100,
        "cut": lzma.compress(table)[:60],
        "not ELF": lzma.compress(b"text" * 100),
    }[damage]
    found = module(tmp_path, sections(ElfBuilder().build(), {b".gnu_debugdata": packed}))
    assert found.find_symbol("hidden_function") is None
    assert found.find_symbol("second") == BASE + 0x900


LINKED = sections(ElfBuilder().build(), {b".gnu_debuglink": b"shop.symbols\0\0\0\0\0\0\0\0"})


@pytest.mark.parametrize(
    "place", ["lib/shop.symbols", "lib/.debug/shop.symbols", "usr/lib/debug/lib/shop.symbols", "lib/libshop.so.debug"]
)
def test_symbols_are_found_in_the_file_that_the_file_itself_names(place: str, tmp_path: Path) -> None:
    (tmp_path / place).parent.mkdir(parents=True)
    (tmp_path / place).write_bytes(sections(ElfBuilder().build(), {}, HIDDEN))
    assert module(tmp_path, LINKED, file_exists=True).find_symbol("hidden_function") == BASE + 0x820


@pytest.mark.parametrize(
    "place",
    [
        "libshop.so.dbg",
        "libshop.so.debug",
        "libshop.so",
        ".build-id/{0}/{1}.debug",
        "{0}/{1}.debug",
        "{0}{1}/debuginfo",
    ],
)
def test_symbols_are_found_in_folders_that_are_named(place: str, tmp_path: Path) -> None:
    digits = ElfBuilder().build_id.hex()
    kept = tmp_path / "symbols" / place.format(digits[:2], digits[2:])
    kept.parent.mkdir(parents=True)
    kept.write_bytes(sections(ElfBuilder().build(), {}, HIDDEN))
    found = module(tmp_path, ElfBuilder().build(), symbols=[str(tmp_path / "symbols")])
    assert found.symbol_at(BASE + 0x825) == ("hidden_function", 5)


def test_a_name_that_leads_elsewhere_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "away").write_bytes(sections(ElfBuilder().build(), {}, HIDDEN))
    file = sections(ElfBuilder().build(), {b".gnu_debuglink": b"../away\0\0\0\0\0"})
    assert module(tmp_path, file).find_symbol("hidden_function") is None
