"""Debug info of compiled methods: which IL instruction an instruction of the CPU comes from.

Two encodings. Up to 9 each mapping is three integers of nibbles: the distance from the mapping before, the IL offset
plus 3, what kind of place it is. In 10 the mappings are fields of as many bits as the largest of each needs. Both begin
with the sizes of their parts as integers of nibbles. Knows no memory. Source of truth: debuginfostore.cpp of 3.1, 8 and
9; docs/design/datacontracts/DebugInfo.md; that of 10 read from 10.0.14.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump import limits
from dotdump.errors import FormatError, LimitExceeded
from dotdump.records import record

if TYPE_CHECKING:
    from collections.abc import Iterator

NO_MAPPING, PROLOG, EPILOG = -1, -2, -3
"""What stands in the place of an IL offset where the compiler made the code by itself."""

_BIAS = 3
_WORD = 1 << 32
_INSTRUMENTED = 0xFFFFFFFF
"""In the place of a size it says that two sizes follow: of mappings with instrumentation and of those without."""

_MOST_NIBBLES = 11
_SOURCE_BITS = 2
_FEWEST_BITS = 4


@record
class OffsetMapping:
    """From ``native`` bytes into the method on its code comes from IL offset ``il``, or from none where negative."""

    native: int
    il: int


class Nibbles:
    """Integers of nibbles, the low one of each byte first: three bits each, and whether another follows."""

    def __init__(self, data: bytes | memoryview) -> None:
        self._data = data
        self._position = 0

    def unsigned(self) -> int:
        """Return the next integer, of 32 bits; raises ``FormatError`` at the end of the data."""
        value = 0
        for _ in range(_MOST_NIBBLES):
            nibble = self._next()
            value = value << 3 | nibble & 7
            if not nibble & 8:
                return value % _WORD
        raise FormatError("an integer has no end", source="debug info", offset=self._position // 2)

    @property
    def position(self) -> int:
        """How many bytes have been begun."""
        return (self._position + 1) // 2

    def _next(self) -> int:
        if self._position // 2 >= len(self._data):
            raise FormatError("the data is cut short", source="debug info", offset=self._position // 2)
        byte = self._data[self._position // 2]
        self._position += 1
        return byte & 0xF if self._position & 1 else byte >> 4


def parse_sizes(data: bytes) -> tuple[int, int]:
    """Return where the mappings begin behind the start of ``data``, and how many bytes they are."""
    first, bounds, _, _ = _parse_sizes(data)
    return first, bounds


def parse_variable_sizes(data: bytes) -> tuple[int, int]:
    """Return where the variables begin behind the start of ``data``, and how many bytes they are."""
    first, bounds, others, variables = _parse_sizes(data)
    if variables > limits.DEBUG_BOUNDS:
        raise LimitExceeded(f"{variables} bytes of variables", source="debug info")
    return first + bounds + others, variables


def _parse_sizes(data: bytes) -> tuple[int, int, int, int]:
    nibbles = Nibbles(data)
    bounds, others = nibbles.unsigned(), 0
    if bounds == _INSTRUMENTED:
        bounds, others = nibbles.unsigned(), nibbles.unsigned()
    variables = nibbles.unsigned()
    if max(bounds, others) > limits.DEBUG_BOUNDS:
        raise LimitExceeded(f"{bounds} bytes of mappings", source="debug info")
    return nibbles.position, bounds, others, variables


def parse_bounds(data: bytes, *, packed: bool) -> tuple[OffsetMapping, ...]:
    """Return the mappings, in the order in which they are written: that of the code; raises ``FormatError``."""
    if not data:
        return ()
    nibbles = Nibbles(data)
    count = nibbles.unsigned()
    if count * _FEWEST_BITS > 8 * len(data):
        raise LimitExceeded(f"{count} mappings in {len(data)} bytes", source="debug info")
    return tuple(_packed(nibbles, data, count) if packed else _written(nibbles, count))


def _written(nibbles: Nibbles, count: int) -> Iterator[OffsetMapping]:
    native = 0
    for _ in range(count):
        native = (native + nibbles.unsigned()) % _WORD
        il = _signed(nibbles.unsigned() - _BIAS)
        nibbles.unsigned()
        yield OffsetMapping(native, il)


def _packed(nibbles: Nibbles, data: bytes, count: int) -> Iterator[OffsetMapping]:
    native_bits, il_bits = nibbles.unsigned() + 1, nibbles.unsigned() + 1
    size = _SOURCE_BITS + native_bits + il_bits
    if max(native_bits, il_bits) > 32:
        raise LimitExceeded(f"fields of {native_bits} and {il_bits} bits", source="debug info")
    first = nibbles.position
    if 8 * (len(data) - first) < count * size:
        raise FormatError(f"{count} mappings of {size} bits leave their {len(data)} bytes", source="debug info")
    native = 0
    for number in range(count):
        bit = number * size
        byte = first + bit // 8
        value = int.from_bytes(data[byte : byte + 10], "little") >> bit % 8 + _SOURCE_BITS
        native = (native + (value & (1 << native_bits) - 1)) % _WORD
        yield OffsetMapping(native, _signed((value >> native_bits & (1 << il_bits) - 1) - _BIAS))


def _signed(value: int) -> int:
    value %= _WORD
    return value - _WORD if value >= _WORD - _BIAS else value


def find_il_offset(bounds: tuple[OffsetMapping, ...], native: int) -> int | None:
    """Return the IL offset that the code ``native`` bytes into a method comes from; 0 in a prolog; None for none.

    Where the compiler made the code by itself it is that of the last IL instruction before.
    """
    found = None
    for mapping in sorted(bounds, key=lambda one: one.native):
        if mapping.native > native:
            break
        if mapping.il >= 0:
            found = mapping.il
        elif mapping.il == PROLOG and found is None:
            found = 0
    return found
