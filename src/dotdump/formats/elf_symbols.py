"""Symbol tables of ELF files: by name and by address. Addresses are the file's own, before it is loaded anywhere.

Only defined symbols that stand for an address are kept. Source of truth: gABI ch. 4, "Symbol Table"; elf(5); the Linux
Standard Base, "Symbol Versioning".
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from struct import Struct

from dotdump.limits import SYMBOLS
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

SYMBOL = Struct("<IBBHQQ")
STT_NOTYPE, STT_OBJECT, STT_FUNC, STT_TLS, STT_GNU_IFUNC = 0, 1, 2, 6, 10
STB_LOCAL, STB_GLOBAL, STB_GNU_UNIQUE, STV_DEFAULT = 0, 1, 10, 0
SHN_UNDEF, SHN_ABS = 0, 0xFFF1
_ADDRESSABLE = frozenset((STT_NOTYPE, STT_OBJECT, STT_FUNC, STT_GNU_IFUNC))
_OLD_VERSION = 0x8000
_NESTED = 64
"""Symbols, one within another, that are looked through for the one around an address."""
_NAME_BYTES = 4096


@record
class Symbol:
    """``size`` bytes at ``value``; 0 where the size is unknown."""

    name: str
    value: int
    size: int
    type: int = STT_FUNC


def has_address(info: int, section: int) -> bool:
    """Whether a symbol of that ``st_info`` and ``st_shndx`` is defined and an address, which those of TLS are not."""
    return section not in (SHN_UNDEF, SHN_ABS) and info & 15 in _ADDRESSABLE


def is_old_version(entry: bytes) -> bool:
    """Whether an entry of DT_VERSYM is of a symbol that nobody is linked with any more; not where it is cut."""
    return bool(int.from_bytes(entry, "little") & _OLD_VERSION)


def of_default_version(rows: Iterable[int], is_old: Callable[[int], bool]) -> int | None:
    """Return the first of ``rows`` that is not ``is_old``, or else the first, or None."""
    first = None
    for row in rows:
        if not is_old(row):
            return row
        first = row if first is None else first
    return first


class SymbolTable:
    """A table. ``symbols`` and ``strings`` are the bytes of the two sections, ``versions`` those of DT_VERSYM.

    Few names are ever asked for, so they are searched; addresses are indexed when one is first asked for.
    """

    def __init__(self, symbols: bytes, strings: bytes, versions: bytes = b"") -> None:
        self._symbols = symbols[: min(len(symbols) // SYMBOL.size, SYMBOLS) * SYMBOL.size]
        self._strings = strings
        self._versions = versions
        self._starts: array[int] | None = None
        self._order: array[int] = array("Q")
        self._outer: array[int] = array("q")

    def __len__(self) -> int:
        return len(self._symbols) // SYMBOL.size

    def __iter__(self) -> Iterator[Symbol]:
        return (self._symbol(index) for index, _, _ in self._defined())

    def find(self, name: str) -> Symbol | None:
        """Return the first symbol of that name, of the default version where it has several, or None."""
        places = set(self._places_of(name.encode("utf-8", "surrogateescape") + b"\0"))
        names = memoryview(self._symbols).cast("I")[:: SYMBOL.size // 4] if places else ()
        rows = (row for row, place in enumerate(names) if place in places and self._is_defined(row))
        row = of_default_version(rows, lambda row: is_old_version(self._versions[2 * row : 2 * row + 2]))
        return None if row is None else self._symbol(row)

    def at(self, value: int) -> Symbol | None:
        """Return the innermost symbol that covers ``value``; one without a size covers only where it starts."""
        position = bisect_right(self._sorted_starts(), value) - 1
        for _ in range(_NESTED):
            if position < 0:
                return None
            symbol = self._symbol(self._order[position])
            if value < symbol.value + max(symbol.size, 1):
                return symbol
            position = self._outer[position]
        return None

    def _sorted_starts(self) -> array[int]:
        if self._starts is None:
            rows = sorted((start, index, end) for index, start, end in self._defined())
            self._starts = array("Q", (start for start, _, _ in rows))
            self._order = array("Q", (index for _, index, _ in rows))
            self._outer = _outer([end for _, _, end in rows])
        return self._starts

    def _defined(self) -> Iterator[tuple[int, int, int]]:
        """Yield index, value and end of every symbol that is kept."""
        for index, (name, info, _, section, value, size) in enumerate(SYMBOL.iter_unpack(self._symbols)):
            if name and has_address(info, section):
                yield index, value, value + max(size, 1)

    def _is_defined(self, index: int) -> bool:
        name, info, _, section, _, _ = SYMBOL.unpack_from(self._symbols, index * SYMBOL.size)
        return name != 0 and has_address(info, section)

    def _places_of(self, text: bytes) -> Iterator[int]:
        """Yield where in the strings ``text`` is, which may be the end of a longer one."""
        place = self._strings.find(text)
        while place >= 0:
            yield place
            place = self._strings.find(text, place + 1)

    def _symbol(self, index: int) -> Symbol:
        name, info, _, _, value, size = SYMBOL.unpack_from(self._symbols, index * SYMBOL.size)
        return Symbol(self._name(name).decode("utf-8", "backslashreplace"), value, size, info & 15)

    def _name(self, offset: int) -> bytes:
        end = self._strings.find(b"\0", offset, offset + _NAME_BYTES)
        return self._strings[offset : end if end >= 0 else offset + _NAME_BYTES]


def _outer(ends: list[int]) -> array[int]:
    """Return for each symbol the last before it that ends behind it, or -1, so that labels within are passed over."""
    outer, open_ones = array("q"), [-1]
    for position, end in enumerate(ends):
        while open_ones[-1] >= 0 and ends[open_ones[-1]] <= end:
            open_ones.pop()
        outer.append(open_ones[-1])
        open_ones.append(position)
    return outer
