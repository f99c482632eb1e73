"""What objects of some classes of the library say by themselves: boxes, exceptions, tasks, delegates, references."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.analysis.delegates import read_delegate
from dotdump.analysis.tasks import is_task, task_status
from dotdump.analysis.value_text import describe, text_of
from dotdump.clr.model.object import ClrObject
from dotdump.errors import InvalidObject

if TYPE_CHECKING:
    from dotdump.clr.model.runtime import ClrRuntime

_INT32 = 1 << 32
_HANDLE_TAGS = 3
"""Bits of the word in a weak reference that say of which kind its handle is."""

_METHODS = ("System.Reflection.RuntimeMethodInfo", "System.Reflection.RuntimeConstructorInfo")
_WEAK_REFERENCE = "System.WeakReference"


def special_value(runtime: ClrRuntime, found: ClrObject) -> str | None:
    """Return what an object of a known kind says; None for any other. Raises where it cannot be read."""
    kind = found.type
    if kind.is_value_type:
        return text_of(found.boxed)
    return _told_by_fields(runtime, found) if kind.keeps_fields else None


def _told_by_fields(runtime: ClrRuntime, found: ClrObject) -> str | None:
    kind = found.type
    if kind.is_exception:
        return _exception(found)
    if kind.name == "System.RuntimeType":
        return _named_type(found)
    if kind.name in _METHODS:
        handle = found["m_handle"]
        return runtime.method(handle).signature if isinstance(handle, int) and handle else None
    if not kind.is_array and any(base.name.partition("<")[0] == _WEAK_REFERENCE for base in kind.hierarchy):
        return _weak_target(found)
    if is_task(kind):
        return task_status(found).value
    delegate = read_delegate(runtime, found)
    return str(delegate) if delegate is not None else None


def _exception(found: ClrObject) -> str:
    number = found["_HResult"]
    cause = found["_innerException"]
    code = f" (HRESULT 0x{number % _INT32:08X})" if isinstance(number, int) else ""
    because = f", caused by {describe(cause)}" if isinstance(cause, ClrObject) else ""
    return f"{text_of(found['_message'])}{code}{because}"


def _named_type(found: ClrObject) -> str | None:
    """Return the name of the type that a ``System.RuntimeType`` stands for."""
    handle = found["m_handle"]
    return found.type.name_of(handle) if isinstance(handle, int) and handle else None


def _weak_target(found: ClrObject) -> str:
    """Return what a weak reference leads to, by its handle: 3.1 has it plain, later ones with tags."""
    name = "_taggedHandle" if found.type.find_field("_taggedHandle") is not None else "m_handle"
    handle = found[name]
    slot = handle & ~_HANDLE_TAGS if isinstance(handle, int) else 0
    target = found.heap.access.reader.pointer(slot) if slot else 0
    if not target:
        return "weak reference to what is gone"
    try:
        return f"weak reference to {describe(found.heap.object(target))} {target:#x}"
    except InvalidObject as error:
        return f"weak reference to {target:#x} ({error})"
