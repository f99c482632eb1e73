"""Memory for people: bytes with their characters, 64-bit words, strings."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_ROW = 16
_SHORTEST = 4


def render_bytes(address: int, data: bytes) -> str:
    """Return rows of 16 bytes: address, hexadecimal, characters."""
    return "\n".join(
        f"{address + at:016x}  {data[at : at + 8].hex(' '):<23}  {data[at + 8 : at + 16].hex(' '):<23}  "
        f"|{_characters(data[at : at + _ROW])}|"
        for at in range(0, len(data), _ROW)
    )


def render_words(address: int, data: bytes) -> str:
    """Return rows of two 64-bit words; bytes at the end that fill no word are left out."""
    words = [f"{int.from_bytes(data[at : at + 8], 'little'):016x}" for at in range(0, len(data) - 7, 8)]
    return "\n".join(f"{address + 8 * at:016x}  {'  '.join(words[at : at + 2])}" for at in range(0, len(words), 2))


def render_strings(address: int, data: bytes) -> str:
    """Return every run of at least 4 printable characters, one byte or two (UTF-16) each, and where it starts."""
    return "\n".join(f"{address + at:016x}  {text}" for at, text in sorted({*_runs(data, 1), *_runs(data, 2)}))


def _runs(data: bytes, width: int) -> Iterator[tuple[int, str]]:
    for phase in range(width):
        start, text = phase, ""
        for at in range(phase, len(data) + width, width):
            unit = data[at : at + width]
            if unit and 32 <= unit[0] < 127 and not any(unit[1:]) and len(unit) == width:
                text += chr(unit[0])
                continue
            if len(text) >= _SHORTEST:
                yield start, text
            start, text = at + width, ""


def _characters(data: bytes) -> str:
    return "".join(chr(byte) if 32 <= byte < 127 else "." for byte in data)
