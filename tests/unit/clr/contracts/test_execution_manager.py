"""From an address to its code, on code built by hand."""

from __future__ import annotations

import struct

import pytest

from builders.code import IMAGE, JIT_HEAP, MAP, RECORDS, SECTIONS, FakeCode, Image, Jitted
from builders.fake_access import fake_access
from dotdump.clr.contracts.code_block import CodeKind
from dotdump.clr.contracts.execution_manager import CodeManager
from dotdump.errors import FormatError, LimitExceeded, MemoryFault, UnsupportedRuntime
from dotdump.records import replace
from dotdump.target.model import Architecture

BODY_AND_HANDLER = Jitted(0x100, 0x80, method_desc=0xD000, functions=[(0, 0x60), (0x60, 0x20)])
FRAGMENT = struct.pack("<I", 1 << 27 | 1 << 20 | 0x10) + b"\xe5\xe4\xe3\xe3" + bytes(4)
FUNCTION = struct.pack("<I", 1 << 27 | 1 << 20 | 0x10) + b"\x81\xe4\xe3\xe3" + bytes(4)


@pytest.mark.parametrize("is_list", [False, True])
def test_a_jitted_method_is_found_by_any_of_its_addresses(*, is_list: bool) -> None:
    code = FakeCode([Jitted(0x20, 0x40, method_desc=0xC000), BODY_AND_HANDLER], is_list=is_list).manager()
    for offset in (0x100, 0x101, 0x15F):
        block = code.find(JIT_HEAP + offset)
        assert block is not None
        assert (block.kind, block.method_desc, block.start) == (CodeKind.JIT, 0xD000, JIT_HEAP + 0x100)
        assert (block.relative_offset, block.is_funclet) == (offset - 0x100, False)
        assert (block.function_start, block.function_end) == (JIT_HEAP + 0x100, JIT_HEAP + 0x160)
        assert block.image_base == JIT_HEAP
        assert block.unwind_info == JIT_HEAP + 0x8100
        assert block.gc_info


def test_a_handler_of_a_jitted_method_is_a_funclet_of_it() -> None:
    block = FakeCode([BODY_AND_HANDLER]).manager().find(JIT_HEAP + 0x165)
    assert block is not None
    assert (block.method_desc, block.start, block.relative_offset) == (0xD000, JIT_HEAP + 0x100, 0x65)
    assert (block.is_funclet, block.function_start) == (True, JIT_HEAP + 0x160)


def test_stubs_have_their_kind_and_no_method() -> None:
    block = FakeCode([Jitted(0x40, 0x20, stub=3)]).manager().find(JIT_HEAP + 0x48)
    assert block is not None
    assert (block.kind, block.stub, block.method_desc) == (CodeKind.STUB, "dynamic helper", 0)
    assert (block.start, block.relative_offset) == (JIT_HEAP + 0x40, 8)


@pytest.mark.parametrize("is_list", [False, True])
def test_what_is_in_no_range_is_none(*, is_list: bool) -> None:
    code = FakeCode([BODY_AND_HANDLER], is_list=is_list).manager()
    for address in (0, 0x1000, JIT_HEAP - 1, JIT_HEAP + 0x10000, IMAGE, (1 << 64) - 1):
        assert code.find(address) is None


def test_the_tables_that_lead_to_a_section_end_in_its_fragment() -> None:
    ranges = FakeCode([BODY_AND_HANDLER]).manager().ranges
    to_code = list(ranges.tables(JIT_HEAP + 0x100))
    assert len(to_code) == 6
    assert len(set(to_code)) == 6
    assert list(ranges.tables(JIT_HEAP + 0x17F)) == to_code
    to_nothing = list(ranges.tables(0x1000))
    assert to_nothing[0] == to_code[0]
    assert len(to_nothing) < 6
    assert list(FakeCode([BODY_AND_HANDLER], is_list=True).manager().ranges.tables(JIT_HEAP)) == []


