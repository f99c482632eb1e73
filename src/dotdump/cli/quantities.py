"""Arguments that are sizes, addresses, times and levels of compression."""

from __future__ import annotations

import argparse

_MOST_SECONDS = 2_000_000
_UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def byte_count(text: str) -> int:
    """Convert ``12``, ``4K``, ``1M``, ``2G`` to bytes."""
    stem = text.upper().removesuffix("B").removesuffix("I")
    unit = _UNITS.get(stem[-1:], 1)
    digits = stem[:-1] if unit > 1 else stem
    if not digits.isdecimal() or len(digits) > 20:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 512, 4K or 1M")
    return int(digits) * unit


def address(text: str) -> int:
    """Convert an address: hexadecimal digits, with or without ``0x``, as every report has them."""
    digits = text.lower().removeprefix("0x").replace("`", "")
    if not digits or len(digits) > 16 or digits.strip("0123456789abcdef"):
        raise argparse.ArgumentTypeError(f"{text!r} is not an address")
    return int(digits, 16)


def address_range(text: str) -> tuple[int, int]:
    """Convert ``START-END``."""
    start, dash, end = text.partition("-")
    if not dash or address(start) >= address(end):
        raise argparse.ArgumentTypeError(f"{text!r} is not a range START-END")
    return address(start), address(end)


def seconds(text: str) -> float:
    """Convert a number of seconds, of which the system can wait for no more: it counts milliseconds in 31 bits."""
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 <= found <= _MOST_SECONDS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds, 0 to {_MOST_SECONDS:,}")
    return found


def zstd_level(text: str) -> int:
    """Convert a level of zstd."""
    if not text.lstrip("-").isdecimal() or not -7 <= int(text) <= 19 or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no level of zstd: 1 (fast) to 19 (small), or -7 to -1 (faster)")
    return int(text)
