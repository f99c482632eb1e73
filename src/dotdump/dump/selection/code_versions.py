"""What a Mini dump keeps of the versions of code: the DAC looks for the one that a frame on a stack runs.

From 9 on a method leads to its versions; up to 8 a table of the AppDomain does, by the method's MethodDesc. Versions of
its IL are found by its module and row from 9 on, of what has no row in row 0.
Source of truth: codeversion.h and codeversion.cpp; ``SHash::Lookup`` of shash.inl; contract CodeVersions.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from dotdump.clr.contracts.type_system import TypeSystem
from dotdump.clr.data.methods import MethodDescCodeData, MethodDescVersioningState, NativeCodeVersionNode
from dotdump.clr.runtime_module import RuntimeKind
from dotdump.errors import DotdumpError
from dotdump.formats.metadata.tokens import ROW_ID

if TYPE_CHECKING:
    from dotdump.clr.data_access import DataAccess
    from dotdump.clr.model.runtime import ClrRuntime
    from dotdump.dump.selection.recording import RecordingTarget
    from dotdump.memory.reader import Reader

DOMAIN = 0x1000
"""Bytes of an AppDomain that are kept: 8 has the table of the versions of methods at 0x9d8, 3.1 its name at 0xc80."""
_STATE, _NODE = 0x40, 0x80
"""Bytes of what a method's versions have in common, and of one version."""
_IL_VERSIONS = "MethodDefToILCodeVersioningStateMap"
_VERSIONS = 64
_PROBES = 256
_HASH = 0xFFFFFFFF


def touch_versions(target: RecordingTarget, runtime: ClrRuntime) -> None:
    """Read the versions of the methods on stacks."""
    if runtime.kind is not RuntimeKind.CORECLR:
        return
    access = runtime.access
    if access.has("MethodDesc", "CodeData"):
        state_of = partial(_of_code_data, access)
    else:
        state_of = partial(_in_tables, access.reader, [*target.tables_in(runtime.assemblies.domain, DOMAIN)])
    for method in target.used_methods:
        with suppress(DotdumpError):
            _touch_chain(target, access, state_of(method))
        with suppress(DotdumpError):
            _look_up_il(runtime, method)


def _look_up_il(runtime: ClrRuntime, method: int) -> None:
    """Look up the versions of a method's IL: only methods that a profiler or a debugger rewrote have some."""
    found, system = runtime.method(method), runtime.type_system
    if found.module and isinstance(system, TypeSystem) and runtime.access.has("Module", _IL_VERSIONS):
        system.maps.find_entry(found.module, _IL_VERSIONS, found.token & ROW_ID)


def _touch_chain(target: RecordingTarget, access: DataAccess, state: int) -> None:
    if not state:
        return
    target.memory.touch(state, _STATE)
    node = MethodDescVersioningState(access, state).first_version
    for _ in range(_VERSIONS):
        if not node:
            return
        target.memory.touch(node, _NODE)
        node = NativeCodeVersionNode(access, node).next


def _of_code_data(access: DataAccess, method: int) -> int:
    """Return the address of what keeps a method's versions, 0 where it has only one."""
    data = access.pointer(method, "MethodDesc", "CodeData")
    return MethodDescCodeData(access, data).versioning_state if data else 0


def _in_tables(reader: Reader, tables: list[tuple[int, int]], method: int) -> int:
    """Return what ``_of_code_data`` does, out of the table that has it."""
    return next((state for slots, count in tables if (state := _find(reader, slots, count, method))), 0)


def _find(reader: Reader, slots: int, count: int, method: int) -> int:
    """Return what a hash table has for a method, and whose first word is that; 0 for nothing."""
    hashed = method & _HASH
    place, step = hashed % count, hashed % (count - 1) + 1
    for _ in range(min(count, _PROBES)):
        entry = reader.pointer(slots + 8 * place)
        if not entry:
            return 0
        if entry % 8 == 0 and reader.pointer(entry) == method:
            return entry
        place = (place + step) % count
    return 0
