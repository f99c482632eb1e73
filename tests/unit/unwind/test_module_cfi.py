"""How entries are found: by indexes of any encoding, and not beyond what is there."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from builders.cfi import EhFrame, entry, uleb, x86_cie
from builders.code_target import BASE, FRAMES, INDEX, TEXT, CodeTarget
from builders.elf_builder import sections
from dotdump.errors import FormatError, LimitExceeded, MemoryFault
from dotdump.formats.dwarf_rows import CfaRule, row_at
from dotdump.formats.eh_frame_hdr import EhFrameHdr
from dotdump.memory.file import FileSpace
from dotdump.memory.page_cache import PageCache
from dotdump.memory.region import Protection, Region
from dotdump.memory.space import BytesSpace, MemoryRange
from dotdump.target.elf_files import ElfFile
from dotdump.unwind.code import CodeMap
from dotdump.unwind.entries import FrameSection
from dotdump.unwind.module_cfi import ModuleCfi

if TYPE_CHECKING:
    from pathlib import Path

ROWS = [(TEXT, FRAMES + 0x20), (TEXT + 0x100, FRAMES + 0x40), (TEXT + 0x180, FRAMES + 0x60)]


def test_the_entry_that_covers_an_address_is_found_and_no_other() -> None:
    functions = [(0, 0x80, b""), (0x100, 0x80, b""), (0x180, 0x10, b"")]
    cfi = ModuleCfi(CodeTarget(functions).build().memory, BASE)
    for address, start in ((0, 0), (0x7F, 0), (0x100, 0x100), (0x17F, 0x100), (0x180, 0x180), (0x18F, 0x180)):
        fde = cfi.find(TEXT + address)
        assert fde is not None
        assert fde.start == TEXT + start
    assert [cfi.find(TEXT + address) for address in (-1, 0x80, 0xFF, 0x190, 0x10000)] == [None] * 5


def test_entries_that_memory_lacks_behind_an_index_that_it_has_are_those_of_the_file(tmp_path: Path) -> None:
    whole = CodeTarget([(0x100, 0x80, b"")]).build().memory
    sparse = BytesSpace([(BASE, whole.read(BASE, FRAMES - BASE)), (INDEX, whole.read(INDEX, 0x100))])
    frames = EhFrame(0, x86_cie())
    frames.add(TEXT - BASE + 0x100, 0x80, b"")
    (tmp_path / "file").write_bytes(sections(whole.read(BASE, 0x1000), {b".eh_frame": frames.section()}))
    with pytest.raises(MemoryFault):
        ModuleCfi(sparse, BASE).find(TEXT + 0x110)
    file = ElfFile(FileSpace(str(tmp_path / "file")))
    fde = ModuleCfi(sparse, BASE, lambda: [file]).find(TEXT + 0x110)
    assert fde is not None
    assert (fde.start, fde.end) == (TEXT + 0x100, TEXT + 0x180)
    file.space.close()


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        (0x3B, lambda value, _: struct.pack("<i", value - INDEX)),
        (0x03, lambda value, _: struct.pack("<I", value)),
        (0x04, lambda value, _: struct.pack("<Q", value)),
        (0x01, lambda value, _: uleb(value)),
        (0x1B, lambda value, place: struct.pack("<i", value - place)),
    ],
)
def test_indexes_of_every_encoding_are_searched(encoding: int, pack: object) -> None:
    assert callable(pack)
    data = bytes([1, 0x1B, 0x03, encoding]) + struct.pack("<iI", FRAMES - INDEX - 4, 3)
    for row in ROWS:
        for value in row:
            data += pack(value, INDEX + len(data))
    space = BytesSpace([(INDEX, data)])
    for memory in (space, PageCache(space)):
        index = EhFrameHdr(memory, INDEX, len(data))
        assert (len(index), index.eh_frame) == (3, FRAMES)
        found = [index.find(TEXT + at) for at in (-1, 0, 0xFF, 0x100, 0x180, 0x999)]
        assert found == [None, FRAMES + 0x20, FRAMES + 0x20, FRAMES + 0x40, FRAMES + 0x60, FRAMES + 0x60]


def test_of_an_index_only_what_a_search_needs_is_read() -> None:
    rows = [(TEXT + 16 * number, FRAMES + 32 * number) for number in range(4096)]
    data = bytes([1, 0x1B, 0x03, 0x3B]) + struct.pack("<iI", FRAMES - INDEX - 4, len(rows))
    data += b"".join(struct.pack("<ii", start - INDEX, entry - INDEX) for start, entry in rows)
    memory = PageCache(BytesSpace([(INDEX & -4096, bytes(INDEX % 4096) + data + bytes(4096))]))
    assert EhFrameHdr(memory, INDEX, len(data)).find(TEXT + 16 * 777 + 3) == FRAMES + 32 * 777
    assert sum(part.size for part in memory.touched) <= 5 * 4096
    cut = PageCache(BytesSpace([(INDEX, data[: len(data) // 4])]))
    with pytest.raises(MemoryFault):
        EhFrameHdr(cut, INDEX, len(data)).find(TEXT)


def test_a_section_without_an_index_is_read_to_its_end() -> None:
    frames = EhFrame(FRAMES, x86_cie())
    for start in (0x180, 0, 0x100):
        frames.add(TEXT + start, 0x80, b"")
    section = FrameSection(frames.section(), FRAMES, 0x10000, debug=False)
    fde = section.find(TEXT + 0x10000 + 0x1FF)
    assert fde is not None
    assert (fde.start, fde.end) == (TEXT + 0x10180, TEXT + 0x10200)
    assert [section.find(TEXT + at) for at in (0, 0x10080, 0x10200)] == [None] * 3


def test_entries_for_debuggers_find_their_common_entry_from_the_start_of_the_section() -> None:
    common = struct.pack("<IB", 0xFFFFFFFF, 1) + b"\0\x01\x78\x10\x0c\x07\x08\x90\x01"
    data = entry(common) + entry(struct.pack("<IQQ", 0, TEXT, 0x40) + b"\x0e\x20")
    fde = FrameSection(data, 0, BASE, debug=True).find(BASE + TEXT + 0x3F)
    assert fde is not None
    assert (fde.start, fde.cie.return_register, row_at(fde, fde.start).cfa) == (BASE + TEXT, 16, CfaRule(7, 32))


def test_a_section_that_is_damaged_has_what_comes_before() -> None:
    frames = EhFrame(FRAMES, x86_cie())
    frames.add(TEXT, 0x80)
    frames.data += b"\x01\0\0\0\0"
    section = FrameSection(bytes(frames.data), FRAMES, 0, debug=False)
    assert section.find(TEXT) is not None
    assert section.find(TEXT + 0x80) is None


def test_an_index_that_counts_more_than_it_can_hold_is_refused() -> None:
    data = bytes([1, 0x1B, 0x03, 0x3B]) + struct.pack("<iI", 0, 1 << 30)
    with pytest.raises(LimitExceeded):
        EhFrameHdr(BytesSpace([(INDEX, data)]), INDEX, len(data))
    with pytest.raises(FormatError):
        EhFrameHdr(BytesSpace([(INDEX, b"\x02" + data[1:])]), INDEX, len(data))


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("e8 00000000", True),
        ("ff d0", True),
        ("41 ff d3", True),
        ("ff 15 00000000", True),
        ("ff 50 08", True),
        ("e9 00000000", False),
        ("ff e0", False),
        ("00000094", True),
        ("00023fd6", True),
        ("1f0a3fd6", True),
        ("c0035fd6", False),
    ],
)
def test_what_comes_after_a_call_is_known(code: str, expected: bool) -> None:
    data = bytes.fromhex(code.replace(" ", "")).rjust(16, b"\x90")
    assert CodeMap((), BytesSpace([(TEXT, data)])).follows_call(TEXT + 16) is expected


def test_code_is_where_regions_are_executable_and_where_loaded_files_say() -> None:
    regions = (Region(0x1000, 0x2000, Protection.READ | Protection.EXECUTE), Region(0x3000, 0x9000, Protection.READ))
    code = CodeMap(regions, BytesSpace([]), [MemoryRange(0x1800, 0x2800), MemoryRange(0x5000, 0x6000)])
    found = [address for address in range(0, 0xA000, 0x400) if code.is_code(address)]
    assert found == [*range(0x1000, 0x2800, 0x400), *range(0x5000, 0x6000, 0x400)]
