"""What a Mini dump keeps for stacks: the stacks, and what walking and naming their frames reads."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from dotdump.clr.contracts.code_ranges import TABLE_SIZE
from dotdump.clr.contracts.method_descs import METHOD_ALIGNMENT, chunk_of
from dotdump.clr.contracts.runtime_functions import record_size
from dotdump.clr.contracts.walk_step import Ending, StepKind
from dotdump.clr.data.code import CodeModule
from dotdump.clr.data.methods import MethodDescChunk
from dotdump.clr.runtime_module import RuntimeKind
from dotdump.errors import DotdumpError
from dotdump.formats.columns import whole_words
from dotdump.formats.metadata.signatures import ElementType
from dotdump.formats.metadata.tokens import ROW_ID
from dotdump.formats.native_array import NativeArray, read_unsigned
from dotdump.formats.ready_to_run import METHOD_ENTRY_POINTS, RUNTIME_FUNCTIONS, find_section
from dotdump.formats.registers import RED_ZONE
from dotdump.limits import BASE_TYPES, STACK_SIZE
from dotdump.target.elf_module import ElfModule
from dotdump.unwind.frame import End, EndReason

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dotdump.clr.contracts.code_block import CodeBlock
    from dotdump.clr.contracts.code_ranges import CodeRange
    from dotdump.clr.contracts.stack_traces import StackTraceFrame
    from dotdump.clr.contracts.walk_step import Step
    from dotdump.clr.model.method import ClrMethod
    from dotdump.clr.model.runtime import ClrRuntime
    from dotdump.dump.selection.recording import RecordingTarget
    from dotdump.formats.pe import PeImage
    from dotdump.target.model import Module, Thread
    from dotdump.unwind.native import NativeUnwinder

_BEYOND_BOTTOM = 64 << 10
"""Bytes beyond the last frame of a thread: where glibc keeps what it knows of the thread, and thread-local data."""
_METHOD_DESC, METHOD_TABLE = 0x40, 0x60
"""Bytes of what describes a method, with all that may follow it, and a type."""
_SLOTS = 0x300
"""Bytes of a type with the slots of its methods, which lead to the stubs that know which method they are of."""
_PRECODE = 24
"""Bytes of the largest stub of a method without code."""
_LAST_WITH_ENTRY_POINTS = 8
_MODULE = 0x400
"""Bytes of a module with its tables of types, into which the DAC of 8 looks; where one is not whole, it may crash."""
_LOOKS_INTO_CHAINS = 8
_CODE = 1 + 32
"""Bytes of code from a call on to which a frame returns: the DAC looks whether the 32 behind it end the function."""
_SECTION = 80
"""Bytes of what describes a section of code, or a heap of it: the DAC reads them whole (codeman.h)."""
_IMAGE = 512
"""Bytes of what the runtime keeps of the code in an image (``ReadyToRunInfo``): 400 in 3.1, 512 in 8 and 9."""
_GC_INFO = 256
"""Bytes of GC info of a method: what tells the prolog from the body comes first."""


def touch_native_stacks(target: RecordingTarget, unwinder: NativeUnwinder) -> None:
    """Read every stack, and what leads from frame to frame without a runtime."""
    named: set[int] = set()
    for thread in target.threads:
        _touch_stack(target, thread, _walk(unwinder, thread, named))


def touch_managed_stacks(target: RecordingTarget, runtime: ClrRuntime) -> None:
    """Read what leads from frame to frame of managed code, and what its methods are called."""
    if runtime.kind is not RuntimeKind.CORECLR:
        return
    done: set[int] = set()
    for thread in runtime.threads:
        for step in thread.walk(native=True):
            if not isinstance(step, Ending):
                _touch_step(target, runtime, step, done)


def touch_named_types(target: RecordingTarget, runtime: ClrRuntime) -> None:
    """Read a little more of every type that was named: the runtime's own library looks at what is behind it."""
    for method_table in runtime.named_types:
        target.touch_around(method_table, METHOD_TABLE)


def _touch_step(target: RecordingTarget, runtime: ClrRuntime, step: Step, done: set[int]) -> None:
    """Read what names a frame; ``done`` has the addresses of code, methods and modules that were read of before."""
    method = step.frame.method_desc if step.frame is not None else 0
    if step.code is not None and step.kind is StepKind.MANAGED:
        method = step.code.method_desc
        if step.code.address not in done:
            done.add(step.code.address)
            _touch_code(target, runtime, step.code)
    if method and method not in done:
        done.add(method)
        target.used_methods.add(method)
        with suppress(DotdumpError):
            _touch_method(target, runtime, runtime.method(method), done)


def _touch_code(target: RecordingTarget, runtime: ClrRuntime, code: CodeBlock) -> None:
    """Read the code that a frame stands in, what leads to it, and what tells its lines and its prolog."""
    target.memory.touch(code.address, _CODE)
    for place in (code.address, code.address + 1):  # the DAC asks for both ends of a call
        _find_code(target, runtime, place)
    with suppress(DotdumpError):
        runtime.debug_infos.written_bounds(code)
    if code.gc_info:
        target.memory.touch(code.gc_info, _GC_INFO)


def touch_trace(runtime: ClrRuntime, frames: Iterable[StackTraceFrame]) -> None:
    """Read what names the frames of a recorded stack trace, and what leads to their lines in the source."""
    for ip, method in {(frame.ip, frame.method_desc) for frame in frames}:
        with suppress(DotdumpError):
            code = runtime.code.find(ip - 1)
            if code is not None:
                runtime.debug_infos.written_bounds(code)
        with suppress(DotdumpError):
            _ = runtime.method(method).signature


