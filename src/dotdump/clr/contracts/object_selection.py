"""``ObjectSelection``: the objects that a walk is after, by type or by what their headers say.

A visitor for ``HeapWalk`` that keeps the next few of them; whoever runs the walk empties it and goes on.
"""

from __future__ import annotations

from array import array
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from dotdump.kernels import walk as kernel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dotdump.clr.contracts.gc import Span
    from dotdump.clr.contracts.method_tables import ObjectShape
    from dotdump.clr.contracts.type_table import TypeTable
    from dotdump.memory.space import AddressSpace

_ROWS = 4096
_WORD = 8


class HeaderRule(NamedTuple):
    """Headers (the 32 bits before an object) that have none of the bits ``unset`` and any of the bits ``marked``."""

    unset: int
    marked: int


NO_HEADER = HeaderRule(0, 0)


class ObjectSelection:
    """Keeps address, type, size of 4096 objects whose type is ``wanted`` or whose header is as ``header`` says."""

    def __init__(
        self,
        memory: AddressSpace,
        types: TypeTable,
        wanted: Callable[[ObjectShape], bool],
        header: HeaderRule = NO_HEADER,
    ) -> None:
        self._memory = memory
        self._shapes = types.shapes
        self._is_wanted = wanted
        self._header = header
        self._wanted = bytearray()
        self._addresses, self._sizes = (array("Q", bytes(_WORD * _ROWS)) for _ in range(2))
        self._types = array("I", bytes(4 * _ROWS))
        self._count = 0

    def clear(self) -> None:
        """Forget what it has, to go on."""
        self._count = 0

    def __call__(self, words: memoryview[int], base: int, span: Span, table: array[int], stop: array[int]) -> int:
        del span
        self._wanted.extend(self._is_wanted(shape) for shape in self._shapes[len(self._wanted) :])
        before = (
            int.from_bytes(self._memory.read_available(base - _WORD, _WORD), "little") if self._header.marked else 0
        )
        rule = (before, self._wanted or b"\0", self._header.unset, self._header.marked)
        columns = (self._addresses, self._types, self._sizes)
        found: int = kernel.select_objects(words, 0, len(words), table, base, *rule, self._count, *columns, stop)
        self._count += found
        return found

    def __iter__(self) -> Iterator[tuple[int, int, int]]:
        rows = zip(self._addresses, self._types, self._sizes, strict=True)
        return islice(rows, self._count)
