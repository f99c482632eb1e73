"""Methods of NativeAOT by their code, without symbols: from the map that the program's own stack traces are made of.

A handler is a function of its own; what the compiler left for unwinding tells which method it belongs to. Source of
truth: UnixNativeCodeManager.cpp of dotnet/runtime (``UBF_FUNC_*``, ``FindMethodInfo``), read from 10.0.
"""

from __future__ import annotations

from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING

from dotdump import limits
from dotdump.errors import DotdumpError, FormatError
from dotdump.formats.native_header import SectionId
from dotdump.formats.native_signatures import NativeSignatures
from dotdump.formats.native_stack_trace import parse_stack_trace_map
from dotdump.records import record
from dotdump.unwind.module_cfi import ModuleCfi

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dotdump.clr.contracts.native_aot_image import NativeAotImage
    from dotdump.clr.data_access import DataAccess
    from dotdump.formats.dwarf_cfi import Fde
    from dotdump.formats.native_stack_trace import NativeMethodRow

_KIND_MASK, _ROOT = 0x03, 0x00
_HAS_ASSOCIATED_DATA = 0x10


@record
class NativeMethod:
    """A method: ``signature`` is ``Namespace.Type.Method(Parameter, ...)``, ``start`` where its code begins.

    ``in_handler`` where the address asked for lies in a function of its own, as handlers of exceptions do.
    """

    signature: str
    start: int
    in_handler: bool = False


class NativeAotMethods:
    """The methods of one NativeAOT program or library."""

    def __init__(self, access: DataAccess, image: NativeAotImage) -> None:
        self._access = access
        self._image = image

    def find(self, address: int) -> NativeMethod | None:
        """Return the method whose code ``address`` lies in; None for code that stack traces do not name."""
        try:
            fde = self._unwinding.find(address) if self._unwinding is not None else None
            if fde is None:
                return None
            start = self._method_start(fde)
            row = self._rows.get(start)
            text = self._signature(row) if row is not None else None
        except DotdumpError:
            return None
        return NativeMethod(text, start, start != fde.start) if text else None

    def _method_start(self, fde: Fde) -> int:
        """Return where the method begins that a function belongs to: behind its flags a handler keeps its distance."""
        if not fde.lsda:
            return fde.start
        flags = self._access.reader.memory.read(fde.lsda, 1)[0]
        if flags & _KIND_MASK == _ROOT:
            return fde.start
        place = fde.lsda + 1 + (4 if flags & _HAS_ASSOCIATED_DATA else 0) + 4
        return fde.start - self._access.reader.i32(place)

    def _signature(self, row: NativeMethodRow) -> str | None:
        metadata, signatures = self._image.metadata, self._signatures
        if metadata is None or signatures is None or not row.owner:
            return None
        name = metadata.bytes.text(row.name)
        if row.arguments:
            name += f"<{', '.join(signatures.arguments_of(row.arguments))}>"
        return f"{signatures.type_of_token(row.owner)}.{name}{signatures.parameters_of(row.signature)}"

    @cached_property
    def _signatures(self) -> NativeSignatures | None:
        return NativeSignatures(self._image.metadata) if self._image.metadata is not None else None

    @cached_property
    def _unwinding(self) -> ModuleCfi | None:
        try:
            return ModuleCfi(self._access.reader.memory, self._access.runtime.module.base)
        except DotdumpError:
            return None

    @cached_property
    def _rows(self) -> Mapping[int, NativeMethodRow]:
        section = self._image.section(SectionId.STACK_TRACE_MAP)
        found: dict[int, NativeMethodRow] = {}
        if section is None:
            return found
        try:
            rows = parse_stack_trace_map(self._image.read(section), section.start)
            found.update((row.address, row) for row in islice(rows, limits.NATIVE_METHODS))
        except FormatError:
            pass  # what came before the damage is as good as ever
        return found
