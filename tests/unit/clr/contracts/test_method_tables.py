from __future__ import annotations

import copy
from typing import Any

import pytest

from builders import heaps
from builders.heaps import FakeHeap
from dotdump.clr.model.runtime import ClrRuntime
from dotdump.errors import UnsupportedRuntime


def said_wrongly(monkeypatch: pytest.MonkeyPatch, **fields: int) -> None:
    """Let the runtime's descriptor say something else of MethodTable."""
    runtime: dict[str, Any] = copy.deepcopy(heaps.RUNTIME)
    runtime["types"]["MethodTable"] |= fields
    monkeypatch.setattr(heaps, "RUNTIME", runtime)


def test_a_layout_that_no_object_confirms_is_refused_with_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    said_wrongly(monkeypatch, EEClassOrCanonMT=16)
    heap = FakeHeap()
    heap.add_region(0, heap.add_type(24).words())
    with pytest.raises(UnsupportedRuntime, match=r"10\.0\.0: no knowledge of the layout of MethodTable"):
        list(ClrRuntime.of(heap.target()).heap.objects())


def test_the_layout_of_another_version_is_taken_where_it_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    said_wrongly(monkeypatch, MTFlags=32)
    heap = FakeHeap()
    kind = heap.add_type(24)
    table = kind.method_table
    heap.chunks[table] = (24 << 32).to_bytes(8, "little") + bytes(32) + (table + 0x100).to_bytes(8, "little")
    heap.chunks[table + 0x100] = bytes(16) + table.to_bytes(8, "little")
    heap.add_region(0, kind.words(), kind.words())
    assert len(list(ClrRuntime.of(heap.target()).heap.objects())) == 2


def test_one_damaged_region_does_not_make_a_runtime_unknown() -> None:
    heap = FakeHeap()
    node = heap.add_type(24)
    for _ in range(3):
        heap.add_region(0, node.words(), node.words())
    heap.regions[0].words[0] = 0x123450
    assert len(list(ClrRuntime.of(heap.target()).heap.objects())) == 5
