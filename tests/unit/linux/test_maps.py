import pytest

from dotdump.errors import FormatError
from dotdump.linux.maps import MapsMemo, parse_maps, parse_smaps
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


def test_smaps_adds_what_the_kernel_knows_of_each_region() -> None:
    first, second = parse_smaps(
        LINE
        + b"Size: 8 kB\nRss:                   4 kB\nSwap:                  12 kB\nVmFlags: rd ex mr mw me dd \n"
        + b"1000-2000 rw-p 00000000 00:00 0 /a: b\nVmFlags: \n",
        MapsMemo(),
    )
    assert (first.region.inode, first.resident) == (4242, 4096)
    assert first.flags == {"rd", "ex", "mr", "mw", "me", "dd"}
    assert (second.region.path, second.resident, second.flags) == ("/a: b", 0, frozenset())


def test_a_region_of_smaps_is_the_very_one_of_the_maps_before() -> None:
    memo = MapsMemo()
    (region,) = memo.parse(LINE)
    (use,) = parse_smaps(LINE + b"Rss: 4 kB\nVmFlags: rd \n", memo)
    assert use.region is region


@pytest.mark.parametrize("text", [LINE, LINE + b"Rss: 4 kB\n", LINE + b"Rss: 4 kB\nVmFlags: rd", b"\n\nVmFlags: rd\n"])
def test_an_entry_of_smaps_that_is_cut_is_refused(text: bytes) -> None:
    with pytest.raises(FormatError):
        parse_smaps(text, MapsMemo())
