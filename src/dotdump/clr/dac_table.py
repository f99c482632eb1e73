"""``g_dacTable``: addresses of the runtime's variables, which it exports for its own debugger's library.

Which variable an entry is differs by version, so the layouts say it: the fields of the type ``DacTable`` are the
entries, each named like the global it becomes. Entries are addresses, or in 3.1 offsets from the runtime's file.

Source of truth: src/coreclr/inc/dacvars.h and daccess.h of each version; read from 3.1.23, 8.0.4 and 9.0.22.
"""

from __future__ import annotations

from dotdump.clr.descriptor import Descriptor, Global
from dotdump.errors import MemoryFault
from dotdump.formats.runtime_files import DAC_TABLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dotdump.clr.runtime_module import RuntimeModule
    from dotdump.memory.reader import Reader
    from dotdump.target.model import Module

_LAYOUT = "DacTable"
_OFFSET = "uint32"
_MOST_ENTRIES = 192
"""Entries of the longest table: 3.1 has 177."""


def known_variables(reader: Reader, module: Module) -> Iterator[int]:
    """Yield the address of each variable that the table of a runtime lists, and of what comes behind the table."""
    for address in read_entries(reader, module):
        if module.base < address < module.end:
            yield address


def read_entries(reader: Reader, module: Module) -> Sequence[int]:
    """Return what each entry of the table of a runtime stands for, an address, and of what comes behind the table."""
    table = module.find_symbol(DAC_TABLE)
    data = reader.memory.read_available(table, 8 * _MOST_ENTRIES) if table is not None else b""
    data = data[: len(data) & ~7]
    if _lists_addresses(data, module):
        return memoryview(data).cast("Q")
    return [module.base + offset for offset in memoryview(data).cast("I")]


def _lists_addresses(data: bytes, module: Module) -> bool:
    return module.base < int.from_bytes(data[:8], "little") < module.end


def read_dac_table(reader: Reader, runtime: RuntimeModule, layouts: Descriptor) -> Descriptor:
    """Return a global for each entry that ``layouts`` name; none where the runtime exports no table."""
    layout = layouts.types.get(_LAYOUT)
    table = runtime.module.find_symbol(DAC_TABLE) if layout is not None else None
    found: dict[str, Global] = {}
    if layout is None or table is None:
        return Descriptor({}, found, {})
    for name, entry in layout.fields.items():
        try:
            if entry.type == _OFFSET:
                value = runtime.module.base + reader.u32(table + entry.offset)
            else:
                value = reader.pointer(table + entry.offset)
        except MemoryFault:
            continue
        found[name] = Global(value, "pointer", indirect=True)
    return Descriptor({}, found, {})
