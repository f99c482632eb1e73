"""Which loaded files of a target are .NET runtimes: libcoreclr.so, a single-file host, a NativeAOT program or library.

Knows names and exported symbols, not what is behind them. Light: a dumper asks this of live processes.
"""

from __future__ import annotations

from enum import StrEnum

from dotdump.formats.columns import whole_words
from dotdump.formats.runtime_files import CONTRACT_DESCRIPTOR, DAC_TABLE, DEBUG_HEADER, RUNTIME_FILE, RUNTIME_INFO
from dotdump.memory.mapped_path import file_name
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dotdump.kernels import Column
    from dotdump.target.model import Module, Target

_CORECLR_SYMBOLS = (RUNTIME_INFO, CONTRACT_DESCRIPTOR, DAC_TABLE)


class RuntimeKind(StrEnum):
    """The two runtimes that .NET has on Linux."""

    CORECLR = "CoreCLR"
    NATIVE_AOT = "NativeAOT"


@record
class RuntimeModule:
    """A runtime and the file it is in."""

    module: Module
    kind: RuntimeKind


def runtime_modules(target: Target) -> list[RuntimeModule]:
    """Return every .NET runtime loaded in ``target``; usually there is one."""
    by_name = [m for m in target.modules if file_name(m.path) == RUNTIME_FILE]
    if by_name:
        return [RuntimeModule(module, RuntimeKind.CORECLR) for module in by_name]
    return [RuntimeModule(module, kind) for module in target.modules if (kind := _kind(module)) is not None]


def _kind(module: Module) -> RuntimeKind | None:
    if _has_any(module, _CORECLR_SYMBOLS):
        return RuntimeKind.CORECLR
    return RuntimeKind.NATIVE_AOT if _has_any(module, [DEBUG_HEADER]) else None


def _has_any(module: Module, names: Iterable[str]) -> bool:
    return any(module.find_symbol(name) is not None for name in names)


def writable_words(target: Target, module: Module) -> Iterator[tuple[int, Column]]:
    """Yield the address and the words of each writable region of a module."""
    for region in target.regions:
        if module.base <= region.start < module.data_end and region.writable:
            data = target.memory.read_available(region.start, min(region.size, module.data_end - region.start))
            yield region.start, whole_words(data)
