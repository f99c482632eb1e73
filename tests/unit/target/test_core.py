import io
import struct
from pathlib import Path

import pytest

from builders.core_builder import AARCH64, PAGE, X86_64, CoreBuilder, Segment, note
from builders.elf_builder import DATA, ElfBuilder
from builders.small_core import SmallCore
from dotdump.errors import FormatError, MemoryFault
from dotdump.memory.overlay import Origin
from dotdump.memory.region import Protection
from dotdump.memory.region_table import RegionTable
from dotdump.target.core import CoreTarget, open_core

BASE = 0x7F0000000000
WAIT4 = 61
LIBRARY = b"/lib/libshop.so"


def opened(builder: CoreBuilder, cut: int | None = None) -> CoreTarget:
    return open_core(io.BytesIO(builder.build()[:cut]))


@pytest.mark.parametrize(("machine", "pc", "stack"), [(X86_64, 16, 19), (AARCH64, 32, 31)])
def test_threads_have_the_registers_of_their_architecture(machine: int, pc: int, stack: int) -> None:
    target = opened(CoreBuilder(machine=machine))
    assert [t.tid for t in target.threads] == [100, 101]
    assert target.threads[1].instruction_pointer == 101_000 + pc
    assert target.threads[1].stack_pointer == 101_000 + stack
    assert (target.process.pid, target.process.name, target.process.arguments) == (100, "shop", "shop --serve")


def test_the_thread_that_died_comes_first_and_tells_why() -> None:
    siginfo = note(b"CORE", 0x53494749, struct.pack("<iii4xQ", 11, 0, 1, 0xDEAD).ljust(128, b"\0"))
    target = opened(CoreBuilder(threads=[100, 101], signals={101: 11}, extra=[siginfo]))
    assert [t.tid for t in target.threads] == [101, 100]
    assert target.signal is not None
    assert (target.signal.signo, target.signal.address) == (11, 0xDEAD)


def test_a_signal_that_every_thread_has_is_that_of_the_first() -> None:
    target = opened(CoreBuilder(threads=[101, 100, 102], signals={100: 11, 101: 11, 102: 11}))
    assert [(t.tid, t.signal) for t in target.threads] == [(101, 11), (100, 0), (102, 0)]


@pytest.mark.parametrize(("waiting", "died"), [((101,), 101), ((101, 102), 100), ((), 100)])
def test_of_threads_of_one_signal_the_one_that_waits_for_createdump_died(waiting: tuple[int, ...], died: int) -> None:
    ids = [100, 101, 102]
    core = CoreBuilder(threads=ids, signals=dict.fromkeys(ids, 6), system_calls=dict.fromkeys(waiting, WAIT4))
    assert [(thread.tid, thread.signal) for thread in opened(core).threads][:2] == [
        (died, 6),
        (min({*ids} - {died}), 0),
    ]
    core.extra = [note(b"CORE", 0x53494749, struct.pack("<iii4xQ", 6, 0, -6, 0).ljust(128, b"\0"))]
    assert opened(core).threads[0].tid == 102


@pytest.mark.parametrize(
    ("signal", "code", "address", "pid"),
    [
        (11, 1, 0x500000007, None),
        (11, 0x80, None, None),
        (5, 0x405, None, None),
        (14, 0x80, None, None),
        (6, -6, None, 7),
        (10, 0, None, 7),
        (34, -1, None, 7),
        (14, -2, None, None),
        (29, -5, None, None),
    ],
)
def test_a_signal_has_an_address_or_a_sender_where_its_code_says_so(
    signal: int, code: int, address: int | None, pid: int | None
) -> None:
    siginfo = note(b"CORE", 0x53494749, struct.pack("<iii4xii", signal, 0, code, 7, 5).ljust(128, b"\0"))
    found = opened(CoreBuilder(signals={100: signal, 101: signal}, threads=[100], extra=[siginfo])).signal
    assert found is not None
    assert (found.code, found.address, found.pid) == (code, address, pid)


