"""GC info of every runtime's own library: all of it is decoded, and what it says is true of the code."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import pytest

from corpus import Runtime, missing, runtimes
from dotdump.formats.gc_info.decoder import GcInfo, Stop
from dotdump.formats.gc_info.encoding import encoding_of, version_of_image, version_of_runtime
from dotdump.formats.machine import Machine
from dotdump.memory.space import BytesSpace
from ready_to_run_files import ImageFile

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.live

STEP = 4
LENGTH_OF_CALL = (2, 3, 4, 6, 7)
HANDLER_AND_CODES = 4 + 4


def methods(image: ImageFile) -> Iterator[tuple[int, int, int]]:
    """Yield where a method begins, where its first function ends, and where its GC info is."""
    functions = image.functions()
    for index in islice(image.method_functions(), 0, None, STEP):
        begin, end, unwind = functions[index]
        yield begin, end, (unwind + 3 + HANDLER_AND_CODES + 2 * image.data[unwind + 2]) & ~3


def is_call(code: bytes) -> bool:
    """Return whether a call of x86-64 is what ``code`` may end with."""
    indirect = any(code[-size] == 0xFF and code[1 - size] >> 3 & 7 == 2 for size in LENGTH_OF_CALL)
    return indirect or code[-5] == 0xE8


@pytest.mark.parametrize("runtime", runtimes() or [None], ids=str)
def test_what_it_says_of_core_library_methods_is_true_of_their_code(runtime: Runtime | None) -> None:
    if runtime is None:
        missing("no runtime is installed")
    image = ImageFile.of(runtime.directory / "System.Private.CoreLib.dll")
    version = version_of_image(*image.version)
    assert version == version_of_runtime(runtime.major)
    encoding = encoding_of(Machine.X86_64, version)
    memory, ends = BytesSpace([(0, image.data)]), {end for _, end, _ in image.functions()}
    seen = calls = split = ranges = 0
    for begin, end, place in methods(image):
        info = GcInfo(memory, place, encoding)
        seen += 1
        split += begin + info.header.code_length not in ends
        assert begin + info.header.code_length >= end
        _ = info.slots
        for offset in info.safe_points:
            assert info.live_slots(Stop(offset)).known
            if begin + offset < end:
                calls += 1
                assert is_call(image.data[begin + offset - 7 : begin + offset]), hex(begin + offset)
        for first, last in info.interruptible_ranges:
            ranges += 1
            for offset in (first, (first + last) // 2, last - 1):
                assert info.live_slots(Stop(offset, active=True)).known
    assert seen > 4000
    assert calls > 8000
    assert ranges > 10
    assert split < seen // (10 if version == 4 else 1000)