def test_before_the_first_method_of_a_heap_there_is_none() -> None:
    assert FakeCode([BODY_AND_HANDLER]).manager().find(JIT_HEAP + 0x10) is None


IMAGE_OF_THREE = Image(
    functions=[(0x1000, 0x80), (0x1080, 0x20), (0x10A0, 0x40), (0x1100, 0x100)],
    methods={0: 0xA000, 2: 0xB000, 3: 0xC000},
    thunks=(0x2000, 0x100),
)


@pytest.mark.parametrize("is_list", [False, True])
def test_a_method_of_an_image_is_found_with_its_handlers(*, is_list: bool) -> None:
    code = FakeCode(image=IMAGE_OF_THREE, is_list=is_list).manager()
    body, handler, last = (code.find(IMAGE + rva) for rva in (0x1010, 0x1085, 0x11FF))
    assert body is not None
    assert handler is not None
    assert last is not None
    assert (body.kind, body.method_desc, body.is_funclet) == (CodeKind.READY_TO_RUN, 0xA000, False)
    assert (handler.method_desc, handler.start, handler.is_funclet) == (0xA000, IMAGE + 0x1000, True)
    assert (handler.relative_offset, handler.function_start) == (0x85, IMAGE + 0x1080)
    assert (last.method_desc, last.relative_offset) == (0xC000, 0xFF)
    assert body.ready_to_run_version == (9, 3)
    assert (body.debug_info, last.debug_info) == (0, 3)


def test_gc_info_of_a_method_in_an_image_follows_the_unwind_data_of_its_body() -> None:
    code = FakeCode(image=IMAGE_OF_THREE).manager()
    body, handler = code.find(IMAGE + 0x1000), code.find(IMAGE + 0x1080)
    assert body is not None
    assert handler is not None
    assert body.unwind_info == IMAGE + 0x8000
    assert handler.unwind_info == IMAGE + 0x8020
    assert body.gc_info == handler.gc_info == IMAGE + 0x8000 + 4 + 2 * 2 + 4


def test_between_functions_and_in_thunks_an_image_has_no_method() -> None:
    code = FakeCode(image=IMAGE_OF_THREE).manager()
    gap, thunk, before = code.find(IMAGE + 0x10F0), code.find(IMAGE + 0x2040), code.find(IMAGE + 0x10)
    assert [block.stub for block in (gap, thunk, before) if block is not None] == [
        "ready-to-run thunk",
        "method call thunk",
        "ready-to-run thunk",
    ]


def test_a_cold_part_belongs_to_its_hot_one_and_goes_on_where_that_ends() -> None:
    image = Image(
        functions=[(0x1000, 0x40), (0x1040, 0x40), (0x1080, 0x20), (0x3000, 0x30), (0x3040, 0x10)],
        methods={0: 0xA000, 1: 0xB000},
        cold=[(3, 1)],
    )
    code = FakeCode(image=image).manager()
    cold, handler = code.find(IMAGE + 0x3004), code.find(IMAGE + 0x3044)
    assert cold is not None
    assert handler is not None
    assert (cold.method_desc, cold.start, cold.is_cold, cold.is_funclet) == (0xB000, IMAGE + 0x1040, True, False)
    assert cold.relative_offset == 0x40 + 4
    assert cold.gc_info == IMAGE + 0x8020 + 12
    assert (handler.method_desc, handler.is_cold, handler.is_funclet) == (0xB000, True, True)
    assert handler.relative_offset == 0x40 + 0x44


def test_entry_points_are_found_behind_full_buckets() -> None:
    functions = [(0x1000 + 0x1C0 * index, 0x100) for index in range(20)]
    image = Image(functions, {index: 0xA000 + 0x100 * index for index in range(20)})
    code = FakeCode(image=image).manager()
    for index, (begin, _) in enumerate(functions):
        block = code.find(IMAGE + begin + 5)
        assert block is not None
        assert block.method_desc == 0xA000 + 0x100 * index


