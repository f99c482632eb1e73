"""What a Mini dump keeps of a runtime: its own data, what it has loaded, its threads and their exceptions.

The walks are those of our readers. Other readers, the runtime's own debugging library above all, read more of the same
structures than we know the layout of: of each the bytes around are kept, and what they point to.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from dotdump.clr.dac_table import known_variables
from dotdump.clr.runtime_module import RuntimeKind
from dotdump.dump.selection.code_versions import DOMAIN, touch_versions
from dotdump.dump.selection.stack_memory import METHOD_TABLE, touch_managed_stacks, touch_named_types, touch_trace
from dotdump.errors import DotdumpError
from dotdump.formats.runtime_files import RUNTIME_INFO

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.clr.model.object import ClrObject
    from dotdump.clr.model.runtime import ClrRuntime
    from dotdump.dump.selection.recording import RecordingTarget
    from dotdump.formats.pe import PeImage

AROUND = 0x800
"""Bytes of a structure that are kept: Thread, Module and AppDomain are smaller, or nobody needs their ends."""
RECORD = 0x200
"""The same of an assembly, and of what is kept of its file."""
MANAGER = 0x1800
"""The same of what the runtime has one of and that has a vtable: the DAC copies such as a whole, 4,584 bytes of one."""
_LAST_WITH_PLAIN_MODULES = 3
"""The last version whose DAC looks into the tables of types of every module."""
_TABLES = 0x400
"""Bytes of a module of these versions in which its tables are."""
_TRACKER = 0x400
"""The same of what the runtime keeps of an exception under way: 384 bytes in 3.1, which its DAC reads at once."""
_STRING = 12
"""Bytes of a string before its characters: its type and its length."""
_INNER_EXCEPTIONS = 64


def touch_runtime(target: RecordingTarget, runtime: ClrRuntime, problems: list[str]) -> None:
    """Read what is known of a runtime."""
    with target.memory.uncounted():
        _ = runtime.thread_list.finalizer
    _touch_data(target, runtime)
    steps = (_touch_loaded, _touch_heap, _touch_threads, _touch_known_types, touch_managed_stacks)
    for step in (*steps, touch_versions, touch_named_types):
        try:
            step(target, runtime)
        except DotdumpError as error:
            problems.append(f"{runtime.module.path}: {error.message}")


def images_of(runtime: ClrRuntime) -> Iterator[PeImage]:
    """Yield the images of what a runtime has loaded."""
    if runtime.kind is RuntimeKind.CORECLR:
        for module in runtime.assemblies.modules:
            if (image := runtime.loader.find_image(module)) is not None:
                yield image


def _touch_data(target: RecordingTarget, runtime: ClrRuntime) -> None:
    """Read the runtime's variables: what is in its writable segments, zeroed ones too."""
    module = runtime.module
    for region in target.regions:
        if region.writable and module.base <= region.start < module.end:
            target.memory.touch(region.start, min(region.end, module.end) - region.start)
    if (address := module.find_symbol(RUNTIME_INFO)) is not None:
        target.memory.touch(address, RECORD)
    for variable in known_variables(runtime.access.reader, module):
        pointer = int.from_bytes(target.memory.read_available(variable, 8), "little")
        if target.region_at(pointer) is not None:
            vtable = int.from_bytes(target.memory.read_available(pointer, 8), "little")
            target.touch_private(pointer, MANAGER if module.base <= vtable < module.end else AROUND)
            target.touch_around(pointer, METHOD_TABLE)
        target.touch_closed_table(pointer, module)


def _touch_loaded(target: RecordingTarget, runtime: ClrRuntime) -> None:
    if runtime.kind is not RuntimeKind.CORECLR:
        return
    assemblies = runtime.assemblies
    if assemblies.domain:
        target.touch_around(assemblies.domain, DOMAIN)
        target.touch_tables(assemblies.domain, DOMAIN)
        with suppress(DotdumpError):
            for items, room, _ in assemblies.blocks():
                target.memory.touch(items, room * runtime.access.reader.pointer_size)
    for one in assemblies.loaded:
        if runtime.access.major <= _LAST_WITH_PLAIN_MODULES:
            target.touch_around(one.module, _TABLES)
        target.memory.touch(one.module, AROUND)
        for address in (one.entry, one.assembly, *runtime.loader.records_of(one.module)):
            target.touch_around(address, RECORD)
        with suppress(DotdumpError):
            runtime.loader.name_of(one.module)


def _touch_heap(_target: RecordingTarget, runtime: ClrRuntime) -> None:
    """Read where the heap lies: of a process whose threads have no exceptions nothing else would."""
    if runtime.access.has_global("StructureInvalidCount"):  # else it has not started its collector yet
        _ = runtime.heap.collector.segments()


def _touch_threads(target: RecordingTarget, runtime: ClrRuntime) -> None:
    for thread in runtime.threads:
        target.memory.touch(thread.address, AROUND)
        if thread.os_id:  # of ten thousand that have ended or not started the DAC follows nothing else
            target.touch_around(thread.address, AROUND)
        for tracker in runtime.thread_list.exceptions_under_way(thread.address):
            target.touch_private(tracker, _TRACKER)
        _ = thread.name, thread.is_thread_pool_worker, thread.is_finalizer, thread.is_gc, thread.allocation_context
        for exception in (thread.current_exception, *thread.exceptions):
            if exception is not None:
                touch_exception(target, runtime, exception)
        for named in (thread.managed_object, *_texts_of(thread.managed_object)):
            if named is not None:
                target.keep_object(named.address, named.address + named.size)


def _touch_known_types(_target: RecordingTarget, runtime: ClrRuntime) -> None:
    """Read the names of the types that variables of the runtime lead to, and which fields exceptions have.

    Objects of these are what is found in a heap of which there is little: the first are exceptions that are kept ready.
    """
    if runtime.kind is not RuntimeKind.CORECLR:
        return
    reader = runtime.access.reader
    for variable in known_variables(reader, runtime.module):
        with suppress(DotdumpError):
            method_table = reader.pointer(variable)
            if runtime.heap.types.shape_of(method_table) is not None:
                kind = runtime.type_at(method_table)
                _ = kind.fields if kind.is_exception else kind.name


def _texts_of(thread: ClrObject | None) -> Iterator[ClrObject]:
    """Yield the strings of a managed Thread: its name."""
    if thread is not None:
        with suppress(DotdumpError):
            yield from (found for found in thread.references() if found.type.is_string)


def touch_exception(target: RecordingTarget, runtime: ClrRuntime, exception: ClrObject) -> None:
    """Read an exception and those that led to it: every field, texts, the recorded stack trace."""
    from dotdump.clr.model.exception import ClrException
    from dotdump.clr.model.object import ClrObject

    step: object = exception
    for _ in range(_INNER_EXCEPTIONS):
        if not isinstance(step, ClrObject):
            return
        try:
            touch_object(target, step)
            with suppress(DotdumpError):
                touch_trace(runtime, ClrException(step).stack_trace)
            step = step["_innerException"]
        except DotdumpError:
            return


def touch_object(target: RecordingTarget, value: ClrObject) -> None:
    """Read an object whole, its type's name, and the objects that it refers to.

    Of a string a dump without texts keeps no more than what says how long it is.
    """
    target.memory.touch(value.address, value.size)
    target.keep_object(value.address, value.address + value.size)
    _ = value.type.name
    for reference in value.references():
        size = min(reference.size, AROUND)
        target.memory.touch(reference.address, size)
        target.keep_object(reference.address, reference.address + (_STRING if reference.type.is_string else size))
        _ = reference.type.name