def test_unknown_notes_are_kept_with_their_thread() -> None:
    target = opened(CoreBuilder(extra=[note(b"SHOP", 0x1234, b"seven b")]))
    assert target.threads[-1].notes["SHOP", 0x1234] == b"seven b"
    assert target.problems == ()


def test_regions_are_cut_and_named_where_files_are_mapped() -> None:
    segments = [Segment(0x10000, b"a" * 3 * PAGE), Segment(0x20000, size=PAGE, flags=0)]
    target = opened(CoreBuilder(segments=segments, files=[(0x11000, 0x12000, 0x5000, b"/data")]))
    found = [(r.start, r.end, r.path, r.offset, r.protection) for r in target.regions]
    both = Protection.READ | Protection.WRITE
    assert found == [
        (0x10000, 0x11000, "", 0, both),
        (0x11000, 0x12000, "/data", 0x5000, both),
        (0x12000, 0x13000, "", 0, both),
        (0x20000, 0x21000, "", 0, Protection(0)),
    ]


def test_a_cut_core_gives_what_is_there_and_names_the_rest() -> None:
    target = opened(CoreBuilder(segments=[Segment(0x10000, b"a" * PAGE), Segment(0x20000, b"b" * PAGE)]), cut=-100)
    assert target.file.cut
    assert [p.kind for p in target.problems] == ["cut"]
    assert target.memory.read(0x10000, 4) == b"aaaa"
    with pytest.raises(MemoryFault, match="is cut before it"):
        target.memory.read(0x21000 - 50, 8)


@pytest.mark.parametrize("size", [0, 3, 1 << 40, 1 << 63])
def test_a_page_of_no_kernel_is_a_problem_and_not_believed(size: int) -> None:
    target = opened(CoreBuilder(auxv={6: size}))
    assert target.platform.page_size == PAGE
    assert [p.message for p in target.problems] == [f"no kernel has pages of {size} bytes, as AT_PAGESZ says"]


def test_a_segment_that_leaves_all_addresses_is_no_region() -> None:
    target = opened(CoreBuilder(segments=[Segment(0x10000, b"a"), Segment(2**64 - PAGE, size=2**63)]))
    assert [r.start for r in target.regions] == [0x10000]
    assert len(RegionTable.of(target.regions)) == 1


@pytest.mark.parametrize(("page", "offset"), [(1 << 40, 1 << 40), (1, 2**64 - PAGE + 1)])
def test_files_that_go_on_where_none_can_are_a_problem(page: int, offset: int) -> None:
    row = struct.pack("<QQQQQ", 1, page, 0x10000, 0x11000, offset) + b"/x\0"
    target = opened(CoreBuilder(segments=[Segment(0x10000, b"a" * PAGE)], extra=[note(b"CORE", 0x46494C45, row)]))
    assert [r.path for r in target.regions] == [""]
    assert [p.kind for p in target.problems] == ["notes"]


def test_a_mapping_of_a_path_that_none_can_have_is_a_problem() -> None:
    row = struct.pack("<I6Q", 1, 0x10000, 0x11000, 0, 1, 0, 4 | 4 << 32) + b"/a\0b"
    target = opened(CoreBuilder(segments=[Segment(0x10000, b"a" * PAGE)], extra=[note(b"DOTDUMP", 0x44440002, row)]))
    assert [r.path for r in target.regions] == [""]
    assert [p.kind for p in target.problems] == ["notes"]


@pytest.mark.parametrize("time", ["NaN", "Infinity", "1e300", "-1e11"])
def test_an_origin_of_no_time_is_a_problem(time: str) -> None:
    target = opened(CoreBuilder(extra=[note(b"DOTDUMP", 0x44440001, b'{"writer": "w", "time": %s}' % time.encode())]))
    assert target.origin is None
    assert [p.kind for p in target.problems] == ["notes"]


def test_a_core_whose_count_of_segments_was_cut_off_still_has_its_segments() -> None:
    builder = CoreBuilder(segments=[Segment(0x1000 * (n + 1), size=0x1000) for n in range(66_000)])
    target = opened(builder, cut=-64)
    assert len(target.file.loads) == 66_000
    assert "segments" in {p.kind for p in target.problems}


