from random import Random

import pytest

from builders.memory_file import MemoryFile
from dotdump.errors import MemoryFault
from dotdump.formats.zstd_seekable import FrameTable
from dotdump.memory.zstd import ZstdSpace
from dotdump.memory.zstd_library import zstd

CONTENT = bytes(Random(7).choices(range(9), k=50_000))
STEP = 5_000


class CountingFile(MemoryFile):
    """A file that remembers which parts of it were read."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.viewed: list[int] = []

    def view(self, address: int, size: int) -> memoryview | None:
        self.viewed.append(address)
        return super().view(address, size)


def space(cache_bytes: int = 1 << 20, damage: int | None = None) -> tuple[ZstdSpace, CountingFile]:
    parts = [CONTENT[start : start + STEP] for start in range(0, len(CONTENT), STEP)]
    frames = [zstd.compress(part) for part in parts]
    table = FrameTable((len(frame), len(part)) for frame, part in zip(frames, parts, strict=True))
    data = bytearray(b"".join(frames))
    if damage is not None:
        data[table.compressed(damage)[0] + 1] ^= 0xFF
    file = CountingFile(bytes(data))
    return ZstdSpace(file, table, cache_bytes), file


def test_reads_anywhere_give_the_content_however_many_frames_they_span() -> None:
    content, _ = space()
    for start, size in [(0, 1), (0, 50_000), (4_999, 2), (STEP, STEP), (12_345, 20_000), (49_999, 1)]:
        assert content.read(start, size) == CONTENT[start : start + size]


def test_reads_past_the_end_give_what_is_there_or_fault() -> None:
    content, _ = space()
    assert content.read_available(49_990, 100) == CONTENT[49_990:]
    assert content.read_available(60_000, 1) == b""
    with pytest.raises(MemoryFault) as caught:
        content.read(49_990, 100)
    assert (caught.value.address, caught.value.size) == (50_000, 90)


@pytest.mark.parametrize("grown", [None, 0, 4, 9])
def test_a_frame_of_another_size_than_the_table_says_is_found_by_its_head(grown: int | None) -> None:
    parts = [CONTENT[start : start + STEP] for start in range(0, len(CONTENT), STEP)]
    frames = [zstd.compress(part) for part in parts]
    sizes = [(len(frame), STEP + (number == grown)) for number, frame in enumerate(frames)]
    wrong = ZstdSpace(MemoryFile(b"".join(frames)), FrameTable(sizes)).false_frame()
    place = sum(len(frame) for frame in frames[:grown])
    says = f"the zstd frame at offset {place:#x} holds 5,000 bytes, and the table says 5,001"
    assert wrong == ("" if grown is None else says)


def test_where_the_table_has_a_frame_there_is_one() -> None:
    content, _ = space(damage=3)
    assert content.false_frame().startswith("no zstd frame begins at offset")


def test_a_view_is_given_within_one_frame_only() -> None:
    content, _ = space()
    assert bytes(content.view(10, 20) or b"") == CONTENT[10:30]
    assert content.view(STEP - 1, 2) is None


def test_frames_are_kept_up_to_the_bound_and_the_longest_unused_goes_first() -> None:
    content, file = space(cache_bytes=2 * STEP)
    for frame in (0, 1, 0, 2, 0, 1):
        content.read(frame * STEP, 1)
    starts = sorted(set(file.viewed))
    assert [starts.index(at) for at in file.viewed] == [0, 1, 2, 1]


def test_a_damaged_frame_is_not_there_and_the_fault_says_why() -> None:
    content, _ = space(damage=3)
    assert content.read_available(2 * STEP, 3 * STEP) == CONTENT[2 * STEP : 3 * STEP]
    with pytest.raises(MemoryFault, match=r"the zstd frame at offset .* is damaged"):
        content.read(3 * STEP, 1)
    assert content.read(4 * STEP, 10) == CONTENT[4 * STEP : 4 * STEP + 10]


@pytest.mark.parametrize("wrong", [-1, 1, 40 << 20])
def test_a_frame_that_unpacks_to_another_size_than_the_table_says_is_not_believed(wrong: int) -> None:
    frame = zstd.compress(CONTENT)
    content = ZstdSpace(MemoryFile(frame), FrameTable([(len(frame), len(CONTENT) + wrong)]))
    with pytest.raises(MemoryFault, match="does not unpack to"):
        content.read(0, 1)


def test_closing_closes_the_file() -> None:
    content, file = space()
    content.close()
    assert file.closed
