import struct

import pytest

from dotdump.formats.xsave import without_tiles

TILES = 3 << 17


def area(used: int, form: int = 0, tail: bytes = b"") -> bytes:
    data = bytearray(range(256)) * 10 + bytes(136)
    struct.pack_into("<QQ", data, 512, used, form)
    return bytes(data) + tail


def test_tiles_that_are_not_in_use_are_left_out() -> None:
    assert without_tiles(area(0x207, tail=bytes(8312))) == area(0x207)


@pytest.mark.parametrize(
    "kept",
    [
        area(0x207 | TILES, tail=bytes(8312)),
        area(0x207, 1 << 63, tail=bytes(8312)),
        area(0x207, tail=bytes(8311) + b"x"),
        area(0x207),
        b"",
    ],
    ids=["in use", "compacted", "others", "short", "none"],
)
def test_anything_else_stays_as_it_is(kept: bytes) -> None:
    assert without_tiles(kept) == kept
