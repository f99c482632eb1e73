"""Exceptions of a heap that a walk sees only parts of."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from builders.managed import exception
from dotdump.analysis.exceptions import held_only, list_exceptions
from dotdump.errors import InvalidObject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from builders.managed import NamedObject
    from dotdump.clr.contracts.method_tables import ObjectShape
    from dotdump.clr.model.runtime import ClrRuntime

HOLE = 0x2000


class SparseHeap:
    """A heap of which a walk finds what lies before the hole; other objects can be asked for by address."""

    problems = ()

    def __init__(self, *objects: NamedObject) -> None:
        self._objects = {found.address: found for found in objects}
        span = SimpleNamespace(start=0x1000, end=0x4000, generation=0)
        self.segments = [SimpleNamespace(kind="Generation0", spans=(span,))]

    def segment_at(self, _address: int) -> SimpleNamespace:
        return self.segments[0]

    def matching(self, _spans: Iterable[object], _wanted: Callable[[ObjectShape], bool], _: object) -> Iterator[object]:
        return (found for found in self._objects.values() if found.address < HOLE)

    def object(self, address: int) -> NamedObject:
        if address not in self._objects:
            raise InvalidObject(address, "not there")
        return self._objects[address]


def test_what_led_to_an_exception_is_told_also_where_only_the_outer_one_was_walked() -> None:
    inner = exception(0x3000, "Inner", _message="why")
    outer = exception(0x1000, "Fatal", _innerException=inner)
    heap = SparseHeap(outer, inner)
    record = SimpleNamespace(exceptions=(), last_thrown=outer.address)
    thread = SimpleNamespace(record=record, os_id=42, managed_id=1, name="main", address=0x9000)
    thread_list = SimpleNamespace(problems=())
    runtime = SimpleNamespace(heap=heap, threads=[thread], name="CoreCLR 10", thread_list=thread_list)
    found = held_only(list_exceptions(cast("ClrRuntime", runtime)))
    assert [(row.type, row.message) for row in found.exceptions] == [("Fatal", None), ("Inner", "why")]
