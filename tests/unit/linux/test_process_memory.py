from __future__ import annotations

import ctypes
import errno
import mmap
import os
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from dotdump.errors import CollectError, MemoryFault, ProcessGone
from dotdump.linux.backing import BackingFiles
from dotdump.linux.memory_sources import MemFile, VmReader
from dotdump.linux.pagemap import PAGE_SIZE, Pagemap
from dotdump.linux.proc import Proc
from dotdump.linux.process_memory import ProcessMemory
from dotdump.memory.region import Protection, Region
from dotdump.memory.space import MemoryRange

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dotdump.linux.memory_sources import Source

READ = Protection.READ
BASE = 0x10000000


class FakeSource:
    """Pages by number from BASE; a page that is None cannot be read. Copies only what precedes the first such page."""

    def __init__(self, pages: list[bytes | None], failure: int = errno.EFAULT) -> None:
        self.pages = pages
        self.failure = failure

    def read_into(self, address: int, buffer: memoryview) -> int:
        filled = 0
        while filled < len(buffer):
            page, offset = divmod(address + filled - BASE, PAGE_SIZE)
            content = self.pages[page]
            if content is None:
                break
            part = content[offset : offset + len(buffer) - filled]
            buffer[filled : filled + len(part)] = part
            filled += len(part)
        if not filled:
            raise OSError(self.failure, os.strerror(self.failure))
        return filled

    def close(self) -> None:
        pass


class AllOrNothing(FakeSource):
    """Fails as a whole where any page of the request cannot be read, as the kernel may."""

    def read_into(self, address: int, buffer: memoryview) -> int:
        if super().read_into(address, buffer) < len(buffer):
            raise OSError(self.failure, os.strerror(self.failure))
        return len(buffer)


def memory_over(source: Source, pages: int) -> ProcessMemory:
    return ProcessMemory(source, [Region(BASE, BASE + pages * PAGE_SIZE, READ)], Pagemap(os.getpid()))


def test_a_read_that_fails_for_want_of_memory_is_told_as_that() -> None:
    memory = memory_over(FakeSource([None], errno.ENOMEM), 1)
    with pytest.raises(CollectError, match=r"cannot read 8 bytes at 0x10000000 of the process: Cannot allocate memory"):
        memory.read_available(BASE, 8)


@pytest.mark.parametrize("kind", [FakeSource, AllOrNothing])
def test_reading_stops_at_the_page_that_cannot_be_read_and_goes_on_behind_it(
    kind: Callable[[list[bytes | None]], FakeSource],
) -> None:
    memory = memory_over(kind([b"a" * PAGE_SIZE, b"b" * PAGE_SIZE, None, b"c" * PAGE_SIZE]), 4)
    assert memory.read_available(BASE + 1, 4 * PAGE_SIZE) == b"a" * (PAGE_SIZE - 1) + b"b" * PAGE_SIZE
    assert memory.read_available(BASE + 2 * PAGE_SIZE, 8) == b""
    assert memory.read(BASE + 3 * PAGE_SIZE, 8) == b"c" * 8
    memory.close()


def test_an_exact_read_across_a_hole_names_the_hole() -> None:
    memory = memory_over(FakeSource([b"a" * PAGE_SIZE, None], errno.EIO), 2)
    with pytest.raises(MemoryFault, match="0x10001000"):
        memory.read(BASE, 2 * PAGE_SIZE)
    memory.close()


def test_memory_that_is_gone_is_not_a_hole() -> None:
    with subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE) as process:
        source = MemFile(process.pid)
        process.kill()
        process.wait()
    memory = memory_over(source, 1)
    with pytest.raises(ProcessGone):
        memory.read_available(BASE, 8)
    memory.close()


def test_a_process_that_ended_is_not_a_hole() -> None:
    memory = memory_over(FakeSource([None], errno.ESRCH), 1)
    with pytest.raises(ProcessGone):
        memory.read_available(BASE, 8)
    memory.close()


def test_what_the_target_may_not_read_is_not_asked_for() -> None:
    regions = [Region(BASE, BASE + PAGE_SIZE, Protection.WRITE)]
    memory = ProcessMemory(FakeSource([b"s" * PAGE_SIZE]), regions, Pagemap(os.getpid()))
    assert memory.read_available(BASE, 8) == b""
    assert list(memory.ranges()) == []
    memory.close()


