import subprocess
import sys
import threading

import pytest

from builders.fake_target import FakeTarget, ListSink
from dotdump.dump.elf_core_writer import ElfCoreWriter
from dotdump.dump.plan import full
from dotdump.dump.write import origin_of
from dotdump.dump.zstd_sink import HOLE_FRAME, ZstdSink
from dotdump.formats.zstd_seekable import FOOTER, FRAME_SIZE, FrameTable, parse_seek_table, seek_table_size
from dotdump.memory.region import Protection, Region
from dotdump.memory.space import BytesSpace
from dotdump.memory.zstd_library import zstd


def compress(parts: list[bytes | int], threads: int = 1) -> tuple[bytes, FrameTable]:
    out = ListSink()
    sink = ZstdSink(out, threads=threads)
    for part in parts:
        if isinstance(part, int):
            sink.hole(part)
        else:
            sink.write(part)
    assert sink.finish() == len(out.data)
    data = bytes(out.data)
    size = seek_table_size(data[-FOOTER.size :], len(data))
    assert size is not None
    return data, parse_seek_table(data[-size:], len(data))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    "parts",
    [[], [b"a"], [b"abc" * FRAME_SIZE], [b"a", 100, b"b", 5 * HOLE_FRAME + 7, b"c" * 70_000, 1 << 20]],
    ids=["nothing", "a byte", "several frames", "holes"],
)
def test_ordinary_zstd_reads_the_stream_and_the_table_finds_every_frame(parts: list[bytes | int], threads: int) -> None:
    expected = b"".join(part if isinstance(part, bytes) else bytes(part) for part in parts)
    data, table = compress(parts, threads)
    assert zstd.decompress(data) == expected
    assert table.size == len(expected)
    for frame in range(len(table)):
        (low, high), (start, end) = table.compressed(frame), table.content(frame)
        assert zstd.decompress(data[low:high]) == expected[start:end]
        assert end - start <= HOLE_FRAME


def test_a_hole_costs_next_to_nothing() -> None:
    data, _ = compress([b"a" * 4096, 1 << 30, b"b" * 4096])
    assert len(data) < 64 << 10


def test_a_flipped_bit_is_noticed_by_the_checksum_of_its_frame() -> None:
    data, table = compress([bytes(range(256)) * 16])
    low, high = table.compressed(0)
    damaged = bytearray(data[low:high])
    damaged[-1] ^= 1
    with pytest.raises(zstd.ZstdError):
        zstd.decompress(bytes(damaged))


def test_many_frames_and_holes_between_them_keep_their_order() -> None:
    parts: list[bytes | int] = []
    for number in range(200):
        parts += [bytes([number]) * (1000 + number * 7), 40_000 + number]
    data, table = compress(parts, 3)
    assert zstd.decompress(data) == b"".join(part if isinstance(part, bytes) else bytes(part) for part in parts)
    assert len(table) >= 400


def test_nobody_works_on_for_a_core_that_could_not_be_written() -> None:
    class Full(ListSink):
        def write(self, data: bytes | memoryview) -> None:
            raise OSError(28, f"No space left on device for {len(data)} bytes")

    start, size = 0x10000, 64 * FRAME_SIZE
    memory = BytesSpace([(start, b"data" * (size // 4))])
    target = FakeTarget(memory, [Region(start, start + size, Protection.READ)])
    before = threading.active_count()
    with pytest.raises(OSError, match="No space"):
        ElfCoreWriter(target, full(target.regions), origin_of(target)).write(ZstdSink(Full(), threads=2))
    assert threading.active_count() == before


def test_where_there_is_no_memory_to_compress_with_that_is_what_is_wrong() -> None:
    program = (
        "import resource; from dotdump.dump.zstd_sink import HOLE_FRAME, ZstdSink\n"
        "sink = ZstdSink(None, 19)\n"
        "held = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (held + (24 << 20), held + (24 << 20)))\n"
        "try:\n    sink.hole(HOLE_FRAME)\n"
        "except MemoryError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert "not enough memory" in done.stdout, done.stderr
