from __future__ import annotations

import argparse
import os
import select
from typing import TYPE_CHECKING

import pytest

from dotdump.cli.quantities import address, address_range, byte_count, seconds, zstd_level

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(("text", "count"), [("0", 0), ("512", 512), ("4K", 4096), ("1m", 1 << 20), ("2GiB", 2 << 30)])
def test_sizes_have_units(text: str, count: int) -> None:
    assert byte_count(text) == count


def test_addresses_are_hexadecimal_with_and_without_a_prefix() -> None:
    assert address("0x7f00") == address("7F00") == address("00000000`00007f00") == 0x7F00
    assert address_range("0x10-20") == (0x10, 0x20)


def test_times_may_have_fractions_and_levels_may_be_negative() -> None:
    assert (seconds("0"), seconds("0.5"), seconds("3600")) == (0, 0.5, 3600)
    assert (zstd_level("-7"), zstd_level("19")) == (-7, 19)


def test_the_longest_time_can_be_waited_for() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"-")
    poll = select.poll()
    poll.register(reading)
    assert poll.poll(seconds("2000000") * 1000 + 1)
    os.close(reading)
    os.close(writing)


@pytest.mark.parametrize(
    ("convert", "text"),
    [(byte_count, "many"), (byte_count, "-1"), (byte_count, "K"), (address, "xyz"), (address, ""), (address, "1" * 17)]
    + [(address_range, text) for text in ("1", "20-10", "a-", "-")]
    + [(seconds, text) for text in ("", "-1", "nan", "inf", "1e300", "1e7", "1h")]
    + [(zstd_level, text) for text in ("", "0", "-8", "20", "1.5", "fast")],
)
def test_anything_else_is_refused(convert: Callable[[str], object], text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        convert(text)
