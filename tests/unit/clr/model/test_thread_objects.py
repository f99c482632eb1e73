"""What a program says of its threads, from objects that may be anything."""

from __future__ import annotations

import struct
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from dotdump.clr.model.thread_objects import ThreadObjects
from dotdump.errors import InvalidObject
from dotdump.memory.space import BytesSpace

if TYPE_CHECKING:
    from dotdump.clr.model.heap import ClrHeap

THREAD, TEXT, TYPE = 0x10000, 0x20000, 0x7F0000001000
MARKED = TYPE | 1
"""A MethodTable with a bit that a collection sets."""


class Heap:
    """A heap that has one type of threads and one string."""

    def __init__(self, data: bytes, fields: dict[str, int]) -> None:
        self.access = SimpleNamespace(reader=SimpleNamespace(memory=BytesSpace([(THREAD, data)])))
        self._fields = fields
        self.asked = 0

    def object(self, address: int) -> SimpleNamespace:
        self.asked += 1
        if address != THREAD:
            raise InvalidObject(address, "it is not in the heap")
        return SimpleNamespace(type=SimpleNamespace(method_table=TYPE, find_field=self._field))

    def _field(self, name: str) -> SimpleNamespace | None:
        place = self._fields.get(name)
        return None if place is None else SimpleNamespace(address_in=lambda address: address + place)

    def string_at(self, address: int, limit: int) -> str:
        if address != TEXT:
            raise InvalidObject(address, "no string")
        return "worker"[:limit]


def objects(data: bytes, **fields: int) -> tuple[Heap, ThreadObjects]:
    heap = Heap(data, fields)
    return heap, ThreadObjects(cast("ClrHeap", heap))


@pytest.mark.parametrize("name", ["_name", "m_Name"])
@pytest.mark.parametrize("head", [TYPE, MARKED])
def test_the_name_and_the_pool_are_told_and_the_layout_asked_for_once(name: str, head: int) -> None:
    heap, threads = objects(struct.pack("<3QB7x", head, 0, TEXT, 1), **{name: 16, "_isThreadPool": 24})
    assert [threads.read(THREAD), threads.read(THREAD)] == [("worker", True)] * 2
    assert heap.asked == 1


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (struct.pack("<3Q", TYPE, 0, 0), ("", False)),
        (struct.pack("<3Q", TYPE, 0, TEXT + 8), ("", False)),
        (struct.pack("<3Q", TYPE, 0, TEXT), ("worker", False)),
        (struct.pack("<2QI", TYPE, 0, TEXT), ("", False)),
        (struct.pack("<QH", TYPE, 7), ("", False)),
        (b"\x10", ("", False)),
    ],
)
def test_what_is_not_there_or_false_tells_nothing(data: bytes, told: tuple[str, bool]) -> None:
    assert objects(data, _name=16, _isThreadPool=24)[1].read(THREAD) == told


def test_a_type_without_the_fields_tells_nothing() -> None:
    assert objects(struct.pack("<3Q", TYPE, 0, TEXT))[1].read(THREAD) == ("", False)


@pytest.mark.parametrize("address", [0, 8, THREAD + 8])
def test_no_object_tells_nothing(address: int) -> None:
    assert objects(struct.pack("<4Q", TYPE, 0, TEXT, 1), _name=16)[1].read(address) == ("", False)
