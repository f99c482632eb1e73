"""Numbers of enums as text, on types that have nothing but members; expected is what .NET's ``Enum.Format`` writes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from dotdump.clr.model.field import ClrField
from dotdump.clr.model.value import EnumValue
from dotdump.formats.metadata.signatures import ElementType as E

if TYPE_CHECKING:
    from dotdump.clr.model.type import ClrType


def enum(element: E, *, flags: bool, **members: int) -> ClrType:
    literals = [SimpleNamespace(name=name, constant=constant) for name, constant in members.items()]
    kind = SimpleNamespace(fields=[SimpleNamespace(element=element)], literals=literals, is_flags=flags)
    return cast("ClrType", kind)


@pytest.mark.parametrize(("element", "bits"), [(E.I1, 8), (E.I2, 16), (E.I4, 32), (E.I8, 64)])
def test_the_sign_is_a_flag_like_any_other(element: E, bits: int) -> None:
    top = -(1 << bits - 1)
    kind = enum(element, flags=True, A=1, Top=top)
    assert [str(EnumValue(number, kind)) for number in (top, top + 1, top + 2)] == ["Top", "A, Top", str(top + 2)]


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0"), (1, "A"), (3, "A, B"), (7, "A, BC"), (15, "All"), (8, "8"), (11, "11")]
)
def test_flags_are_named_from_the_largest_down(number: int, text: str) -> None:
    assert str(EnumValue(number, enum(E.U1, flags=True, A=1, B=2, BC=6, All=15))) == text


@pytest.mark.parametrize(("number", "text"), [(0, "Zero"), (2, "B"), (3, "3"), (-1, "-1")])
def test_without_the_attribute_a_number_is_one_member_or_none(number: int, text: str) -> None:
    assert str(EnumValue(number, enum(E.I4, flags=False, Zero=0, A=1, B=2))) == text


def test_where_a_member_is_damaged_a_number_is_one() -> None:
    damaged = object.__new__(ClrField)
    damaged._constant = (E.I4, b"\1")
    damaged.name = "Cut"
    kind = SimpleNamespace(fields=[SimpleNamespace(element=E.I4)], literals=[damaged], is_flags=False)
    assert str(EnumValue(1, cast("ClrType", kind))) == "1"
