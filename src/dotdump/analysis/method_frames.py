"""Frames of managed code by what the runtime noted of them: a MethodDesc and an instruction pointer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.clr.model.method import CodeLocation
from dotdump.errors import UNREADABLE
from dotdump.records import record

if TYPE_CHECKING:
    from dotdump.clr.model.runtime import ClrRuntime


@record
class MethodFrame:
    """A frame: ``method`` is its signature as ClrMD writes it, None where it is not known; ``ip`` is behind the call.

    ``file`` and ``line`` are of the call, ``source_name`` what the source calls a method that C# made another of.
    """

    method: str | None
    module: str | None
    method_desc: str
    ip: str
    sp: str
    file: str | None = None
    line: int | None = None
    il_offset: int | None = None
    source_name: str | None = None


class MethodFrames:
    """Names frames of one runtime, each method once."""

    def __init__(self, runtime: ClrRuntime) -> None:
        self._runtime = runtime
        self._names: dict[int, tuple[str | None, str | None, str | None]] = {}

    def frame(self, method_desc: int, ip: int, sp: int) -> MethodFrame:
        """Return the frame of a method at an instruction pointer."""
        if method_desc not in self._names:
            self._names[method_desc] = self._name(method_desc)
        method, module, source_name = self._names[method_desc]
        place = self._place(method_desc, ip)
        return MethodFrame(
            method,
            module,
            f"{method_desc:#x}",
            f"{ip:#x}",
            f"{sp:#x}",
            place.source.file if place.source is not None else None,
            place.source.line if place.source is not None else None,
            place.il_offset,
            source_name,
        )

    def _place(self, method_desc: int, ip: int) -> CodeLocation:
        """Return where the call before ``ip`` is; nothing where the code there is another method's by now."""
        try:
            block = self._runtime.code.find(ip - 1)
            if block is not None and self._same(block.method_desc, method_desc):
                return self._runtime.location_of(block)
        except UNREADABLE:
            pass
        return CodeLocation(None, None)

    def _same(self, one: int, other: int) -> bool:
        """Return whether two MethodDescs are of one method, of which instances share their code."""
        if one == other or not one or not other:
            return one == other
        first, second = self._runtime.method(one), self._runtime.method(other)
        return bool(first.token) and (first.module, first.token) == (second.module, second.token)

    def _name(self, method_desc: int) -> tuple[str | None, str | None, str | None]:
        try:
            method = self._runtime.method(method_desc) if method_desc else None
            module = self._runtime.loader.name_of(method.module) if method is not None and method.module else None
        except UNREADABLE:
            return None, None, None
        return (method.signature, module, method.source_name or None) if method is not None else (None, None, None)