def test_absent_pages_that_the_process_would_have_to_supply_are_not_asked_for() -> None:
    """They are present here where our own memory is: in the second page of four."""
    with mmap.mmap(-1, 4 * PAGE_SIZE) as own:
        own[PAGE_SIZE] = 1
        base = ctypes.addressof(ctypes.c_char.from_buffer(own))
        part = MemoryRange(base, base + 3 * PAGE_SIZE)
        regions = [Region(base, base + 4 * PAGE_SIZE, READ, 0, "/dev/zero (deleted)", shared=True, inode=7)]
        with ProcessMemory(VmReader(os.getpid()), regions, Pagemap(os.getpid()), None, [part]) as memory:
            assert memory.read_available(base + 8, 8) == b""
            assert memory.read_available(base + PAGE_SIZE, PAGE_SIZE * 2) == b"\1" + bytes(PAGE_SIZE - 1)
            assert memory.read_available(base + 3 * PAGE_SIZE, 8) == bytes(8)
            with pytest.raises(MemoryFault, match="userfaultfd"):
                memory.read(base + 2 * PAGE_SIZE, 8)


def test_anonymous_neighbours_are_read_as_one_and_nothing_across_what_may_not_be_read() -> None:
    asked: list[tuple[int, int]] = []

    class Recording(FakeSource):
        def read_into(self, address: int, buffer: memoryview) -> int:
            asked.append((address - BASE, len(buffer)))
            return super().read_into(address, buffer)

    rights = [READ, READ | Protection.WRITE, READ, Protection(0), READ, READ]
    regions = [Region(BASE + n * PAGE_SIZE, BASE + (n + 1) * PAGE_SIZE, r) for n, r in enumerate(rights)]
    regions[5] = Region(regions[5].start, regions[5].end, READ, 0, "/lib/a.so")
    source = Recording([bytes([n]) * PAGE_SIZE for n in range(6)])
    with Pagemap(os.getpid()) as pages:
        memory = ProcessMemory(source, regions, pages)
        assert memory.read_available(BASE, 6 * PAGE_SIZE) == bytes(PAGE_SIZE) + b"\1" * PAGE_SIZE + b"\2" * PAGE_SIZE
        assert memory.read_available(BASE + 4 * PAGE_SIZE, PAGE_SIZE * 2) == b"\4" * PAGE_SIZE + b"\5" * PAGE_SIZE
        assert [(part.start - BASE, part.size) for part in memory.ranges()] == [
            (0, 3 * PAGE_SIZE),
            (4 * PAGE_SIZE, 2 * PAGE_SIZE),
        ]
    assert asked == [(0, 3 * PAGE_SIZE), (4 * PAGE_SIZE, PAGE_SIZE), (5 * PAGE_SIZE, PAGE_SIZE)]


@pytest.fixture(params=[MemFile, VmReader])
def own_memory(request: pytest.FixtureRequest) -> Iterator[Callable[[], ProcessMemory]]:
    """This process, read as another one would be, with its maps as they are at the time of the call."""
    opened: list[ProcessMemory] = []

    def now() -> ProcessMemory:
        pid = os.getpid()
        opened.append(ProcessMemory(request.param(pid), Proc(pid).maps(), Pagemap(pid), BackingFiles(pid)))
        return opened[-1]

    yield now
    for memory in opened:
        memory.close()


