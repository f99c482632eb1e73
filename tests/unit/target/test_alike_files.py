"""Files of modules without a build-id: known by what the core has of them, and taken for symbols only."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from builders.core_builder import CoreBuilder, Segment
from builders.elf_builder import DATA, PAGE, ElfBuilder, sections
from dotdump.target.core import CoreTarget, open_core

if TYPE_CHECKING:
    from pathlib import Path

BASE = 0x7F0000000000
HIDDEN = [(b"hidden_function", 0x820, 32)]
FILE = sections(ElfBuilder(build_id=b"").build(), {}, HIDDEN)


def core_of(folder: Path, *, file: bytes = FILE, held: int = PAGE, path: bytes = b"/lib/libshop.so") -> CoreTarget:
    """A core that holds ``held`` bytes of the text of the library, and ``file`` where that may be."""
    (folder / "libshop.so").write_bytes(file)
    mapped = [(BASE, BASE + DATA, 0, path), (BASE + DATA, BASE + DATA + PAGE, DATA, path)]
    segments = [Segment(BASE, FILE[:held], DATA, flags=5), Segment(BASE + DATA, FILE[DATA : DATA + PAGE])]
    return open_core(io.BytesIO(CoreBuilder(segments=segments, files=mapped).build()), [str(folder)])


def changed(at: int) -> bytes:
    return FILE[:at] + bytes([FILE[at] ^ 1]) + FILE[at + 1 :]


@pytest.mark.parametrize("held", [PAGE, DATA])
def test_a_file_that_is_as_what_is_there_of_it_has_symbols_and_no_memory(tmp_path: Path, held: int) -> None:
    core = core_of(tmp_path, held=held)
    (found,) = core.modules
    assert found.build_id is None
    assert found.find_symbol("hidden_function") == BASE + 0x820
    assert found.symbol_at(BASE + 0x825) == ("hidden_function", 5)
    assert found.file is None
    assert core.file_memory.ranges() == []


@pytest.mark.parametrize(
    ("at", "held", "taken"),
    [(24, PAGE, False), (0x900, PAGE, False), (PAGE + 8, DATA, False), (PAGE + 8, PAGE, True), (DATA + 8, DATA, True)],
    ids=["header", "text of the first page", "text of another page", "text that is not there", "data"],
)
def test_one_that_is_unlike_what_is_there_and_constant_is_another(
    tmp_path: Path, at: int, held: int, *, taken: bool
) -> None:
    (found,) = core_of(tmp_path, file=changed(at), held=held).modules
    assert (found.find_symbol("hidden_function") is not None) is taken


def test_one_with_a_build_id_is_another(tmp_path: Path) -> None:
    (found,) = core_of(tmp_path, file=sections(ElfBuilder().build(), {}, HIDDEN)).modules
    assert found.find_symbol("hidden_function") is None


def test_one_in_place_of_a_file_that_is_gone_is_another(tmp_path: Path) -> None:
    (found,) = core_of(tmp_path, path=b"/lib/libshop.so (deleted)").modules
    assert found.find_symbol("hidden_function") is None


def test_less_than_a_page_is_not_enough(tmp_path: Path) -> None:
    (found,) = core_of(tmp_path, held=PAGE - 16).modules
    assert found.find_symbol("hidden_function") is None
