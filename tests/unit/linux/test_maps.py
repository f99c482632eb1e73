import pytest

from dotdump.errors import FormatError
from dotdump.linux.maps import MapsMemo, parse_maps
from dotdump.memory.region import Protection, Region

LINE = b"7f0000001000-7f0000003000 r-xp 00002000 fe:01 4242                       /opt/a b/libcoreclr.so\n"


def test_a_line_becomes_a_region() -> None:
    assert parse_maps(LINE) == [
        Region(
            0x7F0000001000,
            0x7F0000003000,
            Protection.READ | Protection.EXECUTE,
            0x2000,
            "/opt/a b/libcoreclr.so",
            shared=False,
            device=(0xFE, 1),
            inode=4242,
        )
    ]


@pytest.mark.parametrize(
    ("written", "path"),
    [
        (b"", ""),
        (b"                          [stack]", "[stack]"),
        (b" /tmp/two\\012lines", "/tmp/two\nlines"),
        (b" /tmp/kept\\040\\134", "/tmp/kept\\040\\134"),
        (b" /tmp/kept\\01", "/tmp/kept\\01"),
        (b" /tmp/gone (deleted)", "/tmp/gone (deleted)"),
        (b" /tmp/\xff", "/tmp/\udcff"),
        (b" [anon:.NET heap]", "[anon:.NET heap]"),
    ],
)
def test_paths_are_read_as_the_kernel_writes_them(written: bytes, path: str) -> None:
    assert parse_maps(b"1000-2000 rw-s 00000000 00:00 0" + written + b"\n")[0].path == path


def test_shared_and_the_last_page_of_the_address_space() -> None:
    region = parse_maps(b"ffffffffff600000-ffffffffff601000 --xs 00000000 00:00 0   [vsyscall]")[0]
    assert (region.shared, region.protection, region.size) == (True, Protection.EXECUTE, 0x1000)


@pytest.mark.parametrize(
    "line",
    [
        b"x",
        b"1000-2000 rw-p 0 00:00",
        b"1000-2000 zzzz 0 00:00 0",
        b"2000-1000 rw-p 0 00:00 0",
        b"1000 rw-p 0 00:00 0",
        b"1000-2000 rw-p 0 0000 0",
        b"1000-1ffffffffffffffff rw-p 0 00:00 0",
    ],
)
def test_a_line_that_is_none_is_refused(line: bytes) -> None:
    with pytest.raises(FormatError):
        parse_maps(LINE + line)


def test_the_same_text_gives_the_very_same_table() -> None:
    memo = MapsMemo()
    table = memo.parse([LINE])
    assert memo.parse([bytes(bytearray(LINE))]) is table
    assert memo.latest is table
    assert [region.start for region in memo.parse([b"1000-2000 rw-p 0 00:00 0\n" + LINE])] == [0x1000, table[0].start]


@pytest.mark.parametrize("size", [1, 7, 80, 1 << 20])
def test_the_text_may_be_cut_anywhere(size: int) -> None:
    def cut(text: bytes) -> list[bytes]:
        return [text[at : at + size] for at in range(0, len(text), size)]

    first, last = b"1000-2000 rw-p 0 00:00 0\n", b"3000-4000 r--p 0 00:00 0\n"
    for text in (first + LINE + last, first + LINE, first + last, last, first + last + LINE, b""):
        memo = MapsMemo()
        table = memo.parse(cut(first + LINE + last))
        assert table == parse_maps(first + LINE + last)
        assert memo.parse(cut(text)) == parse_maps(text)
        assert (memo.latest is table) == (text == first + LINE + last)
        assert memo.parse(cut(first + LINE + last)) == table


def test_a_text_that_is_refused_does_not_take_the_place_of_the_last_one() -> None:
    memo = MapsMemo()
    table = memo.parse([LINE])
    with pytest.raises(FormatError):
        memo.parse([b"x"])
    assert memo.latest is table
    assert memo.parse([LINE]) is table
