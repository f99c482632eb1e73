import pytest

from dotdump.errors import FormatError
from dotdump.linux.process_stat import parse_stat

NUMBERS = b"S 1 2 3 0 -1 4194560 1 0 0 0 5 6 0 0 20 0 12 0 214398 13324288 2408 18446744073709551615"


@pytest.mark.parametrize("name", [b"dotnet", b"", b"a b", b") R 1 2 (", b"))) ((", b"two\nlines", b"\xff\xfe"])
def test_the_fields_begin_after_the_last_parenthesis_whatever_the_name_holds(name: bytes) -> None:
    stat = parse_stat(b"4711 (" + name + b") " + NUMBERS)
    assert stat.name == name.decode("utf-8", "surrogateescape")
    assert (stat.pid, stat.state, stat.parent, stat.group, stat.session) == (4711, "S", 1, 2, 3)
    assert (stat.threads, stat.start_time, stat.virtual, stat.resident_pages) == (12, 214398, 13324288, 2408)


@pytest.mark.parametrize("text", [b"", b"4711", b"4711 (x", b") 4711 (", b"4711 (x) S 1 2", b"x (y) " + NUMBERS])
def test_text_that_is_no_stat_line_is_refused(text: bytes) -> None:
    with pytest.raises(FormatError):
        parse_stat(text)


def test_how_a_process_ends_is_told_where_the_kernel_says_so() -> None:
    more = b" " + b" ".join(b"%d" % number for number in range(26, 53))
    assert parse_stat(b"1 (x) " + NUMBERS).exit_signal is None
    assert parse_stat(b"1 (x) " + NUMBERS + more).exit_signal == 38
    assert parse_stat(b"1 (x) " + NUMBERS + more).exit_status == 52
