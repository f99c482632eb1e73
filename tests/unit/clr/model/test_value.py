"""Values of types that no compiler makes, as damage does."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from builders.managed import NamedArray, NamedObject, NamedType
from dotdump.clr.model import value
from dotdump.clr.model.value import ClrStruct, Unreadable, read_struct
from dotdump.formats.metadata.signatures import ElementType, Primitive, Variable

if TYPE_CHECKING:
    from dotdump.clr.model.heap import ClrHeap
    from dotdump.clr.model.type import ClrType
    from dotdump.clr.model.value import Value


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


@pytest.mark.parametrize(
    ("sign", "words", "number"),
    [(5, None, 5), (-7, None, -7), (1, [0, 1], 1 << 32), (-1, [1 << 31], -(1 << 31)), (1, [1] * 401, None)],
)
def test_a_big_integer_is_a_number_unless_it_is_very_long(
    sign: int, words: list[int] | None, number: int | None
) -> None:
    data = b"".join(word.to_bytes(4, "little") for word in words or ())
    memory = SimpleNamespace(read=lambda address, size: data[address:][:size])
    heap = SimpleNamespace(access=SimpleNamespace(reader=SimpleNamespace(memory=memory)))
    bits = NamedObject(0x2000, NamedType("System.UInt32[]"), []) if words is not None else None
    kind = NamedType("System.Numerics.BigInteger", {"_sign": sign, "_bits": bits})
    found = value._big_integer(BigInteger(cast("ClrHeap", heap), kind, len(words or ())))
    assert found == number if number is not None else isinstance(found, ClrStruct)


class Words(NamedArray):
    """An array that lies at address 0."""

    def address_of(self, number: int) -> int:
        return 4 * number


class BigInteger(ClrStruct):
    """One whose fields are what they were given; its array has ``length`` words."""

    def __init__(self, heap: ClrHeap, kind: NamedType, length: int) -> None:
        super().__init__(heap, cast("ClrType", kind), 0)
        self._length = length

    def __getitem__(self, name: str) -> Value:
        found = self.type.fields[name]  # type: ignore[call-overload]  # a fake of it
        return cast(
            "Value", found if name != "_bits" or found is None else SimpleNamespace(array=Words([0] * self._length))
        )
