"""Finds the static fields of all loaded types, and where each lies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.clr.contracts.loaded_types import LoadedTypes
from dotdump.clr.contracts.statics import find_statics
from dotdump.clr.model.static import ClrStatic
from dotdump.errors import UNREADABLE, MemoryFault
from dotdump.target.model import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from dotdump.clr.contracts.assemblies import Assemblies
    from dotdump.clr.contracts.statics import StaticsBase
    from dotdump.clr.contracts.type_system import TypeSystem
    from dotdump.clr.model.field import ClrField
    from dotdump.clr.model.heap import ClrHeap
    from dotdump.clr.model.thread import ClrThread
    from dotdump.clr.model.type import ClrType

_LAST_OFFSET = (1 << 27) - 7
"""``FIELD_OFFSET_LAST_REAL_OFFSET``: offsets above mean that the field has no place."""


class StaticFinder:
    """The statics of one runtime; ``problems`` says of which types they could not be read."""

    def __init__(
        self, heap: ClrHeap, system: TypeSystem | None, threads: Sequence[ClrThread], assemblies: Assemblies
    ) -> None:
        self._heap = heap
        self._assemblies = assemblies
        self._system = system
        self._threads = threads
        self._statics = find_statics(system.access, system.names) if system is not None else None
        self.problems: list[Problem] = []

    @property
    def supported(self) -> bool:
        """Whether it is known where the runtime keeps statics: not of NativeAOT."""
        return self._statics is not None

    def find(self, known: Iterable[int], wanted: Callable[[ClrType], bool]) -> Iterator[ClrStatic]:
        """Yield the statics of ``wanted`` types that have room, by module and type; those of threads by thread.

        ``known`` are the MethodTables of some types: from their modules and the assemblies' all others are found.
        """
        if self._statics is None or self._system is None:
            return
        loaded = LoadedTypes(self._system)
        yield from self.of_types(loaded.types(loaded.modules(known, self._assemblies.modules)), wanted)
        found = (*loaded.problems, *self._assemblies.problems)
        self.problems += [problem for problem in found if problem not in self.problems]

    def of_types(
        self, method_tables: Iterable[int], wanted: Callable[[ClrType], bool] = lambda _type: True
    ) -> Iterator[ClrStatic]:
        """Yield the statics of these types alone."""
        if self._system is None:
            return
        loaded = LoadedTypes(self._system)
        for table in method_tables:
            try:
                if loaded.has_own_statics(table):
                    kind = self._heap.type_at(table)
                    if wanted(kind):
                        yield from self._of_type(kind)
            except UNREADABLE as error:
                self.problems.append(Problem("statics", f"of the type at {table:#x}: {error}"))

    def thread_storage(self) -> Iterator[tuple[ClrThread, int]]:
        """Yield each thread whose statics an object keeps that nothing else keeps, and the object's address."""
        if self._statics is None:
            return
        for thread in self._threads:
            try:
                if address := self._statics.thread_storage(thread.address):
                    yield thread, address
            except MemoryFault as fault:
                self.problems.append(Problem("statics", f"of thread {thread.os_id}: {fault}"))

    def _of_type(self, kind: ClrType) -> Iterator[ClrStatic]:
        fields = kind.static_fields
        if not fields or self._statics is None:
            return
        shared = [field for field in fields if not field.is_thread_static]
        yield from self._placed(kind, shared, self._statics.base_of(kind.method_table))
        own = [field for field in fields if field.is_thread_static]
        for thread in self._threads if own else ():
            base = self._statics.thread_base_of(kind.method_table, thread.address)
            yield from self._placed(kind, own, base, thread)

    def _placed(
        self, kind: ClrType, fields: Iterable[ClrField], base: StaticsBase, thread: ClrThread | None = None
    ) -> Iterator[ClrStatic]:
        for field in fields:
            address = self._address(kind, field, base)
            if address:
                yield ClrStatic(self._heap, kind, field, address, base.initialized, thread)

    def _address(self, kind: ClrType, field: ClrField, base: StaticsBase) -> int:
        if not 0 <= field.offset <= _LAST_OFFSET:
            return 0
        if field.is_rva:
            image = self._system.image_of(kind.method_table) if self._system is not None else None
            return image.address_of(field.offset) if image is not None else 0
        start = base.references if field.is_reference or field.is_struct else base.values
        return start + field.offset if start else 0
