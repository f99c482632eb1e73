"""Metadata of modules made at run time (``AssemblyBuilder``): the copy that the runtime takes after each type.

Such a module has no image. The copy is there for debuggers; it is behind by what was added after the last type was
made, and missing until the first one is.

Source of truth: docs/design/datacontracts/Loader.md (``DynamicMetadata``), ``CaptureModuleMetaDataToMemory`` of
ceeload.cpp. Up to 8 the copy is in an ``SBuffer``. Read from 3.1.23, 8.0.4, 9.0.22 and 10.0.14.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.clr.data.loaded_types import DynamicMetadata, ReflectionModule
from dotdump.errors import MemoryFault
from dotdump.formats.metadata.image import SIGNATURE
from dotdump.limits import DYNAMIC_METADATA

if TYPE_CHECKING:
    from dotdump.clr.data_access import DataAccess

_COPY = "DynamicMetadata"


def read_dynamic_metadata(access: DataAccess, module: int) -> bytes | None:
    """Return the metadata of the module at address ``module``; None where there is no whole copy."""
    if not access.has(ReflectionModule.layout, _COPY):
        return None
    try:
        copy = DynamicMetadata(access, ReflectionModule(access, module).dynamic_metadata)
        if not copy.address or copy.size > DYNAMIC_METADATA:
            return None
        place = copy.buffer if access.has(_COPY, "Buffer") else copy.address_of("Data")
        data = access.reader.memory.read(place, copy.size)
    except MemoryFault:
        return None
    return data if data.startswith(SIGNATURE) else None
