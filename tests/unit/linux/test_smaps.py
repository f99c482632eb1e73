import pytest

from dotdump.errors import FormatError
from dotdump.linux.smaps import MemoryUse, parse_smaps
from dotdump.memory.space import MemoryRange

LINE = b"7f0000001000-7f0000003000 r-xp 00002000 fe:01 4242                       /opt/a b/libcoreclr.so\n"
SHARED = b"1000-2000 rw-s 00000000 00:01 7   /memfd:/doublemapper (deleted)\n"
SIZE = b"Size:                  8 kB\n"


def entry(line: bytes, kilobytes: int, flags: bytes) -> bytes:
    return line + SIZE + b"Rss: %19d kB\nSwap:                 12 kB\nVmFlags: %s\n" % (kilobytes, flags)


def test_what_is_resident_is_summed_up() -> None:
    text = entry(LINE, 4, b"rd ex mr mw me dd ") + entry(b"1000-2000 rw-p 00000000 00:00 0 \n", 8, b"rd wr ac ")
    assert parse_smaps([text]) == MemoryUse(private=12 << 10)


def test_flags_that_matter_to_a_fork_are_named_with_those_beside_them() -> None:
    use = parse_smaps([entry(LINE, 4, b"rd um ") + entry(SHARED, 16, b"rd ht ") + entry(LINE, 1, b"wf rd")])
    assert (use.private, use.shared) == (5 << 10, 16 << 10)
    assert use.flags == {"rd", "um", "ht", "wf"}
    assert use.private_flags == {"rd", "um", "wf"}
    assert use.wiped == {0x7F0000001000}


@pytest.mark.parametrize(("flags", "found"), [(b"rd um ", True), (b"rd ui ", True), (b"rd uw ", False)])
def test_memory_whose_absent_pages_a_program_supplies_is_told(flags: bytes, found: bool) -> None:
    awaited = parse_smaps([entry(LINE, 4, b"rd ") + entry(SHARED, 4, flags)]).awaited
    assert awaited == ((MemoryRange(0x1000, 0x2000),) if found else ())


def test_shared_memory_that_nobody_may_write_is_neither() -> None:
    assert parse_smaps([entry(LINE.replace(b"r-xp", b"r--s"), 4, b"rd ")]) == MemoryUse(flags=frozenset({"rd"}))


def test_an_entry_may_lack_what_is_resident_and_have_no_flags() -> None:
    assert parse_smaps([LINE + b"VmFlags:\n" + LINE + b"Rss: 4 kB\nVmFlags: \n"]).private == 4096


def test_lines_may_stand_elsewhere_in_the_next_entry() -> None:
    longer = entry(LINE, 4, b"rd ").replace(SIZE, SIZE + b"KernelPageSize: 4 kB\n")
    assert parse_smaps([entry(LINE, 4, b"rd ") + longer + entry(LINE, 4, b"rd uw ")]).private == 12 << 10


@pytest.mark.parametrize("size", [1, 7, 100, 1 << 20])
def test_the_text_may_be_cut_anywhere(size: int) -> None:
    text = entry(LINE, 4, b"rd ") + entry(SHARED, 8, b"rd um ") + entry(LINE, 16, b"rd wf ")
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    assert parse_smaps(pieces) == parse_smaps([text])


def test_there_may_be_more_unusual_entries_than_are_taken_at_once() -> None:
    assert parse_smaps([entry(SHARED, 1, b"rd ") * 2500 + entry(LINE, 1, b"rd ")]).shared == 2500 << 10


@pytest.mark.parametrize(
    "text",
    [
        *(LINE, LINE + b"Rss: 4 kB\n", LINE + b"Rss: 4 kB\nVmFlags: rd", b"\n\nVmFlags: rd\n"),
        *(b"x\nVmFlags: rd um\n", LINE + b"Rss: x kB\nVmFlags: rd\n"),
    ],
)
def test_an_entry_that_is_none_is_refused(text: bytes) -> None:
    with pytest.raises(FormatError):
        parse_smaps([text])


def test_a_text_without_ends_is_not_gathered() -> None:
    pieces = iter([LINE * 1000] * 1000)
    with pytest.raises(FormatError):
        parse_smaps(pieces)
    assert len(list(pieces)) > 990
