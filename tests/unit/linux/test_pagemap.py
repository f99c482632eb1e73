import ctypes
import errno
import fcntl
import mmap
import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from corpus import missing
from dotdump.errors import ProcessGone
from dotdump.linux.pagemap import PAGE_SIZE, Pagemap

PAGES = 64


@pytest.fixture(params=["scan", "parse"])
def pagemap(request: pytest.FixtureRequest) -> Iterator[Pagemap]:
    with Pagemap(os.getpid()) as opened:
        opened.scans = request.param == "scan"
        yield opened


@pytest.fixture
def anonymous() -> Iterator[mmap.mmap]:
    memory = mmap.mmap(-1, PAGES * PAGE_SIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(mmap.MADV_NOHUGEPAGE)
    yield memory
    memory.close()


def address_of(memory: mmap.mmap) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(memory))


def runs_of(pagemap: Pagemap, start: int) -> list[tuple[int, int]]:
    found = pagemap.populated(start, start + PAGES * PAGE_SIZE)
    return [((run.start - start) // PAGE_SIZE, (run.end - start) // PAGE_SIZE) for run in found]


def test_only_pages_that_were_written_hold_data(pagemap: Pagemap, anonymous: mmap.mmap) -> None:
    for page in (3, 4, 5, 40):
        anonymous[page * PAGE_SIZE] = 1
    assert runs_of(pagemap, address_of(anonymous)) == [(3, 6), (40, 41)]


def test_of_a_private_mapping_of_a_file_only_pages_that_were_written_are_copied(
    pagemap: Pagemap, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"f" * PAGES * PAGE_SIZE)
    with (tmp_path / "file").open("r+b") as file, mmap.mmap(file.fileno(), 0, flags=mmap.MAP_PRIVATE) as memory:
        for page in (3, 4, 40):
            memory[page * PAGE_SIZE] = 1
        assert sum(memory[::PAGE_SIZE]) > 0
        start = address_of(memory)
        found = [(run.start, run.end) for run in pagemap.copied(start, start + PAGES * PAGE_SIZE)]
        assert len(runs_of(pagemap, start)) == 1
    expected = [(3, 5), (40, 41)]
    assert found == [(start + first * PAGE_SIZE, start + end * PAGE_SIZE) for first, end in expected]


GUARD_INSTALL, IS_GUARD = 102, 1 << 8
MASK_WORD = 8
"""``category_mask`` of ``struct pm_scan_arg``."""


def test_a_guard_holds_nothing(pagemap: Pagemap, anonymous: mmap.mmap) -> None:
    if kernel() < (6, 15):
        missing("before Linux 6.15 nobody is told of guards")
    for page in (3, 4, 40):
        anonymous[page * PAGE_SIZE] = 1
    anonymous.madvise(GUARD_INSTALL, 4 * PAGE_SIZE, 32 * PAGE_SIZE)
    assert runs_of(pagemap, address_of(anonymous)) == [(3, 4), (40, 41)]


def kernel() -> tuple[int, ...]:
    return tuple(map(int, os.uname().release.split(".")[:2]))


def test_a_kernel_that_knows_no_guards_is_asked_without_them_from_then_on(
    anonymous: mmap.mmap, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, ioctl = [], fcntl.ioctl

    def older(descriptor: int, request: int, buffer: bytearray, *rest: bool) -> int:
        asked.append(bool(memoryview(buffer).cast("Q")[MASK_WORD + 1] & IS_GUARD))
        if asked[-1]:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        count: int = ioctl(descriptor, request, buffer, *rest)
        return count

    anonymous[3 * PAGE_SIZE] = 1
    with Pagemap(os.getpid()) as pagemap:
        monkeypatch.setattr(fcntl, "ioctl", older)
        for _ in range(2):
            assert runs_of(pagemap, address_of(anonymous)) == [(3, 4)]
        assert asked == [True, False, False]
        assert pagemap.scans


def test_memory_never_touched_holds_none_and_looking_commits_none(pagemap: Pagemap, anonymous: mmap.mmap) -> None:
    assert runs_of(pagemap, address_of(anonymous)) == []
    assert runs_of(pagemap, address_of(anonymous)) == []


def test_a_range_that_is_not_mapped_holds_none(pagemap: Pagemap) -> None:
    assert list(pagemap.populated(0, 16 * PAGE_SIZE)) == []


def test_a_process_that_has_ended_holds_no_pages_that_could_be_zero() -> None:
    with subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE) as process, Pagemap(process.pid) as pagemap:
        pagemap.scans = False
        process.kill()
        process.wait()
        with pytest.raises(ProcessGone):
            list(pagemap.populated(0, 16 * PAGE_SIZE))
        pagemap.scans = True
        with pytest.raises(ProcessGone):
            list(pagemap.populated(0, 16 * PAGE_SIZE))


def test_more_runs_than_one_call_returns_are_all_found(pagemap: Pagemap) -> None:
    pages = 3 * 4096
    memory = mmap.mmap(-1, pages * PAGE_SIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(mmap.MADV_NOHUGEPAGE)
    for page in range(0, pages, 2):
        memory[page * PAGE_SIZE] = 1
    start = address_of(memory)
    found = list(pagemap.populated(start, start + pages * PAGE_SIZE))
    assert [(run.start - start) // PAGE_SIZE for run in found] == list(range(0, pages, 2))
    assert {run.size for run in found} == {PAGE_SIZE}
    memory.close()


def test_several_threads_get_each_what_it_asked_for(pagemap: Pagemap) -> None:
    pages, threads = 512, 4
    memory = mmap.mmap(-1, threads * pages * PAGE_SIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(mmap.MADV_NOHUGEPAGE)
    start = address_of(memory)
    written = [range(number * pages, (number + 1) * pages, number + 2) for number in range(threads)]
    for part in written:
        for page in part:
            memory[page * PAGE_SIZE] = 1

    def ask(number: int) -> bool:
        begin = start + number * pages * PAGE_SIZE
        found = pagemap.populated(begin, begin + pages * PAGE_SIZE)
        return [(run.start - start) // PAGE_SIZE for run in found] == list(written[number])

    with ThreadPoolExecutor(threads) as pool:
        assert all(pool.map(ask, [*range(threads)] * 200))
