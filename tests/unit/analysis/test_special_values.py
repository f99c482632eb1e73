"""What weak references and methods say, on objects whose fields are what they were given."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from builders.managed import NamedObject, NamedType
from dotdump.analysis.special_values import special_value
from dotdump.errors import InvalidObject

if TYPE_CHECKING:
    from dotdump.clr.model.heap import ClrHeap
    from dotdump.clr.model.runtime import ClrRuntime

SLOT, TARGET, NOTHING, DAMAGED = 0x8000, 0x1000, 0x8008, 0x8010
SLOTS = {SLOT: TARGET, NOTHING: 0, DAMAGED: 0x3333}
RUNTIME = cast("ClrRuntime", SimpleNamespace(method=lambda handle: SimpleNamespace(signature=f"Main({handle:#x})")))


def object_at(address: int) -> NamedObject:
    if address != TARGET:
        raise InvalidObject(address, "no object")
    return NamedObject(TARGET, NamedType("Store.Session"))


def made(name: str, *bases: str, **fields: object) -> NamedObject:
    found = NamedObject(0x2000, NamedType(name, fields, bases=bases))
    reader = SimpleNamespace(pointer=lambda place: SLOTS[place])
    found.heap = cast("ClrHeap", SimpleNamespace(access=SimpleNamespace(reader=reader), object=object_at))
    return found


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"_taggedHandle": SLOT | 1}, "weak reference to Store.Session 0x1000"),
        ({"m_handle": SLOT}, "weak reference to Store.Session 0x1000"),
        ({"_taggedHandle": NOTHING}, "weak reference to what is gone"),
        ({"_taggedHandle": 0}, "weak reference to what is gone"),
    ],
)
def test_a_weak_reference_says_what_it_leads_to(fields: dict[str, object], told: str) -> None:
    assert special_value(RUNTIME, made("System.WeakReference<Store.Session>", **fields)) == told
    assert special_value(RUNTIME, made("Own", "System.WeakReference", **fields)) == told


def test_a_weak_reference_to_no_object_says_so() -> None:
    told = special_value(RUNTIME, made("System.WeakReference", _taggedHandle=DAMAGED))
    assert told is not None
    assert told.startswith("weak reference to 0x3333 (")


def test_an_array_of_weak_references_is_none() -> None:
    kind = NamedType("System.WeakReference<Store.Session>[]", is_array=True, bases=("System.Array",))
    assert special_value(RUNTIME, NamedObject(0x2000, kind)) is None


def test_a_method_of_reflection_says_which() -> None:
    assert special_value(RUNTIME, made("System.Reflection.RuntimeMethodInfo", m_handle=0x77)) == "Main(0x77)"
    assert special_value(RUNTIME, made("System.Reflection.RuntimeMethodInfo", m_handle=0)) is None
