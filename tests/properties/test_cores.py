"""Whatever is done to a core: no crash, only our errors, bounded time and memory."""

import io
import os
import time
import tracemalloc
from contextlib import suppress

import hypothesis.strategies as st
from hypothesis import given

from builders.core_builder import PAGE, CoreBuilder, Segment
from builders.elf_builder import DATA, ElfBuilder
from dotdump.errors import DotdumpError
from dotdump.target.core import open_core
from examples import examples

BASE = 0x7F0000000000
LIBRARY = ElfBuilder(gnu=True).build()
WHOLE = CoreBuilder(
    segments=[
        Segment(0x10000, bytes(range(256)) * 16 * 4),
        Segment(BASE, LIBRARY[:DATA], flags=5),
        Segment(BASE + DATA, LIBRARY[DATA:]),
    ],
    files=[(BASE, BASE + DATA, 0, b"/lib/libshop.so"), (BASE + DATA, BASE + 3 * PAGE, DATA, b"/lib/libshop.so")],
    auxv={6: 4096, 3: BASE + 64, 5: 5, 31: 0x10000, 33: BASE},
).build()
SECONDS = 2.0
OVERHEAD = 64 << 20
CUTS = int(os.environ.get("DOTDUMP_TEST_CUTS", "60"))


def use_everything(data: bytes) -> None:
    with suppress(DotdumpError), open_core(io.BytesIO(data)) as target:
        assert target.memory.ranges() is not None
        for thread in target.threads:
            target.memory.read_available(thread.stack_pointer, 64)
        for module in target.modules:
            assert module.version is not None
            module.find_symbol("second")
            module.symbol_at(module.base + 0x904)
        assert all(region.start < region.end for region in target.regions)


def within_limits(data: bytes) -> None:
    tracemalloc.start()
    try:
        began = time.process_time()
        use_everything(data)
        assert time.process_time() - began < SECONDS
        assert tracemalloc.get_traced_memory()[1] < 3 * len(data) + OVERHEAD
    finally:
        tracemalloc.stop()


def test_a_core_cut_anywhere_is_read_as_far_as_it_goes() -> None:
    for position in range(0, len(WHOLE), max(1, len(WHOLE) // CUTS)):
        within_limits(WHOLE[:position])


def test_a_core_cut_at_every_page_keeps_the_threads_once_its_notes_are_there() -> None:
    for position in range(PAGE, len(WHOLE), PAGE):
        with open_core(io.BytesIO(WHOLE[:position])) as target:
            assert len(target.threads) == 2
            assert target.file.cut
            assert target.problems


@examples(150)
@given(st.lists(st.tuples(st.integers(0, 4 * PAGE), st.binary(min_size=1, max_size=9)), min_size=1, max_size=6))
def test_a_core_with_mutated_headers_and_notes_breaks_nothing(changes: list[tuple[int, bytes]]) -> None:
    data = bytearray(WHOLE)
    for position, new in changes:
        data[position : position + len(new)] = new
    within_limits(bytes(data))


@examples(100)
@given(st.integers(0, 3 * PAGE - 9), st.sampled_from([0, 1, 2**16 - 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1]))
def test_a_loaded_file_with_false_numbers_breaks_nothing(position: int, number: int) -> None:
    start = len(WHOLE) - len(LIBRARY) + position // 8 * 8
    within_limits(WHOLE[:start] + number.to_bytes(8, "little") + WHOLE[start + 8 :])