def test_a_function_of_no_method_is_damage() -> None:
    image = Image([(0x1000, 0x80)], {})
    with pytest.raises(FormatError, match="of no method"):
        FakeCode(image=image).manager().find(IMAGE + 0x1000)


def test_arm64_has_its_lengths_in_the_unwind_data_and_fragments_of_large_functions() -> None:
    image = Image([(0x1000, 0x40), (0x1040, 0x40), (0x1080, 0x40)], {0: 0xA000})
    xdata = {0x8000: FUNCTION, 0x8020: FRAGMENT, 0x8040: FUNCTION}
    code = FakeCode(image=image, architecture=Architecture.AARCH64, xdata=xdata).manager()
    body, fragment, handler = (code.find(IMAGE + rva) for rva in (0x1000, 0x1050, 0x1090))
    assert body is not None
    assert fragment is not None
    assert handler is not None
    assert body.function_end == IMAGE + 0x1040
    assert [block.method_desc for block in (body, fragment, handler)] == [0xA000] * 3
    assert [block.is_funclet for block in (body, fragment, handler)] == [False, False, True]
    assert body.gc_info == IMAGE + 0x8000 + 4 + 4 + 4


def test_a_function_of_fragments_alone_takes_no_more_than_all_walks_may() -> None:
    image = Image([(0x1000 + 0x40 * index, 0x40) for index in range(40)], {0: 0xA000})
    xdata = {0x8000 + 0x20 * index: FRAGMENT for index in range(40)}
    code = FakeCode(image=image, architecture=Architecture.AARCH64, xdata=xdata).manager()
    block = code.find(IMAGE + 0x19C0)
    assert block is not None
    assert (block.method_desc, block.is_funclet) == (0xA000, False)
    code.effort.left = 100
    with pytest.raises(LimitExceeded, match="more work than stacks can"):
        code.find(IMAGE + 0x19C4)


def test_entry_points_that_are_looked_for_in_every_bucket_take_no_more_than_all_walks_may() -> None:
    target = (fake := FakeCode(image=Image([(0x1000, 0x80)], {0: 0xA000}))).target()
    buckets, count = RECORDS + 0x18000, 1 << 16
    assert buckets in target.chunks
    collisions = struct.pack("<8Q", 1, 1, 1, 1, 1 << 63, 0, 0, 0) * count
    target.chunks[buckets] = struct.pack("<I", count).ljust(64, b"\0") + collisions
    code = fake.manager(target)
    code.effort.left = 1000
    with pytest.raises(LimitExceeded, match="more work than stacks can"):
        code.find(IMAGE + 0x1000)


def test_chains_of_sections_have_an_end() -> None:
    target = (fake := FakeCode([BODY_AND_HANDLER], is_list=True)).target()
    target.words(SECTIONS, SECTIONS, 0, 2, 0x10, 0x20)
    code = fake.manager(target)
    for _ in range(2):
        with pytest.raises(FormatError, match=f"comes back to {SECTIONS:#x}"):
            code.find(0x500)


def test_a_map_that_is_not_there_is_a_memory_fault() -> None:
    target = (fake := FakeCode([BODY_AND_HANDLER])).target()
    del target.chunks[MAP + 16]
    with pytest.raises(MemoryFault):
        fake.manager(target).find(JIT_HEAP)


def test_all_sections_are_listed_once_and_sorted() -> None:
    for is_list in (False, True):
        code = FakeCode([BODY_AND_HANDLER], IMAGE_OF_THREE, is_list=is_list).manager()
        assert [(section.begin, bool(section.module)) for section in code.ranges.all()] == [
            (JIT_HEAP, False),
            (IMAGE, True),
        ]


def test_a_version_of_the_contract_that_is_no_number_is_one_of_those_to_come() -> None:
    access, _ = fake_access({}, globals_={"ExecutionManagerCodeRangeMapAddress": MAP})
    access.descriptor = replace(access.descriptor, contracts={"ExecutionManager": "next"})
    with pytest.raises(UnsupportedRuntime, match="RangeSectionMap"):
        CodeManager(access).find(JIT_HEAP)
