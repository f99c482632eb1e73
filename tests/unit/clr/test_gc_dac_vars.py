from __future__ import annotations

import pytest

from builders.clr import FakeModule, FakeTarget, put_gc_dac_vars
from dotdump.clr.descriptor import FieldLayout, Global
from dotdump.clr.gc_dac_vars import descriptor_of, find_gc_dac_vars, read_gc_dac_vars
from dotdump.errors import UnsupportedRuntime
from dotdump.memory.reader import Reader

BASE, END, TABLE, VARS = 0x7F0000000000, 0x7F0000100000, 0x7F0000001000, 0x7F0000010000


@pytest.fixture
def target() -> FakeTarget:
    return FakeTarget(FakeModule("/usr/share/dotnet/libcoreclr.so", BASE, END))


def export(target: FakeTarget, *entries: int) -> None:
    module = target.modules[0]
    assert isinstance(module, FakeModule)
    module.symbols["g_dacTable"] = target.words(TABLE, *entries)


def test_it_is_found_behind_the_dac_table(target: FakeTarget) -> None:
    slot = target.words(BASE + 0x2000, put_gc_dac_vars(target, VARS))
    export(target, 0, BASE + 0x9990, 0x1234, target.words(BASE + 0x3000, 7), slot)
    found = find_gc_dac_vars(target)
    assert found is not None
    assert (found.address, found.major, found.minor) == (VARS, 2, 4)
    assert (found.generation_size, found.generation_count) == (0x100, 5)


def test_without_exports_it_is_found_by_its_signature(target: FakeTarget) -> None:
    target.words(BASE + 0x4000, *[0x0102, 0x100, 5] * 40)
    put_gc_dac_vars(target, VARS)
    found = find_gc_dac_vars(target)
    assert found is not None
    assert found.address == VARS


def test_in_a_single_file_host_the_exports_name_the_module() -> None:
    target = FakeTarget(FakeModule("/app/Host", BASE, END))
    slot = target.words(BASE + 0x2000, put_gc_dac_vars(target, VARS))
    export(target, slot)
    assert find_gc_dac_vars(target) is not None


def test_a_native_aot_program_names_it_in_its_debug_header() -> None:
    target = FakeTarget(FakeModule("/app/native", BASE, END, {"DotNetRuntimeDebugHeader": BASE + 0x100}))
    put_gc_dac_vars(target, VARS)
    name = target.put(BASE + 0x800, b"g_gcDacGlobals\0")
    table = target.words(BASE + 0x600, name, VARS, 0, 0)
    target.put(BASE + 0x100, b"DNDH" + bytes([5, 0, 0, 0]) + bytes(8) + bytes(8) + table.to_bytes(8, "little"))
    found = find_gc_dac_vars(target)
    assert found is not None
    assert found.address == VARS


def test_where_there_is_no_runtime_there_is_none() -> None:
    assert find_gc_dac_vars(FakeTarget(FakeModule("/bin/true", BASE, END))) is None


def test_before_the_collector_has_started_there_is_none(target: FakeTarget) -> None:
    export(target, target.words(BASE + 0x2000, 0))
    assert find_gc_dac_vars(target) is None


@pytest.mark.parametrize("version", [0x0403, 0x0400, 0xFF02])
def test_another_layout_is_refused(target: FakeTarget, version: int) -> None:
    put_gc_dac_vars(target, VARS, version=version)
    with pytest.raises(UnsupportedRuntime):
        read_gc_dac_vars(Reader(target.memory), VARS)


def test_an_absurd_number_of_generations_is_refused(target: FakeTarget) -> None:
    put_gc_dac_vars(target, VARS, generations=500)
    assert find_gc_dac_vars(target) is None


def test_it_becomes_a_descriptor(target: FakeTarget) -> None:
    put_gc_dac_vars(target, VARS)
    reader = Reader(target.memory)
    found = descriptor_of(reader, read_gc_dac_vars(reader, VARS))
    assert found.types["Generation"].size == 0x100
    assert found.types["Generation"].fields["StartSegment"].offset == 56
    assert "AllocationStart" not in found.types["Generation"].fields
    assert found.types["GCHeap"].fields["GenerationTable"] == FieldLayout(144)
    assert found.globals["TotalGenerationCount"] == Global(5, "uint32")
    assert found.globals["MaxGeneration"] == Global(VARS + 0x900, "pointer", indirect=True)
    assert "NumHeaps" not in found.globals
