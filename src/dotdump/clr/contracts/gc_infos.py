"""``GcInfos``: the GC info of managed code, decoded once for each method.

Source of truth: ``GetGCInfoToken`` of vm/codeman.cpp: a compiler writes its runtime's own version, an image has the one
of its format.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump.errors import FormatError
from dotdump.formats.gc_info.decoder import GcInfo
from dotdump.formats.gc_info.encoding import encoding_of, version_of_image, version_of_runtime
from dotdump.limits import CODE_BLOCKS_KEPT

if TYPE_CHECKING:
    from dotdump.clr.contracts.code_block import CodeBlock
    from dotdump.clr.data_access import DataAccess


class GcInfos:
    """The GC info of one runtime's methods."""

    def __init__(self, access: DataAccess) -> None:
        self._memory = access.reader.memory
        self._machine = access.target.platform.machine
        self._version = version_of_runtime(access.major)
        self._found: dict[int, GcInfo] = {}

    def of(self, code: CodeBlock) -> GcInfo:
        """Return the GC info of the method that ``code`` belongs to; raises ``FormatError``, ``MemoryFault``."""
        if code.gc_info is None:
            raise FormatError(f"the method at {code.start:#x} has none", source="GC info")
        if code.gc_info not in self._found:
            if len(self._found) >= CODE_BLOCKS_KEPT:
                self._found.clear()
            image = code.ready_to_run_version
            version = version_of_image(*image) if image is not None else self._version
            self._found[code.gc_info] = GcInfo(self._memory, code.gc_info, encoding_of(self._machine, version))
        return self._found[code.gc_info]
