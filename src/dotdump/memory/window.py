"""``Window``: a range of an address space as if it were bytes: sliced by position, read when a slice is taken.

What is not asked for is not read, so a blob of which a sparse dump holds parts is as good as those parts are.
"""

from __future__ import annotations

from dotdump.errors import MemoryFault
from dotdump.memory.space import PIECE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import SupportsIndex

    from dotdump.memory.space import AddressSpace

    Otherwise = Callable[[], "memoryview | Window | None"]

_KEPT = 4 << 10
"""Pieces that are kept."""


class Window:
    """``size`` bytes of ``space`` from ``address`` on. A slice of what is not there raises ``MemoryFault``.

    ``otherwise`` is asked once, when something is missing, for the same bytes from elsewhere.
    """

    def __init__(self, space: AddressSpace, address: int, size: int, otherwise: Otherwise | None = None) -> None:
        self._space = space
        self._address = address
        self._size = size
        self._blocks: dict[int, bytes] = {}
        self._otherwise = otherwise
        self._elsewhere: memoryview | Window | None = None

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, part: slice[SupportsIndex | None, SupportsIndex | None, None]) -> bytes:
        start, stop, _ = part.indices(self._size)
        if start >= stop:
            return b""
        address, size = self._address + start, stop - start
        number, offset = divmod(address, PIECE)
        found = self._block(number)[offset : offset + size] if offset + size <= PIECE else b""
        if len(found) == size:
            return found
        try:
            return self._space.read(address, size)
        except MemoryFault:
            if self._otherwise is not None:
                self._elsewhere, self._otherwise = self._otherwise(), None
            if self._elsewhere is None or len(self._elsewhere) != self._size:
                raise
        return bytes(self._elsewhere[start:stop])

    def _block(self, number: int) -> bytes:
        block = self._blocks.get(number)
        if block is None:
            if len(self._blocks) >= _KEPT:
                self._blocks.clear()
            block = self._blocks[number] = self._space.read_available(number * PIECE, PIECE)
        return block


def window_on(space: AddressSpace, address: int, size: int, otherwise: Otherwise | None = None) -> memoryview | Window:
    """Return a range as bytes: a view where there is one, else a ``Window``; ``MemoryFault`` where nothing is."""
    found = space.view(address, size)
    if found is None and not space.read_available(address, 1):
        raise MemoryFault(address, size)
    return Window(space, address, size, otherwise) if found is None else found
