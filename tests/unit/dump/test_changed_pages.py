"""Which pages of files a core keeps: those that its reader would not find in the files."""

import pytest

from dotdump.dump.changed_pages import changed_pages
from dotdump.memory.space import BytesSpace, MemoryRange

PAGE = 4096
START = 0x10000
WHOLE = [MemoryRange(START, START + 6 * PAGE)]


@pytest.mark.parametrize("lacking", [False, True])
def test_pages_that_files_have_otherwise_are_kept_and_where_asked_for_those_that_they_lack(*, lacking: bool) -> None:
    held = BytesSpace([(START, b"s" * PAGE + b"c" * 2 * PAGE + b"s" * 2 * PAGE + b"s" * PAGE)])
    files = BytesSpace([(START, b"s" * PAGE + b"o" * 2 * PAGE + b"s" * PAGE + b"s" * 100)])
    expected = [MemoryRange(START + PAGE, START + 3 * PAGE)]
    if lacking:
        expected.append(MemoryRange(START + 4 * PAGE, START + 6 * PAGE))
    assert changed_pages(held, files, WHOLE, PAGE, lacking=lacking) == expected


def test_what_the_core_has_not_is_not_changed() -> None:
    files = BytesSpace([(START, b"s" * 6 * PAGE)])
    held = BytesSpace([(START + PAGE, b"s" * PAGE)])
    for lacking in (False, True):
        assert changed_pages(held, files, WHOLE, PAGE, lacking=lacking) == []


def test_a_page_that_is_held_in_part_counts_as_a_whole() -> None:
    held, files = BytesSpace([(START + PAGE + 100, b"c")]), BytesSpace([(START, b"s" * 6 * PAGE)])
    assert changed_pages(held, files, WHOLE, PAGE, lacking=False) == []
    held = BytesSpace([(START + PAGE, b"c")])
    assert changed_pages(held, files, WHOLE, PAGE, lacking=False) == [MemoryRange(START + PAGE, START + 2 * PAGE)]


class Counted(BytesSpace):
    reads = 0

    def read_available(self, address: int, size: int) -> bytes:
        self.reads += 1
        return super().read_available(address, size)


def test_what_the_core_has_not_is_not_asked_for() -> None:
    held = Counted([(START, b"c" * PAGE)])
    changed = [MemoryRange(START, START + PAGE)]
    assert changed_pages(held, BytesSpace([]), [MemoryRange(START, 1 << 32)], PAGE, lacking=True) == changed
    assert held.reads < 10