@pytest.mark.parametrize(("kind", "what"), [(1, "an object file"), (2, "an executable"), (77, "ELF of type 77")])
def test_what_is_no_core_is_refused_by_what_it_is(kind: int, what: str) -> None:
    data = bytearray(CoreBuilder().build())
    data[16] = kind
    with pytest.raises(FormatError, match=f"not a core, but {what}"):
        open_core(io.BytesIO(bytes(data)))


def test_an_unknown_machine_is_refused_by_its_number() -> None:
    data = bytearray(CoreBuilder().build())
    data[18] = 40
    with pytest.raises(FormatError, match="machine 40 is not supported"):
        open_core(io.BytesIO(bytes(data)))


def library_core(library: bytes) -> CoreBuilder:
    """A core that holds the first page of a library, where its build-id is, and nothing else of it."""
    segments = [Segment(BASE, library[:PAGE], 2 * PAGE, flags=5), Segment(BASE + DATA, size=PAGE, flags=4)]
    return CoreBuilder(
        segments=segments, files=[(BASE, BASE + DATA, 0, LIBRARY), (BASE + DATA, BASE + 3 * PAGE, DATA, LIBRARY)]
    )


def with_library(root: Path, core: bytes, here: bytes) -> CoreTarget:
    (root / "lib").mkdir()
    (root / "lib" / "libshop.so").write_bytes(here)
    return open_core(io.BytesIO(library_core(core).build()), [str(root)])


@pytest.mark.parametrize(("guards", "lost"), [(65_531, False), (66_000, True)])
def test_segments_that_lost_their_number_are_there(guards: int, lost: bool) -> None:
    data = SmallCore(guards=guards).build()
    with open_core(io.BytesIO(data)) as whole, open_core(io.BytesIO(data[:-64])) as cut:
        assert whole.problems == ()
        assert [problem.kind for problem in cut.problems] == (["segments"] if lost else [])
        assert cut.file.segments.count == whole.file.segments.count == guards + 4
        assert cut.memory.read(cut.threads[0].stack_pointer - 64, 5) == b"stack"


def test_what_the_core_left_out_comes_relocated_from_the_file_with_its_build_id(tmp_path: Path) -> None:
    relocations = [(DATA, 8, 0, 0x123), (DATA + 8, 6, 1, 0)]
    data = ElfBuilder(relocations=relocations, imports=[b"malloc"]).build()
    target = with_library(tmp_path, data, data)
    assert target.memory.read(BASE + PAGE, 24) == data[PAGE : PAGE + 24]
    assert target.memory.read(BASE + DATA, 8) == (BASE + 0x123).to_bytes(8, "little")
    path = str(tmp_path / "lib" / "libshop.so")
    assert target.memory.origin(BASE + DATA) == Origin(path, DATA, relocated=True)
    assert target.memory.origin(BASE + PAGE) == Origin(path, PAGE)
    with pytest.raises(MemoryFault, match="cannot tell what it was"):
        target.memory.read(BASE + DATA + 8, 8)


@pytest.mark.parametrize("entry", [(22, 0), (30, 4)])
def test_code_with_relocations_is_as_the_dynamic_linker_left_it(tmp_path: Path, entry: tuple[int, int]) -> None:
    relocations = [(0x880, 8, 0, 0x123), (0x890, 6, 1, 0)]
    data = ElfBuilder(relocations=relocations, imports=[b"malloc"], dynamic=[entry]).build()
    target = with_library(tmp_path, data, data)
    library = target.file_memory
    assert (
        library.read(BASE + 0x878, 24) == data[0x878:0x880] + (BASE + 0x123).to_bytes(8, "little") + data[0x888:0x890]
    )
    path = str(tmp_path / "lib" / "libshop.so")
    assert library.origin(BASE + 0x880) == Origin(path, 0x880, relocated=True)
    with pytest.raises(MemoryFault, match="cannot tell what it was"):
        library.read(BASE + 0x890, 8)


