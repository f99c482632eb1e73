"""Delegates: which method each calls, of which object.

Source of truth: Delegate.CoreCLR.cs and MulticastDelegate.CoreCLR.cs from 3.1 to 10, comdelegate.cpp.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.clr.model.object import ClrObject
from dotdump.errors import DotdumpError
from dotdump.records import record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.clr.model.method import ClrMethod
    from dotdump.clr.model.runtime import ClrRuntime


_NATIVE = -1
"""``DELEGATE_MARKER_UNMANAGEDFPTR``."""


@record
class Delegate:
    """A delegate: ``target`` is what its method is called on, None of a static one.

    ``code`` is where a call begins, ``method`` the one that it leads to, or that an override of is called; None where
    that is not known, and of native code. Of several combined into one, ``count`` is how many there are, and the rest
    is of none.
    """

    source: ClrObject
    target: ClrObject | None
    code: int
    method: ClrMethod | None
    count: int = 1
    is_native: bool = False

    def each(self) -> Iterator[ClrObject]:
        """Yield the delegates that a call calls, in this order; itself where it is not several."""
        listed = self.source["_invocationList"] if self.count > 1 else None
        array = listed.array if isinstance(listed, ClrObject) else None
        if array is None:
            yield self.source
            return
        yield from (one for one in array.elements(0, self.count) if isinstance(one, ClrObject))

    def __str__(self) -> str:
        if self.count > 1:
            return f"{self.count:,} delegates"
        if self.is_native:
            return f"native code at {self.code:#x}"
        if self.method is None:
            on = f"a method of {self.target.type.name}" if self.target is not None else "a static method"
            return f"{on}, code at {self.code:#x}"
        name = self.method.source_name
        on = f" on {self.target.type.name} {self.target.address:#x}" if self.target is not None else ""
        return f"{self.method.signature}{f'  ({name})' if name else ''}{on}"


def read_delegate(runtime: ClrRuntime, found: ClrObject) -> Delegate | None:
    """Return what a delegate calls, None for any other object; raises ``MemoryFault`` where it cannot be read."""
    if not any(kind.name == "System.Delegate" for kind in found.type.hierarchy):
        return None
    several = found["_invocationCount"] if found.type.find_field("_invocationCount") is not None else 0
    listed = found["_invocationList"] if several else None
    if isinstance(several, int) and isinstance(listed, ClrObject) and listed.type.is_array:
        return Delegate(found, None, 0, None, min(several, listed.length))
    target = found["_target"]
    static = not isinstance(target, ClrObject) or target == found
    code = found["_methodPtrAux" if static else "_methodPtr"]
    entry = code if isinstance(code, int) else 0
    if static and isinstance(several, int) and several:
        return _called_by_stub(runtime, found, entry, several)
    return Delegate(found, target if isinstance(target, ClrObject) and not static else None, entry, _at(runtime, entry))


def _called_by_stub(runtime: ClrRuntime, found: ClrObject, entry: int, mark: int) -> Delegate:
    """Return a delegate whose code is no method's: a MethodDesc is in place of a count, or a mark of native code."""
    if mark == _NATIVE:
        return Delegate(found, None, entry, None, is_native=True)
    try:
        method = runtime.method(mark)
        _ = method.signature
    except DotdumpError:
        return Delegate(found, None, entry, _at(runtime, entry))
    return Delegate(found, None, entry, method)


def _at(runtime: ClrRuntime, entry: int) -> ClrMethod | None:
    """Return the method at ``entry``; of a small dump, and of a program without records of methods, none is known."""
    try:
        return runtime.method_called(entry)
    except DotdumpError:
        return None
