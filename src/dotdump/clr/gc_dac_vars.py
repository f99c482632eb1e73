"""``GcDacVars``: the one structure that leads from a runtime to its garbage collector's heaps.

Every garbage collector since .NET Core 2.1 fills one in, built in or standalone, CoreCLR or NativeAOT: it is
versioned and says of itself how large a generation is. Knows where it may be and how to recognise it; what its
variables mean is for the GC contract. Light: a dumper asks a live process for ``StructureInvalidCount``.

Source of truth: src/coreclr/gc/gcinterface.dacvars.def (a change of layout bumps the major version, an addition the
minor one); seen: 1.0 in 3.1.23, 2.1 in 8.0.4 and 9.0.7, 2.4 in 10.0 and in NativeAOT 10.
"""

from __future__ import annotations

from dotdump.clr.dac_table import known_variables
from dotdump.clr.descriptor import Descriptor, FieldLayout, Global, TypeLayout, merge
from dotdump.clr.layouts import load
from dotdump.clr.runtime_module import RuntimeKind, runtime_modules, writable_words
from dotdump.errors import MemoryFault, UnsupportedRuntime
from dotdump.memory.reader import Reader
from dotdump.records import record, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dotdump.clr.runtime_module import RuntimeModule
    from dotdump.target.model import Module, Target

LAYOUTS = {1: "gc-1", 2: "gc-2"}
"""Which layout describes a major version."""

_MAX_GENERATION = 2
_GENERATION_SIZES = range(0x40, 0x1000, 8)
_GENERATION_COUNTS = range(4, 9)
_MINOR_VERSIONS = range(32)


@record
class GcDacVars:
    """The structure at ``address``: its version and generation table, and where each named variable lives.

    ``variables`` are addresses in the target, 0 where this garbage collector has no such variable.
    """

    address: int
    major: int
    minor: int
    generation_size: int
    generation_count: int
    variables: Mapping[str, int]


def find_gc_dac_vars(target: Target) -> GcDacVars | None:
    """Return the structure of the first runtime in ``target`` that has filled it in, or None."""
    for runtime in runtime_modules(target):
        found = find_in(target, runtime)
        if found is not None:
            return found
    return None


def find_in(target: Target, runtime: RuntimeModule) -> GcDacVars | None:
    """Return the structure of this ``runtime``: by its exports, else by scanning its writable memory; or None."""
    reader = Reader(target.memory, target.platform.pointer_size)
    for address in _candidates(target, reader, runtime):
        try:
            return read_gc_dac_vars(reader, address)
        except (MemoryFault, UnsupportedRuntime):
            continue
    return None


def read_gc_dac_vars(reader: Reader, address: int) -> GcDacVars:
    """Read the structure at ``address``; raises ``UnsupportedRuntime`` where it is none, or none that is known."""
    major, minor = reader.memory.read(address, 2)
    if major not in LAYOUTS:
        raise UnsupportedRuntime("", f"GcDacVars version {major}.{minor}")
    layout = load(LAYOUTS[major])
    fields = layout.types["GcDacVars"].fields
    size = reader.u64(address + fields["GenerationSize"].offset)
    if minor not in _MINOR_VERSIONS or size not in _GENERATION_SIZES:
        raise _unknown(address)
    variables = {name: _value(reader, address, field.offset, field.type) for name, field in fields.items()}
    count = variables.get("TotalGenerationCount", layout.globals.get("TotalGenerationCount", Global(0)).value)
    if not isinstance(count, int) or not _is_genuine(reader, count, variables):
        raise _unknown(address)
    return GcDacVars(address, major, minor, size, count, variables)


def descriptor_of(reader: Reader, variables: GcDacVars) -> Descriptor:
    """Return what the structure says in the form of a contract descriptor, as runtimes from 11 on write it themselves.

    Its variables become globals; the field offsets that it points to become the types ``GCHeap`` and ``Generation``.
    """
    layout = load(LAYOUTS[variables.major])
    values = {name: Global(value, "pointer", indirect=True) for name, value in variables.variables.items() if value}
    values["TotalGenerationCount"] = Global(variables.generation_count, "uint32")
    told = {
        kind: _offsets(reader, layout, f"{kind}FieldOffsets", address)
        for kind, name in (("GCHeap", "GCHeapFieldOffsets"), ("Generation", "GenerationFieldOffsets"))
        if (address := variables.variables.get(name, 0))
    }
    sized = merge(Descriptor(told, values, {}), layout)
    generation = replace(sized.types["Generation"], size=variables.generation_size)
    return replace(sized, types={**sized.types, "Generation": generation})


def _offsets(reader: Reader, layout: Descriptor, type_name: str, address: int) -> TypeLayout:
    """Return the type whose field offsets stand in the array at ``address``; -1 says that there is no such field."""
    entries = layout.types[type_name].fields.items()
    offsets = {name: reader.i32(address + entry.offset) for name, entry in entries}
    return TypeLayout({name: FieldLayout(offset) for name, offset in offsets.items() if offset >= 0})


def _value(reader: Reader, address: int, offset: int, kind: str) -> int:
    sizes = {"uint8": reader.u8, "int32": reader.i32}
    return sizes.get(kind, reader.u64)(address + offset)


def _unknown(address: int) -> UnsupportedRuntime:
    return UnsupportedRuntime("", f"a garbage collector's variables at {address:#x}")


def _is_genuine(reader: Reader, count: int, variables: Mapping[str, int]) -> bool:
    if count not in _GENERATION_COUNTS:
        return False
    highest, invalid = variables["MaxGeneration"], variables["StructureInvalidCount"]
    if not highest or not invalid or reader.u32(highest) != _MAX_GENERATION:
        return False
    heaps = variables["GCHeapGenerationTable"] or variables["Heaps"]
    return bool(heaps) and len(reader.memory.read_available(heaps, 8)) == 8


def _candidates(target: Target, reader: Reader, runtime: RuntimeModule) -> Iterator[int]:
    if runtime.kind is RuntimeKind.NATIVE_AOT:
        from dotdump.clr.debug_header import find_debug_header

        header = find_debug_header(reader, runtime.module)
        if header is not None and "g_gcDacGlobals" in header.globals:
            yield header.globals["g_gcDacGlobals"]
    yield from _behind_dac_table(reader, runtime.module)
    yield from _by_signature(target, runtime.module)


def _behind_dac_table(reader: Reader, module: Module) -> Iterator[int]:
    """Yield what the pointers that ``g_dacTable`` lists point to in the runtime: one of them is ``g_gc_dac_vars``.

    The runtime owns the structure, a garbage collector in a file of its own fills it in.
    """
    for variable in known_variables(reader, module):
        if variable % 8 == 0:
            pointed = int.from_bytes(reader.memory.read_available(variable, 8), "little")
            if module.base <= pointed < module.data_end:
                yield pointed


def _by_signature(target: Target, module: Module) -> Iterator[int]:
    """Yield where in the module's writable memory a version and a size of generation follow each other."""
    for start, words in writable_words(target, module):
        for index in range(len(words) - 2):
            version = words[index]
            if version and version >> 16 == 0 and version & 0xFF in LAYOUTS and words[index + 1] in _GENERATION_SIZES:
                yield start + 8 * index
