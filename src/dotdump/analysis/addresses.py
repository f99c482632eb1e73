"""What an address is: memory of which kind, code of which method, an object or within one, a type, a stack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.analysis.stacks import symbol_text
from dotdump.analysis.statistics import generation_at
from dotdump.clr.contracts.code_block import CodeKind
from dotdump.clr.contracts.method_descs import METHOD_ALIGNMENT
from dotdump.clr.runtime_module import RuntimeKind
from dotdump.errors import UNREADABLE
from dotdump.formats.registers import RED_ZONE
from dotdump.memory.region import region_at
from dotdump.records import record

if TYPE_CHECKING:
    from dotdump.clr.model.method import ClrMethod
    from dotdump.clr.model.object import ClrObject
    from dotdump.clr.model.runtime import ClrRuntime
    from dotdump.target.model import Target


@record
class MemoryPlace:
    """The mapping that an address is in: ``rights`` as in ``r-x``, ``path`` and ``offset`` in its file.

    ``symbol`` is ``libc.so.6!read+0x4c``; ``thread`` the system's id of the thread whose stack is in use there.
    """

    start: str
    end: str
    rights: str
    path: str | None
    offset: int | None
    symbol: str | None
    thread: int | None


@record
class CodePlace:
    """Managed code ``offset`` bytes behind ``start``, where it begins; or a stub, and ``stub`` what it is called.

    ``kind`` is ``jit``, ``r2r``, ``interpreter`` or ``stub``; ``method`` the signature of the method, or of that which
    a stub stands for; ``file`` and ``line`` of its source.
    """

    kind: str
    start: str
    offset: int
    stub: str | None
    method: str | None
    source_name: str | None
    method_desc: str | None
    token: str | None
    module: str | None
    il_offset: int | None
    file: str | None
    line: int | None


@record
class ObjectPlace:
    """Where in the managed heap an address is: in ``generation`` of heap ``heap``, in the object at ``address``.

    ``address``, ``type``, ``size`` and ``offset`` are None where no object is there: in free space, or unused.
    """

    heap: int
    generation: str
    address: str | None
    type: str | None
    size: int | None
    offset: int | None


@record
class AddressMeaning:
    """All that is known of an address; None for what it is not.

    ``type`` is the name of the type whose MethodTable begins there, ``method`` of the method whose MethodDesc does.
    """

    address: str
    memory: MemoryPlace | None
    code: CodePlace | None
    object: ObjectPlace | None
    type: str | None
    method: str | None


def meaning_of(target: Target, runtime: ClrRuntime | None, address: int) -> AddressMeaning:
    """Return what ``address`` is; where there is no ``runtime``, of its memory only."""
    memory = _memory(target, address)
    in_heap = _in_heap(runtime, address) if runtime is not None else None
    if runtime is None or in_heap is not None:
        return AddressMeaning(f"{address:#x}", memory, None, in_heap, None, None)
    code = _code(runtime, address)
    kind = _type(runtime, address) if code is None else None
    method = _method_desc(runtime, address) if code is None and kind is None else None
    return AddressMeaning(f"{address:#x}", memory, code, None, kind, method)


def _memory(target: Target, address: int) -> MemoryPlace | None:
    region = region_at(target.regions, address)
    if region is None:
        return None
    letters = zip("rwx", (region.readable, region.writable, region.executable), strict=True)
    module = next((one for one in target.modules if one.base <= address < one.end), None)
    whole = range(region.start, region.end)
    on = (t.tid for t in target.threads if t.stack_pointer in whole and t.stack_pointer - RED_ZONE <= address)
    return MemoryPlace(
        f"{region.start:#x}",
        f"{region.end:#x}",
        "".join(letter if has else "-" for letter, has in letters),
        region.path or None,
        region.offset + address - region.start if region.path.startswith("/") else None,
        (symbol_text(module, address) if module is not None else "") or None,
        next(on, None),
    )


def _in_heap(runtime: ClrRuntime, address: int) -> ObjectPlace | None:
    heap = runtime.heap
    segment = heap.segment_at(address)
    if segment is None:
        return None
    generation = generation_at(heap, address)
    found = _object(runtime, address)
    if found is None:
        return ObjectPlace(segment.heap, generation, None, None, None, None)
    offset = address - found.address
    return ObjectPlace(segment.heap, generation, f"{found.address:#x}", found.type.name, found.size, offset)


def _object(runtime: ClrRuntime, address: int) -> ClrObject | None:
    try:
        return runtime.heap.containing(address)
    except UNREADABLE:
        return None


def _code(runtime: ClrRuntime, address: int) -> CodePlace | None:
    if runtime.kind is not RuntimeKind.CORECLR:
        return None
    try:
        block = runtime.code.find(address)
        if block is None:
            return None
        method = runtime.method(block.method_desc) if block.method_desc else runtime.method_called(address)
    except UNREADABLE:
        return None
    place = runtime.location_of(block)
    return CodePlace(
        block.kind.value,
        f"{block.start:#x}",
        block.relative_offset,
        block.stub if block.kind is CodeKind.STUB else None,
        method.signature if method is not None else None,
        method.source_name or None if method is not None else None,
        f"{method.address:#x}" if method is not None else None,
        f"{method.token:#010x}" if method is not None and method.token else None,
        _module_of(runtime, method),
        place.il_offset,
        place.source.file if place.source is not None else None,
        place.source.line if place.source is not None else None,
    )


def _module_of(runtime: ClrRuntime, method: ClrMethod | None) -> str | None:
    return runtime.loader.name_of(method.module) or None if method is not None and method.module else None


def _type(runtime: ClrRuntime, address: int) -> str | None:
    try:
        return runtime.type_at(address).name if runtime.heap.types.index_of(address) is not None else None
    except UNREADABLE:
        return None


def _method_desc(runtime: ClrRuntime, address: int) -> str | None:
    """Return the method whose record is at ``address``: one of a type that is one, whose metadata names it."""
    if runtime.kind is not RuntimeKind.CORECLR or address % METHOD_ALIGNMENT:
        return None
    try:
        method = runtime.method(address)
        declared = method.type
        known = declared is not None and runtime.heap.types.index_of(declared.method_table) is not None
        return method.signature if known and method.token and not method.name.startswith("<method ") else None
    except UNREADABLE:
        return None