def test_anonymous_memory_is_read_and_untouched_pages_are_not_present(
    own_memory: Callable[[], ProcessMemory],
) -> None:
    mapped = mmap.mmap(-1, 16 * PAGE_SIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    mapped.madvise(mmap.MADV_NOHUGEPAGE)
    mapped[5 * PAGE_SIZE : 5 * PAGE_SIZE + 4] = b"here"
    start = ctypes.addressof(ctypes.c_char.from_buffer(mapped))
    memory = own_memory()
    assert memory.read(start + 5 * PAGE_SIZE, 4) == b"here"
    assert [run.start for run in memory.present_runs(start, start + 16 * PAGE_SIZE)] == [start + 5 * PAGE_SIZE]


def touched(start: int, pages: int) -> list[MemoryRange]:
    with Pagemap(os.getpid()) as pagemap:
        return list(pagemap.populated(start, start + pages * PAGE_SIZE))


@pytest.mark.parametrize("deleted", [False, True])
@pytest.mark.parametrize("shared", [False, True])
def test_untouched_pages_of_a_file_come_from_the_file_and_stay_untouched(
    own_memory: Callable[[], ProcessMemory], deleted: bool, shared: bool
) -> None:
    content = b"".join(bytes([65 + page]) * PAGE_SIZE for page in range(8)) + b"tail"
    with tempfile.NamedTemporaryFile(delete=False) as file:
        file.write(content)
        file.flush()
        flags = mmap.MAP_SHARED if shared else mmap.MAP_PRIVATE
        mapped = mmap.mmap(file.fileno(), 0, flags=flags, prot=mmap.PROT_READ | mmap.PROT_WRITE)
        mapped.madvise(mmap.MADV_RANDOM)
        mapped[3 * PAGE_SIZE] = 0x21
        if deleted:
            Path(file.name).unlink()
        start = ctypes.addressof(ctypes.c_char.from_buffer(mapped))
        memory = own_memory()
        before = touched(start, 9)
        read = memory.read_available(start, 10 * PAGE_SIZE)
        assert read[: len(content)] == content[: 3 * PAGE_SIZE] + b"!" + content[3 * PAGE_SIZE + 1 :]
        assert read[len(content) :].startswith(bytes(PAGE_SIZE - 4))
        assert touched(start, 9) == before
    if not deleted:
        Path(file.name).unlink()


def test_pages_behind_the_end_of_a_file_cannot_be_read(own_memory: Callable[[], ProcessMemory]) -> None:
    with tempfile.TemporaryFile() as file:
        file.truncate(4 * PAGE_SIZE)
        mapped = mmap.mmap(file.fileno(), 4 * PAGE_SIZE, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_WRITE)
        file.truncate(PAGE_SIZE + 10)
        start = ctypes.addressof(ctypes.c_char.from_buffer(mapped))
        memory = own_memory()
        assert len(memory.read_available(start, 4 * PAGE_SIZE)) == 2 * PAGE_SIZE
        with pytest.raises(MemoryFault, match="behind the end of a file"):
            memory.read(start + 2 * PAGE_SIZE, 1)


def test_several_threads_read_a_file_mapping_of_which_pages_were_changed(tmp_path: Path) -> None:
    pages, pid = 1024, os.getpid()
    path = tmp_path / "file"
    path.write_bytes(b"".join(number.to_bytes(8, "little") * (PAGE_SIZE // 8) for number in range(pages)))
    with path.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_WRITE)
    for number in range(0, pages, 3):
        mapped[number * PAGE_SIZE : number * PAGE_SIZE + 4] = b"mine"
    base, content = ctypes.addressof(ctypes.c_char.from_buffer(mapped)), bytes(mapped)
    region = next(region for region in Proc(pid).maps() if region.start <= base < region.end)
    with ProcessMemory(VmReader(pid), [region], Pagemap(pid), BackingFiles(pid)) as memory:

        def read(start: int) -> bool:
            buffer = bytearray(7 * PAGE_SIZE)
            count = memory.read_into(base + start, memoryview(buffer))
            return buffer[:count] == content[start : start + len(buffer)]

        with ThreadPoolExecutor(4) as pool:
            assert all(pool.map(read, [*range(0, pages * PAGE_SIZE, 7 * PAGE_SIZE)] * 20))


def test_files_beyond_those_kept_open_are_opened_again_while_several_threads_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dotdump.linux.backing.MOST_OPEN", 2)
    count, held = 9, []
    for number in range(count):
        path = tmp_path / str(number)
        path.write_bytes(bytes([number]) * PAGE_SIZE)
        with path.open("rb") as file:
            held.append(mmap.mmap(file.fileno(), 0, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ))
    regions = [region for region in Proc(os.getpid()).maps() if region.path.startswith(f"{tmp_path}/")]
    before = len([*Path("/proc/self/fd").iterdir()])
    files = BackingFiles(os.getpid())

    def read(turn: int) -> bool:
        region = regions[turn % count]
        buffer = bytearray(PAGE_SIZE)
        assert files.read_into(region, region.start, memoryview(buffer)) == PAGE_SIZE
        return set(buffer) == {int(Path(region.path).name)}

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(read, range(400 * count)))
    assert len([*Path("/proc/self/fd").iterdir()]) == before + 2
    files.close()
    assert len([*Path("/proc/self/fd").iterdir()]) == before


def test_a_file_that_cannot_be_read_any_more_is_a_gap_and_no_page_of_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    path, pid = tmp_path / "file", os.getpid()
    path.write_bytes(b"file" * 4096)
    with path.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_WRITE)
    base = ctypes.addressof(ctypes.c_char.from_buffer(mapped))
    region = next(region for region in Proc(pid).maps() if region.start <= base < region.end)
    with ProcessMemory(VmReader(pid), [region], Pagemap(pid), BackingFiles(pid)) as memory:
        monkeypatch.setattr(os, "preadv", fail)
        assert memory.read_available(base, 4 * 4096) == b""
    assert list(Pagemap(pid).populated(base, base + 4 * 4096)) == []


def test_what_cannot_be_made_holds_nothing_open() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    regions = cast("list[Region]", [None])
    with pytest.raises(AttributeError):
        ProcessMemory(MemFile(os.getpid()), regions, Pagemap(os.getpid()))
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_a_file_whose_closing_fails_is_no_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    close = os.close

    def fail(descriptor: int) -> None:
        close(descriptor)
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    (tmp_path / "file").write_bytes(b"x" * PAGE_SIZE)
    with (tmp_path / "file").open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ)
    region = next(region for region in Proc(os.getpid()).maps() if region.path == f"{tmp_path}/file")
    files = BackingFiles(os.getpid())
    assert files.read_into(region, region.start, memoryview(bytearray(PAGE_SIZE))) == PAGE_SIZE
    monkeypatch.setattr(os, "close", fail)
    files.close()
    mapped.close()
