"""What a Mini dump keeps: what is read of threads, stacks, modules and exceptions, and what other readers want too.

Nothing here says where a structure lies: our own readers walk it, and the target counts the pages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.clr.runtime_module import RuntimeKind
from dotdump.dump.selection.images import Keep, touch_images
from dotdump.dump.selection.runtime_memory import images_of, touch_runtime
from dotdump.dump.selection.stack_memory import touch_native_stacks
from dotdump.errors import DotdumpError
from dotdump.formats.core_notes import AuxType, parse_auxv
from dotdump.target.core_modules import find_modules
from dotdump.unwind.native import NativeUnwinder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dotdump.clr.model.runtime import ClrRuntime
    from dotdump.dump.selection.recording import RecordingTarget
    from dotdump.target.elf_module import ElfModule

_WITH_METADATA = 5
"""The first version of .NET whose Mini dumps have metadata.

Its debugging library copies the metadata of a module as a whole, or not at all: that of 3.1 takes it from the files.
"""
_VDSO = 1 << 20
"""Bytes of the kernel's code in a process, at most: it has some pages."""


def touch_mini(
    target: RecordingTarget, runtimes: Sequence[ClrRuntime], problems: list[str], *, all_metadata: bool = False
) -> None:
    """Read what a reader of a Mini dump reads; and ``all_metadata``, which names of types need."""
    _touch_process(target)
    for module in target.modules:
        _touch_module(module)
        target.memory.touch(*module.version_place)
    walkers = [runtime.stack_walker.native for runtime in runtimes if runtime.kind is RuntimeKind.CORECLR]
    touch_native_stacks(target, walkers[0] if walkers else NativeUnwinder(target))
    for runtime in runtimes:
        touch_runtime(target, runtime, problems)
    used = Keep.USED if any(runtime.access.major >= _WITH_METADATA for runtime in runtimes) else Keep.NONE
    known = [image for runtime in runtimes for image in images_of(runtime)]
    touch_images(target, known, Keep.ALL if all_metadata else used)


def _touch_process(target: RecordingTarget) -> None:
    vector = parse_auxv(target.auxv)
    if AuxType.EXECFN in vector:
        target.memory.touch(vector[AuxType.EXECFN], 1)
    if AuxType.PHDR in vector:
        target.memory.touch(vector[AuxType.PHDR], 1)
    find_modules(target.memory, (), vector, ())  # along the dynamic linker's list, and nowhere else
    vdso = vector.get(AuxType.SYSINFO_EHDR)
    for region in target.regions:
        if region.start == vdso:
            target.memory.touch(region.start, min(region.size, _VDSO))


def _touch_module(module: ElfModule) -> None:
    """Read what tells which file it is, and the tables that symbols are found by."""
    try:
        _ = module.build_id
        image = module.image
        if image is not None:
            _ = image.soname, image.dynamic
            image.find_symbol("r_debug")  # no matter which: the tables are what is wanted
    except DotdumpError:
        return
