"""``ThreadObjects``: what a program says of its threads, in objects of its own, of which there may be thousands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.errors import UNREADABLE
from dotdump.records import record

if TYPE_CHECKING:
    from dotdump.clr.model.heap import ClrHeap
    from dotdump.clr.model.type import ClrType

_NAMES = ("_name", "m_Name")
_POOL = ("_isThreadPool",)
_WORD = 8
_NOWHERE = 1 << 16
_NAME_LENGTH = 1024


@record
class _Layout:
    """Where an object of the type with this MethodTable has its fields: behind its end, those that it has not."""

    method_table: int = 0
    name: int = _NOWHERE
    pool: int = _NOWHERE

    @property
    def size(self) -> int:
        """Bytes from the object's address to the end of the last of them."""
        return max((place + _WORD for place in (self.name, self.pool) if place < _NOWHERE), default=_WORD)


class ThreadObjects:
    """Reads managed Threads of one runtime: each at once, and then its name."""

    def __init__(self, heap: ClrHeap) -> None:
        self._heap = heap
        self._layout = _Layout()
        self._size = self._layout.size

    def read(self, address: int) -> tuple[str, bool]:
        """Return the name of the Thread at ``address``, and whether it belongs to the pool.

        No name, and not of the pool, where it does not say or cannot be read.
        """
        try:
            data = self._data(address) if address else b""
        except UNREADABLE:
            return "", False
        place, pool = self._layout.name, self._layout.pool
        name = data[place : place + _WORD]
        text = self._text(int.from_bytes(name, "little")) if len(name) == _WORD else ""
        return text, any(data[pool : pool + 1])

    def _data(self, address: int) -> bytes:
        read = self._heap.access.reader.memory.read_available
        data = read(address, self._size)
        if int.from_bytes(data[:_WORD], "little") & ~7 != self._layout.method_table:
            self._layout = _layout_of(self._heap.object(address).type)
            self._size = self._layout.size
            data = read(address, self._size)
        return data

    def _text(self, address: int) -> str:
        try:
            return self._heap.string_at(address, _NAME_LENGTH) if address else ""
        except UNREADABLE:
            return ""


def _layout_of(kind: ClrType) -> _Layout:
    return _Layout(kind.method_table, _place_of(kind, _NAMES), _place_of(kind, _POOL))


def _place_of(kind: ClrType, names: tuple[str, ...]) -> int:
    """Return where an object has the first of the fields with these names."""
    found = next((field for name in names if (field := kind.find_field(name)) is not None), None)
    return found.address_in(0) if found is not None else _NOWHERE
