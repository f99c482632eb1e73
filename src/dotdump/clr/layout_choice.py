"""Which layouts describe a runtime: its own descriptor first, then ours, chosen by version and proved on its memory.

A version that is not known gets the layouts of its nearest neighbour if they agree with the memory, and a clear
``UnsupportedRuntime`` if not. They cannot be proved in all that they say, so every answer about it says so, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.clr import gc_dac_vars
from dotdump.clr.dac_table import read_dac_table
from dotdump.clr.debug_header import find_debug_header
from dotdump.clr.descriptor import Descriptor, merge, read_descriptor
from dotdump.clr.known_versions import KNOWN, NAMED, is_known
from dotdump.clr.layouts import load
from dotdump.clr.runtime_module import RuntimeKind
from dotdump.errors import FormatError, MemoryFault
from dotdump.formats.runtime_files import CONTRACT_DESCRIPTOR
from dotdump.memory.reader import Reader
from dotdump.target.model import Problem

if TYPE_CHECKING:
    from dotdump.clr.runtime_module import RuntimeModule
    from dotdump.target.model import Target

OURS = {3: "coreclr-3", 8: "coreclr-8", 9: "coreclr-9", 10: "coreclr-10"}
"""Which layouts of ours describe a major version."""


def choose_layouts(target: Target, runtime: RuntimeModule, version: str) -> Descriptor:
    """Return one descriptor out of all that is known about ``runtime`` in ``target``; the runtime's own word first."""
    reader = Reader(target.memory, target.platform.pointer_size)
    ours = load(_nearest(runtime, version))
    found = [_own(reader, runtime), read_dac_table(reader, runtime, ours), ours]
    variables = gc_dac_vars.find_in(target, runtime)
    if variables is not None:
        found.insert(1, gc_dac_vars.descriptor_of(reader, variables))
    return merge(*found)


def doubts_about(runtime: RuntimeModule, version: str) -> tuple[Problem, ...]:
    """Return what stands against every answer about ``runtime``: that its version is none that is known.

    NativeAOT describes itself, and often does not say its version.
    """
    if runtime.kind is RuntimeKind.NATIVE_AOT or is_known(version):
        return ()
    which = f"{runtime.kind} {version}" if version else f"a {runtime.kind} that does not say its version"
    taken = next(known for known in KNOWN if known.startswith(f"{_nearest_major(version)}."))
    text = f"{which} is read as if it were {taken}, so answers may be wrong or incomplete: known are {NAMED}"
    return (Problem("runtime", text),)


def _own(reader: Reader, runtime: RuntimeModule) -> Descriptor:
    """Return what the runtime says of itself; a sparse dump leaves the pages out that would."""
    address = runtime.module.find_symbol(CONTRACT_DESCRIPTOR)
    try:
        if address is not None:
            return read_descriptor(reader, address)
        header = find_debug_header(reader, runtime.module)
    except (FormatError, MemoryFault):
        header = None
    return header.descriptor() if header is not None else Descriptor({}, {}, {})


def _nearest(runtime: RuntimeModule, version: str) -> str:
    if runtime.kind is RuntimeKind.NATIVE_AOT:
        return "native-aot"
    return OURS[_nearest_major(version)]


def _nearest_major(version: str) -> int:
    first = version.partition(".")[0]
    major = int(first) if first.isdecimal() else max(OURS)
    return min(OURS, key=lambda known: (abs(known - major), known))
