"""Delegates that call no method's code themselves."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from builders.managed import NamedObject, NamedType
from dotdump.analysis.delegates import read_delegate
from dotdump.errors import FormatError

if TYPE_CHECKING:
    from dotdump.clr.model.runtime import ClrRuntime

STUB, METHOD_DESC = 0x7F0000001000, 0x7F0000002000


def method(method_desc: int) -> SimpleNamespace:
    if method_desc != METHOD_DESC:
        raise FormatError("no MethodDesc", source="test")
    return SimpleNamespace(signature="Shape.Area()", source_name="")


RUNTIME = cast("ClrRuntime", SimpleNamespace(method=method, method_called=lambda _entry: None))


def open_delegate(count: int) -> NamedObject:
    fields: dict[str, object] = {"_invocationCount": count, "_invocationList": None, "_methodPtrAux": STUB}
    found = NamedObject(0x1000, NamedType("System.Func<Shape>", fields, bases=("System.Delegate",)))
    fields["_target"] = found
    return found


def test_a_virtual_method_without_a_target_is_told_by_its_record() -> None:
    assert str(read_delegate(RUNTIME, open_delegate(METHOD_DESC))) == "Shape.Area()"


def test_native_code_is_no_static_method() -> None:
    assert str(read_delegate(RUNTIME, open_delegate(-1))) == f"native code at {STUB:#x}"


def test_what_is_no_record_of_a_method_names_none() -> None:
    assert str(read_delegate(RUNTIME, open_delegate(7))) == f"a static method, code at {STUB:#x}"