def test_relocated_data_of_a_file_that_needs_no_other_is_not_known(tmp_path: Path) -> None:
    data = ElfBuilder(dynamic=[]).build()
    target = with_library(tmp_path, data, data)
    assert target.memory.read(BASE + PAGE, 8) == data[PAGE : PAGE + 8]
    with pytest.raises(MemoryFault, match="cannot tell what it was"):
        target.memory.read(BASE + DATA, 8)


def test_a_hole_is_as_large_as_what_was_copied_into_it(tmp_path: Path) -> None:
    data = ElfBuilder(relocations=[(DATA + 8, 5, 1, 0)], data=b"=" * 64).build()
    target = with_library(tmp_path, data, data)
    assert target.memory.read_available(BASE + DATA, 64) == b"=" * 8
    assert target.memory.read_available(BASE + DATA + 16, 8) == b""
    assert target.memory.read(BASE + DATA + 24, 40) == b"=" * 40


def test_symbols_are_found_although_the_dynamic_section_is_the_linkers(tmp_path: Path) -> None:
    data = ElfBuilder().build()
    (module,) = with_library(tmp_path, data, data).modules
    assert module.image is not None
    assert module.image.find_symbol("second") is not None
    assert [symbol.name for symbol in module.image.symbols] == ["first", "second"]


def test_a_file_with_another_build_id_is_not_used(tmp_path: Path) -> None:
    target = with_library(tmp_path, ElfBuilder().build(), ElfBuilder(build_id=b"\x99" * 20).build())
    with pytest.raises(MemoryFault, match="no file with the build-id"):
        target.memory.read(BASE + PAGE, 8)


def test_a_file_without_a_build_id_is_not_used_and_that_is_said(tmp_path: Path) -> None:
    data = ElfBuilder().build().replace(b"GNU\0", b"XYZ\0")
    target = with_library(tmp_path, data, data)
    with pytest.raises(MemoryFault, match=f"no build-id is known to find the file of {LIBRARY.decode()} by"):
        target.memory.read(BASE + PAGE, 8)


def test_a_module_finds_its_symbols_by_name_and_by_address(tmp_path: Path) -> None:
    data = ElfBuilder().build()
    target = with_library(tmp_path, data, data)
    (module,) = target.modules
    assert (module.path, module.base, module.build_id) == (LIBRARY.decode(), BASE, b"\x11\x22\x33\x44" * 5)
    assert module.find_symbol("second") == BASE + 0x900
    assert module.symbol_at(BASE + 0x904) == ("second", 4)
    assert target.module_at(BASE + 0x904) is module
    assert target.module_at(BASE - 1) is None


def test_initial_data_is_relocated_and_kept_apart_from_memory(tmp_path: Path) -> None:
    data = ElfBuilder(relocations=[(DATA, 8, 0, 0x123)], data=bytes(8) + b"constant").build()
    (module,) = with_library(tmp_path, data, data).modules
    assert module.initial is not None
    assert module.initial.read(BASE + DATA, 16) == (BASE + 0x123).to_bytes(8, "little") + b"constant"


def test_without_a_file_note_modules_are_found_by_their_headers_in_memory() -> None:
    data = ElfBuilder().build()
    builder = CoreBuilder(segments=[Segment(BASE, data[:DATA], flags=5), Segment(BASE + DATA, data[DATA:])])
    (module,) = opened(builder).modules
    assert (module.base, module.end) == (BASE, BASE + 3 * PAGE)
    assert module.find_symbol("first") == BASE + 0x800


def test_no_path_of_a_core_leads_out_of_a_sysroot(tmp_path: Path) -> None:
    data = ElfBuilder().build()
    (tmp_path / "secret.so").write_bytes(data)
    (tmp_path / "root").mkdir()
    builder = library_core(data)
    builder.files = [(start, end, offset, b"/../secret.so") for start, end, offset, _ in builder.files]
    target = open_core(io.BytesIO(builder.build()), [str(tmp_path / "root")])
    assert target.modules[0].file is None
