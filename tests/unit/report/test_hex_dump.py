from dotdump.report.hex_dump import render_bytes, render_strings, render_words


def test_bytes_are_shown_with_address_and_characters() -> None:
    first, second = render_bytes(0x1000, b"dotdump\0" + bytes(range(8)) + b"!").splitlines()
    assert first == "0000000000001000  64 6f 74 64 75 6d 70 00  00 01 02 03 04 05 06 07  |dotdump.........|"
    assert second.split() == ["0000000000001010", "21", "|!|"]


def test_words_are_little_endian_and_a_rest_is_left_out() -> None:
    data = (0x1122).to_bytes(8, "little") + (3).to_bytes(8, "little") + (4).to_bytes(8, "little") + b"rest"
    assert render_words(0x10, data).splitlines() == [
        f"{0x10:016x}  {0x1122:016x}  {3:016x}",
        f"{0x20:016x}  {4:016x}",
    ]


def test_strings_of_one_and_of_two_bytes_a_character_are_found_where_they_start() -> None:
    data = b"\1\2hello\0abc\0\0" + "world".encode("utf-16-le") + b"\xff\xff" + b"tail"
    assert [line.split("  ") for line in render_strings(0, data).splitlines()] == [
        [f"{2:016x}", "hello"],
        [f"{13:016x}", "world"],
        [f"{25:016x}", "tail"],
    ]


def test_a_text_may_reach_to_the_last_byte() -> None:
    for text in (b"hello", "hello".encode("utf-16-le")):
        assert render_strings(0x10, text) == f"{0x10:016x}  hello"
