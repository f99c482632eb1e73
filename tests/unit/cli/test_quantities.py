from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import pytest

from dotdump.cli.quantities import address, address_range, byte_count

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(("text", "count"), [("0", 0), ("512", 512), ("4K", 4096), ("1m", 1 << 20), ("2GiB", 2 << 30)])
def test_sizes_have_units(text: str, count: int) -> None:
    assert byte_count(text) == count


def test_addresses_are_hexadecimal_with_and_without_a_prefix() -> None:
    assert address("0x7f00") == address("7F00") == address("00000000`00007f00") == 0x7F00
    assert address_range("0x10-20") == (0x10, 0x20)


@pytest.mark.parametrize(
    ("convert", "text"),
    [(byte_count, "many"), (byte_count, "-1"), (byte_count, "K"), (address, "xyz"), (address, ""), (address, "1" * 17)]
    + [(address_range, text) for text in ("1", "20-10", "a-", "-")],
)
def test_anything_else_is_refused(convert: Callable[[str], object], text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        convert(text)