def _find_code(target: RecordingTarget, runtime: ClrRuntime, address: int) -> None:
    """Look up what code is at ``address``, and read all of what leads to it."""
    with suppress(DotdumpError):
        for table in runtime.code.ranges.tables(address):
            target.memory.touch(table, TABLE_SIZE)
        section = runtime.code.ranges.find(address)
        if section is not None:
            _touch_section(target, runtime, section)
        runtime.code.find(address)


def _touch_section(target: RecordingTarget, runtime: ClrRuntime, section: CodeRange) -> None:
    image = CodeModule(runtime.access, section.module).ready_to_run if section.module else 0
    for record, size in ((section.address, _SECTION), (section.heap_list, _SECTION), (image, _IMAGE)):
        if record:
            target.memory.touch(record, size)


def _touch_method(target: RecordingTarget, runtime: ClrRuntime, method: ClrMethod, done: set[int]) -> None:
    _ = method.signature
    _touch_handles(target, method.stored_signature)
    target.touch_around(method.address, _METHOD_DESC, depth=3)
    _touch_chunk(target, runtime, method.address)
    _look_up_code(target, runtime, method.address)
    kind = method.type
    if kind is not None:
        target.touch_around(kind.method_table, _SLOTS)
    for _ in range(BASE_TYPES):
        if kind is None:
            break
        target.touch_around(kind.method_table, METHOD_TABLE)
        kind = kind.base
    if not method.module:
        return
    runtime.loader.name_of(method.module)
    runtime.loader.path_of(method.module)
    if runtime.access.major == _LOOKS_INTO_CHAINS and method.module not in done:
        done.add(method.module)
        target.touch_chains(method.module, _MODULE)
    image = runtime.loader.find_image(method.module)
    if image is not None:
        target.used_images.add(image.base)
        _touch_precompiled(target, runtime, image, method.token)


def _touch_handles(target: RecordingTarget, signature: bytes) -> None:
    """Read the types that a signature names by their handles, what is returned among them: the DAC does."""
    for place, kind in enumerate(signature):
        if kind == ElementType.INTERNAL:
            target.touch_private(int.from_bytes(signature[place + 1 : place + 9], "little"), METHOD_TABLE)


def _touch_chunk(target: RecordingTarget, runtime: ClrRuntime, method: int) -> None:
    """Read all methods of a chunk, their type, and the stubs through which they are called before they have code.

    Up to 8 those lie together, where the word before a chunk points to.
    Source of truth: ``SizeOf`` and ``GetTemporaryEntryPoints`` of ``MethodDescChunk`` in method.hpp.
    """
    access = runtime.access
    chunk = MethodDescChunk(access, chunk_of(access, method))
    target.memory.touch(chunk.address, access.size("MethodDescChunk") + (chunk.size + 1) * METHOD_ALIGNMENT)
    target.touch_around(chunk.method_table, METHOD_TABLE)
    if access.major <= _LAST_WITH_ENTRY_POINTS:
        stubs = access.reader.pointer(chunk.address - access.reader.pointer_size)
        target.touch_private(stubs, _PRECODE * (chunk.count + 1))


def _look_up_code(target: RecordingTarget, runtime: ClrRuntime, method: int) -> None:
    """Look up the code that a MethodDesc names: the DAC does, also where a later version of it is on the stack."""
    for word in set(whole_words(target.memory.read_available(method, _METHOD_DESC))):
        region = target.region_at(word)
        if region is not None and region.executable:
            _find_code(target, runtime, word)


def _touch_precompiled(target: RecordingTarget, runtime: ClrRuntime, image: PeImage, token: int) -> None:
    """Look up the code that the image has of a method: the runtime's library names no method without.

    Source of truth: ``ReadyToRunInfo::GetEntryPoint`` of readytoruninfo.cpp.
    """
    entries, size = find_section(image, METHOD_ENTRY_POINTS)
    if not size or not token & ROW_ID:
        return
    reader = runtime.access.reader
    place = NativeArray(reader, image.address_of(entries)).find((token & ROW_ID) - 1)
    if place is not None:
        number, _ = read_unsigned(reader, place)
        functions, length = find_section(image, RUNTIME_FUNCTIONS)
        offset = record_size(runtime.access) * (number >> (2 if number & 1 else 1))
        if offset < length:
            _find_code(target, runtime, image.address_of(reader.u32(image.address_of(functions) + offset)))


def _walk(unwinder: NativeUnwinder, thread: Thread, named: set[int]) -> int | None:
    """Walk a stack; return where its last frame is, None where that is not known to be the last."""
    bottom = 0
    for step in unwinder.walk(unwinder.frame_of(thread)):
        if isinstance(step, End):
            return bottom if step.reason is EndReason.BOTTOM else None
        bottom = step.sp
        module = unwinder.module_at(step.lookup)
        if module is not None and module.base not in named:
            named.add(module.base)
            _touch_symbols(module)
    return None


def _touch_symbols(module: Module) -> None:
    """Read what names the functions of a module."""
    if isinstance(module, ElfModule) and module.image is not None:
        _ = module.image.symbols


def _touch_stack(target: RecordingTarget, thread: Thread, bottom: int | None) -> None:
    """Read a stack from its top to the end of its mapping, or to its ``bottom`` frame; and the code where it stands."""
    page = target.platform.page_size
    target.memory.touch((thread.instruction_pointer & -page) - page, 3 * page)
    region = target.region_at(thread.stack_pointer)
    if region is None:
        return
    end = region.end
    if bottom is not None and not region.path and bottom + _BEYOND_BOTTOM < end:
        end = bottom + _BEYOND_BOTTOM
    start = max(thread.stack_pointer - RED_ZONE, region.start)
    target.memory.touch(start, min(end - start, STACK_SIZE))
