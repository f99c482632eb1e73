"""Values of types that no compiler makes, as damage does."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from dotdump.clr.model.value import Unreadable, read_struct
from dotdump.formats.metadata.signatures import ElementType, Primitive, Variable

if TYPE_CHECKING:
    from dotdump.clr.model.heap import ClrHeap
    from dotdump.clr.model.type import ClrType


def test_a_nullable_of_itself_is_no_value() -> None:
    kind = SimpleNamespace(name="System.Nullable<…>", is_enum=False, is_primitive=False, is_nullable=True)
    flag = SimpleNamespace(name="hasValue", element=ElementType.BOOLEAN, signature=Primitive(ElementType.BOOLEAN))
    value = SimpleNamespace(name="value", element=ElementType.VALUETYPE, signature=Variable(ElementType.VAR, 0))
    for field, declared in ((flag, None), (value, kind)):
        field.type, field.is_reference = declared, False
        field.address_in = lambda address, *, interior: address + interior
    kind.fields = [value, flag]
    memory = SimpleNamespace(read=lambda _address, size: b"\1" * size)
    heap = SimpleNamespace(access=SimpleNamespace(reader=SimpleNamespace(memory=memory)))
    found = read_struct(cast("ClrHeap", heap), cast("ClrType", kind), 0x1000)
    assert isinstance(found, Unreadable)
    assert found.reason == "System.Nullable<…> is of what may be null itself"
